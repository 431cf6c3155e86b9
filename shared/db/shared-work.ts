import { currentFence, type Fence } from "./fence.ts";
import type { Tx, UnitOfWork } from "./unit-of-work.types.ts";

/** What fits into one statement comfortably. */
const MOST_ITEMS = 200;

interface Waiting<T, R> {
  readonly item: T;
  readonly resolve: (result: R) => void;
  readonly reject: (reason: unknown) => void;
}

/** Callers under one fence: what one of them may write, all of them may. */
interface Line<T, R> {
  waiting: Waiting<T, R>[];
  /** A work that has not begun yet will serve whoever waits. */
  isExpected: boolean;
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
  const lines = new WeakMap<Fence, Line<T, R>>();
  const open: Line<T, R> = { waiting: [], isExpected: false };

  return (item) =>
    new Promise<R>((resolve, reject) => {
      const line = lineOf(currentFence());
      line.waiting.push({ item, resolve, reject });
      expectRound(line);
    });

  function lineOf(fence: Fence | undefined): Line<T, R> {
    if (!fence) {
      return open;
    }
    const line = lines.get(fence) ?? { waiting: [], isExpected: false };
    lines.set(fence, line);
    return line;
  }

  function expectRound(line: Line<T, R>): void {
    if (!line.isExpected && line.waiting.length > 0) {
      line.isExpected = true;
      void serve(line);
    }
  }

  async function serve(line: Line<T, R>): Promise<void> {
    let taken: Waiting<T, R>[] | undefined;
    try {
      const results = await uow.run((tx) => {
        // The same ones again, when the database has the work run once more.
        taken ??= take(line);
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
      const unserved = taken ?? take(line);
      unserved.forEach(({ reject }) => reject(error));
    }
    expectRound(line);
  }

  function take(line: Line<T, R>): Waiting<T, R>[] {
    line.isExpected = false;
    const taken = line.waiting;
    line.waiting = taken.splice(MOST_ITEMS);
    return taken;
  }
}
