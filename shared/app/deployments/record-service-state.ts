import { isSameVersion, type ServiceVersion } from "../../core/deployment.ts";
import type { ObservedState } from "../../core/ports/deploy-target.ts";
import type { DeploymentRow, StoredDesired } from "../../db/rows/deployment.ts";
import { ServiceStateRow } from "../../db/rows/service-state.ts";
import type { Tx } from "../../db/unit-of-work.types.ts";
import { newId } from "../../lib/ids.ts";
import { runningVersion } from "../environments/ask-target.ts";
import { versionOf } from "./deployment-row.ts";

type Deployer = Pick<DeploymentRow, "number" | "environment" | "requestedBy" | "requestedByName">;

/** Remembers that a deployment left this version of a service, now. */
export async function recordDeployed(
  tx: Tx,
  deployment: Deployer,
  desired: StoredDesired,
  now: Date,
): Promise<void> {
  const state = await serviceState(tx, deployment.environment, desired.service);
  await state.update(
    {
      ...recorded(versionOf(desired)),
      deployment: deployment.number,
      deployedBy: deployment.requestedBy,
      deployedByName: deployment.requestedByName,
      since: now,
    },
    { transaction: tx.sequelize },
  );
}

/**
 * Remembers what the target says a service runs at the end of a deployment that touched it. That is what the deployment
 * left, whatever it wanted to leave.
 */
export async function recordOutcome(
  tx: Tx,
  deployment: Deployer,
  desired: StoredDesired,
  observed: ObservedState,
  now: Date,
): Promise<void> {
  const state = await serviceState(tx, deployment.environment, desired.service);
  const running = runningVersion(observed);
  const isCarried = isSameVersion(versionOf(desired), observed);
  const isNews = isCarried && state.deployment !== deployment.number;
  await state.update(
    {
      ...recorded(isCarried ? exactVersion(desired, observed) : running),
      ...(isNews
        ? {
            deployment: deployment.number,
            deployedBy: deployment.requestedBy,
            deployedByName: deployment.requestedByName,
            since: now,
          }
        : {}),
      observedVersion: observed.version,
      observedCommit: observed.commit,
      health: observed.health,
      detail: observed.detail,
      checkedAt: observed.observedAt,
    },
    { transaction: tx.sequelize },
  );
}

/** The version a deployment brought, with the artifact's address where only the target knows it. */
export function exactVersion(desired: StoredDesired, observed: ObservedState): ServiceVersion {
  return { ...versionOf(desired), digest: desired.digest ?? observed.digest };
}

/** The row of a service in an environment, made when it is missing. */
export async function serviceState(
  tx: Tx,
  environment: string,
  service: string,
): Promise<ServiceStateRow> {
  const transaction = tx.sequelize;
  const found = await ServiceStateRow.findOne({
    where: { environment, service },
    transaction,
    lock: transaction.LOCK.UPDATE,
  });
  return (
    found ??
    (await ServiceStateRow.create(
      { id: newId(), environment, service, health: "unknown" },
      { transaction },
    ))
  );
}

function recorded(version: ServiceVersion | null): {
  recordedVersion: string | null;
  recordedCommit: string | null;
  recordedDigest: string | null;
} {
  return {
    recordedVersion: version?.version ?? null,
    recordedCommit: version?.commit ?? null,
    recordedDigest: version?.digest ?? null,
  };
}
