import type { Clock } from "../../core/ports/clock.ts";

/** How long a row that was read is good for: another process may have changed it. */
const KEPT_MS = 5_000;
const MOST_KEPT = 10_000;

/** Remembers rows for a few seconds, because every message and every request asks who somebody is. */
export interface ShortCache<T> {
  get(key: string, load: () => Promise<T | null>): Promise<T | null>;
  forget(key: string): void;
}

export function createShortCache<T>(clock: Clock): ShortCache<T> {
  const kept = new Map<string, { readonly value: Promise<T | null>; readonly until: number }>();

  return {
    get(key, load) {
      const now = clock.now().getTime();
      const known = kept.get(key);
      if (known && known.until > now) {
        return known.value;
      }
      if (kept.size >= MOST_KEPT) {
        kept.clear();
      }
      const value = load();
      kept.set(key, { value, until: now + KEPT_MS });
      value.then(
        (found) => {
          // Nobody is remembered as unknown: they may appear any moment.
          if (found === null) {
            kept.delete(key);
          }
        },
        () => kept.delete(key),
      );
      return value;
    },
    forget(key) {
      kept.delete(key);
    },
  };
}
