import type { CauseClass } from "../../../core/ports/deploy-target.ts";
import { isSameAttempt, readStamp, type Stamp } from "./labels.ts";
import { causeOf, type Cause } from "./cause.ts";
import type {
  ContainerFacts,
  SwarmService,
  SwarmTask,
  TaskState,
  UpdateState,
} from "./swarm-state.ts";

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

export interface Limits {
  /** This many ended tasks in one slot are a loop. */
  readonly crashes: number;
  /** So long Swarm gets to pause or roll back a crash loop by itself, where it was told to. */
  readonly swarmActsMs: number;
  /** So long a task may wait for a node that takes it. */
  readonly unschedulableMs: number;
  /** So long everything must run before a change is believed that Swarm did not watch; longer if Swarm would. */
  readonly settleMs: number;
  /** The same where no HEALTHCHECK tells a started process from a working one. */
  readonly settleUncheckedMs: number;
}

export const LIMITS: Limits = {
  crashes: 3,
  swarmActsMs: 30_000,
  unschedulableMs: 60_000,
  settleMs: 5_000,
  settleUncheckedMs: 15_000,
};

export interface Counts {
  /** Up-to-date copies that run; of a job, that are complete. */
  readonly running: number;
  readonly desired: number;
}

/** How a change stands. */
export type Verdict =
  | (Counts & {
      readonly state: "progressing";
      readonly detail: string;
      /** Everything runs and nothing else does; it only has to stay so. */
      readonly isSettling: boolean;
      /** Swarm itself goes on until it ends or is told something else. */
      readonly isRolling: boolean;
    })
  | (Counts & { readonly state: "converged" })
  | (Counts & {
      readonly state: "failed";
      readonly how:
        | "rolled_back"
        | "paused"
        | "superseded"
        | "removed"
        | "crash_loop"
        | "unschedulable"
        | "ended";
      readonly cause: CauseClass;
      /** A sentence for a person. */
      readonly detail: string;
      /** The task whose log tells more. */
      readonly task: SwarmTask | null;
    });

type Failed = Extract<Verdict, { state: "failed" }>;

export const ENDED: readonly TaskState[] = [
  "complete",
  "shutdown",
  "failed",
  "rejected",
  "remove",
  "orphaned",
];
const BROKEN: readonly TaskState[] = ["failed", "rejected", "orphaned"];
const NO_NODE = /no suitable node/i;

/** What a service that disappeared means. */
export function removed(name: string): Failed {
  return {
    state: "failed",
    how: "removed",
    cause: "superseded",
    detail: `Somebody removed ${name} while it was deployed.`,
    task: null,
    running: 0,
    desired: 0,
  };
}

/**
 * How a change of a service stands, from one look at it.
 *
 * `steadySince` is since when everything has been running, as far as the caller has watched; null when it has not, and then
 * the tasks tell.
 */
export function judge(
  name: string,
  facts: ServiceFacts,
  attempt: Attempt,
  limits: Limits,
  steadySince: Date | null,
): Verdict {
  const { service } = facts;
  const current = currentTasks(facts);
  const counts = countsOf(facts, current);
  const overruled = overruling(name, facts, attempt, counts);
  if (overruled) {
    return overruled;
  }
  const failures = failuresOf(current, facts, attempt);
  const hopeless =
    crashLoop(name, facts, current, failures, counts, limits) ??
    unschedulable(name, facts, current, counts, limits) ??
    ended(name, facts, current, failures, counts);
  if (hopeless) {
    return hopeless;
  }
  const isRolling = service.update?.state === "updating";
  if (isRolling || !hasParity(facts, current, counts)) {
    return {
      state: "progressing",
      detail: progressWords(name, counts, failures.at(-1), facts),
      isSettling: false,
      isRolling,
      ...counts,
    };
  }
  if (isJob(service) && counts.desired > 0) {
    return { state: "converged", ...counts };
  }
  const started = current.filter((task) => isRunning(task) && !isOld(task, attempt));
  const isNowhere = service.mode.startsWith("global") && counts.desired === 0;
  const since =
    steadySince ??
    latestOf(started.map((task) => task.since)) ??
    (isNowhere ? attempt.since : null);
  const waitMs = isNowhere ? limits.settleMs : settleMs(facts, started, limits);
  const isSteady =
    waitMs === 0 || (since !== null && facts.now.getTime() - since.getTime() >= waitMs);
  if (!isSteady) {
    return {
      state: "progressing",
      detail: `${name} runs (${ofDesired(counts, service)}) and has to stay so for a moment.`,
      isSettling: true,
      isRolling: false,
      ...counts,
    };
  }
  return isNowhere ? nowhere(name, counts) : { state: "converged", ...counts };
}

/** The update Swarm took back, when that was the last thing that happened to the service. */
export function rolledBack(
  name: string,
  facts: ServiceFacts,
): { readonly at: Date; readonly cause: CauseClass; readonly detail: string } | null {
  const { update } = facts.service;
  if (updateState(facts.service) !== "rollback_completed" || !update?.startedAt) {
    return null;
  }
  const worst = turnedAway(facts, { stamp: null, image: null, baseline: new Set(), since: null });
  return {
    at: update.startedAt,
    cause: worst?.cause ?? "unknown",
    detail: backWords(name, worst),
  };
}

