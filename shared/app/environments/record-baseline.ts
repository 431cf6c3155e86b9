import { systemActor, type Actor } from "../../core/actor.ts";
import { noActiveDeployment } from "../../core/requirements/no-active-deployment.ts";
import { notLocked } from "../../core/requirements/not-locked.ts";
import type { RepoRef } from "../../core/ports/scm.ts";
import type { DeploymentRow, StoredDesired } from "../../db/rows/deployment.ts";
import { EnvironmentStateRow } from "../../db/rows/environment-state.ts";
import { ServiceRow } from "../../db/rows/service.ts";
import type { Tx } from "../../db/unit-of-work.types.ts";
import { DeploymentBlocked } from "../../errors/catalog.ts";
import { startDeadline } from "../../lib/deadline.ts";
import {
  insertDeployment,
  renumber,
  shortCommit,
  takeEnvironment,
} from "../deployments/deployment-row.ts";
import { OUTSIDE_TIMEOUT_MS, type DeploymentDeps } from "../deployments/deps.ts";
import { dependencyWaves } from "../deployments/plan-rollback.ts";
import { tryObserveServices } from "./ask-target.ts";
import { environmentFacts, standingLocks } from "./environment-facts.ts";
import { environmentState } from "./environment-state.ts";
import type { EnvironmentSettings } from "./environment-settings.ts";

/**
 * Deploys `branch` of every known service to every environment that has no baseline yet, through the same engine as
 * everything else, so that there is something to compare with and to go back to. Asking again does nothing. A service whose
 * branch cannot be read is left out and logged.
 */
export async function recordBaselines(deps: DeploymentDeps, branch: string): Promise<void> {
  const pending: EnvironmentSettings[] = [];
  for (const environment of deps.environments) {
    const state = await EnvironmentStateRow.findByPk(environment.name);
    if (!state?.baselineAt) {
      pending.push(environment);
    }
  }
  if (pending.length === 0) {
    return;
  }
  const desired = await resolveBranch(deps, branch);
  for (const environment of desired.length === 0 ? [] : pending) {
    await recordBaseline(deps, environment, desired);
  }
}

async function recordBaseline(
  deps: DeploymentDeps,
  environment: EnvironmentSettings,
  desired: readonly StoredDesired[],
): Promise<void> {
  await deps.uow.run(async (tx) => {
    const state = await environmentState(tx, environment.name);
    const now = deps.clock.now();
    const isBusy = (state.activeDeployment ?? null) !== null;
    const isLocked = (await standingLocks(environment.name, now, tx.sequelize)).some(
      (lock) => lock.kind === "lock",
    );
    if ((state.baselineAt ?? null) !== null || isBusy || isLocked) {
      return;
    }
    const row = await insertBaseline(deps, tx, systemActor, environment, desired, null);
    await EnvironmentStateRow.update(
      { baselineAt: now },
      { where: { name: environment.name }, transaction: tx.sequelize },
    );
    await tx.emit({
      name: "environment.baseline_recorded",
      payload: { environment: environment.name, deployment: row.number },
      actor: systemActor,
      subject: { kind: "environment", id: environment.name },
      related: [{ kind: "deployment", id: String(row.number) }],
    });
  });
}

/**
 * Deploys versions that belong to no release, for a baseline that did not come to its end. Throws DeploymentBlocked when the
 * environment is locked or busy.
 */
export async function requestBaseline(
  deps: DeploymentDeps,
  actor: Actor,
  environment: EnvironmentSettings,
  input: { readonly desired: readonly StoredDesired[]; readonly retryOf: number },
): Promise<DeploymentRow> {
  const running = await tryObserveServices(
    deps,
    environment.name,
    input.desired.map((desired) => desired.service),
  );
  const desired = input.desired.map((one) => ({
    ...one,
    fromVersion: running.states.get(one.service)?.version ?? null,
    fromCommit: running.states.get(one.service)?.commit ?? null,
  }));
  return deps.uow.run((tx) => insertBaseline(deps, tx, actor, environment, desired, input.retryOf));
}

async function insertBaseline(
  deps: DeploymentDeps,
  tx: Tx,
  actor: Actor,
  environment: EnvironmentSettings,
  desired: readonly StoredDesired[],
  retryOf: number | null,
): Promise<DeploymentRow> {
  const now = deps.clock.now();
  const number = await tx.nextNumber("deployment");
  await takeEnvironment(tx, environment.name, null, number);
  const facts = {
    ...(await environmentFacts(environment.name, now, tx.sequelize)),
    environment: {
      name: environment.name,
      isTargetOfRelease: false,
      hasTarget: true,
      land: "off" as const,
    },
  };
  const refusals = [notLocked.check(facts), noActiveDeployment.check(facts)].flatMap((outcome) =>
    outcome.state === "unmet" ? outcome.refusals : [],
  );
  if (refusals.length > 0) {
    throw new DeploymentBlocked({ reasons: refusals });
  }
  const services = desired.map((one) => one.service);
  return insertDeployment(tx, number, now, {
    kind: "deploy",
    environment,
    release: null,
    fingerprint: null,
    desired,
    waves: renumber(await dependencyWaves(services, null, tx.sequelize)),
    stagesOf: () => ["deploy", "verify"],
    land: "off",
    only: null,
    fromWave: null,
    rollbackOf: null,
    restores: null,
    retryOf,
    reason: retryOf === null ? "Baseline of the first start." : null,
    requestedBy: actor,
    actor,
  });
}

async function resolveBranch(
  deps: DeploymentDeps,
  branch: string,
): Promise<readonly StoredDesired[]> {
  const services = await ServiceRow.findAll({ order: [["name", "ASC"]] });
  const deadline = startDeadline(deps.timers, OUTSIDE_TIMEOUT_MS);
  try {
    const repositories = new Map<string, RepoRef>();
    for (const name of new Set(services.map((service) => service.repository))) {
      repositories.set(name, await deps.findRepository(name, deadline.signal));
    }
    const shas = new Map<string, string>();
    for (const provider of new Set([...repositories.values()].map((ref) => ref.provider))) {
      const results = await deps.scm(provider).resolveMany(
        [...repositories.values()]
          .filter((repository) => repository.provider === provider)
          .map((repository) => ({ repository, ref: branch })),
        deadline.signal,
      );
      for (const result of results) {
        if (result.ok) {
          shas.set(result.repository.name, result.sha);
        } else {
          deps.logger.warn(
            { repository: result.repository.name, reason: result.failure.reason },
            "no baseline for a repository",
          );
        }
      }
    }
    return services.flatMap((service): StoredDesired[] => {
      const commit = shas.get(repositories.get(service.repository)?.name ?? "");
      return commit === undefined
        ? []
        : [
            {
              service: service.name,
              repository: service.repository,
              path: service.path,
              version: shortCommit(commit),
              commit,
              digest: null,
              fromVersion: null,
              fromCommit: null,
              landBranch: null,
            },
          ];
    });
  } finally {
    deadline.end();
  }
}
