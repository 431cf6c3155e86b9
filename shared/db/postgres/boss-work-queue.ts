import { AsyncLocalStorage } from "node:async_hooks";
import PgBoss from "pg-boss";
import { QueryTypes, type Sequelize, type Transaction } from "sequelize";
import type { Clock } from "../../core/ports/clock.ts";
import { newId } from "../../lib/ids.ts";
import type { Logger } from "../../lib/logger.ts";
import { systemTimers, type Timers } from "../../lib/scheduler.ts";
import { createWorkLoop, keepBeating, type ClaimedWork } from "../../lib/work-loop.ts";
import { afterFailure, isOurFault } from "../after-failure.ts";
import type { UnitOfWork } from "../unit-of-work.types.ts";
import { JOB_NAMES, type Job, type RunningWorkQueue } from "../work-queue.types.ts";

/** Where pg-boss keeps its tables. */
export const SCHEMA = "pgboss";
/** How long a job belongs to a process that has stopped beating, e.g. because it was killed. */
const LEASE_SECONDS = 30;
const BEAT_MS = (LEASE_SECONDS * 1_000) / 3;
/** Finds what no signal told of: jobs that fall due, and jobs whose process is gone. */
const POLL_MS = 1_000;
/** How often one process or another looks for jobs whose process is gone, and puts finished ones away. */
const EXPIRE_EVERY_MS = 5_000;
const MAINTAIN_EVERY_MS = 10 * 60_000;
/** A job that nobody may take for this long is put away; and so long a dead one can be looked at. */
const KEEP_DAYS = 90;
const DAY_SECONDS = 24 * 60 * 60;

/** Jobs are looked after by statements that compare and set, so nobody waits for a turn. */
const BESIDE = { inTurn: false } as const;

/** What pg-boss stores of a job of ours. */
export interface Stored {
  readonly payload: Job["payload"];
  /** Attempts that failed before this one was enqueued. */
  readonly failures: number;
}

interface Worker {
  readonly concurrency: number;
  readonly handle: (payload: Job["payload"], signal: AbortSignal) => Promise<void>;
  running: number;
}

interface ClaimedJob {
  readonly id: string;
  readonly name: Job["name"];
  readonly stored: Stored;
  /** How often it was taken from a process that was gone. Also the fence: it grows with every taking. */
  readonly retryCount: number;
}

/** Where jobs wait in an installation that several processes serve: a schema of its own. */
export interface BossStore {
  readonly boss: PgBoss;
  /** Makes the tables of the queue, or brings them up to date, in the transaction that migrates. */
  prepare(transaction: Transaction): Promise<void>;
  /** Puts a job into the queue in the transaction of whoever wants it done. */
  enqueue(transaction: Transaction, job: Job): Promise<void>;
  /** Runs what pg-boss does by itself in a transaction of ours. */
  inside<T>(transaction: Transaction, work: () => Promise<T>): Promise<T>;
}

/** The queue before anybody works on it: what the unit of work needs of it. */
export function createBossStore(deps: {
  readonly sequelize: Sequelize;
  readonly logger: Logger;
}): BossStore {
  const { sequelize } = deps;
  const transactions = new AsyncLocalStorage<Transaction>();
  const logger = deps.logger.child({ part: "work-queue" });
  const boss = new PgBoss({
    db: {
      executeSql: (text, values) =>
        within(sequelize, transactions.getStore()).executeSql(text, values),
    },
    schema: SCHEMA,
    // What it would do by timers of its own is done by ours, so that it stops when we stop.
    supervise: false,
    schedule: false,
    archiveFailedAfterSeconds: KEEP_DAYS * DAY_SECONDS,
    deleteAfterDays: 1,
  });
  boss.on("error", (error) => logger.warn({ err: error }, "the queue has a problem"));

  return {
    boss,
    prepare: (transaction) =>
      transactions.run(transaction, async () => {
        await boss.start();
        for (const name of JOB_NAMES) {
          // `short`: one waiting job per key, while one that was taken stands for its key no more.
          await boss.createQueue(name, {
            name,
            policy: "short",
            expireInSeconds: LEASE_SECONDS,
            retentionDays: KEEP_DAYS,
            // Taken from a process that is gone as often as that happens: whether a failure is final is ours to say.
            retryLimit: 1_000_000,
            retryDelay: 0,
          });
        }
      }),
    inside: (transaction, work) => transactions.run(transaction, work),
    async enqueue(transaction, job) {
      await send(boss, within(sequelize, transaction), job, { payload: job.payload, failures: 0 });
    },
  };
}