function backWords(name: string, worst: Cause | undefined): string {
  return `Swarm took ${name} back to the version before${worst ? `: ${worst.why}` : ""}.`;
}

/** Whether the spec still asks for what the attempt did: a tag that Swarm pinned is the same image. */
export function isSameImage(a: string, b: string): boolean {
  const [nameA, digestA] = a.split("@");
  const [nameB, digestB] = b.split("@");
  if (digestA !== undefined && digestB !== undefined) {
    return digestA === digestB;
  }
  return familiar(nameA ?? "") === familiar(nameB ?? "");
}

/** As the docker program writes it into specs: `nginx` → `nginx:latest`, without the registry everybody means. */
function familiar(name: string): string {
  const short = name.replace(/^(?:docker\.io\/)(?:library\/)?/, "");
  return /:[^/]+$/.test(short) ? short : `${short}:latest`;
}

/** Tasks that are as the spec says, of the present run of a job, on nodes that answer. */
function currentTasks({ service, tasks, upToDate, downNodes }: ServiceFacts): readonly SwarmTask[] {
  return tasks.filter(
    (task) =>
      upToDate.has(task.id) &&
      !(task.nodeId !== null && downNodes.has(task.nodeId)) &&
      (!isJob(service) || task.jobIteration === service.jobIteration),
  );
}

function isJob({ mode }: SwarmService): boolean {
  return mode === "replicated-job" || mode === "global-job";
}

export function isRunning(task: SwarmTask): boolean {
  return task.state === "running" && task.desired === "running";
}

/** It went its way and nobody expects it back. */
function isDone(task: SwarmTask, { mode, restart }: SwarmService): boolean {
  if (task.state !== "complete") {
    return false;
  }
  return mode.endsWith("-job") || restart.condition !== "any";
}

/** Where a task belongs: its slot, or for global services its node. */
function placeOf(task: SwarmTask, { mode }: SwarmService): string {
  return mode.startsWith("global") ? `node ${task.nodeId ?? task.id}` : `slot ${task.slot ?? 0}`;
}

