import type { ProviderFailure } from "../../../core/ports/scm.ts";
import { GithubFailed } from "./failures.ts";

/** Pages asked at the same time. */
const CONCURRENT_BATCHES = 3;
/** Single items in a row that are too much: then it is not the size. */
const MOST_STRIKES = 3;
/** Batches in a row that went well before a larger one is tried again. */
const CALM_BATCHES = 10;

/**
 * Asks about many things in as few requests as the other side manages: half as many at a time whenever it was too much
 * (100, 50, 25 … 1), and again more after a while. What worked is remembered from call to call.
 */
export interface Batches {
  /**
   * Calls `ask` with parts of `items`. A `GithubFailed` concerns exactly those of its part and goes to `fail`; every other
   * error ends the whole.
   */
  run<T>(
    items: readonly T[],
    ask: (part: readonly T[]) => Promise<void>,
    fail: (part: readonly T[], failure: ProviderFailure) => void,
  ): Promise<void>;
  /** Things asked about at a time, now. */
  readonly size: number;
}

export function createBatches(largest: number): Batches {
  let size = largest;
  let calm = 0;

  return {
    run,
    get size() {
      return size;
    },
  };

  async function run<T>(
    items: readonly T[],
    ask: (part: readonly T[]) => Promise<void>,
    fail: (part: readonly T[], failure: ProviderFailure) => void,
  ): Promise<void> {
    const waiting = [...items];
    let strikes = 0;
    const count = Math.min(CONCURRENT_BATCHES, Math.ceil(items.length / size));
    await Promise.all(Array.from({ length: count }, work));

    async function work(): Promise<void> {
      for (let part = take(); part.length > 0; part = take()) {
        try {
          await ask(part);
          strikes = 0;
          grow();
        } catch (error) {
          if (!(error instanceof GithubFailed)) {
            throw error;
          }
          afterFailure(part, error);
        }
      }
    }

    function afterFailure(part: readonly T[], error: GithubFailed): void {
      if (error.isTooMuch && part.length > 1) {
        size = Math.max(1, Math.min(size, Math.floor(part.length / 2)));
        calm = 0;
        waiting.unshift(...part);
        return;
      }
      fail(part, error.failure);
      strikes += error.isTooMuch ? 1 : 0;
      // A limit, a wrong token or a system that is down: everything else would be answered the same.
      if (strikes >= MOST_STRIKES || !error.isTooMuch) {
        fail(waiting.splice(0), error.failure);
      }
    }

    function take(): readonly T[] {
      return waiting.splice(0, size);
    }
  }

  function grow(): void {
    calm += 1;
    if (calm >= CALM_BATCHES && size < largest) {
      size = Math.min(largest, size * 2);
      calm = 0;
    }
  }
}
