import type { Tx, UnitOfWork } from "./unit-of-work.types.ts";

/** What fits into one statement comfortably. */
const MOST_ITEMS = 200;

interface Waiting<T, R> {
  readonly item: T;
  readonly resolve: (result: R) => void;
  readonly reject: (reason: unknown) => void;
}

/**
 * One work for many callers, for the few writes that come by the hundred: whoever asks before the work begins is served by it,
 * with one statement instead of one each. `write` gives one result per item, in order; when it throws, every caller of that
 * round hears it, so it must not fail for the sake of one item. Like `run`, never call it inside another work.
 */
export function createSharedWork<T, R>(
  uow: UnitOfWork,
  write: (tx: Tx, items: readonly T[]) => Promise<readonly R[]>,
): (item: T) => Promise<R> {
  let waiting: Waiting<T, R>[] = [];
  /** A work that has not begun yet will serve whoever waits. */
  let isExpected = false;

  return (item) =>
    new Promise<R>((resolve, reject) => {
      waiting.push({ item, resolve, reject });
      expectRound();
    });

  function expectRound(): void {
    if (!isExpected && waiting.length > 0) {
      isExpected = true;
      void serve();
    }
  }

  async function serve(): Promise<void> {
    let taken: Waiting<T, R>[] | undefined;
    try {
      const results = await uow.run((tx) => {
        // The same ones again, when the database has the work run once more.
        taken ??= take();
        return write(
          tx,
          taken.map(({ item }) => item),
        );
      });
      taken?.forEach(({ resolve, reject }, index) => {
        const result = results[index];
        if (result === undefined) {
          reject(new Error("shared work gave too few results"));
        } else {
          resolve(result);
        }
      });
    } catch (error) {
      // A transaction that could not even begin has taken nobody yet.
      const unserved = taken ?? take();
      unserved.forEach(({ reject }) => reject(error));
    }
    expectRound();
  }

  function take(): Waiting<T, R>[] {
    isExpected = false;
    const taken = waiting;
    waiting = taken.splice(MOST_ITEMS);
    return taken;
  }
}
