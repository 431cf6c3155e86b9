import type { EnvironmentServices, ReleaseServices } from "../services.ts";
import { viewDiff } from "./diff-environments.ts";
import {
  environmentHealth,
  listEnvironments,
  viewEnvironment,
  viewServiceState,
} from "./environment-queries.ts";
import {
  holdEnvironment,
  lockEnvironment,
  resumeEnvironment,
  unlockEnvironment,
} from "./lock-environment.ts";
import { createEnvironmentObserver } from "./observe-environment.ts";
import { promoteEnvironment, type PromotionDeps } from "./promote-environment.ts";
import { restartService } from "./restart-service.ts";

/** Environments as both mouths see them. `releases` shows the release a promotion made. */
export function createEnvironmentServices(
  given: PromotionDeps,
  releases: Pick<ReleaseServices, "view">,
): EnvironmentServices {
  const deps = { ...given, observer: createEnvironmentObserver(given) };
  return {
    list: (actor) => listEnvironments(deps, actor),
    view: (actor, environment) => viewEnvironment(deps, actor, environment),
    health: (actor, environment) => environmentHealth(deps, actor, environment),
    diff: (actor, from, to) => viewDiff(deps, actor, from, to),
    async promote(actor, input) {
      return releases.view(actor, await promoteEnvironment(deps, actor, input));
    },
    async lock(actor, environment, input) {
      await lockEnvironment(deps, actor, environment, input);
      return viewEnvironment(deps, actor, environment);
    },
    async unlock(actor, environment) {
      await unlockEnvironment(deps, actor, environment);
      return viewEnvironment(deps, actor, environment);
    },
    async hold(actor, environment, reason) {
      await holdEnvironment(deps, actor, environment, reason);
      return viewEnvironment(deps, actor, environment);
    },
    async resume(actor, environment) {
      await resumeEnvironment(deps, actor, environment);
      return viewEnvironment(deps, actor, environment);
    },
    async restart(actor, environment, service) {
      await restartService(deps, actor, environment, service);
      return viewServiceState(deps, actor, environment, service);
    },
  };
}
