import type { Actor } from "../core/actor.ts";
import { PermissionDenied } from "../errors/catalog.ts";
import { can, type Permission, type Scope } from "./policies.ts";

/** Throws PermissionDenied with the reason and the remedy when the actor may not do this here. */
export function authorize(actor: Actor, permission: Permission, scope: Scope = {}): void {
  const verdict = can(actor, permission, scope);
  if (!verdict.ok) {
    throw new PermissionDenied({ permission, reason: verdict.reason }, { remedy: verdict.remedy });
  }
}
