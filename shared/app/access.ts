import type { Ability } from "../contract/common.ts";
import type { Actor } from "../core/actor.ts";
import type { UnitOfWork } from "../db/unit-of-work.types.ts";
import type { AppError } from "../errors/app-error.ts";
import { IdentityUnavailable, PermissionDenied } from "../errors/catalog.ts";
import type { EventSubject } from "../events/events.ts";
import { can, type Permission, type Scope } from "./policies.ts";

/** What policy has against it, as the error a use case would throw; null when nothing. */
export function denial(actor: Actor, permission: Permission, scope: Scope = {}): AppError | null {
  const verdict = can(actor, permission, scope);
  if (verdict.ok) {
    return null;
  }
  const { reason, remedy } = verdict;
  return actor.unconfirmed && verdict.code === "identity.unavailable"
    ? new IdentityUnavailable(actor.unconfirmed, { remedy })
    : new PermissionDenied({ permission, reason }, { remedy });
}

/** Refuses to show what the actor may not see. Throws PermissionDenied. */
export function requireToRead(actor: Actor, permission: Permission, scope: Scope = {}): void {
  const refused = denial(actor, permission, scope);
  if (refused) {
    throw refused;
  }
}

/**
 * Refuses a change the actor may not make and records the attempt, because attempts matter in an audit. Throws
 * PermissionDenied, or IdentityUnavailable when nobody can tell whether they still may.
 */
export async function requireToChange(
  uow: UnitOfWork,
  actor: Actor,
  permission: Permission,
  scope: Scope,
  about: EventSubject,
): Promise<void> {
  const refused = denial(actor, permission, scope);
  if (refused) {
    await recordDenial(uow, actor, permission, refused.message, about);
    throw refused;
  }
}

/** Records an attempt that was refused for want of a right. */
export async function recordDenial(
  uow: UnitOfWork,
  actor: Actor,
  permission: Permission,
  reason: string,
  about: EventSubject,
): Promise<void> {
  await uow.run((tx) =>
    tx.emit({ name: "access.denied", payload: { permission, reason }, actor, subject: about }),
  );
}

/** The same refusal, word for word, for a button that is not offered. */
export function abilityOf(obstacle: AppError | null): Ability {
  return obstacle === null
    ? { allowed: true, reason: null, remedy: null }
    : { allowed: false, reason: obstacle.message, remedy: obstacle.remedy ?? null };
}
