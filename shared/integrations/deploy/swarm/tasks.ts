import type { ContainerFacts, SwarmService, SwarmTask, TaskState } from "./swarm-state.ts";

/** Everything one look at a service brought, and nothing else: verdicts come from this alone. */
export interface ServiceFacts {
  readonly service: SwarmService;
  /** All tasks of it Swarm remembers, of every version. */
  readonly tasks: readonly SwarmTask[];
  /** Ids of those that are as the spec says now. */
  readonly upToDate: ReadonlySet<string>;
  /** What runs there is not known to run: Swarm goes on calling it running for a day. */
  readonly downNodes: ReadonlySet<string>;
  readonly hasHealthcheck: boolean;
  /** Containers of failed tasks, by id, where the engine has them. */
  readonly containers: ReadonlyMap<string, ContainerFacts>;
  /** By the clock of the manager. */
  readonly now: Date;
}

export interface Counts {
  /** Up-to-date copies that run; of a job, that are complete. */
  readonly running: number;
  readonly desired: number;
}

export const ENDED: readonly TaskState[] = [
  "complete",
  "shutdown",
  "failed",
  "rejected",
  "remove",
  "orphaned",
];
/** Tasks that are as the spec says, of the present run of a job, on nodes that answer. */
export function currentTasks({
  service,
  tasks,
  upToDate,
  downNodes,
}: ServiceFacts): readonly SwarmTask[] {
  return tasks.filter(
    (task) =>
      upToDate.has(task.id) &&
      !(task.nodeId !== null && downNodes.has(task.nodeId)) &&
      (!isJob(service) || task.jobIteration === service.jobIteration),
  );
}

export function isJob({ mode }: SwarmService): boolean {
  return mode === "replicated-job" || mode === "global-job";
}

export function isRunning(task: SwarmTask): boolean {
  return task.state === "running" && task.desired === "running";
}

/** It runs, or shall: one that waits for its turn after a crash is only "ready" yet. */
function isWanted({ desired }: SwarmTask): boolean {
  return desired === "running" || desired === "ready";
}

/** It went its way and nobody expects it back. */
export function isDone(task: SwarmTask, { mode, restart }: SwarmService): boolean {
  if (task.state !== "complete") {
    return false;
  }
  return mode.endsWith("-job") || restart.condition !== "any";
}

/** Where a task belongs: its slot, or for global services its node. */
export function placeOf(task: SwarmTask, { mode }: SwarmService): string {
  return mode.startsWith("global") ? `node ${task.nodeId ?? task.id}` : `slot ${task.slot ?? 0}`;
}

export function countsOf({ service }: ServiceFacts, current: readonly SwarmTask[]): Counts {
  const up = placesOf(
    service,
    current.filter((task) =>
      isJob(service) ? task.state === "complete" : isRunning(task) || isDone(task, service),
    ),
  );
  if (!service.mode.startsWith("global")) {
    return { running: up.size, desired: service.replicas };
  }
  const wanted = placesOf(
    service,
    current.filter((task) => isWanted(task) || isJob(service) || isDone(task, service)),
  );
  return { running: up.size, desired: wanted.size };
}

/** Copies that serve, of whichever version: during an update the old ones do as well. */
export function runningCopies({ service, tasks, downNodes }: ServiceFacts): number {
  const serving = tasks.filter(
    (task) => task.state === "running" && !(task.nodeId !== null && downNodes.has(task.nodeId)),
  );
  return placesOf(service, serving).size;
}

function placesOf(service: SwarmService, tasks: readonly SwarmTask[]): ReadonlySet<string> {
  return new Set(tasks.map((task) => placeOf(task, service)));
}

/** Everything runs that should, and nothing of another version is still meant to. */
export function hasParity(
  { service, tasks, upToDate, downNodes }: ServiceFacts,
  current: readonly SwarmTask[],
  counts: Counts,
): boolean {
  if (counts.running !== counts.desired) {
    return false;
  }
  const places = placesOf(service, current.filter(isRunning));
  const isOvercrowded = current.filter(isRunning).length > places.size;
  const hasOld = tasks.some(
    (task) =>
      !upToDate.has(task.id) &&
      task.desired === "running" &&
      !ENDED.includes(task.state) &&
      !(task.nodeId !== null && downNodes.has(task.nodeId)),
  );
  return !isOvercrowded && !hasOld;
}
