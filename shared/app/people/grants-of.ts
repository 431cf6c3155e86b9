import type { Grant } from "../../core/actor.ts";

/** Groups and roles as the identity provider tells them. */
export interface Claims {
  readonly groups: readonly string[];
  readonly realmRoles: readonly string[];
  readonly clientRoles: readonly string[];
}

/** One way to a role, from `auth.roles` of the configuration. */
export interface GrantRule {
  readonly claim:
    | { readonly kind: "everyone" }
    | { readonly kind: "group" | "realm" | "client"; readonly value: string };
  readonly environments?: readonly string[];
  readonly teams?: readonly string[];
}

/** Role → the claims that give it; any one of them is enough. */
export type GrantRules = Readonly<Record<string, readonly GrantRule[]>>;

/** What somebody with these claims holds. Two rules may give the same role for different places: both count. */
export function grantsOf(claims: Claims, rules: GrantRules): readonly Grant[] {
  return Object.entries(rules).flatMap(([role, ways]) =>
    ways
      .filter((way) => isMet(way, claims))
      .map(({ environments, teams }) => ({
        role,
        ...(environments ? { environments } : {}),
        ...(teams ? { teams } : {}),
      })),
  );
}

function isMet({ claim }: GrantRule, claims: Claims): boolean {
  switch (claim.kind) {
    case "everyone":
      return true;
    case "group":
      // Keycloak tells groups with or without the leading slash, depending on the mapper's "full path".
      return claims.groups.some((group) => bare(group) === bare(claim.value));
    case "realm":
      return claims.realmRoles.includes(claim.value);
    case "client":
      return claims.clientRoles.includes(claim.value);
  }
}

function bare(group: string): string {
  return group.replace(/^\//, "");
}
