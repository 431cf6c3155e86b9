import type { Actor, Grant } from "../core/actor.ts";
import { no, yes, type Verdict } from "../core/verdict.ts";

/** `noun.verb`, as everywhere. */
export const PERMISSIONS = [
  "release.read",
  "release.create",
  "release.refresh",
  "release.edit",
  "release.close",
  "release.close_any",
  "release.sign_off",
  "release.revoke_any",
  "release.reject",
  "release.lift_rejection",
  "deployment.read",
  "deployment.plan",
  "deployment.request",
  "deployment.cancel",
  "deployment.roll_back",
  "environment.read",
  "environment.lock",
  "environment.hold",
  "environment.promote",
  "service.restart",
  "catalog.read",
  "catalog.manage",
  "audit.read",
  "token.manage_own",
  "token.manage_any",
  "work.manage",
  "room.use",
] as const;
export type Permission = (typeof PERMISSIONS)[number];

/**
 * Where a permission is wanted. A grant for some environments or teams only counts there. Left out: anywhere will do. Null:
 * in no environment, or for services of no team, where only grants without that limit count.
 */
export interface Scope {
  readonly environment?: string | null | undefined;
  readonly team?: string | null | undefined;
}

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
const PREPARE: readonly Permission[] = ["release.create", "release.refresh", "release.edit"];
const SIGN: readonly Permission[] = [
  ...READ,
  ...PREPARE,
  "release.close",
  "release.sign_off",
  "release.reject",
];
const OPERATE: readonly Permission[] = [
  ...READ,
  ...PREPARE,
  "release.close",
  "deployment.request",
  "deployment.cancel",
  "deployment.roll_back",
  "environment.lock",
  "environment.hold",
  "environment.promote",
  "service.restart",
];
/** Everything except signing: an administrator signs only in a role they hold. */
const ADMINISTER: readonly Permission[] = PERMISSIONS.filter(
  (permission) => permission !== "release.sign_off",
);

/** What a role may do. Every role that is not one of the four fixed ones is a sign-off role. */
function permissionsOf(role: string): readonly Permission[] {
  switch (role) {
    case "viewer":
      return READ;
    case "operator":
      return OPERATE;
    case "admin":
      return ADMINISTER;
    case "freeze approver":
    case "freeze_approver":
      return READ;
    default:
      return SIGN;
  }
}

const WRITES: ReadonlySet<Permission> = new Set(
  PERMISSIONS.filter((permission) => !READ.includes(permission)).concat(["token.manage_own"]),
);

/** Whether the actor may do this here: default deny, and never more than the API token's scopes. */
export function can(actor: Actor, permission: Permission, scope: Scope = {}): Verdict {
  if (actor.kind === "system") {
    return yes;
  }
  if (actor.via.token && WRITES.has(permission) && !actor.via.token.scopes.includes("write")) {
    return no(
      "permission.denied",
      "This API token may only read.",
      "Use a token with the scope `write`.",
    );
  }
  if (actor.unconfirmed && WRITES.has(permission)) {
    return no(
      "identity.unavailable",
      `The identity provider at ${actor.unconfirmed.issuer} does not answer, so your roles cannot be confirmed.`,
      "Try again in a minute. Nothing was changed.",
    );
  }
  const granted = actor.grants.some(
    (grant) => permissionsOf(grant.role).includes(permission) && covers(grant, scope),
  );
  if (granted) {
    return yes;
  }
  const where = scope.environment ? ` in ${scope.environment}` : "";
  return no(
    "permission.denied",
    `${actor.name} may not ${wording[permission]}${where}.`,
    `It takes the role ${whoMay(permission).join(" or ")}. Ask an administrator, or somebody who holds it.`,
  );
}

/** Whether the actor holds a sign-off role here. Holding `admin` is not enough. */
export function holdsRole(actor: Actor, role: string, scope: Scope = {}): boolean {
  return isGranted(actor.grants, role, scope);
}

/** The same for somebody who is not acting, from what they were granted. */
export function isGranted(grants: readonly Grant[], role: string, scope: Scope = {}): boolean {
  return grants.some((grant) => grant.role === role && covers(grant, scope));
}

function covers(grant: Grant, scope: Scope): boolean {
  return isWithin(grant.environments, scope.environment) && isWithin(grant.teams, scope.team);
}

function isWithin(limits: readonly string[] | undefined, wanted: string | null | undefined) {
  return (
    limits === undefined || wanted === undefined || (wanted !== null && limits.includes(wanted))
  );
}

function whoMay(permission: Permission): readonly string[] {
  const named = ["viewer", "operator", "admin"].filter((role) =>
    permissionsOf(role).includes(permission),
  );
  return SIGN.includes(permission) ? ["dev", "qa", ...named] : named;
}

const wording: Readonly<Record<Permission, string>> = {
  "release.read": "see releases",
  "release.create": "create releases",
  "release.refresh": "refresh releases",
  "release.edit": "edit releases",
  "release.close": "close releases",
  "release.close_any": "close somebody else's release",
  "release.sign_off": "sign releases",
  "release.revoke_any": "revoke somebody else's sign-off",
  "release.reject": "reject releases",
  "release.lift_rejection": "lift rejections",
  "deployment.read": "see deployments",
  "deployment.plan": "plan deployments",
  "deployment.request": "deploy",
  "deployment.cancel": "cancel deployments",
  "deployment.roll_back": "roll back",
  "environment.read": "see environments",
  "environment.lock": "lock or unlock",
  "environment.hold": "hold or resume automation",
  "environment.promote": "promote",
  "service.restart": "restart services",
  "catalog.read": "see services and teams",
  "catalog.manage": "change services and teams",
  "audit.read": "read the audit log",
  "token.manage_own": "manage API tokens",
  "token.manage_any": "make, list or revoke somebody else's API tokens",
  "work.manage": "see or retry background work",
  "room.use": "use the room",
};
