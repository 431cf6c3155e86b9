import { AsyncLocalStorage } from "node:async_hooks";
import type { Transaction } from "sequelize";
import type { Clock } from "../core/ports/clock.ts";
import { newId } from "../lib/ids.ts";
import type { Logger } from "../lib/logger.ts";
import type { Database } from "./connect.ts";
import type { WriteSession } from "./dialect.types.ts";
import { appendEvents, prepareEvent, type Interest, type UnplacedEvent } from "./event-log.ts";
import { currentFence, type Fence } from "./fence.ts";
import { enqueueRow } from "./job-rows.ts";
import { SequenceRow } from "./rows/sequence.ts";
import { MOST_ATTEMPTS, pauseAfter } from "./second-attempts.ts";
import type { Signals, Topic } from "./signals.ts";
import type { Tx, UnitOfWork, WorkOptions } from "./unit-of-work.types.ts";
import type { Job } from "./work-queue.types.ts";

/** What a commit brought: a wake-up, never the only way to hear of it. */
export interface Commit {
  /** Seq of the last new fact; null when there was none. */
  readonly lastSeq: number | null;
  /** How many jobs were put into the queue. */
  readonly jobCount: number;
}

export interface UnitOfWorkOptions {
  readonly database: Database;
  /** Who gets a delivery of which fact; read at every commit, so it may be filled after this was made. */
  readonly subscribers: readonly Interest[];
  /** Id of the action being served; null outside any, then each unit of work gets its own. */
  readonly correlationId: () => string | null;
  readonly clock: Clock;
  /** Called after each commit of this process that brought facts or jobs. */
  readonly onCommit?: (commit: Commit) => void;
  /** How jobs are put into the queue, in the transaction; as rows of our own table by default. */
  readonly enqueue?: (transaction: Transaction, job: Job, now: Date) => Promise<void>;
  /** Who is woken by commits, in all processes; nobody by default. */
  readonly signals?: Pick<Signals, "send" | "emit">;
  readonly logger: Logger;
}

/** Work that takes longer than this blocks every other writer, so it is named in the log. */
const SLOW_WORK_MS = 10_000;
/** Nobody waits longer than about this for others that share the commit. */
const LONGEST_SESSION_MS = 10;
/** How many works may share one transaction. */
const MOST_WORKS_PER_COMMIT = 64;

interface Entry {
  readonly work: (tx: Tx) => Promise<unknown>;
  /** Enters the context of the caller: correlation id and whatever else it carries. */
  readonly inContext: <T>(run: () => T) => T;
  readonly caller: Error;
  readonly fence: Fence | undefined;
  readonly resolve: (value: unknown) => void;
  readonly reject: (reason: unknown) => void;
  readonly inTurn: boolean;
  /** How often it was begun. */
  attempts: number;
}

/** What one work left to be done at and after the commit. */
interface Outcome {
  readonly events: readonly UnplacedEvent[];
  readonly jobCount: number;
  readonly tellings: readonly (() => void)[];
  readonly topics: readonly Topic[];
  /** Tells the caller how it went. */
  readonly settle: () => void;
}

/**
 * The only way to write. Works take turns and wait in a queue here: on SQLite, which has one writer, waiting in the driver
 * would block its threads, and on PostgreSQL each would hold a connection. Whoever waits shares the next transaction, each
 * work behind its own savepoint, and hears back after the commit. Works that need no turn go past the queue where the engine
 * serves many writers.
 */
