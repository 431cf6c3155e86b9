import { Op, QueryTypes, literal, type WhereOptions } from "sequelize";
import type { Clock } from "../core/ports/clock.ts";
import type { DomainEvent } from "../events/events.ts";
import type { Database } from "./connect.ts";
import { toDomainEvent } from "./event-of-row.ts";
import { EventDeliveryRow } from "./rows/event-delivery.ts";
import { EventRow } from "./rows/event.ts";
import type { UnitOfWork } from "./unit-of-work.types.ts";

/** A fact that is this process's to deliver until its lease ends. */
export interface ClaimedDelivery {
  readonly id: number;
  readonly subscriber: string;
  /** This attempt included. Also the fence: it grows with every claim, so a process that lost its lease changes nothing. */
  readonly attempts: number;
  readonly event: DomainEvent;
}

type Claim = Pick<ClaimedDelivery, "id" | "attempts">;

/** What the dispatcher keeps about who has heard what. */
export interface EventDeliveries {
  /**
   * Leases due deliveries, at most as many per subscriber as given, oldest fact first. A delivery waits while an older one
   * about the same subject is not settled for the same subscriber, so each subscriber sees each subject's facts in order.
   */
  claim(slots: ReadonlyMap<string, number>, leaseUntil: Date): Promise<readonly ClaimedDelivery[]>;
  extendLease(claim: Claim, until: Date): Promise<void>;
  markDone(claim: Claim): Promise<void>;
  retryAt(claim: Claim, at: Date, error: string): Promise<void>;
  bury(claim: Claim, error: string): Promise<void>;
  /** Gives a delivery back as if it had not been tried. */
  release(claim: Claim): Promise<void>;
  /** Makes due now what waits to be tried again by these subscribers: what kept them from it is gone. Returns how many. */
  hurry(subscribers: readonly string[]): Promise<number>;
  /** Buries what is due to subscribers that are not among `known`. Returns how many. */
  buryOrphans(known: readonly string[]): Promise<number>;
  /** Removes what was delivered before. Returns how many. */
  removeDoneBefore(before: Date): Promise<number>;
}

/** Rows removed per transaction, so that nobody waits long for it. */
const REMOVE_AT_ONCE = 1_000;

/** One subscriber's due deliveries; the index of due ones serves both halves. */
const DUE_OF_ONE = `SELECT * FROM (
  SELECT d.id FROM event_deliveries d
  WHERE d.status = 'due' AND d.subscriber = ? AND d.next_attempt_at <= ?
    AND (d.lease_until IS NULL OR d.lease_until <= ?)
    AND NOT EXISTS (
      SELECT 1 FROM event_deliveries older
      WHERE older.status = 'due' AND older.subscriber = d.subscriber
        AND older.subject = d.subject AND older.event_seq < d.event_seq)
  ORDER BY d.event_seq LIMIT ?) AS due`;