function countsOf({ service }: ServiceFacts, current: readonly SwarmTask[]): Counts {
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
    current.filter((task) => task.desired === "running" || isJob(service) || isDone(task, service)),
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
function hasParity(
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

/** What Swarm says of the last update, made true. */
function updateState({ update, hasPrevious }: SwarmService): UpdateState | undefined {
  return update?.state === "completed" && !hasPrevious ? "rollback_completed" : update?.state;
}

/** Swarm, or somebody else, has decided otherwise. */
function overruling(
  name: string,
  facts: ServiceFacts,
  attempt: Attempt,
  counts: Counts,
): Verdict | undefined {
  const { service } = facts;
  const state = updateState(service);
  const worst = turnedAway(facts, attempt);
  const because = worst ? `: ${worst.why}` : "";
  const failed = {
    state: "failed",
    cause: worst?.cause ?? "unknown",
    task: worst?.task ?? null,
  } as const;
  switch (state) {
    case "rollback_started":
      return {
        state: "progressing",
        detail: `Swarm takes ${name} back to the version before${because}.`,
        isSettling: false,
        isRolling: true,
        ...counts,
      };
    case "rollback_completed":
      return {
        ...failed,
        ...counts,
        how: "rolled_back",
        detail: backWords(name, worst),
      };
    case "rollback_paused":
      return {
        ...failed,
        ...counts,
        how: "paused",
        detail: `Swarm gave up taking ${name} back to the version before${because}. Some of its tasks may be of either version.`,
      };
    default:
      break;
  }
  const stranger = strangerWords(name, service, attempt);
  if (stranger) {
    return {
      ...failed,
      ...counts,
      how: "superseded",
      cause: "superseded",
      detail: stranger,
      task: null,
    };
  }
  return state === "paused"
    ? {
        ...failed,
        ...counts,
        how: "paused",
        detail: `Swarm paused the update of ${name} with ${ofDesired(counts, service)}${because}.`,
      }
    : undefined;
}

function strangerWords(
  name: string,
  service: SwarmService,
  { stamp, image }: Attempt,
): string | null {
  const found = readStamp(service.labels);
  if (stamp && (!found || !isSameAttempt(found, stamp))) {
    return found && found.deployment !== stamp.deployment
      ? `Deployment #${found.deployment} changed ${name} to ${found.version} in the meantime.`
      : `Somebody changed ${name} in the meantime, and took away what says who deployed it.`;
  }
  return image !== null && !isSameImage(image, service.image)
    ? `Somebody changed the image of ${name} to ${service.image} in the meantime.`
    : null;
}

/** It was there before the change, which has nothing to do with how it fares. */
function isOld(task: SwarmTask, { baseline, since }: Attempt): boolean {
  return baseline.has(task.id) || (since !== null && task.createdAt < since);
}

interface Failure extends Cause {
  readonly task: SwarmTask;
}

/** Tasks of this change that ended although they should not have, oldest first. */
function failuresOf(
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

function explain(task: SwarmTask, { service, hasHealthcheck, containers }: ServiceFacts): Cause {
  return causeOf(task, {
    hasHealthcheck,
    hasMemoryLimit: service.hasMemoryLimit,
    container: containers.get(task.containerId ?? ""),
  });
}

/** The failure Swarm acted on. After a rollback the tasks that failed are the ones that are out of date. */
function turnedAway(facts: ServiceFacts, attempt: Attempt): Failure | undefined {
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

function crashLoop(
  name: string,
  { service, now }: ServiceFacts,
  current: readonly SwarmTask[],
  failures: readonly Failure[],
  counts: Counts,
  { crashes, swarmActsMs }: Limits,
): Failed | undefined {
  const willSwarmAct = service.update?.state === "updating" && service.failureAction !== "continue";
  for (const [place, inPlace] of byPlace(failures, service)) {
    const last = inPlace.at(-1);
    const runsNow = current.some((task) => isRunning(task) && placeOf(task, service) === place);
    const turn = inPlace[crashes - 1];
    const isSwarmsTurn =
      willSwarmAct && turn && now.getTime() - turn.task.since.getTime() < swarmActsMs;
    if (last && turn && !runsNow && !isSwarmsTurn) {
      return {
        state: "failed",
        how: "crash_loop",
        cause: last.cause,
        detail: `${name} does not stay up (${ofDesired(counts, service)}); ${inPlace.length} attempts in a row failed: ${last.why}.`,
        task: last.task,
        ...counts,
      };
    }
  }
  return undefined;
}

function byPlace(
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

function unschedulable(
  name: string,
  facts: ServiceFacts,
  current: readonly SwarmTask[],
  counts: Counts,
  { unschedulableMs }: Limits,
): Failed | undefined {
  const stuck = current.find(
    (task) =>
      task.state === "pending" &&
      NO_NODE.test(task.error ?? "") &&
      facts.now.getTime() - task.createdAt.getTime() >= unschedulableMs,
  );
  if (!stuck) {
    return undefined;
  }
  const { cause, why } = explain(stuck, facts);
  return {
    state: "failed",
    how: "unschedulable",
    cause,
    detail: `${name} cannot be placed anywhere (${ofDesired(counts, facts.service)}): ${why}. Swarm goes on trying.`,
    task: null,
    ...counts,
  };
}

function nowhere(name: string, counts: Counts): Failed {
  return {
    state: "failed",
    how: "unschedulable",
    cause: "scheduling",
    detail: `${name} runs on every node that fits, and there is none. Look at its placement constraints and at docker node ls.`,
    task: null,
    ...counts,
  };
}

/** A task failed and Swarm will not start another one in its place. */
function ended(
  name: string,
  { service }: ServiceFacts,
  current: readonly SwarmTask[],
  failures: readonly Failure[],
  counts: Counts,
): Failed | undefined {
  const { condition, maxAttempts } = service.restart;
  if (condition !== "none" && maxAttempts === 0) {
    return undefined;
  }
  for (const [place, inPlace] of byPlace(failures, service)) {
    const hasSuccessor = current.some(
      (task) => placeOf(task, service) === place && !ENDED.includes(task.state),
    );
    const hasSucceeded = current.some(
      (task) => placeOf(task, service) === place && isDone(task, service),
    );
    const last = inPlace.at(-1);
    const isOver = condition === "none" || inPlace.length > maxAttempts;
    if (last && isOver && !hasSuccessor && !hasSucceeded) {
      return {
        state: "failed",
        how: "ended",
        cause: last.cause,
        detail: `${name} failed and is not started again (${ofDesired(counts, service)}): ${last.why}.`,
        task: last.task,
        ...counts,
      };
    }
  }
  return undefined;
}

/** How long everything must have been running: not at all where nothing was started, or Swarm has watched it already. */
function settleMs(
  { service, hasHealthcheck }: ServiceFacts,
  started: readonly SwarmTask[],
  limits: Limits,
): number {
  const hasSwarmWatched =
    service.update?.state === "completed" && service.failureAction !== "continue";
  return hasSwarmWatched || started.length === 0
    ? 0
    : Math.max(service.monitorMs, hasHealthcheck ? limits.settleMs : limits.settleUncheckedMs);
}

function progressWords(
  name: string,
  counts: Counts,
  failure: Failure | undefined,
  { service }: ServiceFacts,
): string {
  const state = `${name}: ${ofDesired(counts, service)}`;
  return failure ? `${state}; one failed: ${failure.why}.` : `${state}.`;
}

function ofDesired({ running, desired }: Counts, service: SwarmService): string {
  return `${running} of ${desired} ${isJob(service) ? "complete" : "running"}`;
}

function latestOf(times: readonly Date[]): Date | null {
  return times.reduce<Date | null>(
    (last, time) => (last === null || time > last ? time : last),
    null,
  );
}
