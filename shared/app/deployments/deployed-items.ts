import type { Transaction } from "sequelize";
import { isSameVersion } from "../../core/deployment.ts";
import { DeploymentRow } from "../../db/rows/deployment.ts";
import { DeploymentStepRow } from "../../db/rows/deployment-step.ts";
import type { ReleaseItemRow } from "../../db/rows/release-item.ts";
import { ServiceStateRow } from "../../db/rows/service-state.ts";

/** That a release brought exactly its content of one service to an environment, and nobody changed it since. */
export interface DeployedItem {
  readonly deployment: number;
  readonly at: Date;
}

/**
 * Which items of a release its own deployments brought to an environment, verified, and which still are the last thing
 * deployed there. By service.
 */
export async function deployedItems(
  releaseId: string,
  environment: string,
  items: readonly Pick<ReleaseItemRow, "service" | "headSha" | "toVersion" | "digest">[],
  transaction: Transaction | null = null,
): Promise<ReadonlyMap<string, DeployedItem>> {
  const deployments = await DeploymentRow.findAll({
    where: { releaseId, environment, kind: "deploy" },
    attributes: ["id", "number"],
    transaction,
  });
  if (deployments.length === 0) {
    return new Map();
  }
  const numbers = new Map(deployments.map((row) => [row.number, row.id]));
  const [states, steps] = await Promise.all([
    ServiceStateRow.findAll({
      where: { environment, deployment: [...numbers.keys()] },
      transaction,
    }),
    DeploymentStepRow.findAll({
      where: { deploymentId: [...numbers.values()] },
      attributes: ["deploymentId", "service", "stage", "status"],
      transaction,
    }),
  ]);
  const unproven = new Set(
    steps
      .filter((step) => step.stage !== "land" && step.status !== "succeeded")
      .map((step) => `${step.deploymentId} ${step.service}`),
  );
  const byService = new Map(items.map((item) => [item.service, item]));
  const found = new Map<string, DeployedItem>();
  for (const state of states) {
    const item = byService.get(state.service);
    const deploymentId = numbers.get(state.deployment ?? 0);
    if (
      item &&
      deploymentId !== undefined &&
      state.deployment !== null &&
      state.since !== null &&
      !unproven.has(`${deploymentId} ${state.service}`) &&
      isSameVersion(
        { version: item.toVersion, commit: item.headSha, digest: item.digest },
        {
          version: state.recordedVersion,
          commit: state.recordedCommit,
          digest: state.recordedDigest,
        },
      )
    ) {
      found.set(state.service, { deployment: state.deployment, at: state.since });
    }
  }
  return found;
}
