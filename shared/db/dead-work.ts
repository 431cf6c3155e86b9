import type { Transaction } from "sequelize";
import type { Clock } from "../core/ports/clock.ts";
import { ORPHANED } from "./event-deliveries.ts";
import { EventDeliveryRow } from "./rows/event-delivery.ts";
import { EventRow } from "./rows/event.ts";
import { JobRow } from "./rows/job.ts";
import type { Job } from "./work-queue.types.ts";

/** Work that is tried no more. */
export interface DeadWork {
  readonly id: string;
  readonly name: string;
  readonly about: string;
  readonly attempts: number;
  readonly since: Date;
  readonly error: string;
  /** False: whoever did this work is no longer part of the program. */
  readonly isWanted: boolean;
}

/** What gave up in one place where work waits. Every engine of background work has one. */
export interface DeadWorkStore {
  count(): Promise<number>;
  /** Newest first. */
  list(page: { readonly limit: number; readonly offset: number }): Promise<readonly DeadWork[]>;
  find(id: string, transaction: Transaction): Promise<DeadWork | null>;
  /** Makes it due again, as if it had never been tried. */
  revive(id: string, transaction: Transaction): Promise<void>;
}

/** Dead jobs of the queue in our own tables. */
export function createDeadJobs({ clock }: { readonly clock: Clock }): DeadWorkStore {
  return {
    count: () => JobRow.count({ where: { status: "dead" } }),
    async list({ limit, offset }) {
      const rows = await JobRow.findAll({
        where: { status: "dead" },
        order: [["id", "DESC"]],
        limit,
        offset,
      });
      return rows.map(presentJob);
    },
    async find(id, transaction) {
      const row = await JobRow.findOne({ where: { id: Number(id), status: "dead" }, transaction });
      return row && presentJob(row);
    },
    async revive(id, transaction) {
      const row = await JobRow.findOne({
        where: { id: Number(id), status: "dead" },
        transaction,
        rejectOnEmpty: true,
      });
      // A row of its own: whoever still believes to be doing the old one changes nothing of the new.
      await row.destroy({ transaction });
      await JobRow.create(
        {
          name: row.name,
          payload: row.payload,
          runAt: clock.now(),
          attempts: 0,
          status: "waiting",
        },
        { transaction },
      );
    },
  };
}

/** Facts that a subscriber was never told. */
export function createDeadDeliveries({ clock }: { readonly clock: Clock }): DeadWorkStore {
  return {
    count: () => EventDeliveryRow.count({ where: { status: "dead" } }),
    async list({ limit, offset }) {
      const rows = await EventDeliveryRow.findAll({
        where: { status: "dead" },
        order: [["id", "DESC"]],
        limit,
        offset,
      });
      const facts = await EventRow.findAll({
        attributes: ["seq", "occurredAt"],
        where: { seq: rows.map((row) => row.eventSeq) },
      });
      const times = new Map(facts.map((fact) => [fact.seq, fact.occurredAt]));
      return rows.map((row) => presentDelivery(row, times.get(row.eventSeq)));
    },
    async find(id, transaction) {
      const row = await EventDeliveryRow.findOne({
        where: { id: Number(id), status: "dead" },
        transaction,
      });
      const fact = row && (await EventRow.findByPk(row.eventSeq, { transaction }));
      return row && presentDelivery(row, fact?.occurredAt);
    },
    async revive(id, transaction) {
      const row = await EventDeliveryRow.findOne({
        where: { id: Number(id), status: "dead" },
        transaction,
        rejectOnEmpty: true,
      });
      await row.destroy({ transaction });
      await EventDeliveryRow.create(
        {
          eventSeq: row.eventSeq,
          subscriber: row.subscriber,
          subject: row.subject,
          status: "due",
          attempts: 0,
          nextAttemptAt: clock.now(),
        },
        { transaction },
      );
    },
  };
}

/** What a job is about, for people, e.g. `number/12`. */
export function aboutPayload(payload: Job["payload"]): string {
  return Object.entries(payload)
    .map(([key, value]) => `${key}/${typeof value === "string" ? value : JSON.stringify(value)}`)
    .join(", ");
}

function presentJob(row: JobRow): DeadWork {
  return {
    id: String(row.id),
    name: row.name,
    about: aboutPayload(row.payload),
    attempts: row.attempts,
    since: row.runAt,
    error: row.lastError ?? "",
    isWanted: true,
  };
}

function presentDelivery(row: EventDeliveryRow, occurredAt: Date | undefined): DeadWork {
  return {
    id: String(row.id),
    name: row.subscriber,
    about: row.subject,
    attempts: row.attempts,
    since: occurredAt ?? row.nextAttemptAt,
    error: row.lastError ?? "",
    isWanted: row.lastError !== ORPHANED,
  };
}
