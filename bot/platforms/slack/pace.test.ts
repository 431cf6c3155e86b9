import { describe, expect, it } from "vitest";
import { createPace } from "./pace.ts";

describe(createPace.name, () => {
  it("lets through as many as allowed in any window", () => {
    const pace = createPace(3, 1_000);
    for (const at of [0, 100, 200]) {
      expect(pace.waitMs(at)).toBe(0);
      pace.take(at)(at);
    }
    expect(pace.waitMs(300)).toBe(700);
    expect(pace.waitMs(1_000)).toBe(0);
    pace.take(1_000)(1_000);
    expect(pace.waitMs(1_001)).toBe(99);
  });

  it("counts from the answer, because nobody knows when it arrived", () => {
    const pace = createPace(1, 1_000);
    const answered = pace.take(0);
    expect(pace.waitMs(5_000)).toBe(1_000);
    answered(5_000);
    expect(pace.waitMs(5_500)).toBe(500);
  });

  it("leaves some to others", () => {
    const pace = createPace(3, 1_000);
    pace.take(0)(0);
    pace.take(500)(500);
    expect(pace.waitMs(600)).toBe(0);
    expect(pace.waitMs(600, 1)).toBe(400);
    expect(pace.waitMs(600, 2)).toBe(900);
    // Nobody waits for ever.
    expect(pace.waitMs(600, 9)).toBe(900);
  });
});
