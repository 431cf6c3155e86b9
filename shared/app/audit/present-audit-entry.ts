import type { AuditEntry } from "../../contract/audit.ts";
import type { EventRow } from "../../db/rows/event.ts";
import { auditText } from "./audit-wording.ts";

/** A stored fact as people read it. */
export function presentAuditEntry(row: EventRow): AuditEntry {
  return {
    seq: row.seq,
    at: row.occurredAt.toISOString(),
    event: row.name,
    text: auditText(row.name, row.payload),
    actor: { subject: row.actorSubject, name: row.actorName, via: row.platform },
    subject: { kind: row.subjectKind, id: row.subjectId },
    ip: row.ip,
    userAgent: row.userAgent,
    correlationId: row.correlationId,
    payload: row.payload,
    hash: row.hash,
  };
}
