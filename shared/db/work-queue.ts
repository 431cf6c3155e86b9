import { Op, QueryTypes, literal, type Sequelize } from "sequelize";
import type { Clock } from "../core/ports/clock.ts";
import type { Logger } from "../lib/logger.ts";
import { systemTimers, type Timers } from "../lib/scheduler.ts";
import { createWorkLoop, keepBeating, type ClaimedWork } from "../lib/work-loop.ts";
import { afterFailure, isOurFault } from "./after-failure.ts";
import { JobRow } from "./rows/job.ts";
import type { UnitOfWork } from "./unit-of-work.types.ts";
import type { Job, RunningWorkQueue } from "./work-queue.types.ts";

/** How long a job belongs to a process that has stopped beating, e.g. because it was killed. */
const LEASE_MS = 30_000;
const BEAT_MS = LEASE_MS / 3;
/** Finds what no wake-up told of: jobs that fall due, leases that ended, jobs of other processes. */
const POLL_MS = 1_000;

/** Rows are taken locked, skipping those of others, and changed by their fence: no turn is needed. */
const BESIDE_OTHERS = { inTurn: false } as const;

const DUE_OF_ONE = `SELECT * FROM (
  SELECT id FROM jobs
  WHERE name = ? AND run_at <= ? AND (status = 'waiting' OR (status = 'running' AND lease_until <= ?))
  ORDER BY run_at, id LIMIT ?) AS due`;

interface Worker {
  readonly concurrency: number;
  readonly handle: (payload: Job["payload"], signal: AbortSignal) => Promise<void>;
  running: number;
}

interface ClaimedJob {
  readonly id: number;
  readonly name: string;
  readonly payload: Job["payload"];
  /** This attempt included. Also the fence: it grows with every claim, so a process that lost its lease changes nothing. */
  readonly attempts: number;
}

/**
 * The queue inside our own database, for an installation of one process. Jobs are rows: enqueued by `tx.enqueue` in the transaction that causes them, leased while they run, removed when done. What
 * a handler throws decides whether its job is tried again or dead (see afterFailure); dead ones stay with their error.
 */
export function createWorkQueue(deps: {
  readonly sequelize: Sequelize;
  readonly uow: UnitOfWork;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly timers?: Timers;
}): RunningWorkQueue {
  const { sequelize, uow, clock, timers = systemTimers } = deps;
  const logger = deps.logger.child({ part: "work-queue" });
  const workers = new Map<string, Worker>();
  const loop = createWorkLoop({
    claim,
    pollMs: POLL_MS,
    timers,
    onError: (error) => logger.error({ err: error }, "claiming jobs failed"),
  });

  return {
    work(name, { concurrency }, handle) {
      if (workers.has(name)) {
        throw new Error(`jobs called "${name}" have a worker already`);
      }
      workers.set(name, { concurrency, handle, running: 0 });
      loop.wake();
    },
    wake: () => loop.wake(),
    start: () => loop.start(),
    runDue: () => loop.runDue(),
    async stop(timeoutMs) {
      if (!(await loop.stop(timeoutMs))) {
        logger.warn("stopped before every job ended");
      }
    },
  };

  async function claim(): Promise<readonly ClaimedWork[]> {
    const now = clock.now();
    const free = [...workers].filter(([, worker]) => worker.running < worker.concurrency);
    if (free.length === 0) {
      return [];
    }
    // Read first: looking must not make writers wait when there is nothing to take.
    const due = await sequelize.query<{ id: number }>(
      free.map(() => DUE_OF_ONE).join(" UNION ALL "),
      {
        replacements: free.flatMap(([name, worker]) => [
          name,
          now,
          now,
          worker.concurrency - worker.running,
        ]),
        type: QueryTypes.SELECT,
      },
    );
    if (due.length === 0) {
      return [];
    }
    const jobs = await lease(
      due.map((row) => row.id),
      now,
    );
    return jobs.flatMap((job) => {
      const worker = workers.get(job.name);
      if (!worker) {
        return [];
      }
      worker.running += 1;
      return [
        () =>
          perform(job, worker).finally(() => {
            worker.running -= 1;
          }),
      ];
    });
  }

  /** Takes those that nobody has taken since they were seen. A taken job no longer stands for its key. */
  function lease(ids: readonly number[], now: Date): Promise<readonly ClaimedJob[]> {
    return uow.run(async (tx) => {
      const rows = await JobRow.findAll({
        where: {
          id: [...ids],
          [Op.or]: [{ status: "waiting" }, { status: "running", leaseUntil: { [Op.lte]: now } }],
        },
        order: ["runAt", "id"],
        lock: true,
        skipLocked: true,
        transaction: tx.sequelize,
      });
      await JobRow.update(
        { status: "running", key: null, leaseUntil: leaseEnd(), attempts: literal("attempts + 1") },
        { where: { id: rows.map((row) => row.id) }, transaction: tx.sequelize },
      );
      return rows.map(({ id, name, payload, attempts }) => ({
        id,
        name,
        payload,
        attempts: attempts + 1,
      }));
    }, BESIDE_OTHERS);
  }

  /** Never rejects: what cannot be settled is taken again when its lease ends. */
  async function perform(job: ClaimedJob, worker: Worker): Promise<void> {
    const fields = { job: job.name, id: job.id };
    const stopBeating = keepBeating(
      () => change(job, { leaseUntil: leaseEnd() }),
      BEAT_MS,
      (error) => logger.warn({ err: error, ...fields }, "extending a lease failed"),
      timers,
    );
    const failure = await attempt(() => worker.handle(job.payload, loop.signal));
    stopBeating();
    try {
      await settle(job, failure);
    } catch (error) {
      logger.error({ err: error, ...fields }, "settling a job failed");
    }
  }

  async function settle(
    job: ClaimedJob,
    failure: { readonly error: unknown } | undefined,
  ): Promise<void> {
    if (!failure) {
      await uow.run(
        (tx) =>
          JobRow.destroy({
            where: { id: job.id, attempts: job.attempts },
            transaction: tx.sequelize,
          }),
        BESIDE_OTHERS,
      );
      return;
    }
    if (loop.signal.aborted) {
      await change(job, { status: "waiting", leaseUntil: null, attempts: job.attempts - 1 });
      return;
    }
    const { error } = failure;
    const next = afterFailure(error, job.attempts, clock.now());
    const fields = { err: error, job: job.name, id: job.id, attempts: job.attempts };
    if (next.then === "bury") {
      logger.error(fields, "job is dead");
      await change(job, { status: "dead", leaseUntil: null, lastError: next.error });
    } else {
      logger[isOurFault(error) ? "error" : "warn"](fields, "job failed and will be repeated");
      await change(job, {
        status: "waiting",
        runAt: next.at,
        leaseUntil: null,
        lastError: next.error,
      });
    }
  }

  async function change(
    job: ClaimedJob,
    values: Parameters<typeof JobRow.update>[0],
  ): Promise<void> {
    await uow.run(
      (tx) =>
        JobRow.update(values, {
          where: { id: job.id, attempts: job.attempts },
          transaction: tx.sequelize,
        }),
      BESIDE_OTHERS,
    );
  }

  function leaseEnd(): Date {
    return new Date(clock.now().getTime() + LEASE_MS);
  }
}

/** What `run` threw, wrapped so that even a thrown undefined is noticed. */
async function attempt(run: () => Promise<void>): Promise<{ readonly error: unknown } | undefined> {
  try {
    await run();
    return undefined;
  } catch (error) {
    return { error };
  }
}
