import { describe, expect, it } from "vitest";
import { buildDeployFacts, buildDeployItem } from "../testing/build-facts.ts";
import { ciGreen } from "./ci-green.ts";
import type { DeployItem } from "./requirement.ts";

function check(ci: DeployItem["ci"], parts: Partial<DeployItem> = {}) {
  return ciGreen.check(buildDeployFacts({ items: [buildDeployItem({ ci, ...parts })] }));
}

const failed = { state: "failure", url: null, summary: "2 of 12 failed" } as const;

describe(ciGreen.id, () => {
  it("is met by green checks", () => {
    expect(check({ state: "success", url: null, summary: "" })).toEqual({
      state: "met",
      notes: [],
    });
  });

  it.each<[string, DeployItem["ci"]]>([
    ["there is no CI", null],
    ["the commit has no checks", { state: "none", url: null, summary: "" }],
  ])("does not apply where %s", (_, ci) => {
    expect(check(ci).state).toBe("not_applicable");
  });

  it.each<[string, DeployItem["ci"], string, string, string]>([
    [
      "failed",
      failed,
      "ci.failed",
      "The checks of auth-service failed: 2 of 12 failed",
      "exclude 12 auth-service",
    ],
    [
      "still run",
      { state: "pending", url: null, summary: "3 of 12 done" },
      "ci.pending",
      "The checks of auth-service are still running: 3 of 12 done",
      "why 12",
    ],
    [
      "cannot be read",
      { ok: false, reason: "CI does not answer." },
      "ci.unreadable",
      "Nobody can tell whether the checks of auth-service passed: CI does not answer.",
      "Try again",
    ],
  ])("refuses checks that %s", (_, ci, code, reason, remedy) => {
    expect(check(ci)).toMatchObject({
      state: "unmet",
      refusals: [{ code, reason, remedy: expect.stringContaining(remedy) }],
    });
  });

  it("leads to the checks where they have a page", () => {
    const url = "https://ci.example.com/7";
    expect(check({ ...failed, url })).toMatchObject({ refusals: [{ code: "ci.failed", url }] });
    expect(check({ ...failed, url, state: "pending" })).toMatchObject({ refusals: [{ url }] });
    expect(JSON.stringify(check(failed))).not.toContain("url");
  });

  it("only looks at what goes out now", () => {
    expect(check(failed, { isExcluded: true }).state).toBe("not_applicable");
    const items = [
      buildDeployItem({ service: "a", ci: failed }),
      buildDeployItem({ service: "b" }),
    ];
    expect(ciGreen.check(buildDeployFacts({ items, only: ["b"] })).state).toBe("met");
  });
});
