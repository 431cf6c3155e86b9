import type { Transaction } from "sequelize";
import type { NewEvent } from "../events/events.ts";
import type { Topic } from "./signals.ts";
import type { Job } from "./work-queue.types.ts";

/** One write transaction, handed to the work that runs in it. */
export interface Tx {
  /** Give it to every query made inside. */
  readonly sequelize: Transaction;
  /** Records a fact in the same transaction as the change it describes, with one delivery per subscriber. */
  emit(event: NewEvent): Promise<void>;
  /** Puts background work into the queue, in the same transaction. */
  enqueue(job: Job): Promise<void>;
  /** Next short number people say, e.g. of releases. No gaps are promised. */
  nextNumber(sequence: "release" | "deployment"): Promise<number>;
  /**
   * Runs after the commit, in the order of the works, before the promise of `run` resolves; never when the work failed. For
   * telling others in memory, so it must be quick and cannot fail the work.
   */
  afterCommit(tell: () => void): void;
  /** Wakes, after the commit, whoever waits for this in any process. Facts and jobs do so by themselves. */
  signal(topic: Topic): void;
}

export interface WorkOptions {
  /**
   * True, the default: nobody else, in any process, writes in turn at the same moment, so the work may read, decide and write.
   * False, for bookkeeping that comes often: on PostgreSQL the work runs beside others. It must then rely on nothing but
   * statements that compare and set, locked rows and unique indexes, and it records no facts.
   */
  readonly inTurn?: boolean;
}

export interface UnitOfWork {
  /**
   * Runs `work` in one write transaction and resolves after it is committed. No network, no process, no waiting inside.
   * A nested call throws instead of waiting for itself. When `work` throws, nothing of it is kept.
   *
   * `work` may be run more than once, each time from the start and in a new transaction, when nothing of the time before was
   * kept: the database was restarted or failed over, or chose this work as the victim of a deadlock. So it must leave nothing
   * behind in memory that a second run cannot bear.
   *
   * Throws what `work` throws, so a broken unique index arrives as Sequelize's `UniqueConstraintError`: catch it around
   * `run`, never inside `work`, because on PostgreSQL a failed statement spoils the rest of the transaction. The row that was
   * first is committed by then. Throws StorageUnavailable when the database cannot be used, e.g. because the disk is full or
   * nothing answers; nothing was kept then. Throws CommitOutcomeUnknown when the database went away in the commit and nobody
   * can tell what became of it: look before doing it again. Under a
   * fence (see `underFence`) throws what the fence throws once the right is lost.
   */
  run<T>(work: (tx: Tx) => Promise<T>, options?: WorkOptions): Promise<T>;
}
