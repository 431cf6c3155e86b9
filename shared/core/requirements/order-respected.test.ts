import { describe, expect, it } from "vitest";
import { buildDeployFacts, buildDeployItem } from "../testing/build-facts.ts";
import { orderRespected } from "./order-respected.ts";
import type { DeployItem } from "./requirement.ts";

/** db ← auth ← api, and web beside them. */
function items(parts: Record<string, Partial<DeployItem>> = {}): readonly DeployItem[] {
  return [
    buildDeployItem({ service: "db", ...parts["db"] }),
    buildDeployItem({ service: "auth", dependsOn: ["db"], ...parts["auth"] }),
    buildDeployItem({ service: "api", dependsOn: ["auth", "elsewhere"], ...parts["api"] }),
    buildDeployItem({ service: "web", ...parts["web"] }),
  ];
}

describe(orderRespected.id, () => {
  it.each<[string, Record<string, Partial<DeployItem>>, string[] | null, number | null]>([
    ["everything", {}, null, null],
    ["a service that depends on nothing", {}, ["web"], null],
    ["a service with all it depends on", {}, ["db", "auth", "api"], null],
    [
      "a service whose dependency is out already",
      { auth: { isDeployedHere: true } },
      ["api"],
      null,
    ],
    ["a service whose dependency is excluded", { auth: { isExcluded: true } }, ["api"], null],
    [
      "a later wave after the earlier ones went out",
      { db: { isDeployedHere: true }, web: { isDeployedHere: true } },
      null,
      2,
    ],
  ])("lets %s go out", (_, parts, only, fromWave) => {
    const facts = buildDeployFacts({ items: items(parts), only, fromWave });
    expect(orderRespected.check(facts)).toEqual({ state: "met", notes: [] });
  });

  it("refuses a service before what it depends on, and says what to type", () => {
    expect(orderRespected.check(buildDeployFacts({ items: items(), only: ["api"] }))).toEqual({
      state: "unmet",
      refusals: [
        {
          ok: false,
          code: "order.skipped",
          reason: "api depends on auth and db, which release #12 has not brought to prod yet.",
          remedy: "Say `deploy 12 to prod --only api,auth,db`, or deploy everything.",
        },
      ],
    });
  });

  it("refuses to begin with a later wave", () => {
    expect(orderRespected.check(buildDeployFacts({ items: items(), fromWave: 2 }))).toMatchObject({
      refusals: [{ reason: expect.stringContaining("auth depends on db") }],
    });
  });

  it("leaves a circle to its own gate", () => {
    const circle = items({ db: { dependsOn: ["api"] } });
    expect(orderRespected.check(buildDeployFacts({ items: circle, only: ["api"] })).state).toBe(
      "not_applicable",
    );
  });
});
