/** Keeps to "so many in so much time", whenever the time begins. */
export interface Pace {
  /** How long until one more is allowed, while `reserve` of them are left to others. */
  waitMs(now: number, reserve?: number): number;
  /** One more is sent. Call what comes back when it was answered: somewhere between the two it counted for the other side. */
  take(now: number): (answeredAt: number) => void;
}

interface Taken {
  at: number;
  isOnTheWay: boolean;
}

export function createPace(most: number, windowMs: number): Pace {
  let taken: readonly Taken[] = [];

  return {
    waitMs(now, reserve = 0) {
      const times = recent(now)
        .map(({ at, isOnTheWay }) => (isOnTheWay ? now : at))
        .sort((a, b) => a - b);
      const allowed = Math.max(1, most - reserve);
      // When the one that is so many places back leaves the window, there is room.
      const blocker = times.length < allowed ? undefined : times.at(-allowed);
      return blocker === undefined ? 0 : blocker + windowMs - now;
    },
    take(now) {
      const own: Taken = { at: now, isOnTheWay: true };
      taken = [...recent(now), own];
      return (answeredAt) => {
        own.at = answeredAt;
        own.isOnTheWay = false;
      };
    },
  };

  function recent(now: number): readonly Taken[] {
    return taken.filter(({ at, isOnTheWay }) => isOnTheWay || at > now - windowMs);
  }
}
