import type { Sequelize, Transaction } from "sequelize";
import type { Clock } from "../core/ports/clock.ts";
import type { AppError } from "../errors/app-error.ts";
import type { Logger } from "../lib/logger.ts";
import type { Timers } from "../lib/scheduler.ts";
import type { DeadWorkStore } from "./dead-work.ts";
import type { Signals } from "./signals.ts";
import type { UnitOfWork } from "./unit-of-work.types.ts";
import type { Job, RunningWorkQueue } from "./work-queue.types.ts";

/**
 * Everything that differs between database engines, and nothing else. The rest of the code sees Sequelize and the promises
 * below: how a write transaction is had, and what a fault of the storage is called.
 */
export interface Dialect {
  readonly name: "sqlite" | "postgres";
  /** Where the data is, for messages; never with a password. */
  readonly location: string;
  readonly sequelize: Sequelize;
  /**
   * Whether works that need no turn may be written beside others. Where not, the engine has one writer and everybody takes
   * turns.
   */
  readonly servesManyWriters: boolean;
  /** Begins a write transaction. Throws StorageUnavailable. */
  openSession(options?: SessionOptions): Promise<WriteSession>;
  /** Begins, under a lock that keeps other processes out, whatever must happen once for the whole database. */
  exclusively<T>(work: (transaction: Transaction) => Promise<T>): Promise<T>;
  /** Gives the columns that a migration made the meaning they have on every engine. Called after each migration. */
  settleTables(transaction: Transaction): Promise<void>;
  /** Looks whether the database can be used at all. Throws DatabaseUnusable. */
  probe(): Promise<void>;
  /**
   * Keeps out every other process that asks for the same, until this one closes or ends, however it ends. False where many
   * processes may serve one database. Throws DatabaseInUse.
   */
  claimSoleUse(): Promise<boolean>;
  /**
   * How processes on this database wake each other; with `listens` this one hears the others. Stop them before the database is
   * closed.
   */
  openSignals(deps: {
    readonly listens: boolean;
    readonly logger: Logger;
    readonly timers?: Timers;
  }): Promise<Signals>;
  /** Where background work waits. */
  openJobs(deps: { readonly logger: Logger }): JobStore;
  /** The fault of the storage behind an error, or undefined when the error is something else (a broken rule, a bug). */
  storageFault(error: unknown): AppError | undefined;
  /** Whether what failed with this error has left nothing behind and may well succeed when it is done once more, from the start. */
  isTransient(error: unknown): boolean;
  close(): Promise<void>;
}

/** Where background work waits, and how it is taken from there. */
export interface JobStore {
  /** Makes what it needs beside our own tables, in the transaction that migrates. */
  prepare(transaction: Transaction): Promise<void>;
  /** Puts a job into the queue in the transaction of whoever wants it done. */
  enqueue(transaction: Transaction, job: Job, now: Date): Promise<void>;
  /** What gave up there. */
  deadJobs(deps: { readonly clock: Clock }): DeadWorkStore;
  createQueue(deps: {
    readonly uow: UnitOfWork;
    readonly clock: Clock;
    readonly logger: Logger;
    readonly timers?: Timers;
  }): RunningWorkQueue;
}

export interface SessionOptions {
  /**
   * True, the default: nobody else writes in turn before this session ends. False: it runs beside others, so its works must
   * be right whatever is written at the same moment.
   */
  readonly inTurn?: boolean;
}

/** One write transaction shared by works that run one after the other. */
export interface WriteSession {
  /** Begins a work; what it writes can be forgotten without touching the works before it. */
  begin(): Promise<Transaction>;
  /** Ends the current work and keeps what it wrote. */
  keep(): void;
  /** Ends the current work and forgets what it wrote. Throws when the whole transaction is lost. */
  forget(): Promise<void>;
  /** For what belongs to no single work, e.g. the facts of all of them. */
  readonly own: Transaction;
  /**
   * Makes everything durable. `fact` is the id of a fact that is stored exactly when all the rest is, if there is one: it
   * tells what became of a commit whose answer was lost. When it throws, nothing was kept, unless it throws
   * CommitOutcomeUnknown.
   */
  commit(fact?: string): Promise<void>;
  /** Gives everything up; never throws. */
  abandon(): Promise<void>;
}
