import { describe, expect, it } from "vitest";
import { grantsOf, type Claims, type GrantRules } from "./grants-of.ts";

const nobody: Claims = { groups: [], realmRoles: [], clientRoles: [] };
const rules: GrantRules = {
  dev: [{ claim: { kind: "group", value: "/dev-leads" } }],
  qa: [{ claim: { kind: "realm", value: "qa-lead" } }],
  operator: [
    { claim: { kind: "client", value: "deploy" } },
    { claim: { kind: "group", value: "/night-shift" }, environments: ["preprod"], teams: ["shop"] },
  ],
  viewer: [{ claim: { kind: "everyone" } }],
};

describe(grantsOf.name, () => {
  it.each<[string, Partial<Claims>, unknown]>([
    ["nobody special", {}, []],
    ["a group", { groups: ["/dev-leads"] }, [{ role: "dev" }]],
    ["a group told without its slash", { groups: ["dev-leads"] }, [{ role: "dev" }]],
    ["a group below the named one", { groups: ["/dev-leads/interns"] }, []],
    ["a realm role", { realmRoles: ["qa-lead"] }, [{ role: "qa" }]],
    ["a realm role that is told as a group", { groups: ["qa-lead"] }, []],
    ["a client role", { clientRoles: ["deploy"] }, [{ role: "operator" }]],
    [
      "a rule for some places",
      { groups: ["/night-shift"] },
      [{ role: "operator", environments: ["preprod"], teams: ["shop"] }],
    ],
    [
      "two ways to one role",
      { clientRoles: ["deploy"], groups: ["/night-shift"] },
      [{ role: "operator" }, { role: "operator", environments: ["preprod"], teams: ["shop"] }],
    ],
  ])("gives %s its roles", (_who, claims, grants) => {
    expect(grantsOf({ ...nobody, ...claims }, rules)).toEqual([
      ...(grants as object[]),
      { role: "viewer" },
    ]);
  });

  it("gives nothing where no rule is met", () => {
    expect(grantsOf(nobody, { admin: [{ claim: { kind: "realm", value: "admin" } }] })).toEqual([]);
  });
});
