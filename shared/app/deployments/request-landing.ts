import type { Transaction } from "sequelize";
import type { Actor } from "../../core/actor.ts";
import { no } from "../../core/verdict.ts";
import type { DeploymentRow } from "../../db/rows/deployment.ts";
import { DeploymentStepRow } from "../../db/rows/deployment-step.ts";
import { ReleaseItemRow } from "../../db/rows/release-item.ts";
import { DeploymentBlocked, DeploymentFinished } from "../../errors/catalog.ts";
import type { EnvironmentSettings } from "../environments/environment-settings.ts";
import { isLanded } from "../releases/gather-release-facts.ts";
import { settleRelease } from "../releases/settle-release.ts";
import { checkApproval } from "./check-approval.ts";
import { insertDeployment, takeEnvironment } from "./deployment-row.ts";
import type { DeploymentDeps } from "./deps.ts";

/**
 * Services a deployment brought but could not land, whose branch still lacks exactly that: somebody else may have landed it
 * since, or the release may hold other commits by now.
 */
export async function unlandedServices(
  row: DeploymentRow,
  transaction: Transaction | null = null,
): Promise<readonly string[]> {
  if (row.kind !== "deploy" || row.releaseId === null || row.land !== "after") {
    return [];
  }
  const steps = await DeploymentStepRow.findAll({
    attributes: ["service"],
    where: { deploymentId: row.id, stage: "land", status: "failed" },
    order: [["position", "ASC"]],
    transaction,
  });
  const items = await ReleaseItemRow.findAll({
    attributes: ["service", "headSha", "landedAt", "landedHead"],
    where: { releaseId: row.releaseId, service: steps.map(({ service }) => service) },
    transaction,
  });
  const brought = new Map(row.desired.map(({ service, commit }) => [service, commit]));
  return items
    .filter((item) => !isLanded(item) && item.headSha === brought.get(item.service))
    .map(({ service }) => service)
    .sort();
}

/**
 * Lands what a deployment brought and could not land, as a deployment of its own that touches no service. Landing moves the
 * branch to exactly what was signed or changes nothing, so the gates of a deploy are not asked again; the signatures are.
 *
 * @throws DeploymentBlocked, and DeploymentFinished when somebody else has landed it in the meantime
 */
export async function requestLanding(
  deps: DeploymentDeps,
  actor: Actor,
  environment: EnvironmentSettings,
  of: DeploymentRow,
): Promise<DeploymentRow> {
  return deps.uow.run(async (tx) => {
    const services = await unlandedServices(of, tx.sequelize);
    if (services.length === 0) {
      throw new DeploymentFinished({ number: of.number, status: "landed", action: "retried" });
    }
    const approval = await checkApproval(of, deps.environments, tx.sequelize);
    if (!approval.ok) {
      throw new DeploymentBlocked({ reasons: [approval] });
    }
    const number = await tx.nextNumber("deployment");
    if (!(await takeEnvironment(tx, environment.name, null, number))) {
      throw new DeploymentBlocked({
        reasons: [
          no(
            "deployment.active",
            `${environment.name} is being deployed to.`,
            `Wait until that has ended, then say \`retry ${of.number}\` again.`,
          ),
        ],
      });
    }
    const row = await insertDeployment(tx, number, deps.clock.now(), {
      kind: "deploy",
      environment,
      release:
        of.releaseId === null || of.releaseNumber === null
          ? null
          : { id: of.releaseId, number: of.releaseNumber },
      fingerprint: of.fingerprint,
      desired: of.desired.filter(({ service }) => services.includes(service)),
      waves: [],
      stagesOf: () => [],
      landOnly: services,
      land: "after",
      only: services,
      fromWave: null,
      rollbackOf: null,
      restores: null,
      retryOf: of.number,
      reason: null,
      requestedBy: actor,
      actor,
    });
    if (of.releaseId !== null) {
      await settleRelease(deps, tx, of.releaseId, { actor, why: "" });
    }
    return row;
  });
}
