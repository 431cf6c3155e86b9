import { createHash } from "node:crypto";
import type { Clock } from "../core/ports/clock.ts";
import type { CachedAnswer, HttpCache } from "../core/ports/http-cache.ts";
import type { Logger } from "../lib/logger.ts";
import { HttpAnswerRow } from "./rows/http-answer.ts";
import { createSharedWork } from "./shared-work.ts";
import type { Tx, UnitOfWork } from "./unit-of-work.types.ts";

const DAY_MS = 24 * 60 * 60_000;
/** Longer ETags are none we want: the column holds 255 characters. */
const LONGEST_ETAG = 255;
/** Rows looked at in one go when there are too many. */
const PRUNE_STEP = 500;

export interface HttpCacheLimits {
  readonly entries: number;
  readonly bytes: number;
  /** A larger answer is not kept at all. */
  readonly entryBytes: number;
}

/** Enough for a few thousand repositories, and less than the releases themselves take. */
const LIMITS: HttpCacheLimits = {
  entries: 10_000,
  bytes: 64 * 1024 * 1024,
  entryBytes: 1024 * 1024,
};

interface Entry extends CachedAnswer {
  readonly key: string;
}

/** Keeps answers of remote systems in the database, and forgets those that were of no use for longest. */
export function createHttpCache(deps: {
  readonly uow: UnitOfWork;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly limits?: HttpCacheLimits;
}): HttpCache {
  const { uow, clock, logger, limits = LIMITS } = deps;
  const write = createSharedWork(uow, writeAll);
  const touch = createSharedWork(uow, touchAll);

  return {
    async get(key) {
      try {
        const row = await HttpAnswerRow.findByPk(hashOf(key));
        if (row && clock.now().getTime() - row.usedAt.getTime() > DAY_MS) {
          // Nobody waits for it: the worst that can happen is that it is forgotten too early.
          touch(row.key).catch(noteTrouble);
        }
        return row && { etag: row.etag, value: row.value };
      } catch (error) {
        noteTrouble(error);
        return null;
      }
    },
    async put(key, answer) {
      const isTooLarge =
        Buffer.byteLength(answer.value) > limits.entryBytes ||
        (answer.etag?.length ?? 0) > LONGEST_ETAG;
      if (isTooLarge) {
        return;
      }
      await write({ key: hashOf(key), ...answer }).catch(noteTrouble);
    },
  };

  async function writeAll(tx: Tx, entries: readonly Entry[]): Promise<readonly true[]> {
    const usedAt = clock.now();
    // The same key twice in one statement is an error on PostgreSQL; the later one counts.
    const byKey = new Map(entries.map((entry) => [entry.key, entry]));
    await HttpAnswerRow.bulkCreate(
      [...byKey.values()].map(({ key, etag, value }) => ({
        key,
        etag,
        value,
        size: Buffer.byteLength(value),
        usedAt,
      })),
      {
        updateOnDuplicate: ["etag", "value", "size", "usedAt"],
        transaction: tx.sequelize,
      },
    );
    await prune(tx);
    return entries.map(() => true);
  }

  async function touchAll(tx: Tx, keys: readonly string[]): Promise<readonly true[]> {
    await HttpAnswerRow.update(
      { usedAt: clock.now() },
      { where: { key: [...keys] }, transaction: tx.sequelize },
    );
    return keys.map(() => true);
  }

  async function prune({ sequelize: transaction }: Tx): Promise<void> {
    let [entries, bytes] = await Promise.all([
      HttpAnswerRow.count({ transaction }),
      HttpAnswerRow.sum("size", { transaction }),
    ]);
    while (entries > limits.entries || bytes > limits.bytes) {
      const oldest = await HttpAnswerRow.findAll({
        attributes: ["key", "size"],
        order: ["usedAt", "key"],
        limit: PRUNE_STEP,
        transaction,
      });
      const gone: string[] = [];
      for (const row of oldest) {
        if (entries > limits.entries || bytes > limits.bytes) {
          gone.push(row.key);
          entries -= 1;
          bytes -= row.size;
        }
      }
      if (gone.length === 0) {
        return;
      }
      await HttpAnswerRow.destroy({ where: { key: gone }, transaction });
    }
  }

  function noteTrouble(err: unknown): void {
    logger.debug({ err }, "an answer of a remote system was not kept or not found");
  }
}

function hashOf(key: string): string {
  return createHash("sha256").update(key).digest("hex");
}
