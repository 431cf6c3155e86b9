import type { Transaction } from "sequelize";
import type { Actor } from "../../core/actor.ts";
import { isClosed, statusAfter, type ReleaseFacts } from "../../core/release.ts";
import { DeploymentRow } from "../../db/rows/deployment.ts";
import { ReleaseRow } from "../../db/rows/release.ts";
import { ReleaseItemRow } from "../../db/rows/release-item.ts";
import type { Tx } from "../../db/unit-of-work.types.ts";
import type { EnvironmentSettings } from "../environments/environment-settings.ts";
import { deployedItems } from "./deployed-items.ts";
import { judgeRelease, policyFor, standingRejection } from "./judge-release.ts";

/** What the deployments to its target environment mean for the status of a release. */
export async function deploymentFactsOf(
  release: ReleaseRow,
  items: readonly ReleaseItemRow[],
  transaction: Transaction | null = null,
): Promise<Pick<ReleaseFacts, "attempt" | "isFullyDeployed">> {
  if (release.targetEnvironment === null) {
    return { attempt: null, isFullyDeployed: false };
  }
  const newest = await DeploymentRow.findOne({
    where: { releaseId: release.id, environment: release.targetEnvironment },
    order: [["number", "DESC"]],
    transaction,
  });
  const deployed = await deployedItems(release.id, release.targetEnvironment, items, transaction);
  const included = items.filter((item) => !item.excluded);
  return {
    attempt: newest && {
      status: newest.status,
      isRollback: newest.kind === "rollback",
      isSameContent: newest.fingerprint === release.fingerprint,
    },
    isFullyDeployed: included.length > 0 && included.every((item) => deployed.has(item.service)),
  };
}

/**
 * Gives a release the status that follows from what is true now, in the transaction that made it true. Doing it again
 * changes nothing.
 */
export async function followRelease(
  tx: Tx,
  environments: readonly EnvironmentSettings[],
  releaseId: string,
  actor: Actor,
): Promise<void> {
  const transaction = tx.sequelize;
  const release = await ReleaseRow.findByPk(releaseId, {
    transaction,
    lock: transaction.LOCK.UPDATE,
  });
  if (!release) {
    return;
  }
  const items = await ReleaseItemRow.findAll({ where: { releaseId }, transaction });
  const target = environments.find(({ name }) => name === release.targetEnvironment) ?? null;
  const { isApproved } = await judgeRelease(
    release,
    items,
    policyFor(release, target),
    transaction,
  );
  const rejection = await standingRejection(release, items, transaction);
  const after = statusAfter(release.status, {
    isCancelled: release.closedAt !== null,
    isRejected: rejection !== null,
    isApproved,
    ...(await deploymentFactsOf(release, items, transaction)),
  });
  const before = release.status;
  if (after === before) {
    return;
  }
  await release.update(
    {
      status: after,
      // A release that is out frees its pair of branches for the next one.
      ...(isClosed(after) ? { openKey: null } : {}),
      version: release.version + 1,
    },
    { transaction },
  );
  await tx.emit({
    name: "release.status_changed",
    payload: { number: release.number, before, after },
    actor,
    subject: { kind: "release", id: String(release.number) },
  });
}
