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

export interface UnitOfWork {
  /**
   * Runs `work` in one write transaction and resolves after it is committed. No network, no process, no waiting inside.
   * A nested call throws instead of waiting for itself. When `work` throws, nothing of it is kept.
   *
   * Throws what `work` throws, so a broken unique index arrives as Sequelize's `UniqueConstraintError`: catch it around
   * `run`, never inside `work`, because on PostgreSQL a failed statement spoils the rest of the transaction. The row that was
   * first is committed by then. Throws
   * StorageUnavailable when the disk is full, failing, read-only or locked by another process; nothing was kept then. Under a
   * fence (see `underFence`) throws what the fence throws once the right is lost.
   */
  run<T>(work: (tx: Tx) => Promise<T>): Promise<T>;
}
