import { AsyncLocalStorage } from "node:async_hooks";
import type { Transaction } from "sequelize";

/**
 * A right that can be lost at any time, such as to run the chat part. What is done under it is written only while it is held:
 * a process that was paused and lost it in the meantime writes nothing when it wakes.
 */
export interface Fence {
  /** Tells one holding of the right from every other. */
  readonly id: string;
  /** Throws when this process knows already that the right is lost. */
  check(): void;
  /** Throws unless the right is held, and keeps it held until the transaction ends. */
  prove(transaction: Transaction): Promise<void>;
}

const current = new AsyncLocalStorage<Fence>();

/** Runs `work` under a fence: every unit of work begun in it, however deep, is written only while the right is held. */
export function underFence<T>(fence: Fence, work: () => T): T {
  return current.run(fence, work);
}

/** The fence that what runs now is under. */
export function currentFence(): Fence | undefined {
  return current.getStore();
}
