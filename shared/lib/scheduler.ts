import type { Logger } from "./logger.ts";

/** Where timers come from, so that tests can move time. Returns the function that cancels the timer. */
export interface Timers {
  after(ms: number, run: () => void): () => void;
}

/** Timers of the machine that never keep the process alive by themselves. */
export const systemTimers: Timers = {
  after(ms, run) {
    const timer = setTimeout(run, ms);
    timer.unref();
    return () => clearTimeout(timer);
  },
};

export interface Job {
  /** Unique; appears in log lines. */
  readonly name: string;
  readonly everyMs: number;
  /** Random share of the interval added to each wait, so that installations do not poll in step. 0.1 by default. */
  readonly jitter?: number;
  /** The signal aborts when the scheduler stops. What it throws is logged; the job runs again in its turn. */
  run(signal: AbortSignal): Promise<void>;
}

export interface Scheduler {
  /** Starts a periodic job; its first run comes after one interval. It never overlaps itself. */
  every(job: Job): void;
  /** Runs a job now, or joins the run that is under way. Throws what the job throws. */
  runNow(name: string): Promise<void>;
  /** Aborts running jobs, starts no more, and resolves when the last one has ended. */
  stop(): Promise<void>;
}

interface Entry {
  readonly job: Job;
  running: Promise<void> | undefined;
  cancel: (() => void) | undefined;
}

export function createScheduler(deps: {
  readonly logger: Logger;
  readonly timers?: Timers;
  /** Between 0 and 1; `Math.random` by default. */
  readonly random?: () => number;
}): Scheduler {
  const { logger, timers = systemTimers, random = Math.random } = deps;
  const entries = new Map<string, Entry>();
  const stopping = new AbortController();

  return { every, runNow, stop };

  function every(job: Job): void {
    if (entries.has(job.name)) {
      throw new Error(`a job called "${job.name}" is already scheduled`);
    }
    const entry: Entry = { job, running: undefined, cancel: undefined };
    entries.set(job.name, entry);
    waitForTurn(entry);
  }

  async function runNow(name: string): Promise<void> {
    const entry = entries.get(name);
    if (!entry) {
      throw new Error(`no job is called "${name}"`);
    }
    await run(entry);
  }

  async function stop(): Promise<void> {
    stopping.abort();
    for (const entry of entries.values()) {
      entry.cancel?.();
    }
    await Promise.allSettled([...entries.values()].flatMap((entry) => entry.running ?? []));
  }

  function waitForTurn(entry: Entry): void {
    if (stopping.signal.aborted) {
      return;
    }
    const { everyMs, jitter = 0.1 } = entry.job;
    entry.cancel = timers.after(everyMs * (1 + jitter * random()), () => {
      run(entry)
        .catch((error: unknown) => {
          logger.error({ err: error, job: entry.job.name }, "periodic job failed");
        })
        .finally(() => waitForTurn(entry));
    });
  }

  function run(entry: Entry): Promise<void> {
    if (stopping.signal.aborted) {
      return Promise.resolve();
    }
    entry.running ??= start(entry).finally(() => {
      entry.running = undefined;
    });
    return entry.running;
  }

  async function start(entry: Entry): Promise<void> {
    await entry.job.run(stopping.signal);
  }
}
