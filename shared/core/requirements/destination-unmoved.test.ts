import { describe, expect, it } from "vitest";
import { buildDeployFacts, buildDeployItem } from "../testing/build-facts.ts";
import { destinationUnmoved } from "./destination-unmoved.ts";
import type { DeployItem } from "./requirement.ts";

const moved = { destination: { ok: true, behindCount: 2 } } as const;

describe(destinationUnmoved.id, () => {
  it("is met while the destination has nothing of its own", () => {
    expect(destinationUnmoved.check(buildDeployFacts())).toEqual({ state: "met", notes: [] });
  });

  it("refuses a destination that has moved on", () => {
    const facts = buildDeployFacts({ items: [buildDeployItem(moved)] });
    expect(destinationUnmoved.check(facts)).toEqual({
      state: "unmet",
      refusals: [
        {
          ok: false,
          code: "destination.moved",
          reason: "master of auth-service has 2 commits that uat lacks.",
          remedy: "Merge master into uat first, then say `refresh 12`.",
        },
      ],
    });
  });

  it("refuses what nobody can read", () => {
    const destination = { ok: false, reason: "No such branch." } as const;
    const facts = buildDeployFacts({ items: [buildDeployItem({ destination })] });
    expect(destinationUnmoved.check(facts)).toMatchObject({
      refusals: [
        { code: "destination.unreadable", reason: expect.stringContaining("No such branch") },
      ],
    });
  });

  it.each<[string, Partial<DeployItem>]>([
    ["has landed already", { ...moved, isLanded: true }],
    ["lands nowhere", { destination: null }],
    ["is excluded", { ...moved, isExcluded: true }],
  ])("does not mind about what %s", (_, parts) => {
    const items = [buildDeployItem({ service: "b" }), buildDeployItem(parts)];
    expect(destinationUnmoved.check(buildDeployFacts({ items })).state).toBe("met");
  });

  it("does not apply where branches are left alone", () => {
    const facts = buildDeployFacts({ items: [buildDeployItem(moved)] });
    expect(
      destinationUnmoved.check({ ...facts, environment: { ...facts.environment, land: "off" } })
        .state,
    ).toBe("not_applicable");
  });
});
