import { Op } from "sequelize";
import type { AuditVerification } from "../../contract/audit.ts";
import { EVENT_SEQUENCE } from "../../db/event-log.ts";
import { EventRow } from "../../db/rows/event.ts";
import { SequenceRow } from "../../db/rows/sequence.ts";
import { GENESIS_HASH, hashEvent } from "../../events/event-hash.ts";

/** Facts held in memory at once. */
const PAGE_SIZE = 500;

interface Head {
  readonly seq: number;
  readonly hash: string;
}

/**
 * Follows the chain from its first fact to its last and names the first place where it breaks: a fact that was changed, added
 * or removed, and facts missing at the end (their number is kept apart from them). Reads in pages, so that memory does not
 * grow with the log.
 *
 * What it cannot see: somebody who may write the database and recomputes every hash from a change on, and the counter with
 * them. Who must exclude that keeps a hash elsewhere; every exported row carries its own.
 */
export async function verifyChain(
  /** Called after each page; what it throws ends the work. */
  onProgress: (checked: number, total: number) => void = () => undefined,
): Promise<AuditVerification> {
  let head: Head = { seq: 0, hash: GENESIS_HASH };
  const total = await countedFacts();
  for (;;) {
    const page = await EventRow.findAll({
      where: { seq: { [Op.gt]: head.seq } },
      order: ["seq"],
      limit: PAGE_SIZE,
    });
    for (const row of page) {
      const problem = findProblem(row, head);
      if (problem) {
        return { ok: false, checked: head.seq, ...problem };
      }
      head = { seq: row.seq, hash: row.hash };
    }
    onProgress(head.seq, Math.max(total, head.seq));
    if (page.length === 0) {
      const expected = await countedFacts();
      if (expected === head.seq) {
        return whole(head);
      }
      const isGrowing =
        (await EventRow.findOne({ where: { seq: { [Op.gt]: head.seq } } })) !== null;
      if (!isGrowing) {
        return broken(head, expected);
      }
    }
  }
}

function findProblem(
  row: EventRow,
  head: Head,
): { readonly brokenAt: number; readonly detail: string } | undefined {
  const expected = head.seq + 1;
  if (row.seq !== expected) {
    return { brokenAt: expected, detail: `Entry ${expected} is missing.` };
  }
  if (row.previousHash !== head.hash) {
    return {
      brokenAt: row.seq,
      detail:
        head.seq === 0
          ? `Entry ${row.seq} is not the beginning of the log.`
          : `Entry ${row.seq} does not follow entry ${head.seq}: one of them was replaced or added.`,
    };
  }
  return hashEvent(row) === row.hash
    ? undefined
    : { brokenAt: row.seq, detail: `Entry ${row.seq} was changed after it was written.` };
}

function whole(head: Head): AuditVerification {
  const entries =
    head.seq === 1
      ? "The only entry is as it was written."
      : `All ${head.seq.toLocaleString("en-US")} entries are as they were written.`;
  const detail =
    head.seq === 0 ? "The log is empty." : `${entries} The last has hash ${head.hash}.`;
  return { ok: true, checked: head.seq, brokenAt: null, detail };
}

function broken(head: Head, expected: number): AuditVerification {
  const missing = expected - head.seq;
  return missing > 0
    ? {
        ok: false,
        checked: head.seq,
        brokenAt: head.seq + 1,
        detail: `The last ${missing === 1 ? "entry is" : `${missing} entries are`} missing.`,
      }
    : {
        ok: false,
        checked: head.seq,
        brokenAt: expected + 1,
        detail: `Entry ${expected + 1} was added without being counted.`,
      };
}

async function countedFacts(): Promise<number> {
  const row = await SequenceRow.findByPk(EVENT_SEQUENCE);
  return row?.value ?? 0;
}
