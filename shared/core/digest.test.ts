import { describe, expect, it } from "vitest";
import { dueDigest, type DigestWish } from "./digest.ts";

const wish: DigestWish = {
  digest: "weekdays",
  digestAt: "09:00",
  timeZone: "Europe/Berlin",
  mutedUntil: null,
};

describe(dueDigest.name, () => {
  it.each<[string, Partial<DigestWish>, string, string | null]>([
    ["before the time", {}, "2026-11-25T07:59:00Z", null],
    ["at the time", {}, "2026-11-25T08:00:00Z", "2026-11-25"],
    ["a while later, after an outage", {}, "2026-11-25T10:59:00Z", "2026-11-25"],
    ["much later", {}, "2026-11-25T11:00:00Z", null],
    ["by the person's own clock", { timeZone: "America/New_York" }, "2026-11-25T08:00:00Z", null],
    ["on a Saturday", {}, "2026-11-28T08:00:00Z", null],
    ["on a Saturday, every day", { digest: "daily" }, "2026-11-28T08:00:00Z", "2026-11-28"],
    ["switched off", { digest: "off" }, "2026-11-25T08:00:00Z", null],
    ["muted", { mutedUntil: new Date("2026-11-26T00:00:00Z") }, "2026-11-25T08:00:00Z", null],
    [
      "no longer muted",
      { mutedUntil: new Date("2026-11-25T00:00:00Z") },
      "2026-11-25T08:00:00Z",
      "2026-11-25",
    ],
    // 23:30 of Friday, seen at 00:10 of Saturday.
    ["of yesterday", { digestAt: "23:30" }, "2026-11-27T23:10:00Z", "2026-11-27"],
    ["of a Sunday, on a Monday", { digestAt: "23:30" }, "2026-11-29T23:10:00Z", null],
    // Clocks go from 2:00 to 3:00 on 2026-03-29.
    [
      "at a time that does not exist that day",
      { digest: "daily", digestAt: "02:30" },
      "2026-03-29T01:00:00Z",
      "2026-03-29",
    ],
    // Clocks go from 3:00 to 2:00 on 2026-10-25: both are the same digest.
    [
      "at the first of two such times",
      { digest: "daily", digestAt: "02:30" },
      "2026-10-25T00:30:00Z",
      "2026-10-25",
    ],
    [
      "at the second of them",
      { digest: "daily", digestAt: "02:30" },
      "2026-10-25T01:30:00Z",
      "2026-10-25",
    ],
  ])("%s", (_when, changes, now, expected) => {
    expect(dueDigest({ ...wish, ...changes }, new Date(now))).toBe(expected);
  });
});
