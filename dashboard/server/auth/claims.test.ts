import { describe, expect, it } from "vitest";
import { KEYCLOAK_CLAIM_PATHS, missingMemberships, readClaims } from "./claims.ts";

const identity = { issuer: "https://sso.example.com", subject: "s-1" };

describe(readClaims.name, () => {
  it("reads what Keycloak puts into its tokens", () => {
    const claims = readClaims(
      identity,
      [
        {
          preferred_username: "dana",
          name: "Dana D.",
          email: "dana@example.com",
          email_verified: true,
          groups: ["/dev-leads"],
          realm_access: { roles: ["dev-lead"] },
          resource_access: { "slipway.web": { roles: ["deploy"] }, other: { roles: ["admin"] } },
        },
      ],
      KEYCLOAK_CLAIM_PATHS,
      "slipway.web",
    );
    expect(claims).toEqual({
      ...identity,
      username: "dana",
      name: "Dana D.",
      email: "dana@example.com",
      groups: ["/dev-leads"],
      realmRoles: ["dev-lead"],
      clientRoles: ["deploy"],
    });
  });

  it.each([
    [
      "a claim named with a URL",
      ["https://example.com/groups"],
      { "https://example.com/groups": ["a"] },
      ["a"],
    ],
    ["a single value", ["group"], { group: "a" }, ["a"]],
    ["the second path", ["x.y", "groups"], { groups: ["a"] }, ["a"]],
    ["nothing but text", ["groups"], { groups: ["a", 1, null, { b: 1 }] }, ["a"]],
    ["nothing through a list", ["groups.0"], { groups: [["a"]] }, ["a"]],
    ["nothing of what every object has", ["constructor.name"], {}, []],
    ["nothing when it is missing", ["groups"], {}, []],
  ])("finds %s", (_what, groups, set, expected) => {
    const paths = { groups, realmRoles: [], clientRoles: [] };
    expect(readClaims(identity, [set], paths, "slipway").groups).toEqual(expected);
  });

  it("takes each kind from the first set that tells it", () => {
    const claims = readClaims(
      identity,
      [{ groups: ["from-id"] }, { groups: ["from-access"], realm_access: { roles: ["r"] } }],
      KEYCLOAK_CLAIM_PATHS,
      "slipway",
    );
    expect(claims.groups).toEqual(["from-id"]);
    expect(claims.realmRoles).toEqual(["r"]);
  });

  it("does not believe an address that was not verified", () => {
    const set = { email: "boss@example.com", email_verified: false };
    expect(readClaims(identity, [set], KEYCLOAK_CLAIM_PATHS, "slipway").email).toBeNull();
  });

  it("names somebody without a profile by the subject", () => {
    const claims = readClaims(identity, [{}], KEYCLOAK_CLAIM_PATHS, "slipway");
    expect(claims).toMatchObject({ username: "s-1", name: "s-1", email: null });
  });
});

describe(missingMemberships.name, () => {
  it.each([
    [{ groups: [] }, ["realmRoles", "clientRoles"]],
    [{ groups: [], realm_access: { roles: [] } }, ["clientRoles"]],
    [{ groups: [], realm_access: { roles: [] }, resource_access: { slipway: { roles: [] } } }, []],
  ])("names the kinds that %o does not tell", (set, expected) => {
    expect(missingMemberships([set], KEYCLOAK_CLAIM_PATHS, "slipway")).toEqual(expected);
  });
});
