import type { Actor } from "../../core/actor.ts";
import type { DeploymentRow } from "../../db/rows/deployment.ts";
import type { Tx } from "../../db/unit-of-work.types.ts";
import type { EnvironmentSettings } from "../environments/environment-settings.ts";
import { setHold } from "../environments/set-hold.ts";
import { insertDeployment } from "./deployment-row.ts";
import type { DeploymentDeps } from "./deps.ts";
import { settleRelease } from "../releases/settle-release.ts";
import type { RollbackOrder } from "./plan-rollback.ts";

/**
 * Writes a rollback as the deployment it is, and a hold, so that nothing automatic undoes it. The environment must be taken
 * for `number` already.
 */
export async function insertRollback(
  deps: Pick<DeploymentDeps, "environments" | "clock">,
  tx: Tx,
  number: number,
  environment: EnvironmentSettings,
  order: RollbackOrder,
  request: { readonly actor: Actor; readonly reason: string; readonly retryOf: number | null },
): Promise<DeploymentRow> {
  const now = deps.clock.now();
  const { undone, plan } = order;
  const row = await insertDeployment(tx, number, now, {
    kind: "rollback",
    environment,
    release:
      undone.releaseId !== null && undone.releaseNumber !== null
        ? { id: undone.releaseId, number: undone.releaseNumber }
        : null,
    fingerprint: undone.fingerprint,
    desired: order.desired,
    waves: plan.waves,
    stagesOf: () => ["deploy", "verify"],
    land: "off",
    only: null,
    fromWave: null,
    rollbackOf: plan.of,
    restores: plan.to,
    retryOf: request.retryOf,
    reason: request.reason,
    requestedBy: request.actor,
    actor: request.actor,
  });
  await setHold(
    tx,
    request.actor,
    environment.name,
    `Rolled back to deployment #${plan.to}: ${request.reason}`,
    now,
  );
  if (undone.releaseId !== null) {
    await settleRelease(deps, tx, undone.releaseId, {
      actor: request.actor,
      why: `it is rolled back in ${environment.name}`,
    });
  }
  return row;
}
