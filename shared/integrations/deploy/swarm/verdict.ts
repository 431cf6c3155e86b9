import type { CauseClass } from "../../../core/ports/deploy-target.ts";
import type { Cause } from "./cause.ts";
import {
  byPlace,
  explain,
  failuresOf,
  isOld,
  turnedAway,
  updateState,
  type Attempt,
  type Failure,
} from "./failures.ts";
import { isSameImage } from "./images.ts";
import { carries, readStamp } from "./labels.ts";
import type { SwarmService, SwarmTask } from "./swarm-state.ts";
import {
  countsOf,
  currentTasks,
  ENDED,
  hasParity,
  isDone,
  isJob,
  isRunning,
  placeOf,
  type Counts,
  type ServiceFacts,
} from "./tasks.ts";

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
  if (stamp && (!found || !carries(found, stamp))) {
    return found
      ? `Deployment #${found.deployment} changed ${name} to ${found.version} in the meantime.`
      : `Somebody changed ${name} in the meantime, and took away what says who deployed it.`;
  }
  return image !== null && !isSameImage(image, service.image)
    ? `Somebody changed the image of ${name} to ${service.image} in the meantime.`
    : null;
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
