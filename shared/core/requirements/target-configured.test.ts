import { describe, expect, it } from "vitest";
import { buildDeployFacts } from "../testing/build-facts.ts";
import { targetConfigured } from "./target-configured.ts";

const facts = buildDeployFacts();

describe(targetConfigured.id, () => {
  it("is met by a target", () => {
    expect(targetConfigured.check(facts)).toEqual({ state: "met", notes: [] });
  });

  it("names the key to set", () => {
    expect(
      targetConfigured.check({ ...facts, environment: { ...facts.environment, hasTarget: false } }),
    ).toMatchObject({
      refusals: [{ code: "environment.no_target", remedy: expect.stringContaining("config.yaml") }],
    });
  });
});
