import type { Clock } from "../../../core/ports/clock.ts";
import type { Engine } from "./engine.ts";
import type { ContainerFacts, SwarmService, SwarmTask } from "./swarm-state.ts";
import type { ServiceFacts } from "./tasks.ts";

/** Gathers what verdicts are made from. */
export interface Looker {
  /** What there is of the services of these Swarm names; a name that is missing does not run. */
  look(
    serviceNames: readonly string[],
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, ServiceFacts>>;
  lookAt(serviceName: string, signal: AbortSignal): Promise<ServiceFacts | undefined>;
  /** Time of the manager now. */
  now(signal: AbortSignal): Promise<Date>;
  /** A time of the manager by our clock. */
  toOurs(theirs: Date): Date;
  /** A time of ours by the clock of the manager. */
  toTheirs(ours: Date): Date;
}

/** Clocks drift apart slowly; asking more often would cost a request a look. */
const CLOCK_CHECK_MS = 60_000;

/** Only what ended lately can be the reason of anything. */
const RECENT_MS = 15 * 60_000;
const CONTAINERS_PER_SERVICE = 2;
const REMEMBERED = 500;

export function createLooker(
  engine: Engine,
  options: { readonly stack: string; readonly clock: Clock; readonly stackLabel: string },
): Looker {
  const { clock, stack, stackLabel } = options;
  let offsetMs = 0;
  let offsetAt: number | undefined;
  /** What never changes: whether an image has a check, how a container ended. */
  const checks = new Map<string, boolean>();
  const ends = new Map<string, ContainerFacts>();

  return { look, lookAt, now, toOurs, toTheirs };

  async function look(
    serviceNames: readonly string[],
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, ServiceFacts>> {
    if (serviceNames.length === 0) {
      return new Map();
    }
    const listed = await engine.services([`${stackLabel}=${stack}`], signal);
    const services = listed.filter(({ name }) => serviceNames.includes(name));
    // A service of this name that is in no stack is found by its name only.
    const others = await Promise.all(
      serviceNames
        .filter((name) => !services.some((service) => service.name === name))
        .map((name) => engine.service(name, signal)),
    );
    return gather([...services, ...others.filter((service) => service !== undefined)], signal);
  }

  async function lookAt(
    serviceName: string,
    signal: AbortSignal,
  ): Promise<ServiceFacts | undefined> {
    const service = await engine.service(serviceName, signal);
    return service && (await gather([service], signal)).get(serviceName);
  }

  async function gather(
    services: readonly SwarmService[],
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, ServiceFacts>> {
    if (services.length === 0) {
      return new Map();
    }
    const ids = services.map(({ id }) => id);
    const [tasks, upToDate, nodes, time] = await Promise.all([
      engine.tasks(ids, signal),
      engine.upToDate(ids, signal),
      engine.nodes(signal),
      now(signal),
    ]);
    const downNodes = new Set(nodes.filter(({ isDown }) => isDown).map(({ id }) => id));
    const entries = await Promise.all(
      services.map(async (service): Promise<readonly [string, ServiceFacts]> => {
        const own = tasks.filter(({ serviceId }) => serviceId === service.id);
        const [hasHealthcheck, containers] = await Promise.all([
          hasCheck(service, signal),
          endsOf(own, time, signal),
        ]);
        return [
          service.name,
          { service, tasks: own, upToDate, downNodes, hasHealthcheck, containers, now: time },
        ];
      }),
    );
    return new Map(entries);
  }

  async function hasCheck(
    { healthcheck, image }: SwarmService,
    signal: AbortSignal,
  ): Promise<boolean> {
    if (healthcheck !== "image") {
      return healthcheck === "declared";
    }
    const known = checks.get(image);
    if (known !== undefined) {
      return known;
    }
    const found = await engine.imageHasHealthcheck(image, signal);
    // An image this manager does not have may arrive later; a tag may move.
    if (found !== undefined && image.includes("@")) {
      remember(checks, image, found);
    }
    return found ?? false;
  }

  async function endsOf(
    tasks: readonly SwarmTask[],
    time: Date,
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, ContainerFacts>> {
    const ended = tasks
      .filter(
        ({ state, containerId, since }) =>
          containerId !== null &&
          (state === "failed" || state === "complete") &&
          time.getTime() - since.getTime() < RECENT_MS,
      )
      .sort((a, b) => b.since.getTime() - a.since.getTime())
      .slice(0, CONTAINERS_PER_SERVICE)
      .flatMap(({ containerId }) => containerId ?? []);
    const found = await Promise.all(
      ended.map(async (id) => {
        const facts = ends.get(id) ?? (await engine.container(id, signal));
        return facts ? ([id, facts] as const) : undefined;
      }),
    );
    const known = found.filter((entry) => entry !== undefined);
    known.forEach(([id, facts]) => remember(ends, id, facts));
    return new Map(known);
  }

  async function now(signal: AbortSignal): Promise<Date> {
    const asked = clock.now().getTime();
    if (offsetAt === undefined || asked - offsetAt >= CLOCK_CHECK_MS) {
      const theirs = await engine.time(signal);
      offsetAt = clock.now().getTime();
      // It looked at its clock somewhere between question and answer.
      offsetMs = theirs.getTime() - (asked + offsetAt) / 2;
    }
    return toTheirs(clock.now());
  }

  function toOurs(theirs: Date): Date {
    return new Date(theirs.getTime() - offsetMs);
  }

  function toTheirs(ours: Date): Date {
    return new Date(ours.getTime() + offsetMs);
  }
}

function remember<V>(map: Map<string, V>, key: string, value: V): void {
  map.set(key, value);
  const [oldest] = map.keys();
  if (map.size > REMEMBERED && oldest !== undefined) {
    map.delete(oldest);
  }
}
