import { didYouMean, joinWords } from "../lib/text.ts";
import { no, yes, type Verdict } from "./verdict.ts";

export interface OrderItem {
  readonly service: string;
  readonly dependsOn: readonly string[];
  readonly isExcluded: boolean;
}

/** Services that may be deployed at the same time. Numbers start at 1. */
export interface Wave {
  readonly number: number;
  /** Sorted by name. */
  readonly services: readonly string[];
}

export interface OrderNote {
  readonly level: "note" | "warning";
  readonly kind: "outside" | "excluded" | "unknown";
  readonly service: string;
  readonly on: string;
  readonly text: string;
}

export interface DeployOrder {
  /** Empty when there is a cycle: an order that is half right is not shown. */
  readonly waves: readonly Wave[];
  /** One cycle, first and last name equal (`a, b, c, a`: a depends on b, and so on); null when there is none. */
  readonly cycle: readonly string[] | null;
  readonly notes: readonly OrderNote[];
}

/** How many starting points are tried for a shorter cycle; keeps the search linear. */
const CYCLE_SEARCHES = 16;

/** Groups the non-excluded items in waves: everything a service depends on is in an earlier wave. */
export function deployOrder(
  items: readonly OrderItem[],
  knownServices: ReadonlySet<string>,
): DeployOrder {
  const included = new Map<string, readonly string[]>();
  const excluded = new Set<string>();
  for (const item of items) {
    if (item.isExcluded) {
      excluded.add(item.service);
    } else {
      included.set(item.service, [...new Set(item.dependsOn)]);
    }
  }
  const inside = new Map<string, readonly string[]>();
  const notes: OrderNote[] = [];
  for (const [service, dependsOn] of included) {
    inside.set(
      service,
      dependsOn.filter((on) => included.has(on)),
    );
    for (const on of dependsOn) {
      if (!included.has(on)) {
        notes.push(noteAbout(service, on, excluded, knownServices));
      }
    }
  }
  notes.sort((a, b) => byName(a.service, b.service) || byName(a.on, b.on));

  const { waves, left } = wavesOf(inside);
  return left.size === 0
    ? { waves, cycle: null, notes }
    : { waves: [], cycle: findCycle(inside, left), notes };
}

/** `auth → api → auth`. */
export function cycleText(cycle: readonly string[]): string {
  return cycle.join(" → ");
}

/** Last wave first, for rollback; waves keep their numbers. */
export function reverseWaves(waves: readonly Wave[]): readonly Wave[] {
  return [...waves].sort((a, b) => b.number - a.number);
}

/** The waves that remain of a partial deploy; waves keep their numbers, empty ones are left out. Null = no limit. */
export function wavesFor(
  waves: readonly Wave[],
  limit: { readonly only: readonly string[] | null; readonly fromWave: number | null },
): readonly Wave[] {
  const only = limit.only === null ? null : new Set(limit.only);
  return waves
    .filter((wave) => limit.fromWave === null || wave.number >= limit.fromWave)
    .map((wave) => ({
      number: wave.number,
      services: wave.services.filter((service) => only === null || only.has(service)),
    }))
    .filter((wave) => wave.services.length > 0);
}

/** Whether `service` may be said to depend on `on`. */
export function checkDependency(
  service: string,
  on: string,
  knownServices: readonly string[],
): Verdict {
  if (service === on) {
    return no(
      "dependency.self",
      `${service} cannot depend on itself.`,
      "Name another service, or leave the dependency out.",
    );
  }
  if (knownServices.includes(on)) {
    return yes;
  }
  const near = didYouMean(on, knownServices);
  return no(
    "dependency.unknown",
    `There is no service called "${on}".`,
    near.length > 0
      ? `Did you mean ${joinWords(near, "or")}?`
      : "Check the spelling; say `status` to see the services there are.",
  );
}

