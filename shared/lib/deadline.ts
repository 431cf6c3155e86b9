import { setMaxListeners } from "node:events";
import type { Timers } from "./scheduler.ts";

/** A time limit that can be handed on as a signal. */
export interface Deadline {
  /** Aborts when the time is over or one of the parents aborts. */
  readonly signal: AbortSignal;
  /** The time itself ran out, whatever the parents did. */
  readonly isOver: boolean;
  /** Frees the timer. Call it when the work has ended. */
  end(): void;
}

/** Starts a time limit of `ms` milliseconds. */
export function startDeadline(
  timers: Timers,
  ms: number,
  parents: readonly AbortSignal[] = [],
): Deadline {
  const controller = new AbortController();
  let isOver = false;
  const cancel = timers.after(ms, () => {
    isOver = true;
    controller.abort(new Error(`time limit of ${ms} ms is over`));
  });
  return {
    signal: AbortSignal.any([controller.signal, ...parents]),
    get isOver() {
      return isOver;
    },
    end: cancel,
  };
}

/** Waits `ms` milliseconds, or until the signal aborts; never rejects. */
export function pause(timers: Timers, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) {
      resolve();
      return;
    }
    const cancel = timers.after(ms, end);
    // Everything that is held up while a chat is away waits on one signal; that is no leak worth a warning in the log.
    setMaxListeners(0, signal);
    signal.addEventListener("abort", end, { once: true });
    function end(): void {
      cancel();
      signal.removeEventListener("abort", end);
      resolve();
    }
  });
}

/**
 * The work's result, or a rejection with the signal's reason as soon as it aborts: for work that may not listen to it. The
 * abandoned work's own failure is swallowed.
 */
export function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    function abort(): void {
      reject(signal.reason instanceof Error ? signal.reason : new Error("aborted"));
    }
    if (signal.aborted) {
      work.catch(() => undefined);
      abort();
      return;
    }
    setMaxListeners(0, signal);
    signal.addEventListener("abort", abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}
