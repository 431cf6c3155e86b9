import { describe, expect, it } from "vitest";
import { buildDeployFacts, minute } from "../testing/build-facts.ts";
import { notLocked } from "./not-locked.ts";

const lock = { by: "Olivia", reason: "database maintenance", since: minute(0), until: null };

describe(notLocked.id, () => {
  it("is met without a lock", () => {
    expect(notLocked.check(buildDeployFacts())).toEqual({ state: "met", notes: [] });
  });

  it.each([
    [null, "prod is locked by Olivia since 2026-11-21 10:00 UTC: database maintenance"],
    [
      minute(30),
      "prod is locked by Olivia since 2026-11-21 10:00 UTC until 2026-11-21 10:30 UTC: database maintenance",
    ],
  ])("says who locked it, why and how to open it (until %s)", (until, reason) => {
    expect(notLocked.check(buildDeployFacts({ lock: { ...lock, until } }))).toEqual({
      state: "unmet",
      refusals: [
        {
          ok: false,
          code: "environment.locked",
          reason,
          remedy: "Ask Olivia, or say `unlock prod`.",
        },
      ],
    });
  });
});
