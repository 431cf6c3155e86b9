import { z } from "zod";
import { PageQuery, Timestamp, pageOf } from "./common.ts";

/** One fact of the append-only, hash-chained log. */
export const AuditEntry = z
  .object({
    seq: z.number().int(),
    at: Timestamp,
    event: z.string(),
    /** The fact in a sentence. */
    text: z.string(),
    actor: z.object({ subject: z.string(), name: z.string(), via: z.string() }),
    subject: z.object({ kind: z.string(), id: z.string() }),
    ip: z.string().nullable(),
    userAgent: z.string().nullable(),
    correlationId: z.string(),
    payload: z.unknown(),
    hash: z.string(),
  })
  .meta({ id: "AuditEntry" });
export type AuditEntry = z.infer<typeof AuditEntry>;
export const AuditPage = pageOf(AuditEntry);

export const AuditQuery = PageQuery.extend({
  event: z.string().max(100).optional(),
  person: z.string().max(200).optional(),
  subjectKind: z.string().max(50).optional(),
  subjectId: z.string().max(200).optional(),
  from: z.coerce.date().optional(),
  until: z.coerce.date().optional(),
});
export type AuditQuery = z.infer<typeof AuditQuery>;

/** Whether the chain of hashes holds. */
export const AuditVerification = z
  .object({
    ok: z.boolean(),
    checked: z.number().int(),
    /** First entry whose hash does not follow from what is stored; null when all do. */
    brokenAt: z.number().int().nullable(),
    detail: z.string(),
  })
  .meta({ id: "AuditVerification" });
export type AuditVerification = z.infer<typeof AuditVerification>;
