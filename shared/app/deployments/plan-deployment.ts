import type { PlanView } from "../../contract/deployment.ts";
import type { Actor } from "../../core/actor.ts";
import type { PlannedChange } from "../../core/ports/deploy-target.ts";
import { checkRequirements, refusalsOf } from "../../core/requirements/index.ts";
import { AppError } from "../../errors/app-error.ts";
import { startDeadline, untilAborted } from "../../lib/deadline.ts";
import { requireToRead } from "../access.ts";
import { tryObserveServices } from "../environments/ask-target.ts";
import { promotionRefusals } from "./check-promotion.ts";
import { chooseEnvironment } from "./choose-environment.ts";
import { OUTSIDE_TIMEOUT_MS, type DeploymentDeps } from "./deps.ts";
import { desiredState } from "./desired-state.ts";
import { expectedDurationMs } from "./expected-duration.ts";
import { eligibleFor, landingOf, loadDeployRows, toDeployFacts } from "./gather-facts.ts";
import { findRelease } from "../releases/release-rows.ts";
import { presentOrder, presentRequirements } from "../releases/present-release.ts";
import { readBranches } from "./read-branches.ts";
import { selectServices, type Selection } from "./select-services.ts";

/**
 * Says what a deploy would do and what is in its way, changing nothing. A target that cannot be asked becomes a warning.
 * Throws ReleaseNotFound, EnvironmentMissing, EnvironmentNotFound, and what source control throws when it cannot be asked.
 */
export async function planDeployment(
  deps: DeploymentDeps,
  actor: Actor,
  number: number,
  named?: string,
): Promise<PlanView> {
  const release = await findRelease(number);
  const environment = chooseEnvironment(deps.environments, release, named);
  requireToRead(actor, "deployment.plan", { environment: environment.name });
  const request = { environment, actor, only: null, fromWave: null };
  const land = landingOf(release, environment);

  const deadline = startDeadline(deps.timers, OUTSIDE_TIMEOUT_MS);
  try {
    const rows = await loadDeployRows(release, environment, deps.clock.now());
    const [live, eligible, observation] = await Promise.all([
      readBranches(
        deps,
        release,
        rows.loaded.items,
        { isLanding: land !== "off" },
        deadline.signal,
      ),
      eligibleFor(deps, rows, environment),
      tryObserveServices(
        deps,
        environment.name,
        rows.loaded.items.filter((item) => !item.excluded).map((item) => item.service),
        deadline.signal,
      ),
    ]);
    const stale =
      observation.unreachable === null
        ? promotionRefusals(rows.loaded, environment.name, observation.states)
        : [];
    const answers = checkRequirements(toDeployFacts(rows, { live, eligible }, request));
    const selection = await selectServices(
      rows,
      {
        ...request,
        environment: environment.name,
        land,
        hasMigrations: false,
        running: observation.states,
      },
      null,
    );
    const asked = await askPlan(deps, environment.name, selection, deadline.signal);
    const waveOf = new Map(
      selection.waves.flatMap((wave) => wave.services.map((service) => [service, wave.number])),
    );
    return {
      release: number,
      environment: environment.name,
      possible: refusalsOf(answers).length === 0 && stale.length === 0,
      requirements: [
        ...presentRequirements(answers),
        ...stale.map((refusal) => ({
          id: "promotion-current",
          met: false,
          code: refusal.code,
          reason: refusal.reason,
          remedy: refusal.remedy,
        })),
      ],
      order: presentOrder(rows.order),
      changes: asked.changes.map(({ service, from, to, change }) => ({
        service,
        from,
        to,
        change,
        wave: waveOf.get(service) ?? 1,
      })),
      expectedDurationMs: await expectedDurationMs(environment.name),
      warnings: [
        ...asked.warnings,
        ...answers.flatMap(({ outcome }) => (outcome.state === "met" ? outcome.notes : [])),
      ],
    };
  } finally {
    deadline.end();
  }
}

async function askPlan(
  deps: DeploymentDeps,
  environment: string,
  selection: Selection,
  signal: AbortSignal,
): Promise<{ changes: readonly PlannedChange[]; warnings: readonly string[] }> {
  const wanted = new Set(selection.waves.flatMap((wave) => wave.services));
  const stored = selection.desired.filter((desired) => wanted.has(desired.service));
  const warnings: string[] = [];
  try {
    const desired = await Promise.all(
      stored.map((one) =>
        desiredState(
          deps,
          one,
          { environment, deployment: 0, fencingToken: 0, brings: selection.desired },
          signal,
        ),
      ),
    );
    const changes = await untilAborted(deps.targets(environment).plan(desired, signal), signal);
    return {
      changes,
      warnings: changes.flatMap(({ service, warnings: told = [] }) =>
        told.map((warning) => `${service}: ${warning}`),
      ),
    };
  } catch (error) {
    if (!(error instanceof AppError) && !signal.aborted) {
      throw error;
    }
    const why = error instanceof AppError ? error.message : "It did not answer in time.";
    warnings.push(`What ${environment} runs now is not known: ${why}`);
    return {
      changes: stored.map(({ service, version }) => ({
        service,
        from: null,
        to: version,
        change: "update",
      })),
      warnings,
    };
  }
}
