/** When somebody wants to be told what waits for them. */
export interface DigestWish {
  readonly digest: "daily" | "weekdays" | "off";
  /** `09:00`, in that time zone. */
  readonly digestAt: string;
  readonly timeZone: string;
  readonly mutedUntil: Date | null;
}

/** A digest that is later than this is left for the next day: nobody wants it in the middle of the night. */
const WINDOW_MINUTES = 3 * 60;
const DAY_MINUTES = 24 * 60;
const WEEKEND = ["Sat", "Sun"];

/**
 * The day whose digest is due now, such as `2026-11-25`; null when none is. By the clock on the person's wall: a day without
 * that time of day, because clocks were put forward, has its digest when they show a later one.
 */
export function dueDigest(wish: DigestWish, now: Date): string | null {
  const { digest, digestAt, timeZone, mutedUntil } = wish;
  if (digest === "off" || (mutedUntil !== null && mutedUntil > now)) {
    return null;
  }
  const [hours = 0, minutes = 0] = digestAt.split(":").map(Number);
  const today = onTheWall(now, timeZone);
  const late = (today.minutes - (hours * 60 + minutes) + DAY_MINUTES) % DAY_MINUTES;
  if (late >= WINDOW_MINUTES) {
    return null;
  }
  // Shortly after midnight it may be yesterday's.
  const day =
    late > today.minutes ? onTheWall(new Date(now.getTime() - late * 60_000), timeZone) : today;
  return digest === "weekdays" && WEEKEND.includes(day.weekday) ? null : day.date;
}

function onTheWall(
  at: Date,
  timeZone: string,
): { readonly date: string; readonly weekday: string; readonly minutes: number } {
  const parts = new Intl.DateTimeFormat("en-US", {
    timeZone,
    hourCycle: "h23",
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    weekday: "short",
    hour: "2-digit",
    minute: "2-digit",
  }).formatToParts(at);
  const part = (type: Intl.DateTimeFormatPartTypes) =>
    parts.find((each) => each.type === type)?.value ?? "";
  return {
    date: `${part("year")}-${part("month")}-${part("day")}`,
    weekday: part("weekday"),
    minutes: Number(part("hour")) * 60 + Number(part("minute")),
  };
}
