import { readdirSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { buildDeployFacts, buildDeployItem, minute, olivia } from "../testing/build-facts.ts";
import { checkRequirements, refusalsOf, requirements } from "./index.ts";
import type { DeployFacts } from "./requirement.ts";

const notGates = ["index.ts", "requirement.ts"];

describe("requirements", () => {
  it("are exactly the files of this folder", () => {
    const files = readdirSync(import.meta.dirname)
      .filter((file) => file.endsWith(".ts") && !file.endsWith(".test.ts"))
      .filter((file) => !notGates.includes(file));
    expect(requirements.map(({ id }) => `${id}.ts`).sort()).toEqual(files.sort());
  });

  it("let a release go that has nothing in its way", () => {
    const answers = checkRequirements(buildDeployFacts());
    expect(refusalsOf(answers)).toEqual([]);
    expect(answers.map((answer) => answer.requirement)).toEqual(requirements.map(({ id }) => id));
  });

  /** Facts under which something is in the way of every gate that can refuse. */
  const facts = buildDeployFacts();
  const bad: readonly DeployFacts[] = [
    { ...facts, release: { ...facts.release, status: "cancelled" } },
    {
      ...facts,
      release: { ...facts.release, rejection: { release: 12, by: "Quinn", reason: "no" } },
    },
    buildDeployFacts({ items: [] }),
    {
      ...facts,
      signOffs: {
        ...facts.signOffs,
        roles: [{ role: "dev", needed: 1, have: 0, missing: 1, by: [] }],
      },
    },
    buildDeployFacts({
      only: ["b"],
      items: [
        buildDeployItem({ service: "a", source: { ok: false, reason: "gone" } }),
        buildDeployItem({
          service: "b",
          dependsOn: ["a"],
          destination: { ok: true, behindCount: 1 },
          ci: { state: "failure", url: null, summary: "red" },
        }),
      ],
    }),
    buildDeployFacts({ items: [buildDeployItem({ dependsOn: ["auth-service"] })] }),
    {
      ...facts,
      environment: { ...facts.environment, hasTarget: false },
      lock: { by: "Olivia", reason: "x", since: minute(0), until: null },
      hold: { by: "Olivia", reason: "x", since: minute(0) },
      actor: { ...olivia, isAutomation: true },
      activeDeployment: { number: 1, by: "Olivia", since: minute(0), progress: "x" },
    },
  ];

  it("give every refusal a code, a reason and a remedy", () => {
    const answers = bad.flatMap(checkRequirements);
    const refusing = answers.filter(({ outcome }) => outcome.state === "unmet");
    expect(new Set(refusing.map(({ requirement }) => requirement))).toEqual(
      new Set(requirements.map(({ id }) => id).filter((id) => id !== "compared-completely")),
    );
    for (const refusal of refusalsOf(answers)) {
      expect(refusal.code).toMatch(/^[a-z_]+\.[a-z_]+$/);
      expect(refusal.reason.length).toBeGreaterThan(10);
      expect(refusal.remedy.length).toBeGreaterThan(10);
    }
  });
});
