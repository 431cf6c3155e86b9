import type { EnvironmentView, ServiceStateView } from "../../contract/environment.ts";
import type { Actor } from "../../core/actor.ts";
import { EnvironmentStateRow } from "../../db/rows/environment-state.ts";
import { ServiceStateRow } from "../../db/rows/service-state.ts";
import { ServiceNotFound } from "../../errors/catalog.ts";
import { requireToRead } from "../access.ts";
import { canRollBack } from "../deployments/deployment-queries.ts";
import type { DeploymentDeps } from "../deployments/deps.ts";
import { loadPeople } from "../people/person-refs.ts";
import { standingLocks } from "./environment-facts.ts";
import { findEnvironment, type EnvironmentSettings } from "./environment-settings.ts";
import type { EnvironmentObserver } from "./observe-environment.ts";
import { presentEnvironment, presentServiceState } from "./present-environment.ts";

/** What the use cases of environments work with. */
export type EnvironmentDeps = DeploymentDeps & { readonly observer: EnvironmentObserver };

/** Every environment with what runs there, in the order of the configuration. */
export async function listEnvironments(
  deps: EnvironmentDeps,
  actor: Actor,
): Promise<readonly EnvironmentView[]> {
  requireToRead(actor, "environment.read");
  return Promise.all(deps.environments.map((environment) => look(deps, actor, environment)));
}

/** One environment with what runs there, told by its target. Throws EnvironmentNotFound. */
export async function viewEnvironment(
  deps: EnvironmentDeps,
  actor: Actor,
  name: string,
): Promise<EnvironmentView> {
  requireToRead(actor, "environment.read");
  return look(deps, actor, findEnvironment(deps.environments, name));
}

/** How the services of one environment, or of all, are. Throws EnvironmentNotFound. */
export async function environmentHealth(
  deps: EnvironmentDeps,
  actor: Actor,
  name?: string,
): Promise<
  readonly {
    readonly environment: string;
    readonly services: readonly ServiceStateView[];
    readonly unreachable: string | null;
  }[]
> {
  requireToRead(actor, "environment.read");
  const chosen =
    name === undefined ? deps.environments : [findEnvironment(deps.environments, name)];
  return Promise.all(
    chosen.map(async (environment) => ({
      environment: environment.name,
      ...(await serviceStates(deps, environment.name)),
    })),
  );
}

/** One service of an environment, asked from the target anew. Throws EnvironmentNotFound, ServiceNotFound. */
export async function viewServiceState(
  deps: EnvironmentDeps,
  actor: Actor,
  name: string,
  service: string,
): Promise<ServiceStateView> {
  requireToRead(actor, "environment.read");
  const environment = findEnvironment(deps.environments, name).name;
  const { services } = await serviceStates(deps, environment);
  const found = services.find((state) => state.service === service);
  if (!found) {
    throw new ServiceNotFound({ service, known: services.map((state) => state.service) });
  }
  return found;
}

async function look(
  deps: EnvironmentDeps,
  actor: Actor,
  environment: EnvironmentSettings,
): Promise<EnvironmentView> {
  const { name } = environment;
  const [states, locks, state, rollback] = await Promise.all([
    serviceStates(deps, name),
    standingLocks(name, deps.clock.now()),
    EnvironmentStateRow.findByPk(name),
    canRollBack(name),
  ]);
  return presentEnvironment(environment, {
    ...states,
    lock: locks.find((row) => row.kind === "lock"),
    hold: locks.find((row) => row.kind === "hold"),
    activeDeployment: state?.activeDeployment ?? null,
    rollback,
    actor,
    people: await loadPeople(locks.map((row) => row.subject)),
  });
}

async function serviceStates(
  deps: EnvironmentDeps,
  environment: string,
): Promise<{ services: readonly ServiceStateView[]; unreachable: string | null }> {
  const observation = await deps.observer.observe(environment);
  const rows = await ServiceStateRow.findAll({ where: { environment } });
  const people = await loadPeople(rows.map((row) => row.deployedBy));
  const byService = new Map(rows.map((row) => [row.service, row]));
  const services = [...new Set([...observation.states.keys(), ...byService.keys()])].sort();
  return {
    services: services.map((service) =>
      presentServiceState(service, byService.get(service), observation, people),
    ),
    unreachable: observation.unreachable,
  };
}
