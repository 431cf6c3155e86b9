import type { Sequelize, Transaction } from "sequelize";
import {
  GENESIS_HASH,
  hashEvent,
  storableJson,
  storableText,
  type HashedEvent,
} from "../events/event-hash.ts";
import type { EventName, EventSubject, NewEvent } from "../events/events.ts";
import { newId } from "../lib/ids.ts";
import { EventDeliveryRow } from "./rows/event-delivery.ts";
import { EventRow } from "./rows/event.ts";

/** Counts the facts, so that facts missing at the end of the log are noticed. */
export const EVENT_SEQUENCE = "event";

/** Longest user agent kept. */
const USER_AGENT_LIMIT = 512;

/** Who wants to hear of which facts. */
export interface Interest {
  readonly name: string;
  readonly events: readonly EventName[];
}

/** A fact that has everything but its place in the chain. */
export type UnplacedEvent = Omit<HashedEvent, "seq" | "previousHash">;

/** Fixes a fact as it will be stored. Throws when its payload is no JSON. */
export function prepareEvent(
  event: NewEvent,
  context: { readonly occurredAt: Date; readonly correlationId: string },
): UnplacedEvent {
  const { actor, subject } = event;
  return {
    id: newId(),
    name: event.name,
    payload: storableJson(event.payload),
    actorSubject: storableText(actor.subject),
    actorUsername: storableText(actor.username),
    actorName: storableText(actor.name),
    platform: storableText(actor.via.platform),
    ip: actor.via.ip === undefined ? null : storableText(actor.via.ip),
    userAgent:
      actor.via.userAgent === undefined
        ? null
        : storableText(actor.via.userAgent.slice(0, USER_AGENT_LIMIT)),
    subjectKind: subject.kind,
    subjectId: storableText(subject.id),
    related: (event.related ?? []).map(storableSubject),
    correlationId: storableText(context.correlationId),
    occurredAt: context.occurredAt,
  };
}

/**
 * Appends facts to the chain, in order, with one delivery per interested subscriber, and returns the last seq. The head of
 * the chain is read inside the transaction, because another process may have written since this one did.
 */
export async function appendEvents(
  sequelize: Sequelize,
  transaction: Transaction,
  events: readonly UnplacedEvent[],
  interests: readonly Interest[],
): Promise<number> {
  const head = await EventRow.findOne({
    attributes: ["seq", "hash"],
    order: [["seq", "DESC"]],
    raw: true,
    transaction,
  });
  let seq = head?.seq ?? 0;
  let previousHash = head?.hash ?? GENESIS_HASH;

  const rows = events.map((event) => {
    seq += 1;
    const placed = { ...event, seq, previousHash };
    previousHash = hashEvent(placed);
    return { ...placed, hash: previousHash };
  });
  const deliveries = rows.flatMap((event) =>
    interests
      .filter((interest) => interest.events.some((name) => name === event.name))
      .map((interest) => ({
        eventSeq: event.seq,
        subscriber: interest.name,
        subject: `${event.subjectKind}/${event.subjectId}`,
        status: "due" as const,
        attempts: 0,
        nextAttemptAt: event.occurredAt,
      })),
  );

  await EventRow.bulkCreate(rows, { transaction });
  if (deliveries.length > 0) {
    await EventDeliveryRow.bulkCreate(deliveries, { transaction });
  }
  await sequelize.query(
    "INSERT INTO sequences (name, value) VALUES ($1, $2) " +
      "ON CONFLICT (name) DO UPDATE SET value = excluded.value",
    { bind: [EVENT_SEQUENCE, seq], transaction },
  );
  return seq;
}

function storableSubject(subject: EventSubject): EventSubject {
  return { kind: subject.kind, id: storableText(subject.id) };
}
