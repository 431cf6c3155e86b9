import { describe, expect, it } from "vitest";
import type { ReleaseStatus } from "../../contract/release.ts";
import { buildDeployFacts, minute } from "../testing/build-facts.ts";
import { statusDeployable } from "./status-deployable.ts";

function check(status: ReleaseStatus, isTargetOfRelease: boolean, isBusy = false) {
  const facts = buildDeployFacts({
    activeDeployment: isBusy
      ? { number: 7, by: "Olivia", since: minute(0), progress: "wave 1 of 2" }
      : null,
  });
  return statusDeployable.check({
    ...facts,
    release: { ...facts.release, status },
    environment: { ...facts.environment, isTargetOfRelease },
  });
}

describe(statusDeployable.id, () => {
  it.each<ReleaseStatus>(["pending", "approved", "failed", "rolled_back", "rejected"])(
    "leaves %s to the other gates",
    (status) => {
      expect(check(status, true)).toEqual({ state: "met", notes: [] });
    },
  );

  it.each<[ReleaseStatus, string, string]>([
    ["cancelled", "release.closed", "Create a new release."],
    ["deployed", "release.deployed", "rollback prod"],
    ["deploying", "release.busy", "release 12"],
  ])("refuses what is %s", (status, code, remedy) => {
    expect(check(status, true)).toMatchObject({
      state: "unmet",
      refusals: [{ code, remedy: expect.stringContaining(remedy) }],
    });
  });

  it("lets what is deployed or deploying go elsewhere, but nothing that was closed", () => {
    expect(check("deployed", false).state).toBe("met");
    expect(check("deploying", false).state).toBe("met");
    expect(check("cancelled", false).state).toBe("unmet");
  });

  it("leaves it to the deployment that is running to be named", () => {
    expect(check("deploying", true, true).state).toBe("not_applicable");
  });
});
