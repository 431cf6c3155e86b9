import type { Actor } from "../../core/actor.ts";
import { isFinished } from "../../core/deployment.ts";
import { no } from "../../core/verdict.ts";
import type { DeploymentRow } from "../../db/rows/deployment.ts";
import { DeploymentStepRow } from "../../db/rows/deployment-step.ts";
import { DeploymentBlocked, DeploymentFinished } from "../../errors/catalog.ts";
import { requireInEnvironment } from "../environments/require-in-environment.ts";
import { requestBaseline } from "../environments/record-baseline.ts";
import { findEnvironment } from "../environments/environment-settings.ts";
import { findDeployment } from "./deployment-row.ts";
import type { DeploymentDeps } from "./deps.ts";
import { requestLanding, unlandedServices } from "./request-landing.ts";
import { requestDeployment } from "./request-deployment.ts";
import { rollBack } from "./roll-back.ts";

/**
 * Deploys again what a deployment did not bring to its end, as a new deployment under the same gates; of one that succeeded,
 * lands what could not be landed. Throws DeploymentNotFound, DeploymentFinished for one that has nothing left to do, and
 * what asking for it the first time throws.
 */
export async function retryDeployment(
  deps: DeploymentDeps,
  actor: Actor,
  number: number,
): Promise<DeploymentRow> {
  const row = await findDeployment(number);
  const environment = findEnvironment(deps.environments, row.environment);
  await requireInEnvironment(deps.uow, actor, "deployment.request", environment.name);
  if (!isFinished(row.status)) {
    throw new DeploymentBlocked({
      reasons: [
        no(
          "deployment.active",
          `Deployment #${number} has not ended yet.`,
          `Wait for it, or say \`cancel ${number}\`.`,
        ),
      ],
    });
  }
  const open = await unfinishedServices(row);
  if (row.status === "succeeded" && (await unlandedServices(row)).length > 0) {
    return requestLanding(deps, actor, environment, row);
  }
  if (row.status === "succeeded" || row.status === "rolled_back" || open.length === 0) {
    throw new DeploymentFinished({
      number,
      status: row.status.replace("_", " "),
      action: "retried",
    });
  }
  if (row.kind === "rollback") {
    return rollBack(
      deps,
      actor,
      {
        environment: environment.name,
        ...(row.restores === null ? {} : { to: row.restores }),
        services: [...open],
        reason: row.reason ?? `Deployment #${number} again.`,
      },
      { retryOf: number },
    );
  }
  if (row.releaseNumber === null) {
    return requestBaseline(deps, actor, environment, {
      desired: row.desired.filter((desired) => open.includes(desired.service)),
      retryOf: number,
    });
  }
  return requestDeployment(
    deps,
    actor,
    row.releaseNumber,
    { environment: environment.name, only: [...open] },
    { retryOf: number },
  );
}

/** Services that were not deployed and verified. */
export async function unfinishedServices(row: DeploymentRow): Promise<readonly string[]> {
  const steps = await DeploymentStepRow.findAll({
    where: { deploymentId: row.id },
    order: [["position", "ASC"]],
  });
  return [
    ...new Set(
      steps
        .filter((step) => step.stage !== "land" && step.status !== "succeeded")
        .map((step) => step.service),
    ),
  ];
}
