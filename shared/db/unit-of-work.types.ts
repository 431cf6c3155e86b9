import type { Transaction } from "sequelize";
import type { NewEvent } from "../events/events.ts";
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
}

export interface UnitOfWork {
  /**
   * Runs `work` in one write transaction and resolves after it is committed. No network, no process, no waiting inside.
   * A nested call throws instead of waiting for itself. When `work` throws, nothing of it is kept.
   */
  run<T>(work: (tx: Tx) => Promise<T>): Promise<T>;
}
