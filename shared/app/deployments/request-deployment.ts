import type { RequestDeployment } from "../../contract/deployment.ts";
import type { Actor } from "../../core/actor.ts";
import { checkRequirements, refusalsOf } from "../../core/requirements/index.ts";
import type { Refusal } from "../../core/verdict.ts";
import { ReleaseRow } from "../../db/rows/release.ts";
import type { DeploymentRow } from "../../db/rows/deployment.ts";
import { DeploymentBlocked, ReleaseChanged } from "../../errors/catalog.ts";
import { startDeadline } from "../../lib/deadline.ts";
import { requireInEnvironment } from "../environments/require-in-environment.ts";
import { observeServices } from "../environments/ask-target.ts";
import { promotionRefusals } from "./check-promotion.ts";
import { chooseEnvironment } from "./choose-environment.ts";
import { insertDeployment, takeEnvironment } from "./deployment-row.ts";
import { OUTSIDE_TIMEOUT_MS, type DeploymentDeps } from "./deps.ts";
import { findRelease } from "../releases/release-rows.ts";
import { settleRelease } from "../releases/settle-release.ts";
import { eligibleFor, landingOf, loadDeployRows, toDeployFacts } from "./gather-facts.ts";
import { readBranches } from "./read-branches.ts";
import { selectServices } from "./select-services.ts";

/**
 * Asks for a release to be deployed, exactly as it was signed. Every gate is asked twice: with what source control and the
 * target say now, and again in the transaction that takes the environment. Throws DeploymentBlocked with every unmet gate,
 * PermissionDenied, ReleaseNotFound, EnvironmentMissing, EnvironmentNotFound, ReleaseChanged, and what source control or the
 * target throw when they cannot be asked.
 */
export async function requestDeployment(
  deps: DeploymentDeps,
  actor: Actor,
  number: number,
  input: RequestDeployment,
  options: { readonly retryOf?: number } = {},
): Promise<DeploymentRow> {
  const release = await findRelease(number);
  const environment = chooseEnvironment(deps.environments, release, input.environment);
  await requireInEnvironment(deps.uow, actor, "deployment.request", environment.name);
  const request = {
    environment,
    actor,
    only: input.only && input.only.length > 0 ? input.only : null,
    fromWave: input.fromWave ?? null,
  };
  const land = landingOf(release, environment);

  const deadline = startDeadline(deps.timers, OUTSIDE_TIMEOUT_MS);
  try {
    const rows = await loadDeployRows(release, environment, deps.clock.now());
    const [live, running, eligible] = await Promise.all([
      readBranches(
        deps,
        release,
        rows.loaded.items,
        { isLanding: land !== "off" },
        deadline.signal,
      ),
      observeServices(
        deps,
        environment.name,
        rows.loaded.items.filter((item) => !item.excluded).map((item) => item.service),
        deadline.signal,
      ),
      eligibleFor(deps, rows, environment),
    ]);
    const outside = { live, eligible };
    const refusals = [
      ...refusalsOf(checkRequirements(toDeployFacts(rows, outside, request))),
      ...promotionRefusals(rows.loaded, environment.name, running),
    ];
    if (refusals.length > 0) {
      await askForRefresh(deps, release.number, refusals);
      throw new DeploymentBlocked({ reasons: refusals });
    }
    const target = deps.targets(environment.name);

    return await deps.uow.run(async (tx) => {
      const transaction = tx.sequelize;
      const current = await ReleaseRow.findByPk(release.id, {
        transaction,
        lock: transaction.LOCK.UPDATE,
      });
      if (current?.fingerprint !== release.fingerprint) {
        throw new ReleaseChanged({ number });
      }
      const deploymentNumber = await tx.nextNumber("deployment");
      const now = deps.clock.now();
      const isTaken = await takeEnvironment(tx, environment.name, null, deploymentNumber);
      const fresh = await loadDeployRows(current, environment, now, transaction);
      const unmet = refusalsOf(checkRequirements(toDeployFacts(fresh, outside, request)));
      if (unmet.length > 0) {
        throw new DeploymentBlocked({ reasons: unmet });
      }
      if (!isTaken || current.version !== release.version) {
        throw new ReleaseChanged({ number });
      }
      const selection = await selectServices(
        fresh,
        {
          ...request,
          environment: environment.name,
          land,
          hasMigrations: target.migrate !== undefined,
          running,
        },
        transaction,
      );
      const row = await insertDeployment(tx, deploymentNumber, now, {
        ...request,
        ...selection,
        kind: "deploy",
        release: { id: current.id, number: current.number },
        fingerprint: current.fingerprint,
        land,
        rollbackOf: null,
        restores: null,
        retryOf: options.retryOf ?? null,
        reason: null,
        requestedBy: actor,
      });
      await settleRelease(deps, tx, current.id, { actor, why: "" });
      return row;
    });
  } finally {
    deadline.end();
  }
}

/** The cards still show the old commits: have them read again, so that people see what they would sign. */
async function askForRefresh(
  deps: DeploymentDeps,
  release: number,
  refusals: readonly Refusal[],
): Promise<void> {
  const moved = ["content.changed", "destination.moved"];
  if (!refusals.some(({ code }) => moved.includes(code))) {
    return;
  }
  await deps.uow.run((tx) =>
    tx.enqueue({
      name: "release.refresh",
      payload: { number: release },
      key: `release.refresh/${release}`,
    }),
  );
}
