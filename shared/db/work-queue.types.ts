/** Every kind of background work. */
export const JOB_NAMES = [
  "deployment.advance",
  "release.refresh",
  "release.pull_requests",
  "forge.report",
  "card.refresh",
] as const;

/** Background work by name; the payload is JSON. */
export interface Job {
  readonly name: (typeof JOB_NAMES)[number];
  readonly payload: Readonly<Record<string, unknown>>;
  /** At most one waiting job per key: a second is dropped. */
  readonly key?: string;
  /** Not before this time. */
  readonly runAt?: Date;
}

/**
 * Background work that survives a crash: enqueued in the transaction that causes it, run at least once, retried with
 * growing pauses, dead after the last attempt and visible then.
 */
export interface WorkQueue {
  /** Handles jobs of one name, at most `concurrency` at a time. */
  work(
    name: Job["name"],
    options: { readonly concurrency: number },
    handle: (payload: Job["payload"], signal: AbortSignal) => Promise<void>,
  ): void;
  /** Begins to take work. */
  start(): void;
  /** Takes no more work and resolves when what runs has ended or `timeoutMs` is over. */
  stop(timeoutMs: number): Promise<void>;
  /** Runs everything due now and resolves when nothing due is left. For tests and for a quiet start. */
  runDue(): Promise<void>;
}

/** A queue that is told of commits. */
export interface RunningWorkQueue extends WorkQueue {
  /** Something was committed. Cheap; call it after every commit. */
  wake(): void;
}
