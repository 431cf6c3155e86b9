import { describe, expect, it } from "vitest";
import { buildDeployFacts, buildDeployItem } from "../testing/build-facts.ts";
import { hasItems } from "./has-items.ts";
import type { DeployFacts } from "./requirement.ts";

describe(hasItems.id, () => {
  it.each<[string, Partial<DeployFacts>]>([
    ["everything", {}],
    ["named services", { only: ["api-gateway"] }],
    ["a later wave", { fromWave: 2 }],
  ])("is met by %s", (_, parts) => {
    expect(hasItems.check(buildDeployFacts(parts))).toEqual({ state: "met", notes: [] });
  });

  it.each<[string, Partial<DeployFacts>, string, string]>([
    ["no services", { items: [] }, "release.empty", "refresh 12"],
    [
      "excluded services only",
      { items: [buildDeployItem({ isExcluded: true })] },
      "release.empty",
      "include 12 <service>",
    ],
    [
      "a misspelt service",
      { only: ["api-gatewy"] },
      "release.item_missing",
      "Did you mean api-gateway?",
    ],
    [
      "a service that is not in the release",
      { only: ["auth-service", "zzz"] },
      "release.item_missing",
      "It deploys auth-service and api-gateway",
    ],
    ["a wave there is not", { fromWave: 3 }, "release.empty", "order 12"],
  ])("refuses %s", (_, parts, code, remedy) => {
    expect(hasItems.check(buildDeployFacts(parts))).toMatchObject({
      state: "unmet",
      refusals: [{ code, remedy: expect.stringContaining(remedy) }],
    });
  });

  it("still finds named services when there is a circle", () => {
    const items = [buildDeployItem({ service: "a", dependsOn: ["a"] })];
    expect(hasItems.check(buildDeployFacts({ items, only: ["a"] })).state).toBe("met");
  });
});
