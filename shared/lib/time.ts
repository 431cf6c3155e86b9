const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: SECOND,
  m: MINUTE,
  h: HOUR,
  d: DAY,
};

/** Longer durations are surely mistakes, and timers of Node overflow at 24.8 days. */
const LONGEST_MS = 3650 * DAY;

/**
 * Milliseconds of a duration people write: `500ms`, `60s`, `2h`, `7d`, `1h30m`. Undefined when the text is not one; a
 * number without a unit is not one, because nobody can tell seconds from milliseconds.
 */
export function parseDuration(text: string): number | undefined {
  const trimmed = text.trim();
  if (!/^(?:\d{1,9}(?:ms|s|m|h|d))+$/.test(trimmed)) {
    return undefined;
  }
  let total = 0;
  for (const [, amount, unit] of trimmed.matchAll(/(\d+)(ms|s|m|h|d)/g)) {
    total += Number(amount) * (UNITS[unit ?? ""] ?? 0);
  }
  return total <= LONGEST_MS ? total : undefined;
}

/** A duration as people read it, with at most two units: `850 ms`, `12 s`, `3 min 20 s`, `2 h 5 min`, `4 d`. */
export function formatDuration(ms: number): string {
  const rest = Math.max(0, Math.round(ms));
  if (rest < SECOND) {
    return `${rest} ms`;
  }
  const seconds = Math.round(rest / SECOND);
  if (seconds < 60) {
    return `${seconds} s`;
  }
  if (seconds < 3600) {
    return twoUnits(seconds, 60, "min", "s");
  }
  const minutes = Math.round(seconds / 60);
  if (minutes < 24 * 60) {
    return twoUnits(minutes, 60, "h", "min");
  }
  return twoUnits(Math.round(minutes / 60), 24, "d", "h");
}

/** How long ago, or in how long: `just now`, `2 min ago`, `3 h ago`, `in 5 min`, `12 d ago`. */
export function relativeTime(at: Date, now: Date): string {
  const difference = now.getTime() - at.getTime();
  const words = oneUnit(Math.abs(difference));
  if (words === undefined) {
    return "just now";
  }
  return difference > 0 ? `${words} ago` : `in ${words}`;
}

function twoUnits(value: number, size: number, big: string, small: string): string {
  const rest = value % size;
  const whole = `${Math.floor(value / size)} ${big}`;
  return rest === 0 ? whole : `${whole} ${rest} ${small}`;
}

function oneUnit(ms: number): string | undefined {
  if (ms < 45 * SECOND) {
    return undefined;
  }
  if (ms < HOUR) {
    return `${Math.max(1, Math.floor(ms / MINUTE))} min`;
  }
  if (ms < DAY) {
    return `${Math.floor(ms / HOUR)} h`;
  }
  return `${Math.floor(ms / DAY)} d`;
}
