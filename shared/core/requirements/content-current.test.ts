import { describe, expect, it } from "vitest";
import { buildDeployFacts, buildDeployItem } from "../testing/build-facts.ts";
import { contentCurrent } from "./content-current.ts";
import type { DeployItem } from "./requirement.ts";

const moved = { source: { ok: true, sha: "0123456789abcdef" } } as const;

describe(contentCurrent.id, () => {
  it("is met while every branch is where it was", () => {
    expect(contentCurrent.check(buildDeployFacts())).toEqual({ state: "met", notes: [] });
  });

  it("refuses what has moved and says how to go on", () => {
    const facts = buildDeployFacts({
      items: [buildDeployItem(moved), buildDeployItem({ service: "b" })],
    });
    expect(contentCurrent.check(facts)).toEqual({
      state: "unmet",
      refusals: [
        {
          ok: false,
          code: "content.changed",
          reason:
            "uat of auth-service has moved to 01234567 since release #12 was compared at head-1.",
          remedy: "Say `refresh 12` and have it signed again, or `exclude 12 auth-service`.",
        },
      ],
    });
  });

  it("refuses what nobody can read", () => {
    const source = { ok: false, reason: "The repository does not answer." } as const;
    const facts = buildDeployFacts({ items: [buildDeployItem({ source })] });
    expect(contentCurrent.check(facts)).toMatchObject({
      refusals: [
        { code: "content.unreadable", reason: expect.stringContaining("does not answer") },
      ],
    });
  });

  it("counts what moved outside a partial deploy too: it was signed as a whole", () => {
    const items = [buildDeployItem({ service: "a" }), buildDeployItem({ service: "b", ...moved })];
    expect(contentCurrent.check(buildDeployFacts({ items, only: ["a"] })).state).toBe("unmet");
  });

  it("does not look at what was merged already, where the merge comes first", () => {
    const items = [buildDeployItem({ ...moved, isLanded: true })];
    const { environment } = buildDeployFacts();
    const before = { ...environment, land: "before" as const };
    expect(contentCurrent.check(buildDeployFacts({ items, environment: before })).state).toBe(
      "not_applicable",
    );
    expect(contentCurrent.check(buildDeployFacts({ items })).state).toBe("unmet");
  });

  it.each<[string, Partial<DeployItem>]>([
    ["is excluded", { ...moved, isExcluded: true }],
    ["is out already", { ...moved, isDeployedHere: true }],
    ["comes from no branch", { source: null }],
  ])("does not look at what %s", (_, parts) => {
    const facts = buildDeployFacts({ items: [buildDeployItem(parts)] });
    expect(contentCurrent.check(facts).state).toBe("not_applicable");
  });
});