export function createEventDeliveries(deps: {
  readonly database: Database;
  readonly uow: UnitOfWork;
  readonly clock: Clock;
}): EventDeliveries {
  const { database, uow, clock } = deps;

  return {
    async claim(slots, leaseUntil) {
      const now = clock.now();
      const free = [...slots].filter(([, count]) => count > 0);
      if (free.length === 0) {
        return [];
      }
      // Read first: looking must not make writers wait when there is nothing to take.
      const due = await database.sequelize.query<{ id: number }>(
        free.map(() => DUE_OF_ONE).join(" UNION ALL "),
        {
          replacements: free.flatMap(([name, count]) => [name, now, now, count]),
          type: QueryTypes.SELECT,
        },
      );
      const taken =
        due.length > 0
          ? await lease(
              due.map((row) => row.id),
              now,
              leaseUntil,
            )
          : [];
      const events = await EventRow.findAll({
        where: { seq: taken.map((delivery) => delivery.eventSeq) },
      });
      const bySeq = new Map(events.map((event) => [event.seq, event]));
      return taken.flatMap(({ id, subscriber, attempts, eventSeq }) => {
        const event = bySeq.get(eventSeq);
        return event ? [{ id, subscriber, attempts, event: toDomainEvent(event) }] : [];
      });
    },

    extendLease: (claim, until) => update(claim, { leaseUntil: until }),
    markDone: (claim) =>
      update(claim, { status: "done", doneAt: clock.now(), leaseUntil: null, lastError: null }),
    retryAt: (claim, at, error) =>
      update(claim, { nextAttemptAt: at, leaseUntil: null, lastError: error }),
    bury: (claim, error) => update(claim, { status: "dead", leaseUntil: null, lastError: error }),
    release: (claim) => update(claim, { leaseUntil: null, attempts: claim.attempts - 1 }),

    async hurry(subscribers) {
      const now = clock.now();
      const where: WhereOptions<EventDeliveryRow> = {
        status: "due",
        subscriber: [...subscribers],
        leaseUntil: null,
        nextAttemptAt: { [Op.gt]: now },
      };
      if ((await EventDeliveryRow.findOne({ where, attributes: ["id"] })) === null) {
        return 0;
      }
      const [count] = await uow.run((tx) =>
        EventDeliveryRow.update({ nextAttemptAt: now }, { where, transaction: tx.sequelize }),
      );
      return count;
    },

    async buryOrphans(known) {
      const where: WhereOptions<EventDeliveryRow> = {
        status: "due",
        ...(known.length > 0 && { subscriber: { [Op.notIn]: [...known] } }),
      };
      if ((await EventDeliveryRow.findOne({ where, attributes: ["id"] })) === null) {
        return 0;
      }
      const [count] = await uow.run((tx) =>
        EventDeliveryRow.update(
          {
            status: "dead",
            leaseUntil: null,
            lastError: "nobody listens under this name any more",
          },
          { where, transaction: tx.sequelize },
        ),
      );
      return count;
    },

    async removeDoneBefore(before) {
      let removed = 0;
      for (;;) {
        const done = await EventDeliveryRow.findAll({
          where: { status: "done", doneAt: { [Op.lt]: before } },
          attributes: ["id"],
          order: ["id"],
          limit: REMOVE_AT_ONCE,
          raw: true,
        });
        if (done.length === 0) {
          return removed;
        }
        removed += await uow.run((tx) =>
          EventDeliveryRow.destroy({
            where: { id: done.map((row) => row.id) },
            transaction: tx.sequelize,
          }),
        );
      }
    },
  };

  /** Takes those that nobody has taken since they were seen. */
  function lease(
    ids: readonly number[],
    now: Date,
    until: Date,
  ): Promise<readonly { id: number; subscriber: string; attempts: number; eventSeq: number }[]> {
    return uow.run(async (tx) => {
      const rows = await EventDeliveryRow.findAll({
        where: {
          id: [...ids],
          status: "due",
          [Op.or]: [{ leaseUntil: null }, { leaseUntil: { [Op.lte]: now } }],
        },
        order: ["eventSeq"],
        lock: true,
        skipLocked: true,
        transaction: tx.sequelize,
      });
      await EventDeliveryRow.update(
        { leaseUntil: until, attempts: literal("attempts + 1") },
        { where: { id: rows.map((row) => row.id) }, transaction: tx.sequelize },
      );
      return rows.map((row) => ({
        id: row.id,
        subscriber: row.subscriber,
        attempts: row.attempts + 1,
        eventSeq: row.eventSeq,
      }));
    });
  }

  async function update(
    { id, attempts }: Claim,
    values: Parameters<typeof EventDeliveryRow.update>[0],
  ): Promise<void> {
    await uow.run((tx) =>
      EventDeliveryRow.update(values, {
        where: { id, attempts, status: "due" },
        transaction: tx.sequelize,
      }),
    );
  }
}
