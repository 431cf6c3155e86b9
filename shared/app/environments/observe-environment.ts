import type { ObservedState } from "../../core/ports/deploy-target.ts";
import { ServiceRow } from "../../db/rows/service.ts";
import { ServiceStateRow } from "../../db/rows/service-state.ts";
import type { DeploymentDeps } from "../deployments/deps.ts";
import { serviceState } from "../deployments/record-service-state.ts";
import { tryObserveServices, type Observation } from "./ask-target.ts";

/** What an environment runs, asked from its target once for everybody who asks at the same time. */
export interface EnvironmentObserver {
  /** What is true now or later, never what was true before the call. Never throws for a target that cannot be reached. */
  observe(environment: string): Promise<Observation>;
}

/** How long a remembered answer may stay the same before it is confirmed in the database. */
const CONFIRM_MS = 60_000;

interface Asking {
  readonly current: Promise<Observation>;
  /** For everybody who asked after the current one had begun: it may have looked already. */
  next: Promise<Observation> | undefined;
}

export function createEnvironmentObserver(
  deps: Pick<DeploymentDeps, "uow" | "clock" | "timers" | "targets">,
): EnvironmentObserver {
  const asking = new Map<string, Asking>();
  return { observe };

  function observe(environment: string): Promise<Observation> {
    const known = asking.get(environment);
    if (!known) {
      return begin(environment);
    }
    const again = (): Promise<Observation> => begin(environment);
    known.next ??= known.current.then(again, again);
    return known.next;
  }

  function begin(environment: string): Promise<Observation> {
    const own: Asking = { current: ask(environment), next: undefined };
    asking.set(environment, own);
    const forget = (): void => {
      if (asking.get(environment) === own && own.next === undefined) {
        asking.delete(environment);
      }
    };
    own.current.then(forget, forget);
    return own.current;
  }

  async function ask(environment: string): Promise<Observation> {
    const services = await servicesOf(environment);
    const observation = await tryObserveServices(deps, environment, services);
    await remember(deps, environment, observation);
    return observation;
  }
}

/** Every service there is, and those that are only known to have run there. */
export async function servicesOf(environment: string): Promise<readonly string[]> {
  const [known, seen] = await Promise.all([
    ServiceRow.findAll({ attributes: ["name"] }),
    ServiceStateRow.findAll({ where: { environment }, attributes: ["service"] }),
  ]);
  return [...new Set([...known.map((row) => row.name), ...seen.map((row) => row.service)])].sort();
}

/** Keeps what the target said for the time it cannot be asked; only what is news is written. */
async function remember(
  deps: Pick<DeploymentDeps, "uow" | "clock">,
  environment: string,
  { states }: Observation,
): Promise<void> {
  const rows = await ServiceStateRow.findAll({ where: { environment } });
  const known = new Map(rows.map((row) => [row.service, row]));
  const now = deps.clock.now().getTime();
  const news = [...states.values()].filter((state) => isNews(known.get(state.service), state, now));
  if (news.length === 0) {
    return;
  }
  await deps.uow.run(async (tx) => {
    for (const state of news) {
      const row = await serviceState(tx, environment, state.service);
      await row.update(
        {
          observedVersion: state.version,
          observedCommit: state.commit,
          health: state.health,
          detail: state.detail,
          checkedAt: state.observedAt,
        },
        { transaction: tx.sequelize },
      );
    }
  });
}

function isNews(row: ServiceStateRow | undefined, state: ObservedState, now: number): boolean {
  if (!row) {
    return state.health !== "absent";
  }
  if (row.checkedAt !== null && row.checkedAt > state.observedAt) {
    return false;
  }
  const isSame =
    row.observedVersion === state.version &&
    row.observedCommit === state.commit &&
    row.health === state.health &&
    row.detail === state.detail;
  return !isSame || row.checkedAt === null || now - row.checkedAt.getTime() >= CONFIRM_MS;
}