export function createUnitOfWork(options: UnitOfWorkOptions): UnitOfWork {
  const { database, subscribers, correlationId, clock, onCommit, logger, signals } = options;
  const { enqueue = enqueueRow } = options;
  const { dialect, sequelize } = database;
  const insideWork = new AsyncLocalStorage<{ active: boolean }>();
  // Timers and wake-ups started by the queue must not carry the context of whoever came first.
  const inOwnContext = AsyncLocalStorage.snapshot();
  const waiting: Entry[] = [];
  let writing = false;

  return { run };

  async function run<T>(
    work: (tx: Tx) => Promise<T>,
    { inTurn = true }: WorkOptions = {},
  ): Promise<T> {
    if (insideWork.getStore()?.active) {
      throw new Error("nested unit of work: give the transaction on instead of calling run again");
    }
    const fence = currentFence();
    fence?.check();
    return new Promise<T>((resolve, reject) => {
      const entry: Entry = {
        work,
        inContext: AsyncLocalStorage.snapshot(),
        caller: new Error("unit of work"),
        fence,
        resolve: (value) => resolve(value as T),
        reject,
        inTurn: inTurn || !dialect.servesManyWriters,
        attempts: 0,
      };
      if (!entry.inTurn) {
        inOwnContext(() => void writeAll([entry]));
      } else {
        waiting.push(entry);
        if (!writing) {
          writing = true;
          inOwnContext(() => void writeWaiting());
        }
      }
    });
  }

  async function writeWaiting(): Promise<void> {
    // Asked again: somebody may have come while the end of the last round was on its way here.
    while (waiting.length > 0) {
      await writeAll(waiting);
    }
    writing = false;
  }

  async function writeAll(source: Entry[]): Promise<void> {
    while (source.length > 0) {
      const again = await writeTogether(source);
      if (again.length > 0) {
        await pauseAfter(Math.max(...again.map((entry) => entry.attempts)));
        source.unshift(...again);
      }
    }
  }

  /** Takes from `source` what fits into one transaction and settles every promise taken, except of what is to be run again. */
  async function writeTogether(source: Entry[]): Promise<readonly Entry[]> {
    const taken: Entry[] = [];
    const outcomes: Outcome[] = [];
    let session: WriteSession | undefined;
    try {
      // Taken before the session opens, so that whoever waits hears why it does not.
      const first = takeFrom(source, taken);
      session = await dialect.openSession({ inTurn: first?.inTurn ?? true });
      const until = performance.now() + LONGEST_SESSION_MS;
      for (let entry = first; entry;) {
        outcomes.push(await perform(entry, session));
        const full = taken.length >= MOST_WORKS_PER_COMMIT || performance.now() > until;
        entry = full || !isFirstRun(entry, source[0]) ? undefined : takeFrom(source, taken);
      }
      const topics = topicsOf(outcomes);
      const lastSeq = await commit(session, outcomes, topics);
      tell(outcomes, lastSeq, topics);
      return [];
    } catch (error) {
      await session?.abandon();
      const again = dialect.isTransient(error)
        ? taken.filter(({ attempts }) => attempts < MOST_ATTEMPTS)
        : [];
      // Also works that failed by themselves: what they ran into, e.g. a row of the same transaction, is gone.
      const reason = dialect.storageFault(error) ?? error;
      taken.filter((entry) => !again.includes(entry)).forEach((entry) => entry.reject(reason));
      return again;
    }
  }

  /**
   * Runs one work; what this throws ends the whole transaction. What the work throws is for its caller alone, and only after
   * the commit: a row it collided with may be of the same transaction, and must be there when the caller looks.
   */
  async function perform(entry: Entry, session: WriteSession): Promise<Outcome> {
    const events: UnplacedEvent[] = [];
    const tellings: (() => void)[] = [];
    const topics: Topic[] = [];
    const counted = { jobs: 0 };
    const transaction = await session.begin();
    const tx = createTx(transaction, entry.inTurn, { events, tellings, topics, counted });
    const guard = { active: true };
    const watchdog = setTimeout(() => {
      logger.error({ caller: entry.caller.stack }, "unit of work blocks all others for too long");
    }, SLOW_WORK_MS);
    try {
      await entry.fence?.prove(transaction);
      const value = await entry.inContext(() => insideWork.run(guard, () => entry.work(tx)));
      session.keep();
      const settle = () => entry.resolve(value);
      return { events, jobCount: counted.jobs, tellings, topics, settle };
    } catch (error) {
      if (dialect.isTransient(error)) {
        throw error;
      }
      const fault = dialect.storageFault(error);
      try {
        await session.forget();
      } catch (lost) {
        // The engine has given up the whole transaction; the fault says why, the failed rollback does not.
        throw fault ?? lost;
      }
      const settle = () => entry.reject(fault ?? error);
      return { events: [], jobCount: 0, tellings: [], topics: [], settle };
    } finally {
      guard.active = false;
      clearTimeout(watchdog);
    }
  }

  function createTx(
    transaction: Transaction,
    inTurn: boolean,
    into: {
      events: UnplacedEvent[];
      tellings: (() => void)[];
      topics: Topic[];
      counted: { jobs: number };
    },
  ): Tx {
    const ownCorrelationId = newId();
    return {
      sequelize: transaction,
      async emit(event) {
        if (!inTurn) {
          // It may hold rows by now that somebody who has the turn is waiting for.
          throw new Error("a work that is not in turn records no facts");
        }
        into.events.push(
          prepareEvent(event, {
            occurredAt: clock.now(),
            correlationId: correlationId() ?? ownCorrelationId,
          }),
        );
      },
      async enqueue(job) {
        await enqueue(transaction, job, clock.now());
        into.counted.jobs += 1;
      },
      async nextNumber(sequence) {
        await sequelize.query(
          "INSERT INTO sequences (name, value) VALUES ($1, 1) " +
            "ON CONFLICT (name) DO UPDATE SET value = sequences.value + 1",
          { bind: [sequence], transaction },
        );
        const row = await SequenceRow.findByPk(sequence, { transaction });
        if (!row) {
          throw new Error(`sequence ${sequence} gave no number`);
        }
        return row.value;
      },
      afterCommit(telling) {
        into.tellings.push(telling);
      },
      signal(topic) {
        into.topics.push(topic);
      },
    };
  }

  /** Facts are appended last and in turn, so that the order of seq is the order of commits and the chain has no forks. */
  async function commit(
    session: WriteSession,
    outcomes: readonly Outcome[],
    topics: ReadonlySet<Topic>,
  ): Promise<number | null> {
    const events = outcomes.flatMap((outcome) => outcome.events);
    const lastSeq =
      events.length > 0 ? await appendEvents(sequelize, session.own, events, subscribers) : null;
    if (topics.size > 0) {
      await signals?.send(topics, session.own);
    }
    await session.commit(events.at(-1)?.id);
    return lastSeq;
  }

  function tell(
    outcomes: readonly Outcome[],
    lastSeq: number | null,
    topics: ReadonlySet<Topic>,
  ): void {
    for (const { tellings, settle } of outcomes) {
      tellings.forEach(safely);
      settle();
    }
    const jobCount = outcomes.reduce((sum, outcome) => sum + outcome.jobCount, 0);
    if (lastSeq !== null || jobCount > 0) {
      safely(() => onCommit?.({ lastSeq, jobCount }));
    }
    safely(() => signals?.emit(topics));
  }

  /** What listens must not undo what is committed. */
  function safely(telling: () => void): void {
    try {
      telling();
    } catch (error) {
      logger.error({ err: error }, "listener after the commit failed");
    }
  }
}

function topicsOf(outcomes: readonly Outcome[]): ReadonlySet<Topic> {
  const topics = new Set(outcomes.flatMap((outcome) => outcome.topics));
  if (outcomes.some((outcome) => outcome.events.length > 0)) {
    topics.add("facts");
  }
  if (outcomes.some((outcome) => outcome.jobCount > 0)) {
    topics.add("jobs");
  }
  return topics;
}

function takeFrom(source: Entry[], taken: Entry[]): Entry | undefined {
  const entry = source.shift();
  if (entry) {
    entry.attempts += 1;
    taken.push(entry);
  }
  return entry;
}

/** Whoever runs again runs alone: if it fails for ever, it takes nobody along. */
function isFirstRun(entry: Entry, next: Entry | undefined): boolean {
  return entry.attempts === 1 && (next?.attempts ?? 0) === 0;
}
