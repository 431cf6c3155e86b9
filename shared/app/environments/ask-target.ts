import type { DeployTarget, ObservedState } from "../../core/ports/deploy-target.ts";
import type { ServiceVersion } from "../../core/deployment.ts";
import { AppError } from "../../errors/app-error.ts";
import { UpstreamTimeout } from "../../errors/catalog.ts";
import { startDeadline, untilAborted } from "../../lib/deadline.ts";
import type { Timers } from "../../lib/scheduler.ts";

/** How long a target may take to say what runs. */
export const OBSERVE_TIMEOUT_MS = 15_000;

/** What the target of an environment says, or why it said nothing. */
export interface Observation {
  readonly states: ReadonlyMap<string, ObservedState>;
  /** Why the target could not be asked; null when it could. */
  readonly unreachable: string | null;
}

/**
 * Asks the target what runs of these services. Throws what the target throws, and UpstreamTimeout when it does not answer
 * in time, even if it ignores being told to stop.
 */
export async function observeServices(
  deps: { readonly timers: Timers; readonly targets: (environment: string) => DeployTarget },
  environment: string,
  services: readonly string[],
  signal?: AbortSignal,
): Promise<ReadonlyMap<string, ObservedState>> {
  if (services.length === 0) {
    return new Map();
  }
  const deadline = startDeadline(deps.timers, OBSERVE_TIMEOUT_MS, signal ? [signal] : []);
  try {
    const observed = await untilAborted(
      deps.targets(environment).observe(services, deadline.signal),
      deadline.signal,
    );
    return new Map(observed.map((state) => [state.service, state]));
  } catch (error) {
    if (deadline.isOver) {
      throw new UpstreamTimeout(
        {
          system: `The deploy target of ${environment}`,
          operation: "observe",
          timeoutMs: OBSERVE_TIMEOUT_MS,
        },
        { cause: error },
      );
    }
    throw error;
  } finally {
    deadline.end();
  }
}

/** The same, but a target that cannot be reached is an answer, for people who only want to look. */
export async function tryObserveServices(
  deps: { readonly timers: Timers; readonly targets: (environment: string) => DeployTarget },
  environment: string,
  services: readonly string[],
  signal?: AbortSignal,
): Promise<Observation> {
  try {
    return {
      states: await observeServices(deps, environment, services, signal),
      unreachable: null,
    };
  } catch (error) {
    if (error instanceof AppError) {
      return { states: new Map(), unreachable: error.message };
    }
    throw error;
  }
}

/** The exact version something observed runs; null when it does not run. */
export function runningVersion(state: ObservedState | undefined): ServiceVersion | null {
  if (!state || state.health === "absent" || (state.version === null && state.commit === null)) {
    return null;
  }
  return {
    version: state.version ?? state.commit?.slice(0, 8) ?? "",
    commit: state.commit,
    digest: state.digest,
  };
}
