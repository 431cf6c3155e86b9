import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openDatabase, type Database } from "../db/connect.ts";
import type { Interest } from "../db/event-log.ts";
import { migrate } from "../db/migrate.ts";
import { createUnitOfWork, type Commit } from "../db/unit-of-work.ts";
import type { UnitOfWork } from "../db/unit-of-work.types.ts";
import { correlationId } from "../lib/correlation.ts";
import { createLogger, type Logger } from "../lib/logger.ts";
import { createManualClock, type ManualClock } from "./clock.ts";

export interface TestDatabase extends Database {
  /** `sqlite:<file>`, for a second process. */
  readonly url: string;
  readonly uow: UnitOfWork;
  readonly clock: ManualClock;
  readonly logger: Logger;
  /** What was committed so far, oldest first. */
  readonly commits: readonly Commit[];
  /** Hears of every commit, as the dispatcher and the queue do. */
  onCommit(listen: (commit: Commit) => void): void;
}

let template: Promise<string> | undefined;

/**
 * A migrated database in a file of its own, with a unit of work and a clock that stands still. Migrations run once per test
 * worker; the file is copied from then on. Row classes are bound to the database made last, so use one at a time. `close`
 * removes the file.
 */
export async function createTestDatabase(
  options: { readonly subscribers?: readonly Interest[]; readonly clock?: ManualClock } = {},
): Promise<TestDatabase> {
  const logger = createLogger({ level: "silent" });
  template ??= createTemplate(logger);
  const folder = mkdtempSync(join(tmpdir(), "slipway-db-"));
  const file = join(folder, "slipway.db");
  copyFileSync(await template, file);

  const url = `sqlite:${file}`;
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
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function createTemplate(logger: Logger): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "slipway-db-template-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, "template.db");
  const database = await openDatabase({ url: `sqlite:${file}`, logger });
  await migrate(database, { logger });
  // The last connection to close moves everything into the file itself, so that one file is the whole database.
  await database.close();
  return file;
}
