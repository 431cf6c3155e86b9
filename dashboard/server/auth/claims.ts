import type { RefreshedClaims } from "../../../shared/core/ports/claims-source.ts";

/**
 * Where memberships are found in what the identity provider says: dotted paths, tried in order. `{client}` stands for our
 * client id, as one step even when the id has dots.
 */
export interface ClaimPaths {
  readonly groups: readonly string[];
  readonly realmRoles: readonly string[];
  readonly clientRoles: readonly string[];
}

/** Where Keycloak puts them. */
export const KEYCLOAK_CLAIM_PATHS: ClaimPaths = {
  groups: ["groups"],
  realmRoles: ["realm_access.roles"],
  clientRoles: ["resource_access.{client}.roles"],
};

/** Claims of a token, verified by whoever passes them. */
export type ClaimSet = Readonly<Record<string, unknown>>;

type Memberships = Pick<RefreshedClaims, "groups" | "realmRoles" | "clientRoles">;

const KINDS = ["groups", "realmRoles", "clientRoles"] as const;

/** More memberships, or longer ones, than anybody has; a provider gone wrong must not fill our rows. */
const MOST_MEMBERSHIPS = 2_000;
const LONGEST_MEMBERSHIP = 500;

/** The kinds of memberships that no set says anything about, so that another source is worth asking. */
export function missingMemberships(
  sets: readonly ClaimSet[],
  paths: ClaimPaths,
  clientId: string,
): readonly (keyof Memberships)[] {
  return KINDS.filter(
    (kind) => paths[kind].length > 0 && find(sets, paths[kind], clientId) === undefined,
  );
}

/**
 * The person that the first set is about, with memberships from the first set that tells each kind. `subject` and `issuer`
 * come from verified tokens, never from a path.
 */
export function readClaims(
  identity: { readonly issuer: string; readonly subject: string },
  sets: readonly ClaimSet[],
  paths: ClaimPaths,
  clientId: string,
): RefreshedClaims {
  const text = (name: string) =>
    sets.map((set) => set[name]).find((value) => typeof value === "string" && value.trim() !== "");
  const email = text("email");
  const isEmailVerified = !sets.some((set) => set["email_verified"] === false);
  const username = asText(text("preferred_username") ?? email) ?? identity.subject;
  return {
    issuer: identity.issuer,
    subject: identity.subject,
    username,
    name: asText(text("name")) ?? username,
    // An address nobody has proven must not make somebody the author of commits.
    email: isEmailVerified ? (asText(email) ?? null) : null,
    groups: find(sets, paths.groups, clientId) ?? [],
    realmRoles: find(sets, paths.realmRoles, clientId) ?? [],
    clientRoles: find(sets, paths.clientRoles, clientId) ?? [],
  };
}

function find(
  sets: readonly ClaimSet[],
  paths: readonly string[],
  clientId: string,
): readonly string[] | undefined {
  for (const set of sets) {
    for (const path of paths) {
      const value = asList(follow(set, path, clientId));
      if (value) {
        return value;
      }
    }
  }
  return undefined;
}

function follow(set: ClaimSet, path: string, clientId: string): unknown {
  if (Object.hasOwn(set, path)) {
    // Some providers name claims with a URL, dots included.
    return set[path];
  }
  let value: unknown = set;
  for (const step of path.split(".").map((part) => (part === "{client}" ? clientId : part))) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, step)) {
      return undefined;
    }
    value = (value as ClaimSet)[step];
  }
  return value;
}

function asList(value: unknown): readonly string[] | undefined {
  if (typeof value === "string") {
    return [value];
  }
  return Array.isArray(value)
    ? value
        .filter((entry) => typeof entry === "string")
        .filter((entry) => entry.length <= LONGEST_MEMBERSHIP)
        .slice(0, MOST_MEMBERSHIPS)
    : undefined;
}

function asText(value: unknown): string | undefined {
  return typeof value === "string" && value.trim() !== "" ? value.trim().slice(0, 200) : undefined;
}
