import type { Actor } from "../../core/actor.ts";
import type { UnitOfWork } from "../../db/unit-of-work.types.ts";
import { requireToChange } from "../access.ts";
import type { Permission } from "../policies.ts";

/** Refuses a change in an environment that the actor may not make there, and records the attempt. Throws PermissionDenied. */
export function requireInEnvironment(
  uow: UnitOfWork,
  actor: Actor,
  permission: Permission,
  environment: string,
): Promise<void> {
  return requireToChange(
    uow,
    actor,
    permission,
    { environment },
    { kind: "environment", id: environment },
  );
}
