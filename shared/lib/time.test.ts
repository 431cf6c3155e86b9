import { describe, expect, it } from "vitest";
import { formatDuration, parseDuration, relativeTime } from "./time.ts";

describe(parseDuration.name, () => {
  it.each([
    ["500ms", 500],
    ["60s", 60_000],
    ["5m", 300_000],
    ["2h", 7_200_000],
    ["1h30m", 5_400_000],
    ["7d", 604_800_000],
    [" 10s ", 10_000],
    ["0s", 0],
  ])("reads %s", (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  it.each(["", "60", "s", "1.5h", "-2h", "2 hours", "2h ago", "1e9s", "999999999d"])(
    "refuses %j",
    (text) => {
      expect(parseDuration(text)).toBeUndefined();
    },
  );
});

describe(formatDuration.name, () => {
  it.each([
    [0, "0 ms"],
    [850, "850 ms"],
    [999.6, "1 s"],
    [12_300, "12 s"],
    [59_700, "1 min"],
    [200_000, "3 min 20 s"],
    [3_599_700, "1 h"],
    [7_500_000, "2 h 5 min"],
    [86_400_000, "1 d"],
    [100 * 3_600_000, "4 d 4 h"],
    [-5, "0 ms"],
  ])("writes %d ms as %s", (ms, text) => {
    expect(formatDuration(ms)).toBe(text);
  });
});

describe(relativeTime.name, () => {
  const now = new Date("2026-11-25T12:00:00Z");

  it.each([
    [-10_000, "just now"],
    [0, "just now"],
    [44_000, "just now"],
    [50_000, "1 min ago"],
    [119_000, "1 min ago"],
    [7_200_000, "2 h ago"],
    [3 * 86_400_000, "3 d ago"],
    [-300_000, "in 5 min"],
  ])("says what lies %d ms back", (ms, text) => {
    expect(relativeTime(new Date(now.getTime() - ms), now)).toBe(text);
  });
});
