import {
  STAGES,
  type DeploymentStatus,
  type Stage,
  type StepStatus,
} from "../contract/deployment.ts";
import { joinWords } from "../lib/text.ts";
import type { Wave } from "./deploy-order.ts";
import type { CauseClass, ObservedState } from "./ports/deploy-target.ts";
import { no, type Refusal } from "./verdict.ts";

/** What `cause` says of a step that failed because we broke, not the target. */
export const CAUSE_INTERNAL = "internal";

/** One stage of one service in one deployment. Rows of steps fit as they are. */
export interface Step {
  /** 1-based. */
  readonly wave: number;
  readonly service: string;
  readonly stage: Stage;
  /** `unknown`: it was running when its runner died; nobody knows how it ended until it is settled. */
  readonly status: StepStatus | "unknown";
  /** Why it failed: a `CauseClass`, or `CAUSE_INTERNAL`; null unless it failed. */
  readonly cause: string | null;
}

export interface RunFacts<S extends Step> {
  readonly status: DeploymentStatus;
  readonly steps: readonly S[];
  readonly isCancelRequested: boolean;
  /** How many steps may run at the same time; no limit when absent. */
  readonly parallel?: number;
}

/** What a runner does next. `status` is what the deployment's status becomes with it. */
export type NextMove<S extends Step> =
  /** Find out how these ended before anything else happens. */
  | { readonly kind: "settle"; readonly status: DeploymentStatus; readonly steps: readonly S[] }
  /** Start these; at least one. Others may be running already. */
  | { readonly kind: "start"; readonly status: DeploymentStatus; readonly steps: readonly S[] }
  /** Nothing to start until a running step ends. `stop`: end the running steps early, somebody cancelled. */
  | { readonly kind: "wait"; readonly status: DeploymentStatus; readonly stop: boolean }
  /** `skip`: steps that will never run; mark them so. */
  | { readonly kind: "finish"; readonly status: DeploymentStatus; readonly skip: readonly S[] };

/** What an unfinished effect came to, as far as the target tells. */
export type Settlement =
  | { readonly outcome: "succeeded" }
  | { readonly outcome: "failed"; readonly cause: CauseClass; readonly detail: string }
  /** Still going on: ask again, until the step's time is up. */
  | { readonly outcome: "progressing" }
  /** It did not happen, or doing it again is harmless: start it again. */
  | { readonly outcome: "not_applied" }
  /** The target cannot tell, and doing it again may do harm. */
  | { readonly outcome: "undecidable"; readonly reason: string; readonly remedy: string };

/** Exactly what one service runs, or should. */
export interface ServiceVersion {
  readonly version: string;
  readonly commit: string | null;
  readonly digest: string | null;
}

export interface HistoryEntry {
  readonly number: number;
  readonly status: DeploymentStatus;
  /** Number of the deployment this one took back; null for a deployment forward. */
  readonly rollbackOf: number | null;
  /** Every service whose deploy stage began. */
  readonly services: readonly (ServiceVersion & {
    readonly service: string;
    /** The target carried this version when the deployment ended. */
    readonly isApplied: boolean;
    /** A migration ran that the version before may not work with. */
    readonly hasIrreversibleMigration: boolean;
  })[];
}

export interface RollbackRequest {
  readonly environment: string;
  /** Every finished deployment to the environment, any order. */
  readonly history: readonly HistoryEntry[];
  /** What runs now, told by the target; a service it does not run is left out. */
  readonly current: ReadonlyMap<string, ServiceVersion>;
  /** Number of the earlier success to go back to; null = the one before the newest. */
  readonly to: number | null;
  /** Only these services; null = all that changed since. */
  readonly services: readonly string[] | null;
  /** Waves of the services by their dependencies, first wave first. */
  readonly waves: readonly Wave[];
  /** Nobody asked for it: a failed verification did. */
  readonly isAutomatic: boolean;
}

