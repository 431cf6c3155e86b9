import { describe, expect, it } from "vitest";
import { buildDeployFacts, minute } from "../testing/build-facts.ts";
import { noActiveDeployment } from "./no-active-deployment.ts";

describe(noActiveDeployment.id, () => {
  it("is met when nothing runs", () => {
    expect(noActiveDeployment.check(buildDeployFacts())).toEqual({ state: "met", notes: [] });
  });

  it("names the one that runs", () => {
    const activeDeployment = { number: 7, by: "Olivia", since: minute(3), progress: "wave 2 of 3" };
    expect(noActiveDeployment.check(buildDeployFacts({ activeDeployment }))).toEqual({
      state: "unmet",
      refusals: [
        {
          ok: false,
          code: "environment.busy",
          reason:
            "Deployment #7 by Olivia is under way in prod since 2026-11-21 10:03 UTC (wave 2 of 3).",
          remedy: "Wait for it, or say `cancel 7`.",
        },
      ],
    });
  });
});
