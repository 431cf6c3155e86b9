export interface Drainer {
  /**
   * Marks the start of something that must be finished before the process may end. Returns the function that marks its
   * end (calling it twice is harmless). Throws the refusal once draining has begun.
   */
  startOperation(): () => void;
  /** Refuses new operations from now on. True once none runs; false when some still ran after `timeoutMs`. */
  drain(timeoutMs: number): Promise<boolean>;
  readonly isDraining: boolean;
  readonly operationCount: number;
}

/** Makes a drainer. `refusal` makes the error that callers get while draining. */
export function createDrainer(refusal: () => Error): Drainer {
  let draining = false;
  let running = 0;
  let waiting: (() => void)[] = [];

  return {
    get isDraining() {
      return draining;
    },
    get operationCount() {
      return running;
    },
    startOperation() {
      if (draining) {
        throw refusal();
      }
      running += 1;
      let ended = false;
      return () => {
        if (ended) {
          return;
        }
        ended = true;
        running -= 1;
        if (running === 0) {
          waiting.forEach((resolve) => resolve());
          waiting = [];
        }
      };
    },
    async drain(timeoutMs) {
      draining = true;
      if (running === 0) {
        return true;
      }
      return new Promise((resolve) => {
        const timer = setTimeout(() => resolve(false), timeoutMs);
        waiting.push(() => {
          clearTimeout(timer);
          resolve(true);
        });
      });
    },
  };
}