export interface RollbackPlan {
  readonly ok: true;
  /** The deployment that is taken back: the newest one. */
  readonly of: number;
  /** The deployment whose state is restored. */
  readonly to: number;
  /** In the order they are applied: dependents before what they depend on, numbered from 1. */
  readonly waves: readonly Wave[];
  readonly changes: readonly {
    readonly service: string;
    /** Null: the service does not run now. */
    readonly from: ServiceVersion | null;
    readonly to: ServiceVersion;
  }[];
  /** Services that cannot go back, each with the reason. */
  readonly impossible: readonly { readonly service: string; readonly reason: string }[];
  readonly warnings: readonly string[];
}

const TRANSITIONS: Readonly<Record<DeploymentStatus, readonly DeploymentStatus[]>> = {
  scheduled: ["queued", "aborted"],
  queued: ["running", "aborted", "errored"],
  // Straight to aborted when nothing was running that had to be stopped.
  running: [
    "verifying",
    "succeeded",
    "paused",
    "aborting",
    "aborted",
    "failed",
    "errored",
    "timed_out",
  ],
  verifying: ["succeeded", "paused", "aborting", "aborted", "failed", "errored", "timed_out"],
  paused: ["running", "verifying", "aborting", "aborted", "failed", "errored", "timed_out"],
  aborting: ["aborted", "succeeded", "errored"],
  succeeded: ["rolled_back"],
  failed: ["rolled_back"],
  errored: ["rolled_back"],
  timed_out: ["rolled_back"],
  aborted: ["rolled_back"],
  rolled_back: [],
};

const ACTIVE: readonly DeploymentStatus[] = [
  "queued",
  "running",
  "verifying",
  "paused",
  "aborting",
];

/** Whether a deployment may go from one status to the other. Staying is not a transition. */
export function canTransition(from: DeploymentStatus, to: DeploymentStatus): boolean {
  return TRANSITIONS[from].includes(to);
}

/** It holds its environment: queued, running, verifying, paused or aborting. */
export function isActive(status: DeploymentStatus): boolean {
  return ACTIVE.includes(status);
}

/** It has ended, however it ended. */
export function isFinished(status: DeploymentStatus): boolean {
  return status !== "scheduled" && !isActive(status);
}

/** The steps of a deployment in the order people read them: by wave, service and stage. */
export function planSteps(
  waves: readonly Wave[],
  stagesOf: (service: string) => readonly Stage[],
): readonly Step[] {
  return waves.flatMap(({ number, services }) =>
    services.flatMap((service) => {
      const wanted = stagesOf(service);
      return STAGES.filter((stage) => wanted.includes(stage)).map((stage): Step => ({
        wave: number,
        service,
        stage,
        status: "pending",
        cause: null,
      }));
    }),
  );
}

/**
 * What to do next, decided from the rows alone, so that any runner continues after any crash. Call it once the deployment
 * is claimed (it left `queued`), and again whenever a step ends.
 *
 * Services of a wave go through their stages side by side; the next wave starts when all are through. After a failure no
 * later wave starts, and within the wave nobody begins a new effect, but what was deployed is still verified, so that
 * people learn what runs. Landing waits until everything is verified; a branch that cannot be landed on fails its step and
 * not the deployment.
 */
export function nextStep<S extends Step>(facts: RunFacts<S>): NextMove<S> {
  const { steps } = facts;
  const running = steps.filter((step) => step.status === "running");
  const unknown = steps.filter((step) => step.status === "unknown");
  const isCancelled = facts.isCancelRequested || facts.status === "aborting";
  const status = isCancelled ? "aborting" : phaseOf(facts);

  if (unknown.length > 0) {
    return { kind: "settle", status, steps: unknown };
  }
  if (isCancelled) {
    return running.length > 0 ? { kind: "wait", status, stop: true } : finish(steps, true);
  }
  if (facts.status === "paused") {
    return { kind: "wait", status: "paused", stop: false };
  }
  const { ready, isOver } = frontOf(steps);
  const room = (facts.parallel ?? Number.POSITIVE_INFINITY) - running.length;
  if (ready.length > 0 && room > 0) {
    return { kind: "start", status, steps: ready.slice(0, room) };
  }
  return running.length > 0 || !isOver
    ? { kind: "wait", status, stop: false }
    : finish(steps, false);
}

