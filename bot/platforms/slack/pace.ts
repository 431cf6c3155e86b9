/** Keeps to "so many in so much time", whenever the time begins. */
export interface Pace {
  /** How long until one more is allowed, while `reserve` of them are left to others. */
  waitMs(now: number, reserve?: number): number;
  /** One more was sent. */
  took(now: number): void;
}

export function createPace(most: number, windowMs: number): Pace {
  let taken: readonly number[] = [];

  return {
    waitMs(now, reserve = 0) {
      const recent = taken.filter((at) => at > now - windowMs);
      const allowed = Math.max(1, most - reserve);
      // When the one that is so many places back leaves the window, there is room.
      const blocker = recent.length < allowed ? undefined : recent.at(-allowed);
      return blocker === undefined ? 0 : blocker + windowMs - now;
    },
    took(now) {
      taken = [...taken.filter((at) => at > now - windowMs), now];
    },
  };
}