function noteAbout(
  service: string,
  on: string,
  excluded: ReadonlySet<string>,
  known: ReadonlySet<string>,
): OrderNote {
  if (excluded.has(on)) {
    return {
      level: "warning",
      kind: "excluded",
      service,
      on,
      text: `${service} depends on ${on}, which is excluded: what runs of ${on} now must be good enough.`,
    };
  }
  if (known.has(on)) {
    return {
      level: "note",
      kind: "outside",
      service,
      on,
      text: `${service} depends on ${on}, which is not in this release: taken as satisfied.`,
    };
  }
  return {
    level: "warning",
    kind: "unknown",
    service,
    on,
    text: `${service} depends on ${on}, which no longer exists: ignored.`,
  };
}

/** Kahn's algorithm, a wave at a time: every service and every edge is looked at once. */
function wavesOf(dependencies: ReadonlyMap<string, readonly string[]>): {
  readonly waves: readonly Wave[];
  /** Services on a cycle, or depending on one. */
  readonly left: ReadonlySet<string>;
} {
  const missing = new Map<string, number>();
  const dependents = new Map<string, string[]>();
  let ready: string[] = [];
  for (const [service, dependsOn] of dependencies) {
    missing.set(service, dependsOn.length);
    if (dependsOn.length === 0) {
      ready.push(service);
    }
    for (const on of dependsOn) {
      const list = dependents.get(on);
      if (list) {
        list.push(service);
      } else {
        dependents.set(on, [service]);
      }
    }
  }
  const waves: Wave[] = [];
  const left = new Set(dependencies.keys());
  while (ready.length > 0) {
    ready.sort(byName);
    waves.push({ number: waves.length + 1, services: ready });
    const next: string[] = [];
    for (const service of ready) {
      left.delete(service);
      for (const dependent of dependents.get(service) ?? []) {
        const count = (missing.get(dependent) ?? 0) - 1;
        missing.set(dependent, count);
        if (count === 0) {
          next.push(dependent);
        }
      }
    }
    ready = next;
  }
  return { waves, left };
}

/**
 * A short cycle among the services that Kahn left over. Each of them depends on another one left over, so walking on must
 * come back to a service already seen: that one is on a cycle.
 */
function findCycle(
  dependencies: ReadonlyMap<string, readonly string[]>,
  left: ReadonlySet<string>,
): readonly string[] {
  const next = (service: string): readonly string[] =>
    (dependencies.get(service) ?? []).filter((on) => left.has(on)).sort(byName);

  const walk: string[] = [];
  const seen = new Map<string, number>();
  let at = [...left].reduce((a, b) => (b < a ? b : a));
  for (let start = seen.get(at); start === undefined; start = seen.get(at)) {
    seen.set(at, walk.length);
    walk.push(at);
    const [on] = next(at);
    if (on === undefined) {
      throw new Error(`${at} was left over without a dependency left over`);
    }
    at = on;
  }
  const onCycle = walk.slice(seen.get(at)).sort(byName).slice(0, CYCLE_SEARCHES);
  return onCycle
    .map((service) => shortestWayBack(service, next))
    .reduce((best, cycle) => (cycle.length < best.length ? cycle : best));
}

/** Breadth first from a service that is on a cycle back to itself. */
function shortestWayBack(
  start: string,
  next: (service: string) => readonly string[],
): readonly string[] {
  const cameFrom = new Map<string, string>();
  let front = [start];
  while (front.length > 0) {
    const following: string[] = [];
    for (const service of front) {
      for (const on of next(service)) {
        if (on === start) {
          return pathTo(service, start, cameFrom);
        }
        if (!cameFrom.has(on)) {
          cameFrom.set(on, service);
          following.push(on);
        }
      }
    }
    front = following;
  }
  throw new Error(`${start} is on no cycle`);
}

function pathTo(
  last: string,
  start: string,
  cameFrom: ReadonlyMap<string, string>,
): readonly string[] {
  const path = [start];
  for (let at: string | undefined = last; at !== undefined && at !== start; at = cameFrom.get(at)) {
    path.push(at);
  }
  path.push(start);
  return path.reverse();
}

function byName(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
