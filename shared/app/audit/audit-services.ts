import { Op, type WhereOptions } from "sequelize";
import type { AuditEntry, AuditQuery } from "../../contract/audit.ts";
import type { Page } from "../../contract/common.ts";
import { systemActor } from "../../core/actor.ts";
import { EventRow } from "../../db/rows/event.ts";
import { PersonRow } from "../../db/rows/person.ts";
import type { EventSubject } from "../../events/events.ts";
import { requireToRead } from "../access.ts";
import type { Actor, AuditServices } from "../services.ts";
import { csvHeader, csvLine } from "./audit-csv.ts";
import { presentAuditEntry } from "./present-audit-entry.ts";
import { verifyChain } from "./verify-chain.ts";

/** Most rows of one export. */
const CSV_LIMIT = 100_000;
const CSV_PAGE_SIZE = 500;

type Filter = Omit<AuditQuery, "limit" | "offset">;

/** Reads the log of facts; nothing here writes it. Every method throws PermissionDenied without `audit.read`. */
export function createAuditServices(): AuditServices {
  return {
    async list(actor, query) {
      requireToRead(actor, "audit.read");
      return list(query);
    },
    csv(actor, query) {
      requireToRead(actor, "audit.read");
      return csv(query);
    },
    async verify(actor: Actor, onProgress) {
      requireToRead(actor, "audit.read");
      return verifyChain(onProgress);
    },
  };
}

async function list(query: AuditQuery): Promise<Page<AuditEntry>> {
  const where = { [Op.and]: await conditions(query) };
  const [total, places] = await Promise.all([
    EventRow.count({ where }),
    // Numbers first: what a far page skips is then read from the index alone.
    EventRow.findAll({
      attributes: ["seq"],
      where,
      order: NEWEST_FIRST,
      limit: query.limit,
      offset: query.offset,
      raw: true,
    }),
  ]);
  const rows = await EventRow.findAll({
    where: { seq: places.map((place) => place.seq) },
    order: NEWEST_FIRST,
  });
  return { items: rows.map(presentAuditEntry), total };
}

async function* csv(query: AuditQuery): AsyncGenerator<string> {
  const filter = await conditions(query);
  yield csvHeader();
  let left = CSV_LIMIT;
  let after: EventRow | undefined;
  while (left > 0) {
    const rows: EventRow[] = await EventRow.findAll({
      where: { [Op.and]: after ? [...filter, olderThan(after)] : filter },
      order: NEWEST_FIRST,
      limit: Math.min(left, CSV_PAGE_SIZE),
    });
    if (rows.length === 0) {
      return;
    }
    yield rows.map((row) => csvLine(presentAuditEntry(row))).join("");
    left -= rows.length;
    after = rows.at(-1);
  }
}

/** By time, then by place in the chain: every index of the table ends with these two. */
const NEWEST_FIRST: [string, string][] = [
  ["occurredAt", "DESC"],
  ["seq", "DESC"],
];

function olderThan(row: EventRow): WhereOptions<EventRow> {
  return {
    occurredAt: { [Op.lte]: row.occurredAt },
    [Op.or]: [{ occurredAt: { [Op.lt]: row.occurredAt } }, { seq: { [Op.lt]: row.seq } }],
  };
}

const KINDS: Readonly<Record<EventSubject["kind"], true>> = {
  release: true,
  deployment: true,
  environment: true,
  service: true,
  team: true,
  person: true,
  account: true,
  token: true,
  work: true,
};
const SUBJECT_KINDS = Object.keys(KINDS);

async function conditions(filter: Filter): Promise<WhereOptions<EventRow>[]> {
  const { event, person, subjectKind, subjectId, from, until } = filter;
  return [
    ...(event === undefined ? [] : [{ name: event }]),
    ...(person === undefined ? [] : [{ actorSubject: await subjectsOf(person) }]),
    ...(subjectId === undefined ? [] : [{ subjectId: subjectId.replace(/^#(?=\d)/, "") }]),
    // The index of subjects begins with the kind, so an id alone asks for it under every kind.
    ...(subjectKind === undefined && subjectId === undefined
      ? []
      : [{ subjectKind: subjectKind ?? SUBJECT_KINDS }]),
    ...(from === undefined ? [] : [{ occurredAt: { [Op.gte]: from } }]),
    ...(until === undefined ? [] : [{ occurredAt: { [Op.lte]: until } }]),
  ];
}

/** A person may be named by username or by the identity provider's id. */
async function subjectsOf(person: string): Promise<string[]> {
  const people = await PersonRow.findAll({
    attributes: ["subject"],
    where: { username: person.replace(/^@/, "") },
    raw: true,
  });
  if (people.length > 0) {
    return people.map(({ subject }) => subject);
  }
  // Slipway itself has no row.
  return [person === systemActor.username ? systemActor.subject : person];
}
