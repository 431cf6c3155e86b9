import type { RequestRollback } from "../../contract/deployment.ts";
import { systemActor, type Actor } from "../../core/actor.ts";
import { notLocked } from "../../core/requirements/not-locked.ts";
import { noActiveDeployment } from "../../core/requirements/no-active-deployment.ts";
import type { Refusal } from "../../core/verdict.ts";
import { DeploymentRow } from "../../db/rows/deployment.ts";
import { DeploymentStepRow } from "../../db/rows/deployment-step.ts";
import type { Tx } from "../../db/unit-of-work.types.ts";
import { DeploymentBlocked, RollbackImpossible, ServiceNotFound } from "../../errors/catalog.ts";
import { startDeadline } from "../../lib/deadline.ts";
import { requireInEnvironment } from "../environments/require-in-environment.ts";
import { observeServices } from "../environments/ask-target.ts";
import { environmentFacts, type EnvironmentFacts } from "../environments/environment-facts.ts";
import { findEnvironment, type EnvironmentSettings } from "../environments/environment-settings.ts";
import { takeEnvironment } from "./deployment-row.ts";
import { OUTSIDE_TIMEOUT_MS, type DeploymentDeps } from "./deps.ts";
import { emitFinished } from "./finish-deployment.ts";
import { insertRollback } from "./insert-rollback.ts";
import { nextToken } from "./lease.ts";
import { deployedServices, planRollback, type RollbackOrder } from "./plan-rollback.ts";

/**
 * Brings an environment back to what an earlier success left there: exactly the recorded versions, dependents first. It is a
 * deployment like any other, needs no signatures, takes over from a deployment that is only being verified, and holds
 * automation so that nothing undoes it. Throws RollbackImpossible, DeploymentBlocked, EnvironmentNotFound, ServiceNotFound,
 * PermissionDenied, and what the target throws when it cannot be asked.
 */
export async function rollBack(
  deps: DeploymentDeps,
  actor: Actor,
  input: RequestRollback,
  options: { readonly retryOf?: number } = {},
): Promise<DeploymentRow> {
  const environment = findEnvironment(deps.environments, input.environment);
  const { name } = environment;
  await requireInEnvironment(deps.uow, actor, "deployment.roll_back", name);
  const known = await deployedServices(name);
  const services = input.services && input.services.length > 0 ? input.services : null;
  const stranger = services?.find((service) => !known.includes(service));
  if (stranger !== undefined) {
    throw new ServiceNotFound({ service: stranger, known });
  }

  const deadline = startDeadline(deps.timers, OUTSIDE_TIMEOUT_MS);
  try {
    const standing = await environmentFacts(name, deps.clock.now());
    const preempted = await inTheWay(environment, standing);
    const running = await observeServices(deps, name, known, deadline.signal);
    const question = { environment: name, to: input.to ?? null, services, running };
    const seen = must(name, await planRollback({ ...question, ending: preempted }));

    return await deps.uow.run(async (tx) => {
      const number = await tx.nextNumber("deployment");
      const now = deps.clock.now();
      const isTaken = await takeEnvironment(tx, name, preempted, number);
      const current = await environmentFacts(name, now, tx.sequelize);
      const inTheWayNow = await inTheWay(environment, current, tx);
      const order = must(
        name,
        await planRollback({ ...question, ending: preempted }, tx.sequelize),
      );
      const isSame = JSON.stringify(order.plan) === JSON.stringify(seen.plan);
      if (inTheWayNow !== preempted || !isTaken || !isSame) {
        throw new RollbackImpossible(
          { environment: name, why: "something was deployed there in the meantime" },
          { remedy: `Say \`history ${name}\` to see what, then decide again.` },
        );
      }
      if (preempted !== null) {
        await preempt(deps, tx, preempted, number, actor);
      }
      return insertRollback(deps, tx, number, environment, order, {
        actor,
        reason: input.reason,
        retryOf: options.retryOf ?? null,
      });
    });
  } finally {
    deadline.end();
  }
}

/** The deployment a rollback takes over from; null when nothing runs. Throws DeploymentBlocked for what it must respect. */
async function inTheWay(
  environment: EnvironmentSettings,
  standing: EnvironmentFacts,
  tx?: Tx,
): Promise<number | null> {
  const facts = {
    ...standing,
    environment: {
      name: environment.name,
      isTargetOfRelease: false,
      hasTarget: true,
      land: "off" as const,
    },
  };
  const active = standing.activeDeployment;
  const row =
    active &&
    (await DeploymentRow.findOne({
      where: { number: active.number },
      transaction: tx?.sequelize ?? null,
    }));
  const isWatching = row?.status === "verifying" && row.kind === "deploy";
  const outcomes = [
    notLocked.check(facts),
    ...(isWatching ? [] : [noActiveDeployment.check(facts)]),
  ];
  const refusals = outcomes.flatMap((outcome) =>
    outcome.state === "unmet" ? outcome.refusals : [],
  );
  if (refusals.length > 0) {
    throw new DeploymentBlocked({ reasons: refusals });
  }
  return active?.number ?? null;
}

function must(environment: string, order: RollbackOrder | Refusal): RollbackOrder {
  if ("ok" in order) {
    throw new RollbackImpossible(
      { environment, why: order.reason.replace(/\.$/, "") },
      { remedy: order.remedy },
    );
  }
  return order;
}

/** Ends a deployment that is only being watched. Its runner's next write is refused, because its token is old. */
async function preempt(
  deps: DeploymentDeps,
  tx: Tx,
  number: number,
  by: number,
  actor: Actor,
): Promise<void> {
  const transaction = tx.sequelize;
  const row = await DeploymentRow.findOne({
    where: { number },
    transaction,
    lock: transaction.LOCK.UPDATE,
  });
  if (!row) {
    return;
  }
  const summary = `Stopped while it was being verified: ${actor.name} rolled it back with deployment #${by}.`;
  await row.update(
    {
      status: "aborted",
      summary,
      cancelRequestedBy: actor.subject,
      cancelThen: "leave",
      finishedAt: deps.clock.now(),
      fencing: await nextToken(tx, row.environment),
      leaseOwner: null,
      leaseUntil: null,
    },
    { transaction },
  );
  await DeploymentStepRow.update(
    { status: "skipped", outcome: `Stopped by deployment #${by}.` },
    { where: { deploymentId: row.id, status: ["pending", "running"] }, transaction },
  );
  await emitFinished(tx, row, "aborted", summary, systemActor);
}
