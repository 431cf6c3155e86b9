import { openDatabase, type Database } from "../db/connect.ts";
import type { Interest } from "../db/event-log.ts";
import { createUnitOfWork, type Commit } from "../db/unit-of-work.ts";
import type { UnitOfWork } from "../db/unit-of-work.types.ts";
import { correlationId } from "../lib/correlation.ts";
import { createLogger, type Logger } from "../lib/logger.ts";
import { createManualClock, type ManualClock } from "./clock.ts";
import { newMigratedDatabase } from "./new-database.ts";

export interface TestDatabase extends Database {
  /** `sqlite:<file>` or `postgres://…`, for a second process. */
  readonly url: string;
  readonly uow: UnitOfWork;
  readonly clock: ManualClock;
  readonly logger: Logger;
  /** What was committed so far, oldest first. */
  readonly commits: readonly Commit[];
  /** Hears of every commit, as the dispatcher and the queue do. */
  onCommit(listen: (commit: Commit) => void): void;
}

/**
 * A migrated database of its own, with a unit of work and a clock that stands still: a file of SQLite, or a database of the
 * server that `npm run test:postgres` starts. Row classes are bound to the database made last, so use one at a time. `close`
 * removes it.
 */
export async function createTestDatabase(
  options: {
    readonly subscribers?: readonly Interest[];
    readonly clock?: ManualClock;
    /** For a test about SQLite itself. */
    readonly on?: "sqlite";
  } = {},
): Promise<TestDatabase> {
  const logger = createLogger({ level: "silent" });
  const { url, remove } = await newMigratedDatabase(logger, options.on);
  const database = await openDatabase({ url, logger });
  const clock = options.clock ?? createManualClock();
  const commits: Commit[] = [];
  const listeners: ((commit: Commit) => void)[] = [];
  const uow = createUnitOfWork({
    database,
    subscribers: options.subscribers ?? [],
    correlationId,
    clock,
    onCommit(commit) {
      commits.push(commit);
      listeners.forEach((listen) => listen(commit));
    },
    logger,
  });

  return {
    ...database,
    url,
    uow,
    clock,
    logger,
    commits,
    onCommit(listen) {
      listeners.push(listen);
    },
    async close() {
      await database.close();
      await remove();
    },
  };
}
