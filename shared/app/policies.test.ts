import { describe, expect, it } from "vitest";
import { systemActor, type Actor, type Grant, type Via } from "../core/actor.ts";
import { can, holdsRole, PERMISSIONS, type Permission } from "./policies.ts";

const READ: readonly Permission[] = [
  "release.read",
  "deployment.read",
  "deployment.plan",
  "environment.read",
  "catalog.read",
  "audit.read",
  "token.manage_own",
  "room.use",
];
const PREPARE: readonly Permission[] = [
  "release.create",
  "release.refresh",
  "release.edit",
  "release.close",
];
const SIGN: readonly Permission[] = ["release.sign_off", "release.reject"];
const OPERATE: readonly Permission[] = [
  "deployment.request",
  "deployment.cancel",
  "deployment.roll_back",
  "environment.lock",
  "environment.hold",
  "environment.promote",
  "service.restart",
];
const ADMINISTER: readonly Permission[] = [
  "release.close_any",
  "release.revoke_any",
  "release.lift_rejection",
  "catalog.manage",
  "token.manage_any",
  "work.manage",
];

/** The table of SPEC.md section 8. */
const MAY: Readonly<Record<string, readonly Permission[]>> = {
  viewer: READ,
  dev: [...READ, ...PREPARE, ...SIGN],
  qa: [...READ, ...PREPARE, ...SIGN],
  security: [...READ, ...PREPARE, ...SIGN],
  operator: [...READ, ...PREPARE, ...OPERATE],
  freeze_approver: READ,
  admin: [...READ, ...PREPARE, "release.reject", ...OPERATE, ...ADMINISTER],
};

function actor(grants: readonly Grant[], more: Partial<Actor> = {}): Actor {
  return {
    kind: "person",
    subject: "sub-dana",
    username: "dana",
    name: "Dana",
    email: null,
    grants,
    via: { platform: "web" },
    ...more,
  };
}

function through(scopes: readonly ("read" | "write")[]): { readonly via: Via } {
  return { via: { platform: "api", token: { id: "t", scopes } } };
}

describe(can.name, () => {
  it("is asked about every permission in this table", () => {
    const listed = [...READ, ...PREPARE, ...SIGN, ...OPERATE, ...ADMINISTER];

    expect([...listed].sort()).toEqual([...PERMISSIONS].sort());
  });

  it.each(
    Object.keys(MAY).flatMap((role) =>
      PERMISSIONS.map((permission) => [role, permission] as const),
    ),
  )("%s: %s", (role, permission) => {
    expect(can(actor([{ role }]), permission).ok).toBe(MAY[role]?.includes(permission) ?? false);
  });

  it("denies people without any role, with the reason and the way out", () => {
    expect(can(actor([]), "deployment.request", { environment: "prod" })).toEqual({
      ok: false,
      code: "permission.denied",
      reason: "Dana may not deploy in prod.",
      remedy:
        "It takes the role operator or admin. Ask an administrator, or somebody who holds it.",
    });
  });

  it("adds up the roles somebody holds", () => {
    const both = actor([{ role: "viewer" }, { role: "dev" }, { role: "operator" }]);

    expect(can(both, "release.sign_off").ok).toBe(true);
    expect(can(both, "deployment.request").ok).toBe(true);
  });

  it("lets Slipway itself do everything", () => {
    expect(PERMISSIONS.every((permission) => can(systemActor, permission).ok)).toBe(true);
  });

  it.each([
    [{}, true],
    [{ environment: "preprod" }, true],
    [{ environment: "prod" }, false],
    [{ environment: null }, false],
  ])("a grant for one environment counts there: %j", (scope, expected) => {
    const limited = actor([{ role: "operator", environments: ["preprod"] }]);

    expect(can(limited, "deployment.request", scope).ok).toBe(expected);
  });

  it.each([
    [{}, true],
    [{ team: "money" }, true],
    [{ team: "mobile" }, false],
    [{ team: null }, false],
  ])("a grant for one team counts for its services: %j", (scope, expected) => {
    const limited = actor([{ role: "dev", teams: ["money"] }]);

    expect(can(limited, "release.sign_off", scope).ok).toBe(expected);
    expect(holdsRole(limited, "dev", scope)).toBe(expected);
  });

  it.each(PERMISSIONS)("a token that may only read does not change anything: %s", (permission) => {
    const everything = [{ role: "dev" }, { role: "admin" }];
    const isRead = READ.includes(permission) && permission !== "token.manage_own";

    expect(can(actor(everything, through(["read"])), permission).ok).toBe(isRead);
    expect(can(actor(everything, through(["read", "write"])), permission).ok).toBe(true);
  });

  it.each(PERMISSIONS)("roles nobody can confirm are good for reading only: %s", (permission) => {
    const unconfirmed = actor([{ role: "dev" }, { role: "admin" }], {
      unconfirmed: { issuer: "https://id.example.com" },
    });
    const isRead = READ.includes(permission) && permission !== "token.manage_own";

    expect(can(unconfirmed, permission).ok).toBe(isRead);
  });
});

describe(holdsRole.name, () => {
  it("does not take an administrator for somebody who may sign", () => {
    expect(holdsRole(actor([{ role: "admin" }]), "dev")).toBe(false);
    expect(holdsRole(actor([{ role: "dev" }]), "dev")).toBe(true);
  });
});
