import type { Actor } from "../../core/actor.ts";
import { LockRow } from "../../db/rows/lock.ts";
import type { Tx } from "../../db/unit-of-work.types.ts";
import { newId } from "../../lib/ids.ts";

/** Pauses automation for an environment. One that is paused already stays so, for its first reason. */
export async function setHold(
  tx: Tx,
  actor: Actor,
  environment: string,
  reason: string,
  now: Date,
): Promise<void> {
  const transaction = tx.sequelize;
  const activeKey = `hold/${environment}`;
  if (await LockRow.findOne({ where: { activeKey }, transaction })) {
    return;
  }
  await LockRow.create(
    {
      id: newId(),
      environment,
      kind: "hold",
      subject: actor.subject,
      name: actor.name,
      reason,
      createdAt: now,
      expiresAt: null,
      endedAt: null,
      endedBy: null,
      activeKey,
    },
    { transaction },
  );
  await tx.emit({
    name: "environment.held",
    payload: { environment, reason },
    actor,
    subject: { kind: "environment", id: environment },
  });
}
