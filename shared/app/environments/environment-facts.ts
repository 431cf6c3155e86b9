import { Op, type Transaction } from "sequelize";
import { isActive } from "../../core/deployment.ts";
import type { DeployFacts } from "../../core/requirements/requirement.ts";
import { DEPLOYMENT_STATUSES } from "../../contract/deployment.ts";
import { DeploymentRow } from "../../db/rows/deployment.ts";
import { DeploymentStepRow } from "../../db/rows/deployment-step.ts";
import { LockRow } from "../../db/rows/lock.ts";
import { deploymentProgress } from "../deployments/deployment-progress.ts";

/** What stands in the way of a deploy to an environment, whatever is deployed. */
export type EnvironmentFacts = Pick<DeployFacts, "lock" | "hold" | "activeDeployment">;

/** Statuses that hold an environment. */
export const ACTIVE_STATUSES = DEPLOYMENT_STATUSES.filter((status) => isActive(status));

/** The lock, the hold and the unfinished deployment of an environment, as they are at `now`. */
export async function environmentFacts(
  environment: string,
  now: Date,
  transaction: Transaction | null = null,
): Promise<EnvironmentFacts> {
  const locks = await standingLocks(environment, now, transaction);
  const lock = locks.find((row) => row.kind === "lock");
  const hold = locks.find((row) => row.kind === "hold");
  return {
    lock: lock
      ? { by: lock.name, reason: lock.reason, since: lock.createdAt, until: lock.expiresAt }
      : null,
    hold: hold ? { by: hold.name, reason: hold.reason, since: hold.createdAt } : null,
    activeDeployment: await activeDeployment(environment, transaction),
  };
}

/** Locks and holds that have neither been ended nor run out. */
export async function standingLocks(
  environment: string,
  now: Date,
  transaction: Transaction | null = null,
): Promise<readonly LockRow[]> {
  return LockRow.findAll({
    where: {
      environment,
      endedAt: null,
      [Op.or]: [{ expiresAt: null }, { expiresAt: { [Op.gt]: now } }],
    },
    order: [["createdAt", "ASC"]],
    transaction,
  });
}

async function activeDeployment(
  environment: string,
  transaction: Transaction | null,
): Promise<DeployFacts["activeDeployment"]> {
  const row = await DeploymentRow.findOne({
    where: { environment, status: [...ACTIVE_STATUSES] },
    order: [["number", "DESC"]],
    transaction,
  });
  if (!row) {
    return null;
  }
  const steps = await DeploymentStepRow.findAll({
    where: { deploymentId: row.id },
    transaction,
  });
  return {
    number: row.number,
    by: row.requestedByName,
    since: row.createdAt,
    progress: deploymentProgress(row.waves.length, steps),
  };
}
