import { canTransition, isSameVersion } from "../../core/deployment.ts";
import { systemActor, type Actor } from "../../core/actor.ts";
import type { DeploymentStatus } from "../../contract/deployment.ts";
import { Op } from "sequelize";
import { DeploymentRow, type StoredDesired } from "../../db/rows/deployment.ts";
import { DeploymentStepRow } from "../../db/rows/deployment-step.ts";
import { ServiceStateRow } from "../../db/rows/service-state.ts";
import type { Tx } from "../../db/unit-of-work.types.ts";
import { tryObserveServices, type Observation } from "../environments/ask-target.ts";
import { findEnvironment } from "../environments/environment-settings.ts";
import { aboutDeployment, relatedTo, takeEnvironment, versionOf } from "./deployment-row.ts";
import { deploymentSummary, type ServiceOutcome } from "./deployment-summary.ts";
import type { DeploymentDeps } from "./deps.ts";
import { settleRelease } from "../releases/settle-release.ts";
import { insertRollback } from "./insert-rollback.ts";
import { holdLease, type Lease, type LeaseOptions } from "./lease.ts";
import { loadPeople } from "../people/person-refs.ts";
import { planRollback, type RollbackOrder } from "./plan-rollback.ts";
import { exactVersion, recordOutcome } from "./record-service-state.ts";

export interface Ending {
  readonly status: DeploymentStatus;
  readonly row: DeploymentRow;
  /** Every step, in order. */
  readonly steps: readonly DeploymentStepRow[];
  /** Ids of steps that will never run. */
  readonly skip: readonly string[];
}

/**
 * Ends a deployment: asks the target once more what it carries, and writes in one transaction how everything ended, what
 * each service was left with, what that means for releases, and frees the environment, or hands it to the rollback that was
 * asked for with the cancel. False when somebody cancelled in the meantime: look again. Throws LeaseLost.
 */
export async function finishDeployment(
  deps: DeploymentDeps & LeaseOptions,
  lease: Lease,
  ending: Ending,
): Promise<boolean> {
  const { row, steps, status } = ending;
  const touched = touchedServices(steps);
  const observation = await tryObserveServices(deps, row.environment, touched);
  const rollback = await rollbackAfterCancel(ending, touched, observation);
  const outcomes = serviceOutcomes(row, steps, touched, observation);
  const summary = deploymentSummary({
    kind: row.kind,
    status,
    environment: row.environment,
    services: outcomes,
    failures: steps
      .filter((step) => step.status === "failed" && step.cause !== null)
      .map(({ wave, service, stage, outcome }) => ({
        wave,
        service,
        stage,
        outcome: outcome ?? "",
      })),
    stopped: [
      row.status === "aborting" && row.cancelRequestedBy !== null ? row.summary : "",
      rollback && "refused" in rollback ? `Not rolled back: ${rollback.refused}` : "",
    ]
      .filter((sentence) => sentence !== "")
      .join(" "),
    unreachable: observation.unreachable,
  });

  return deps.uow.run(async (tx) => {
    await holdLease(deps, lease, tx);
    const transaction = tx.sequelize;
    const now = deps.clock.now();
    const current = await DeploymentRow.findByPk(row.id, { transaction });
    if (current?.status !== row.status) {
      return false;
    }
    await DeploymentStepRow.update(
      { status: "skipped" },
      { where: { id: [...ending.skip] }, transaction },
    );
    await recordCarried(tx, row, steps, outcomes);
    for (const desired of row.desired) {
      const observed = observation.states.get(desired.service);
      if (observed && touched.includes(desired.service)) {
        await recordOutcome(tx, row, desired, observed, now);
      }
    }
    await DeploymentRow.update(
      {
        status,
        summary,
        desired: row.desired.map((desired) => withDigest(desired, observation)),
        finishedAt: now,
        leaseOwner: null,
        leaseUntil: null,
      },
      { where: { id: row.id }, transaction },
    );
    await emitFinished(tx, row, status, summary);
    const releases = new Set<string>(row.releaseId === null ? [] : [row.releaseId]);
    if (row.kind === "rollback" && status === "succeeded") {
      (await markRolledBack(tx, row)).forEach((id) => releases.add(id));
    }
    for (const releaseId of releases) {
      await settleRelease(deps, tx, releaseId, {
        actor: systemActor,
        why: `deployment #${row.number} has ended, and its signatures no longer count`,
      });
    }
    if (rollback && "order" in rollback) {
      await startRollback(deps, tx, row, rollback.order);
    } else {
      await takeEnvironment(tx, row.environment, row.number, null);
    }
    return true;
  });
}

/** Tells everybody that a deployment has ended. */
export async function emitFinished(
  tx: Tx,
  row: DeploymentRow,
  status: DeploymentStatus,
  summary: string,
  actor: Actor = systemActor,
): Promise<void> {
  await tx.emit({
    name: "deployment.finished",
    payload: {
      number: row.number,
      environment: row.environment,
      release: row.releaseNumber,
      kind: row.kind,
      status,
      summary,
    },
    actor,
    subject: aboutDeployment(row.number),
    related: relatedTo(row),
  });
}

