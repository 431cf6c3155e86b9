import { openDatabase, type Database } from "../db/connect.ts";
import type { Interest } from "../db/event-log.ts";
import { migrate } from "../db/migrate.ts";
import { createProcesses, type Processes } from "../db/processes.ts";
import type { Signals } from "../db/signals.ts";
import { createUnitOfWork } from "../db/unit-of-work.ts";
import type { UnitOfWork } from "../db/unit-of-work.types.ts";
import type { RunningWorkQueue } from "../db/work-queue.types.ts";
import { correlationId } from "../lib/correlation.ts";
import { createLogger, type Logger } from "../lib/logger.ts";
import { processIdentity } from "../lib/process-identity.ts";
import { systemTimers, type Timers } from "../lib/scheduler.ts";
import { createManualClock, type ManualClock } from "./clock.ts";

/** One process of an installation, as far as the database is concerned. */
export interface TestMember {
  readonly database: Database;
  readonly uow: UnitOfWork;
  readonly signals: Signals;
  readonly processes: Processes;
  readonly identity: string;
  readonly clock: ManualClock;
  readonly logger: Logger;
  createQueue(): RunningWorkQueue;
  close(): Promise<void>;
}

/**
 * Joins an installation on a database at `url`, which is migrated. Several may join from one test, because row classes find
 * the same database whichever of them bound them last.
 */
export async function joinDatabase(
  url: string,
  options: {
    readonly timers?: Timers;
    readonly identity?: string;
    readonly subscribers?: readonly Interest[];
  } = {},
): Promise<TestMember> {
  const { timers = systemTimers, identity = processIdentity(), subscribers = [] } = options;
  const logger = createLogger({ level: "silent" });
  const database = await openDatabase({ url, logger });
  await migrate(database, { logger });
  const clock = createManualClock();
  const signals = await database.dialect.openSignals({ listens: true, logger, timers });
  const jobs = database.dialect.openJobs({ logger });
  const uow = createUnitOfWork({
    database,
    subscribers,
    correlationId,
    clock,
    logger,
    enqueue: (transaction, job, now) => jobs.enqueue(transaction, job, now),
    signals,
  });
  return {
    database,
    uow,
    signals,
    processes: createProcesses({ database, uow, signals, owner: identity, logger, timers }),
    identity,
    clock,
    logger,
    createQueue: () => jobs.createQueue({ uow, clock, logger, timers: clock }),
    async close() {
      await signals.stop();
      await database.close();
    },
  };
}