/**
 * pg-boss as it is meant to be used, with three habits of ours: what a handler throws decides about the next attempt (see
 * afterFailure), long jobs beat while they run, and a process that lost a job settles nothing of it.
 */
export function createBossQueue(deps: {
  readonly sequelize: Sequelize;
  readonly uow: UnitOfWork;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly timers?: Timers;
  readonly store: BossStore;
}): RunningWorkQueue {
  const { sequelize, uow, clock, timers = systemTimers, store } = deps;
  const { boss } = store;
  const logger = deps.logger.child({ part: "work-queue" });
  const workers = new Map<Job["name"], Worker>();
  const loop = createWorkLoop({
    claim,
    pollMs: POLL_MS,
    timers,
    onError: (error) => logger.error({ err: error }, "claiming jobs failed"),
  });
  let stopMaintaining: (() => void)[] = [];

  return {
    work(name, { concurrency }, handle) {
      if (workers.has(name)) {
        throw new Error(`jobs called "${name}" have a worker already`);
      }
      workers.set(name, { concurrency, handle, running: 0 });
      loop.wake();
    },
    wake: () => loop.wake(),
    start() {
      loop.start();
      stopMaintaining = [
        repeat(EXPIRE_EVERY_MS, expire),
        repeat(MAINTAIN_EVERY_MS, () =>
          uow.run((tx) => store.inside(tx.sequelize, () => boss.maintain()), BESIDE),
        ),
      ];
    },
    async runDue() {
      await expire();
      await loop.runDue();
    },
    async stop(timeoutMs) {
      stopMaintaining.forEach((stop) => stop());
      if (!(await loop.stop(timeoutMs))) {
        logger.warn("stopped before every job ended");
      }
    },
  };

  /** Gives jobs whose process is gone to whoever comes. */
  async function expire(): Promise<void> {
    await uow.run((tx) => store.inside(tx.sequelize, () => boss.expire()), BESIDE);
  }

  async function claim(): Promise<readonly ClaimedWork[]> {
    const free = [...workers].filter(([, worker]) => worker.running < worker.concurrency);
    const batches = await Promise.all(
      free.map(async ([name, worker]) => {
        const batchSize = worker.concurrency - worker.running;
        const jobs = await boss.fetch<Stored>(name, { batchSize, includeMetadata: true });
        worker.running += jobs.length;
        return jobs.map(({ id, data, retryCount }) => {
          const job: ClaimedJob = { id, name, stored: data, retryCount };
          return () =>
            perform(job, worker).finally(() => {
              worker.running -= 1;
            });
        });
      }),
    );
    return batches.flat();
  }

  /** Never rejects: what cannot be settled is taken again when its lease ends. */
  async function perform(job: ClaimedJob, worker: Worker): Promise<void> {
    const fields = { job: job.name, id: job.id };
    const stopBeating = keepBeating(
      () => extend(job),
      BEAT_MS,
      (error) => logger.warn({ err: error, ...fields }, "extending a lease failed"),
      timers,
    );
    const failure = await attempt(() => worker.handle(job.stored.payload, loop.signal));
    stopBeating();
    try {
      await settle(job, failure);
    } catch (error) {
      logger.error({ err: error, ...fields }, "settling a job failed");
    }
  }

  /** pg-boss 10 counts the time of a job from its start and knows no heartbeat, so the start is moved. */
  async function extend({ name, id, retryCount }: ClaimedJob): Promise<void> {
    await uow.run(async (tx) => {
      await sequelize.query(
        `UPDATE ${SCHEMA}.job SET started_on = now()
        WHERE name = $1 AND id = $2 AND state = 'active' AND retry_count = $3`,
        { bind: [name, id, retryCount], transaction: tx.sequelize },
      );
    }, BESIDE);
  }

  async function settle(
    job: ClaimedJob,
    failure: { readonly error: unknown } | undefined,
  ): Promise<void> {
    const { name, stored } = job;
    if (!failure) {
      await whileOurs(job, (db) => boss.complete(name, job.id, { done: true }, { db }));
      return;
    }
    if (loop.signal.aborted) {
      await whileOurs(job, (db) => again(job, db, stored.failures));
      return;
    }
    const { error } = failure;
    const attempts = stored.failures + 1;
    const next = afterFailure(error, attempts, clock.now());
    const fields = { err: error, job: name, id: job.id, attempts };
    if (next.then === "bury") {
      logger.error(fields, "job is dead");
      await whileOurs(job, (db, transaction) => bury(job, next.error, db, transaction));
    } else {
      logger[isOurFault(error) ? "error" : "warn"](fields, "job failed and will be repeated");
      const pauseMs = next.at.getTime() - clock.now().getTime();
      await whileOurs(job, (db) => again(job, db, attempts, pauseMs));
    }
  }

  /** Does something about a job in a transaction, unless another process has taken it in the meantime. */
  async function whileOurs(
    { name, id, retryCount }: ClaimedJob,
    work: (db: PgBoss.Db, transaction: Transaction) => Promise<unknown>,
  ): Promise<void> {
    await uow.run(async (tx) => {
      const ours = await sequelize.query(
        `SELECT id FROM ${SCHEMA}.job
        WHERE name = $1 AND id = $2 AND state = 'active' AND retry_count = $3 FOR UPDATE`,
        { bind: [name, id, retryCount], type: QueryTypes.SELECT, transaction: tx.sequelize },
      );
      if (ours.length > 0) {
        await work(within(sequelize, tx.sequelize), tx.sequelize);
      }
    }, BESIDE);
  }

  /** Ends this job and puts another one with the same content in its place, which stands for no key. */
  async function again(
    { name, id, stored }: ClaimedJob,
    db: PgBoss.Db,
    failures: number,
    pauseMs = 0,
  ): Promise<void> {
    await boss.complete(name, id, { done: false }, { db });
    await send(boss, db, { name, payload: stored.payload }, { ...stored, failures }, pauseMs);
  }

  /** Leaves it to pg-boss as failed for good, with what a person who looks at it reads. */
  async function bury(
    { name, id }: ClaimedJob,
    error: string,
    db: PgBoss.Db,
    transaction: Transaction,
  ): Promise<void> {
    await sequelize.query(
      `UPDATE ${SCHEMA}.job SET retry_limit = retry_count WHERE name = $1 AND id = $2`,
      { bind: [name, id], transaction },
    );
    await boss.fail(name, id, { message: error }, { db });
  }

  function repeat(everyMs: number, work: () => Promise<void>): () => void {
    let cancel: () => void = () => undefined;
    schedule();
    return () => cancel();

    function schedule(): void {
      cancel = timers.after(everyMs, () => {
        schedule();
        work().then(
          () => loop.wake(),
          (error: unknown) => logger.warn({ err: error }, "looking after the queue failed"),
        );
      });
    }
  }
}