/** Services whose deploy began: the target may carry something else than before. */
export function touchedServices(steps: readonly DeploymentStepRow[]): readonly string[] {
  return steps
    .filter((step) => step.stage === "deploy")
    .filter((step) => step.status !== "pending" && step.status !== "skipped")
    .map((step) => step.service);
}

function serviceOutcomes(
  row: DeploymentRow,
  steps: readonly DeploymentStepRow[],
  touched: readonly string[],
  observation: Observation,
): readonly ServiceOutcome[] {
  const desired = new Map(row.desired.map((one) => [one.service, one]));
  return steps
    .filter((step) => step.stage === "deploy")
    .map(({ service }): ServiceOutcome => {
      const wanted = desired.get(service);
      const observed = observation.states.get(service);
      const wasTouched = touched.includes(service);
      if (!wanted || !wasTouched) {
        return { service, wasTouched, isCarried: false };
      }
      return {
        service,
        wasTouched,
        isCarried: observed ? isSameVersion(versionOf(wanted), observed) : null,
      };
    });
}

async function recordCarried(
  tx: Tx,
  row: DeploymentRow,
  steps: readonly DeploymentStepRow[],
  outcomes: readonly ServiceOutcome[],
): Promise<void> {
  for (const isCarried of [true, false]) {
    const services = outcomes
      .filter((outcome) => outcome.wasTouched && outcome.isCarried === isCarried)
      .map((outcome) => outcome.service);
    const ids = steps
      .filter((step) => step.stage === "deploy" && services.includes(step.service))
      .map((step) => step.id);
    if (ids.length > 0) {
      await DeploymentStepRow.update(
        { carried: isCarried },
        { where: { id: ids, deploymentId: row.id }, transaction: tx.sequelize },
      );
    }
  }
}

/** A later rollback to this deployment replays the very artifacts, also where only the target knew their address. */
function withDigest(desired: StoredDesired, { states }: Observation): StoredDesired {
  const observed = states.get(desired.service);
  return observed && isSameVersion(versionOf(desired), observed)
    ? { ...desired, ...exactVersion(desired, observed) }
    : desired;
}

/** Deployments of which nothing is left after a rollback are rolled back. Returns the releases they brought. */
async function markRolledBack(tx: Tx, rollback: DeploymentRow): Promise<readonly string[]> {
  const transaction = tx.sequelize;
  const { environment, restores, rollbackOf } = rollback;
  if (restores === null || rollbackOf === null) {
    return [];
  }
  const undone = await DeploymentRow.findAll({
    where: { environment, number: { [Op.gt]: restores, [Op.lte]: rollbackOf } },
    transaction,
  });
  const left = await ServiceStateRow.findAll({
    where: { environment, deployment: undone.map((row) => row.number) },
    attributes: ["deployment"],
    transaction,
  });
  const still = new Set(left.map((state) => state.deployment));
  const applied = await DeploymentStepRow.findAll({
    where: {
      deploymentId: undone.map((row) => row.id),
      stage: "deploy",
      [Op.or]: [{ status: "succeeded" }, { carried: true }],
    },
    attributes: ["deploymentId"],
    transaction,
  });
  const brought = new Set(applied.map((step) => step.deploymentId));
  const releases: string[] = [];
  for (const row of undone) {
    if (brought.has(row.id) && !still.has(row.number) && canTransition(row.status, "rolled_back")) {
      await row.update({ status: "rolled_back" }, { transaction });
      if (row.releaseId !== null) {
        releases.push(row.releaseId);
      }
    }
  }
  return releases;
}

type AfterCancel = { readonly order: RollbackOrder } | { readonly refused: string } | null;

/** What the person who cancelled asked to happen next. */
async function rollbackAfterCancel(
  { row, status }: Ending,
  touched: readonly string[],
  observation: Observation,
): Promise<AfterCancel> {
  if (status !== "aborted" || row.cancelThen !== "roll_back" || row.kind === "rollback") {
    return null;
  }
  if (touched.length === 0) {
    return { refused: "nothing was touched." };
  }
  if (observation.unreachable !== null) {
    return { refused: observation.unreachable };
  }
  const order = await planRollback({
    environment: row.environment,
    to: null,
    services: touched,
    running: observation.states,
    ending: row.number,
  });
  return "ok" in order ? { refused: order.reason } : { order };
}

async function startRollback(
  deps: DeploymentDeps,
  tx: Tx,
  row: DeploymentRow,
  order: RollbackOrder,
): Promise<void> {
  const subject = row.cancelRequestedBy ?? systemActor.subject;
  const people = await loadPeople([subject], tx.sequelize);
  const number = await tx.nextNumber("deployment");
  await takeEnvironment(tx, row.environment, row.number, number);
  await insertRollback(
    deps,
    tx,
    number,
    findEnvironment(deps.environments, row.environment),
    order,
    {
      actor: { ...systemActor, subject, name: people.of(subject).name },
      reason: `Deployment #${row.number} was cancelled.`,
      retryOf: null,
    },
  );
}