/**
 * What a step whose runner died came to, from what the target says is true. `startedAt` is when the step began: a change the
 * target took back since then was this one.
 */
export function settle(
  stage: Stage,
  desired: ServiceVersion,
  observed: ObservedState,
  startedAt: Date | null = null,
): Settlement {
  switch (stage) {
    case "merge":
    case "land":
      // Source control treats what is already merged or landed as done, so asking again tells how it stands.
      return { outcome: "not_applied" };
    case "migrate":
      return {
        outcome: "undecidable",
        reason: `The migration of ${observed.service} was running when Slipway stopped, and nobody can tell whether it finished.`,
        remedy: "Look at the database, then deploy again or roll back.",
      };
    case "deploy":
      return settleDeploy(desired, observed, startedAt);
    case "verify":
      return settleVerify(desired, observed);
  }
}

/** Whether two are the same content: by digest where both have one, else by commit, else by version. */
export function isSameVersion(a: VersionLike, b: VersionLike): boolean {
  if (a.digest !== null && b.digest !== null) {
    return a.digest === b.digest;
  }
  if (a.commit !== null && b.commit !== null) {
    return a.commit === b.commit;
  }
  return a.version !== null && a.version === b.version;
}

interface VersionLike {
  readonly version: string | null;
  readonly commit: string | null;
  readonly digest: string | null;
}

/** Which version of which service to go back to, or why not. */
export function rollbackPlan(request: RollbackRequest): RollbackPlan | Refusal {
  const { environment, isAutomatic } = request;
  const history = request.history
    .filter((entry) => isFinished(entry.status))
    .sort((a, b) => a.number - b.number);
  const newest = history.findLast((entry) => entry.services.length > 0);
  if (newest === undefined) {
    return no(
      "rollback.nothing",
      `Nothing was deployed to ${environment} yet, so there is nothing to go back to.`,
      `Deploy a release to ${environment} first.`,
    );
  }
  if (newest.rollbackOf !== null && (isAutomatic || request.to === null)) {
    return no(
      "rollback.of_rollback",
      `The newest deployment to ${environment}, #${newest.number}, is a rollback itself.`,
      `Say \`history ${environment}\`, then name the one to go back to: \`rollback ${environment} to <deployment>\`.`,
    );
  }
  const target = targetOf(request, history, newest);
  if ("ok" in target) {
    return target;
  }
  const since = history.filter((entry) => entry.number > target.number);
  const migrated = since.flatMap((entry) =>
    entry.services.filter((s) => s.hasIrreversibleMigration).map((s) => s.service),
  );
  if (isAutomatic && migrated.length > 0) {
    return no(
      "rollback.migrated",
      `A migration of ${joinWords([...new Set(migrated)])} ran that cannot be undone, so nothing is rolled back by itself.`,
      `Check the database, then say \`rollback ${environment} to ${target.number}\` if the older version works with it.`,
    );
  }
  return planFor(request, history, newest, target, new Set(migrated));
}

function targetOf(
  { environment, to }: RollbackRequest,
  history: readonly HistoryEntry[],
  newest: HistoryEntry,
): HistoryEntry | Refusal {
  const look = `Say \`history ${environment}\` to see what there is.`;
  if (to === null) {
    return (
      history.findLast((e) => e.status === "succeeded" && e.number < newest.number) ??
      no(
        "rollback.nothing",
        `No deployment to ${environment} succeeded before #${newest.number}.`,
        "Fix it forward: deploy a release that works.",
      )
    );
  }
  const named = history.find((entry) => entry.number === to);
  if (named === undefined) {
    return no("deployment.not_found", `No deployment #${to} to ${environment} has ended.`, look);
  }
  return named.status === "succeeded"
    ? named
    : no(
        "rollback.not_a_success",
        `Deployment #${to} is ${named.status.replace("_", " ")}, and only a success can be gone back to.`,
        look,
      );
}