async function send(
  boss: PgBoss,
  db: PgBoss.Db,
  { name, key, runAt }: Job,
  stored: Stored,
  pauseMs?: number,
): Promise<void> {
  await boss.send(name, stored, {
    db,
    // Without a key a job stands for itself alone.
    singletonKey: key ?? newId(),
    ...(pauseMs !== undefined && pauseMs > 0
      ? { startAfter: Math.ceil(pauseMs / 1_000) }
      : runAt !== undefined && { startAfter: runAt }),
  });
}

/** pg-boss on our connections, or on the one of a transaction. */
function within(sequelize: Sequelize, transaction?: Transaction): PgBoss.Db {
  return {
    async executeSql(text, values = []) {
      const [rows] = await sequelize.query(transaction ? withoutOwnTransaction(text) : text, {
        // Statements without values may be several, which the protocol allows only without binding.
        ...(values.length > 0 && { bind: values.map((value: unknown) => value ?? null) }),
        ...(transaction && { transaction }),
      });
      return { rows: Array.isArray(rows) ? rows : [] };
    },
  };
}

/** What pg-boss would wrap into a transaction of its own is part of ours. */
function withoutOwnTransaction(text: string): string {
  return text.replace(/^\s*BEGIN;/, "").replace(/COMMIT;\s*$/, "");
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
