import { describe, expect, it } from "vitest";
import { createManualClock } from "../../../shared/testing/clock.ts";
import { createReplayGuard } from "./replay-guard.ts";

describe(createReplayGuard.name, () => {
  it("lets an id pass once, and again only when it could not be replayed any more", async () => {
    const clock = createManualClock();
    const guard = createReplayGuard(clock);
    expect(guard.isFirst("a", 1_000)).toBe(true);
    expect(guard.isFirst("b", 1_000)).toBe(true);
    expect(guard.isFirst("a", 1_000)).toBe(false);
    await clock.advance(1_001);
    expect(guard.isFirst("a", 1_000)).toBe(true);
  });
});