function planFor(
  request: RollbackRequest,
  history: readonly HistoryEntry[],
  newest: HistoryEntry,
  target: HistoryEntry,
  migrated: ReadonlySet<string>,
): RollbackPlan | Refusal {
  const { environment, current } = request;
  const before = new Map<string, ServiceVersion>();
  const touched = new Set<string>();
  for (const entry of history) {
    for (const { service, version, commit, digest, isApplied } of entry.services) {
      if (entry.number > target.number || target === newest) {
        touched.add(service);
      }
      if (entry.number <= target.number && isApplied) {
        before.set(service, { version, commit, digest });
      }
    }
  }
  const changes: { service: string; from: ServiceVersion | null; to: ServiceVersion }[] = [];
  const impossible: { service: string; reason: string }[] = [];
  for (const service of [...new Set(request.services ?? touched)].sort()) {
    const to = before.get(service);
    const from = current.get(service) ?? null;
    if (to === undefined) {
      impossible.push({
        service,
        reason: `${service} did not run in ${environment} by deployment #${target.number}, so there is no version to go back to.`,
      });
    } else if (from === null || !isSameVersion(from, to)) {
      changes.push({ service, from, to });
    }
  }
  if (changes.length === 0) {
    const reasons = impossible.map(({ reason }) => reason);
    return no(
      "rollback.nothing",
      reasons.length > 0
        ? reasons.join(" ")
        : `${environment} already runs what deployment #${target.number} left.`,
      `Say \`history ${environment}\` to see what else there is.`,
    );
  }
  const names = new Set(changes.map((change) => change.service));
  return {
    ok: true,
    of: newest.number,
    to: target.number,
    waves: rollbackWaves(request.waves, names),
    changes,
    impossible,
    warnings: [...migrated]
      .filter((service) => names.has(service))
      .sort()
      .map(
        (service) =>
          `A migration of ${service} ran since #${target.number} that cannot be undone; the older version may not work with it.`,
      ),
  };
}

/** Services nobody orders come last: nothing in the release is known to depend on what they offer. */
function rollbackWaves(waves: readonly Wave[], names: ReadonlySet<string>): readonly Wave[] {
  const ordered = new Set(waves.flatMap((wave) => wave.services));
  const groups = [...waves]
    .sort((a, b) => b.number - a.number)
    .map((wave) => wave.services.filter((service) => names.has(service)));
  groups.push([...names].filter((service) => !ordered.has(service)).sort());
  return groups
    .filter((services) => services.length > 0)
    .map((services, index) => ({ number: index + 1, services }));
}

/** `verifying` once every effect has ended; a status that was reached is not left backwards. */
function phaseOf<S extends Step>({ status, steps }: RunFacts<S>): DeploymentStatus {
  if (status === "paused" || status === "verifying") {
    return status;
  }
  const isWorking = steps.some(
    (step) => step.stage !== "verify" && step.stage !== "land" && !hasEnded(step),
  );
  return isWorking || !steps.some((step) => !hasEnded(step)) ? "running" : "verifying";
}

/** The steps that may start now, and whether nothing will ever start again without one ending. */
function frontOf<S extends Step>(
  steps: readonly S[],
): { readonly ready: readonly S[]; readonly isOver: boolean } {
  const effects = steps.filter((step) => step.stage !== "land");
  const waves = new Map<number, S[]>();
  for (const step of effects) {
    const wave = waves.get(step.wave);
    if (wave) {
      wave.push(step);
    } else {
      waves.set(step.wave, [step]);
    }
  }
  for (const [, wave] of [...waves].sort(([a], [b]) => a - b)) {
    const hasFailed = wave.some((step) => step.status === "failed");
    const ready = chainsOf(wave).flatMap((chain) => {
      const next = chain.find((step) => step.status !== "succeeded" && step.status !== "skipped");
      return next?.status === "pending" && (!hasFailed || wasDeployed(chain, next)) ? [next] : [];
    });
    const isRunning = wave.some((step) => step.status === "running");
    if (ready.length > 0 || isRunning || hasFailed) {
      return { ready, isOver: ready.length === 0 && !isRunning };
    }
  }
  const ready = steps.filter((step) => step.stage === "land" && step.status === "pending");
  return { ready, isOver: ready.length === 0 };
}

