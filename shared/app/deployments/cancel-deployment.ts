import type { CancelDeployment } from "../../contract/deployment.ts";
import type { Actor } from "../../core/actor.ts";
import { isFinished } from "../../core/deployment.ts";
import { DeploymentRow } from "../../db/rows/deployment.ts";
import { DeploymentStepRow } from "../../db/rows/deployment-step.ts";
import { DeploymentFinished } from "../../errors/catalog.ts";
import { requireInEnvironment } from "../environments/require-in-environment.ts";
import {
  aboutDeployment,
  enqueueAdvance,
  findDeployment,
  relatedTo,
  takeEnvironment,
} from "./deployment-row.ts";
import type { DeploymentDeps } from "./deps.ts";
import { emitFinished } from "./finish-deployment.ts";
import { settleRelease } from "../releases/settle-release.ts";

/**
 * Stops a deployment before its next effect and ends the effects that run. What was touched is left as it is, or rolled back
 * afterwards. Cancelling twice is no error; the first one counts. Throws DeploymentNotFound, DeploymentFinished,
 * PermissionDenied.
 */
export async function cancelDeployment(
  deps: DeploymentDeps,
  actor: Actor,
  number: number,
  input: CancelDeployment,
): Promise<void> {
  const found = await findDeployment(number);
  await requireInEnvironment(deps.uow, actor, "deployment.cancel", found.environment);
  if (input.then === "roll_back") {
    await requireInEnvironment(deps.uow, actor, "deployment.roll_back", found.environment);
  }
  await deps.uow.run(async (tx) => {
    const transaction = tx.sequelize;
    const row = await DeploymentRow.findByPk(found.id, {
      transaction,
      lock: transaction.LOCK.UPDATE,
    });
    if (!row || isFinished(row.status)) {
      throw new DeploymentFinished({
        number,
        status: row?.status.replace("_", " ") ?? "gone",
        action: "cancelled",
      });
    }
    if (row.status === "aborting") {
      return;
    }
    const reason = input.reason?.trim();
    const summary = `Cancelled by ${actor.name}${reason ? `: ${reason}` : ""}.`;
    const cancel = {
      summary: summary.replace(/([.!?])\.$/, "$1"),
      cancelRequestedBy: actor.subject,
      cancelThen: input.then,
    };
    await tx.emit({
      name: "deployment.cancel_requested",
      payload: { number, environment: row.environment, then: input.then },
      actor,
      subject: aboutDeployment(number),
      related: relatedTo(row),
    });
    if (row.startedAt !== null) {
      await row.update({ ...cancel, status: "aborting" }, { transaction });
      await enqueueAdvance(tx, row);
      return;
    }
    // Nobody has begun it, so nothing has to be stopped.
    await row.update(
      { ...cancel, status: "aborted", finishedAt: deps.clock.now() },
      { transaction },
    );
    await DeploymentStepRow.update(
      { status: "skipped" },
      { where: { deploymentId: row.id }, transaction },
    );
    await takeEnvironment(tx, row.environment, number, null);
    await emitFinished(tx, row, "aborted", cancel.summary, actor);
    if (row.releaseId !== null) {
      await settleRelease(deps, tx, row.releaseId, {
        actor,
        why: `deployment #${number} was cancelled`,
      });
    }
  });
}
