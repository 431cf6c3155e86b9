import { once } from "node:events";
import { AuditPage, AuditQuery, AuditVerification } from "../../../shared/contract/audit.ts";
import { defineRoute, defineStream } from "../route.ts";

const tag = "Audit";

export const listAuditLog = defineRoute({
  method: "get",
  path: "/audit-log",
  operationId: "listAuditLog",
  summary: "Every recorded fact, newest first",
  tag,
  permission: "audit.read",
  query: AuditQuery,
  response: AuditPage,
  errors: [],
  async handle({ actor, services }, { query }) {
    const page = await services.audit.list(actor, query);
    return { items: [...page.items], total: page.total };
  },
});

export const exportAuditLog = defineStream({
  method: "get",
  path: "/audit-log.csv",
  operationId: "exportAuditLog",
  summary: "The same rows as CSV, at most 100,000",
  tag,
  permission: "audit.read",
  query: AuditQuery.omit({ limit: true, offset: true }),
  contentType: "text/csv; charset=utf-8",
  errors: [],
  async stream({ actor, services }, { query }, _req, res) {
    const rows = services.audit
      .csv(actor, { ...query, limit: 500, offset: 0 })
      [Symbol.asyncIterator]();
    // The first row is read before anything is sent, so that a refusal is still a problem and not half a file.
    let row = await rows.next();
    res.set({
      "Content-Type": "text/csv; charset=utf-8",
      "Content-Disposition": 'attachment; filename="audit-log.csv"',
      "Cache-Control": "no-store",
    });
    while (!row.done && !res.destroyed) {
      if (!res.write(row.value)) {
        await Promise.race([once(res, "drain"), once(res, "close")]);
      }
      row = await rows.next();
    }
    await rows.return?.();
    res.end();
  },
});

export const verifyAuditLog = defineRoute({
  method: "get",
  path: "/audit-log/verification",
  operationId: "verifyAuditLog",
  summary: "Recompute the chain of hashes",
  tag,
  permission: "audit.read",
  response: AuditVerification,
  errors: [],
  handle: ({ actor, services }) => services.audit.verify(actor),
});

export const auditRoutes = [listAuditLog, exportAuditLog, verifyAuditLog] as const;
