import type { Actor } from "../../core/actor.ts";
import type { ReleaseItemRow } from "../../db/rows/release-item.ts";
import type { ReleaseRow } from "../../db/rows/release.ts";
import { ServiceRow } from "../../db/rows/service.ts";
import { holdsRole } from "../policies.ts";

/** Where a signature of a release must be worth something. */
export interface SignOffScope {
  /** Null: the release has no target environment, and grants for some environments do not count. */
  readonly environment: string | null;
  /** The teams whose services it carries; null among them: services of no team. */
  readonly teams: readonly (string | null)[];
}

export async function signOffScope(
  release: Pick<ReleaseRow, "targetEnvironment">,
  items: readonly Pick<ReleaseItemRow, "service" | "excluded">[],
): Promise<SignOffScope> {
  const included = items.filter((item) => !item.excluded).map(({ service }) => service);
  const services = await ServiceRow.findAll({
    attributes: ["name", "team"],
    where: { name: included },
  });
  const teamOf = new Map(services.map(({ name, team }) => [name, team ?? null]));
  return {
    environment: release.targetEnvironment ?? null,
    teams: [...new Set(included.map((service) => teamOf.get(service) ?? null))],
  };
}

/** Of these roles, those the actor holds for everything the release carries. */
export function rolesFor(
  actor: Actor,
  roles: readonly string[],
  { environment, teams }: SignOffScope,
): readonly string[] {
  return roles.filter(
    (role) =>
      holdsRole(actor, role, { environment }) &&
      teams.every((team) => holdsRole(actor, role, { environment, team })),
  );
}