/** The stages of each service of a wave, first to last. */
function chainsOf<S extends Step>(wave: readonly S[]): readonly (readonly S[])[] {
  const chains = new Map<string, S[]>();
  for (const step of wave) {
    const chain = chains.get(step.service);
    if (chain) {
      chain.push(step);
    } else {
      chains.set(step.service, [step]);
    }
  }
  return [...chains]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, chain]) => chain.sort((a, b) => STAGES.indexOf(a.stage) - STAGES.indexOf(b.stage)));
}

function wasDeployed<S extends Step>(chain: readonly S[], next: S): boolean {
  return (
    next.stage === "verify" &&
    chain.some((step) => step.stage === "deploy" && step.status === "succeeded")
  );
}

function finish<S extends Step>(steps: readonly S[], isCancelled: boolean): NextMove<S> {
  const skip = steps.filter((step) => step.status === "pending");
  // The services are out and verified: a branch that could not be moved does not make that untrue.
  const failed = steps.filter((step) => step.status === "failed" && step.stage !== "land");
  if (skip.length === 0 && failed.length === 0) {
    return { kind: "finish", status: "succeeded", skip };
  }
  if (isCancelled) {
    return { kind: "finish", status: "aborted", skip };
  }
  return { kind: "finish", status: failureOf(failed), skip };
}

/** What the target said outweighs a time-out, and that outweighs our own fault. */
function failureOf(failed: readonly Step[]): DeploymentStatus {
  const causes = failed.map((step) => step.cause);
  if (causes.some((cause) => cause !== "timeout" && cause !== CAUSE_INTERNAL)) {
    return "failed";
  }
  return causes.includes("timeout") ? "timed_out" : "errored";
}

function hasEnded(step: Step): boolean {
  return step.status === "succeeded" || step.status === "failed" || step.status === "skipped";
}

function settleDeploy(
  desired: ServiceVersion,
  observed: ObservedState,
  startedAt: Date | null,
): Settlement {
  if (observed.health === "progressing") {
    // Whatever was started may still be going on without us; a second one beside it could do harm.
    return { outcome: "progressing" };
  }
  const { turnedBack } = observed;
  if (turnedBack && startedAt !== null && turnedBack.at >= startedAt) {
    return { outcome: "failed", cause: turnedBack.cause, detail: turnedBack.detail };
  }
  if (!isSameVersion(desired, observed)) {
    return { outcome: "not_applied" };
  }
  return observed.health === "unhealthy"
    ? failedAs(observed, "unhealthy")
    : { outcome: "succeeded" };
}

function settleVerify(desired: ServiceVersion, observed: ObservedState): Settlement {
  if (observed.health === "progressing") {
    return { outcome: "progressing" };
  }
  if (observed.health === "absent") {
    return failedAs(observed, "not running");
  }
  if (!isSameVersion(desired, observed)) {
    return {
      outcome: "failed",
      cause: "superseded",
      detail: `${observed.service} runs ${observed.version ?? observed.commit ?? "something else"} instead of ${desired.version}.`,
    };
  }
  switch (observed.health) {
    case "healthy":
      return { outcome: "succeeded" };
    case "unhealthy":
      return failedAs(observed, "unhealthy");
    case "unknown":
      return { outcome: "progressing" };
  }
}

function failedAs(observed: ObservedState, how: string): Settlement {
  return {
    outcome: "failed",
    cause: observed.cause ?? "unknown",
    detail: observed.detail ?? `${observed.service} is ${how}.`,
  };
}
