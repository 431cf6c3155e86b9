import { describe, expect, it } from "vitest";
import { buildDeployFacts, minute, olivia } from "../testing/build-facts.ts";
import { notOnHold } from "./not-on-hold.ts";

const hold = { by: "Olivia", reason: "#7 was rolled back", since: minute(0) };

describe(notOnHold.id, () => {
  it("is met without a hold", () => {
    expect(notOnHold.check(buildDeployFacts())).toEqual({ state: "met", notes: [] });
  });

  it("tells a person, and lets them go on", () => {
    expect(notOnHold.check(buildDeployFacts({ hold }))).toEqual({
      state: "met",
      notes: [expect.stringContaining("#7 was rolled back")],
    });
  });

  it("stops automation", () => {
    const actor = { ...olivia, isAutomation: true };
    expect(notOnHold.check(buildDeployFacts({ hold, actor }))).toMatchObject({
      state: "unmet",
      refusals: [{ code: "environment.on_hold", remedy: "Say `resume prod` to let it go on." }],
    });
  });
});
