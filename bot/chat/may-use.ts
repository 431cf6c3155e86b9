import { can, type Permission } from "../../shared/app/policies.ts";
import type { Actor, Services } from "../../shared/app/services.ts";
import type { AppError } from "../../shared/errors/app-error.ts";
import { PermissionDenied } from "../../shared/errors/catalog.ts";
import type { Command } from "./command.ts";

/** Whether somebody may use a command or a button at all, somewhere. */
export function mayUse(
  actor: Actor,
  command: Pick<Command, "permission">,
  services: Pick<Services, "can">,
): boolean {
  const wanted = permissionsOf(command);
  return wanted.length === 0 || wanted.some((permission) => services.can(actor, permission));
}

/** Why somebody may not use it, with the roles that may; undefined when they may. */
export function refusalOf(
  actor: Actor,
  command: Pick<Command, "permission">,
  services: Pick<Services, "can">,
): AppError | undefined {
  const [permission] = permissionsOf(command);
  if (permission === undefined || mayUse(actor, command, services)) {
    return undefined;
  }
  const verdict = can(actor, permission);
  return verdict.ok
    ? new PermissionDenied({ permission, reason: `${actor.name} may not do this here.` })
    : new PermissionDenied({ permission, reason: verdict.reason }, { remedy: verdict.remedy });
}

function permissionsOf({ permission }: Pick<Command, "permission">): readonly Permission[] {
  if (permission === "anyone") {
    return [];
  }
  return typeof permission === "string" ? [permission] : permission;
}
