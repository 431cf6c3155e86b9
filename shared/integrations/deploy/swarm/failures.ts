import { causeOf, type Cause } from "./cause.ts";
import type { Stamp } from "./labels.ts";
import type { SwarmService, SwarmTask, TaskState, UpdateState } from "./swarm-state.ts";
import { isDone, placeOf, type ServiceFacts } from "./tasks.ts";

/** The change that is judged. */
export interface Attempt {
  /** What it wrote; null for a change that writes none, such as a restart of a service we never deployed. */
  readonly stamp: Pick<Stamp, "deployment" | "fencingToken" | "version"> | null;
  /** The image it asked for, with or without a digest; null when it asked for none. */
  readonly image: string | null;
  /** Tasks that were there before: how they ended says nothing about the change. */
  readonly baseline: ReadonlySet<string>;
  /** By the clock of the manager; tasks made before it are not its doing. */
  readonly since: Date | null;
  /** Tasks that ended while the manager itself was away: that is not a loop of theirs. */
  readonly forgiven?: ReadonlySet<string>;
}

const BROKEN: readonly TaskState[] = ["failed", "rejected", "orphaned"];
/** What Swarm says of the last update, made true. */
export function updateState({ update, hasPrevious }: SwarmService): UpdateState | undefined {
  return update?.state === "completed" && !hasPrevious ? "rollback_completed" : update?.state;
}

/** It was there before the change, which has nothing to do with how it fares. */
export function isOld(task: SwarmTask, { baseline, since }: Attempt): boolean {
  return baseline.has(task.id) || (since !== null && task.createdAt < since);
}

export interface Failure extends Cause {
  readonly task: SwarmTask;
}

/** Tasks of this change that ended although they should not have, oldest first. */
export function failuresOf(
  current: readonly SwarmTask[],
  facts: ServiceFacts,
  attempt: Attempt,
): readonly Failure[] {
  const { service } = facts;
  return current
    .filter(
      (task) =>
        !isOld(task, attempt) &&
        !attempt.forgiven?.has(task.id) &&
        (BROKEN.includes(task.state) || (task.state === "complete" && !isDone(task, service))),
    )
    .sort((a, b) => a.createdAt.getTime() - b.createdAt.getTime())
    .map((task) => ({ task, ...explain(task, facts) }));
}

export function explain(
  task: SwarmTask,
  { service, hasHealthcheck, containers }: ServiceFacts,
): Cause {
  return causeOf(task, {
    hasHealthcheck,
    hasMemoryLimit: service.hasMemoryLimit,
    container: containers.get(task.containerId ?? ""),
  });
}

/** The failure Swarm acted on. After a rollback the tasks that failed are the ones that are out of date. */
export function turnedAway(facts: ServiceFacts, attempt: Attempt): Failure | undefined {
  const { service, tasks, upToDate } = facts;
  const isBack = updateState(service)?.startsWith("rollback_") ?? false;
  const from = service.update?.startedAt ?? attempt.since;
  return tasks
    .filter(
      (task) =>
        upToDate.has(task.id) !== isBack &&
        !attempt.baseline.has(task.id) &&
        (from === null || task.createdAt >= from) &&
        (BROKEN.includes(task.state) || task.state === "complete"),
    )
    .map((task) => ({ task, ...explain(task, facts) }))
    .sort(
      (a, b) =>
        // A task that was told to stop in the course of things is the least likely reason.
        Number(b.task.state !== "complete") - Number(a.task.state !== "complete") ||
        a.task.createdAt.getTime() - b.task.createdAt.getTime(),
    )[0];
}

/** Failures of one slot, or one node, belong together. */
export function byPlace(
  failures: readonly Failure[],
  service: SwarmService,
): ReadonlyMap<string, readonly Failure[]> {
  const groups = new Map<string, Failure[]>();
  for (const failure of failures) {
    const place = placeOf(failure.task, service);
    groups.set(place, [...(groups.get(place) ?? []), failure]);
  }
  return groups;
}
