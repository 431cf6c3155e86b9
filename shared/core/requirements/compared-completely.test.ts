import { describe, expect, it } from "vitest";
import { buildDeployFacts } from "../testing/build-facts.ts";
import { comparedCompletely } from "./compared-completely.ts";

describe(comparedCompletely.id, () => {
  it("warns of what could not be compared without holding anything up", () => {
    const uncompared = [{ repository: "billing", reason: "It does not answer." }];
    expect(comparedCompletely.check(buildDeployFacts({ uncompared }))).toEqual({
      state: "met",
      notes: [
        "billing could not be compared, so release #12 carries nothing of it: It does not answer.",
      ],
    });
    expect(comparedCompletely.check(buildDeployFacts())).toEqual({ state: "met", notes: [] });
  });
});
