import type { Clock } from "../core/ports/clock.ts";
import type { Timers } from "../lib/scheduler.ts";

/** A clock that stands still until a test moves it, and the timers that go with it. */
export interface ManualClock extends Clock, Timers {
  /** Moves time forward, running the timers that fall due, in order, and letting what they started settle. */
  advance(ms: number): Promise<void>;
  set(at: Date): void;
  /** Timers not yet due. */
  readonly pendingCount: number;
}

export function createManualClock(start = new Date("2026-11-25T12:00:00.000Z")): ManualClock {
  let now = start.getTime();
  let pending: { readonly at: number; readonly run: () => void }[] = [];

  return {
    now: () => new Date(now),
    get pendingCount() {
      return pending.length;
    },
    set(at) {
      now = at.getTime();
    },
    after(ms, run) {
      const timer = { at: now + ms, run };
      pending.push(timer);
      return () => {
        pending = pending.filter((other) => other !== timer);
      };
    },
    async advance(ms) {
      const until = now + ms;
      for (;;) {
        const next = pending.filter((timer) => timer.at <= until).sort((a, b) => a.at - b.at)[0];
        if (!next) {
          break;
        }
        pending = pending.filter((other) => other !== next);
        now = Math.max(now, next.at);
        next.run();
        await settle();
      }
      now = until;
      await settle();
    },
  };
}

/** Lets promise chains started by a timer run to their next wait. */
async function settle(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}
