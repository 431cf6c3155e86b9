import type { PersonRef } from "../../contract/common.ts";
import type { Clock } from "../../core/ports/clock.ts";
import { PersonRow } from "../../db/rows/person.ts";
import { isGranted } from "../policies.ts";
import { grantsOf, type GrantRules } from "./grants-of.ts";
import { createShortCache } from "./short-cache.ts";

/** Who holds roles now, as far as the identity provider told. */
export interface EligiblePeopleFinder {
  /**
   * People who hold each of the roles in that environment (null: in none, where only grants without that limit count) and
   * for services of all those teams (null: services of no team).
   */
  find(
    roles: readonly string[],
    scope: { readonly environment: string | null; readonly teams: readonly (string | null)[] },
  ): Promise<Readonly<Record<string, readonly PersonRef[]>>>;
}

export function createEligiblePeople(rules: GrantRules, clock: Clock): EligiblePeopleFinder {
  const cache = createShortCache<readonly PersonRow[]>(clock);

  return {
    async find(roles, { environment, teams }) {
      const rows = (await cache.get("active", readActive)) ?? [];
      const people = rows.map(({ subject, username, name, claims }) => ({
        ref: { subject, username, name },
        grants: grantsOf(claims, rules),
      }));
      const wanted = teams.length === 0 ? [undefined] : teams;
      return Object.fromEntries(
        roles.map((role) => [
          role,
          people
            .filter(({ grants }) =>
              wanted.every((team) => isGranted(grants, role, { environment, team })),
            )
            .map(({ ref }) => ref),
        ]),
      );
    },
  };
}

function readActive(): Promise<readonly PersonRow[]> {
  return PersonRow.findAll({
    attributes: ["subject", "username", "name", "claims"],
    where: { active: true },
    order: [["username", "ASC"]],
  });
}
