import type { Actor } from "../../core/actor.ts";
import { noActiveDeployment } from "../../core/requirements/no-active-deployment.ts";
import type { ApplyResult } from "../../core/ports/deploy-target.ts";
import {
  DeploymentBlocked,
  RestartFailed,
  RestartUnsupported,
  ServiceNotFound,
  UpstreamTimeout,
} from "../../errors/catalog.ts";
import { startDeadline } from "../../lib/deadline.ts";
import { requireInEnvironment } from "./require-in-environment.ts";
import type { DeploymentDeps } from "../deployments/deps.ts";
import { environmentFacts } from "./environment-facts.ts";
import { findEnvironment } from "./environment-settings.ts";
import { servicesOf } from "./observe-environment.ts";

/**
 * Restarts one service in the version it has. Throws ServiceNotFound, EnvironmentNotFound, RestartUnsupported,
 * RestartFailed, DeploymentBlocked while something is deployed there, PermissionDenied, and what the target throws.
 */
export async function restartService(
  deps: Pick<DeploymentDeps, "uow" | "clock" | "timers" | "environments" | "targets">,
  actor: Actor,
  name: string,
  service: string,
): Promise<void> {
  const environment = findEnvironment(deps.environments, name);
  await requireInEnvironment(deps.uow, actor, "service.restart", environment.name);
  const known = await servicesOf(environment.name);
  if (!known.includes(service)) {
    throw new ServiceNotFound({ service, known });
  }
  const facts = await environmentFacts(environment.name, deps.clock.now());
  const gate = noActiveDeployment.check({
    ...facts,
    environment: {
      name: environment.name,
      isTargetOfRelease: false,
      hasTarget: true,
      land: "off",
    },
  });
  if (gate.state === "unmet") {
    throw new DeploymentBlocked({ reasons: gate.refusals });
  }
  const target = deps.targets(environment.name);
  const restart = target.restart?.bind(target);
  if (!restart) {
    throw new RestartUnsupported({
      environment: environment.name,
      target: environment.target.kind,
    });
  }
  const result = await within(deps, environment.name, environment.timeouts.deployMs, (signal) =>
    restart(service, { log: () => undefined, signal }),
  );
  await deps.uow.run((tx) =>
    tx.emit({
      name: "service.restarted",
      payload: {
        environment: environment.name,
        service,
        outcome: result.outcome === "failed" ? `failed: ${result.detail}` : "restarted",
      },
      actor,
      subject: { kind: "service", id: service },
      related: [{ kind: "environment", id: environment.name }],
    }),
  );
  if (result.outcome === "failed") {
    throw new RestartFailed({
      environment: environment.name,
      service,
      why: result.detail,
    });
  }
}

async function within(
  deps: Pick<DeploymentDeps, "timers">,
  environment: string,
  timeoutMs: number,
  work: (signal: AbortSignal) => Promise<ApplyResult>,
): Promise<ApplyResult> {
  const deadline = startDeadline(deps.timers, timeoutMs);
  try {
    return await work(deadline.signal);
  } catch (error) {
    if (deadline.isOver) {
      throw new UpstreamTimeout(
        { system: `The deploy target of ${environment}`, operation: "restart", timeoutMs },
        { cause: error },
      );
    }
    throw error;
  } finally {
    deadline.end();
  }
}
