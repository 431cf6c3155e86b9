import type { DomainEvent, EventSubject } from "../events/events.ts";
import type { EventRow } from "./rows/event.ts";

/** A recorded fact as subscribers get it. Its name and payload were checked by the compiler when it was emitted. */
export function toDomainEvent(row: EventRow): DomainEvent {
  return {
    name: row.name,
    payload: row.payload,
    seq: row.seq,
    id: row.id,
    occurredAt: row.occurredAt,
    correlationId: row.correlationId,
    actor: {
      subject: row.actorSubject,
      username: row.actorUsername,
      name: row.actorName,
      platform: row.platform,
    },
    subject: subjectOf(row),
    related: row.related as readonly EventSubject[],
  } as DomainEvent;
}

/** What a recorded fact is about. */
export function subjectOf(row: Pick<EventRow, "subjectKind" | "subjectId">): EventSubject {
  return { kind: row.subjectKind, id: row.subjectId } as EventSubject;
}
