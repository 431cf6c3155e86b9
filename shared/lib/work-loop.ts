import { systemTimers, type Timers } from "./scheduler.ts";

/** One piece of claimed work. It deals with its own failure and never rejects. */
export type ClaimedWork = () => Promise<void>;

export interface WorkLoop {
  /** Something may be due: look soon. Cheap, so call it as often as you like. */
  wake(): void;
  /** Begins to look, now and every `pollMs`. */
  start(): void;
  /**
   * Takes no more work and resolves when what runs has ended. Aborts `signal` and resolves false when some still runs after
   * `timeoutMs`.
   */
  stop(timeoutMs: number): Promise<boolean>;
  /** Runs everything due and resolves when nothing is left. Throws what claiming throws. */
  runDue(): Promise<void>;
  /** Aborts when what runs must end now. */
  readonly signal: AbortSignal;
}

/**
 * Claims work and runs it side by side: when woken, when something ended, and every `pollMs`, because a wake-up may come from
 * another process or from time alone. `claim` never overlaps itself and decides by itself how much it takes.
 */
export function createWorkLoop(options: {
  readonly claim: () => Promise<readonly ClaimedWork[]>;
  readonly pollMs: number;
  /** Hears why a claim failed; the next poll tries again. */
  readonly onError: (error: unknown) => void;
  readonly timers?: Timers;
}): WorkLoop {
  const { claim, pollMs, onError, timers = systemTimers } = options;
  const aborting = new AbortController();
  const running = new Set<Promise<void>>();
  let state: "new" | "started" | "stopped" = "new";
  let isWanted = false;
  let isLooking = false;
  let claiming: Promise<unknown> = Promise.resolve();
  let cancelPoll: (() => void) | undefined;

  return { wake, start, stop, runDue, signal: aborting.signal };

  function wake(): void {
    if (state !== "started") {
      return;
    }
    isWanted = true;
    if (!isLooking) {
      isLooking = true;
      void look();
    }
  }

  async function look(): Promise<void> {
    while (isWanted && state === "started") {
      isWanted = false;
      try {
        await take();
      } catch (error) {
        onError(error);
      }
    }
    isLooking = false;
  }

  /** Claims once and returns how much. */
  async function take(): Promise<number> {
    const turn = claiming.then(claim);
    claiming = turn.catch(() => undefined);
    const works = await turn;
    for (const work of works) {
      const run: Promise<void> = work().finally(() => {
        running.delete(run);
        wake();
      });
      running.add(run);
    }
    return works.length;
  }

  function start(): void {
    state = "started";
    poll();
  }

  function poll(): void {
    wake();
    cancelPoll = timers.after(pollMs, poll);
  }

  async function stop(timeoutMs: number): Promise<boolean> {
    state = "stopped";
    cancelPoll?.();
    const ended = claiming.then(() => Promise.all(running)).then(() => true);
    let cancel: () => void = () => undefined;
    const late = new Promise<boolean>((resolve) => {
      cancel = timers.after(timeoutMs, () => resolve(false));
    });
    const isClean = await Promise.race([ended, late]);
    cancel();
    if (!isClean) {
      aborting.abort();
    }
    return isClean;
  }

  async function runDue(): Promise<void> {
    for (;;) {
      // Only a look taken while nothing ran proves that nothing is left: what ends may make other work due.
      const wasIdle = running.size === 0;
      const count = await take();
      if (count === 0 && wasIdle && running.size === 0) {
        return;
      }
      if (count === 0 && running.size > 0) {
        await Promise.race(running);
      }
    }
  }
}

/** Calls `beat` every `everyMs` until the returned function is called. What a beat throws goes to `onError`. */
export function keepBeating(
  beat: () => Promise<void>,
  everyMs: number,
  onError: (error: unknown) => void,
  timers: Timers = systemTimers,
): () => void {
  let cancel: () => void = () => undefined;
  let isOver = false;
  schedule();
  return () => {
    isOver = true;
    cancel();
  };

  function schedule(): void {
    cancel = timers.after(everyMs, () => {
      beat()
        .catch(onError)
        .finally(() => {
          if (!isOver) {
            schedule();
          }
        });
    });
  }
}
