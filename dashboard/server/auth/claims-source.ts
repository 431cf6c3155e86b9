import type { ClaimsSource, RefreshedClaims } from "../../../shared/core/ports/claims-source.ts";
import { SignInRequired } from "../../../shared/errors/catalog.ts";
import type { OidcClient } from "./oidc.ts";

/** Knows its people without a refresh token: the embedded identity provider. */
export interface PeopleDirectory {
  claimsOf(subject: string): RefreshedClaims | undefined;
  everybody(): readonly RefreshedClaims[];
}

/**
 * Confirms roles through the refresh token of the last sign-in. With a `directory`, people who never signed in here, or
 * whose token was lost with the embedded provider's memory, are looked up there.
 */
export function createClaimsSource(
  oidc: Pick<OidcClient, "refresh">,
  directory?: PeopleDirectory,
): ClaimsSource {
  return {
    async refresh({ subject, refreshToken }) {
      const answer = refreshToken === null ? null : await oidc.refresh(subject, refreshToken);
      if (answer !== null && answer !== "deactivated") {
        return answer;
      }
      if (directory) {
        const claims = directory.claimsOf(subject);
        return claims ? { claims, refreshToken: null } : "deactivated";
      }
      if (answer === null) {
        throw new SignInRequired({});
      }
      return answer;
    },
    ...(directory ? { directory: async () => directory.everybody() } : {}),
  };
}
