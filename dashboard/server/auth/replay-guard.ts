import type { Clock } from "../../../shared/core/ports/clock.ts";

/** Remembers ids that may be used once, as long as they could be used again. */
export interface ReplayGuard {
  /** True the first time an id is seen within `keptMs`. */
  isFirst(id: string, keptMs: number): boolean;
}

/** Beyond this many, the oldest are forgotten. Only the identity provider can make us remember anything. */
const MOST_IDS = 10_000;

export function createReplayGuard(clock: Clock): ReplayGuard {
  /** Until when each id is remembered, in insertion order. */
  const seen = new Map<string, number>();
  return {
    isFirst(id, keptMs) {
      const now = clock.now().getTime();
      for (const [old, until] of seen) {
        if (until > now && seen.size < MOST_IDS) {
          break;
        }
        seen.delete(old);
      }
      if (seen.has(id)) {
        return false;
      }
      seen.set(id, now + keptMs);
      return true;
    },
  };
}
