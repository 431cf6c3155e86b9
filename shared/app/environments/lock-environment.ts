import { Op, UniqueConstraintError } from "sequelize";
import type { LockEnvironment } from "../../contract/environment.ts";
import { systemActor, type Actor } from "../../core/actor.ts";
import { LockRow } from "../../db/rows/lock.ts";
import type { Tx } from "../../db/unit-of-work.types.ts";
import {
  EnvironmentAlreadyLocked,
  EnvironmentNotLocked,
  HoldNotFound,
} from "../../errors/catalog.ts";
import { newId } from "../../lib/ids.ts";
import { requireInEnvironment } from "./require-in-environment.ts";
import type { DeploymentDeps } from "../deployments/deps.ts";
import { environmentState } from "./environment-state.ts";
import { findEnvironment } from "./environment-settings.ts";
import { setHold } from "./set-hold.ts";

type LockDeps = Pick<DeploymentDeps, "uow" | "clock" | "environments">;

/**
 * Stops new deploys to an environment until somebody unlocks it or the time is over. A deployment that runs already is not
 * touched; cancel it to stop it. Throws EnvironmentAlreadyLocked, EnvironmentNotFound, PermissionDenied.
 */
export async function lockEnvironment(
  deps: LockDeps,
  actor: Actor,
  name: string,
  input: LockEnvironment,
): Promise<void> {
  const environment = findEnvironment(deps.environments, name).name;
  await requireInEnvironment(deps.uow, actor, "environment.lock", environment);
  const activeKey = `lock/${environment}`;
  try {
    await deps.uow.run(async (tx) => {
      await environmentState(tx, environment);
      const now = deps.clock.now();
      await endExpired(tx, now, environment);
      const standing = await LockRow.findOne({
        where: { activeKey },
        transaction: tx.sequelize,
      });
      if (standing) {
        throw alreadyLocked(standing);
      }
      const expiresAt = input.forMs === undefined ? null : new Date(now.getTime() + input.forMs);
      await LockRow.create(
        {
          id: newId(),
          environment,
          kind: "lock",
          subject: actor.subject,
          name: actor.name,
          reason: input.reason,
          createdAt: now,
          expiresAt,
          endedAt: null,
          endedBy: null,
          activeKey,
        },
        { transaction: tx.sequelize },
      );
      await tx.emit({
        name: "environment.locked",
        payload: {
          environment,
          reason: input.reason,
          until: expiresAt?.toISOString() ?? null,
        },
        actor,
        subject: { kind: "environment", id: environment },
      });
    });
  } catch (error) {
    // Somebody else's lock was committed between our look and our write: the unique key decided.
    if (error instanceof UniqueConstraintError) {
      const standing = await LockRow.findOne({ where: { activeKey } });
      if (standing) {
        throw alreadyLocked(standing);
      }
    }
    throw error;
  }
}

/** Lets deploys go on. Throws EnvironmentNotLocked, EnvironmentNotFound, PermissionDenied. */
export async function unlockEnvironment(deps: LockDeps, actor: Actor, name: string): Promise<void> {
  const environment = findEnvironment(deps.environments, name).name;
  await requireInEnvironment(deps.uow, actor, "environment.lock", environment);
  await deps.uow.run(async (tx) => {
    const now = deps.clock.now();
    await endExpired(tx, now, environment);
    const row = await LockRow.findOne({
      where: { activeKey: `lock/${environment}` },
      transaction: tx.sequelize,
      lock: tx.sequelize.LOCK.UPDATE,
    });
    if (!row) {
      throw new EnvironmentNotLocked({ environment });
    }
    await end(tx, row, actor, now);
    await emitUnlocked(tx, environment, actor, `unlocked by ${actor.name}`);
  });
}

/** Pauses automation. Doing it twice keeps the first reason. Throws EnvironmentNotFound, PermissionDenied. */
export async function holdEnvironment(
  deps: LockDeps,
  actor: Actor,
  name: string,
  reason: string,
): Promise<void> {
  const environment = findEnvironment(deps.environments, name).name;
  await requireInEnvironment(deps.uow, actor, "environment.hold", environment);
  await deps.uow.run(async (tx) => {
    await environmentState(tx, environment);
    await setHold(tx, actor, environment, reason, deps.clock.now());
  });
}

/** Lets automation go on. Throws HoldNotFound, EnvironmentNotFound, PermissionDenied. */
export async function resumeEnvironment(deps: LockDeps, actor: Actor, name: string): Promise<void> {
  const environment = findEnvironment(deps.environments, name).name;
  await requireInEnvironment(deps.uow, actor, "environment.hold", environment);
  await deps.uow.run(async (tx) => {
    const row = await LockRow.findOne({
      where: { activeKey: `hold/${environment}` },
      transaction: tx.sequelize,
      lock: tx.sequelize.LOCK.UPDATE,
    });
    if (!row) {
      throw new HoldNotFound({ environment });
    }
    await end(tx, row, actor, deps.clock.now());
    await tx.emit({
      name: "environment.resumed",
      payload: { environment },
      actor,
      subject: { kind: "environment", id: environment },
    });
  });
}

/** Ends every lock whose time is over, and tells so. Call it from time to time: a lock that ran out stops nothing anyway. */
export async function endExpiredLocks(deps: Pick<LockDeps, "uow" | "clock">): Promise<void> {
  const now = deps.clock.now();
  const waiting = await LockRow.count({ where: { endedAt: null, expiresAt: { [Op.lte]: now } } });
  if (waiting > 0) {
    await deps.uow.run((tx) => endExpired(tx, now));
  }
}

async function endExpired(tx: Tx, now: Date, environment?: string): Promise<void> {
  const rows = await LockRow.findAll({
    where: {
      endedAt: null,
      expiresAt: { [Op.lte]: now },
      ...(environment === undefined ? {} : { environment }),
    },
    transaction: tx.sequelize,
    lock: tx.sequelize.LOCK.UPDATE,
  });
  for (const row of rows) {
    await end(tx, row, systemActor, now);
    await emitUnlocked(tx, row.environment, systemActor, "its time was over");
  }
}

async function end(tx: Tx, row: LockRow, actor: Actor, now: Date): Promise<void> {
  await row.update(
    { endedAt: now, endedBy: actor.subject, activeKey: null },
    { transaction: tx.sequelize },
  );
}

async function emitUnlocked(tx: Tx, environment: string, actor: Actor, why: string): Promise<void> {
  await tx.emit({
    name: "environment.unlocked",
    payload: { environment, why },
    actor,
    subject: { kind: "environment", id: environment },
  });
}

function alreadyLocked(row: LockRow): Error {
  return new EnvironmentAlreadyLocked({
    environment: row.environment,
    by: row.name,
    reason: row.reason,
  });
}
