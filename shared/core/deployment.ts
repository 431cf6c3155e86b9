import type { Wave } from "./deploy-order.ts";
import type { CauseClass, DesiredState, ObservedState } from "./ports/deploy-target.ts";
import type { Refusal } from "./verdict.ts";

/** `failed`: the target said no. `errored`: we broke. */
export const DEPLOYMENT_STATUSES = [
  "scheduled",
  "queued",
  "running",
  "verifying",
  "succeeded",
  "paused",
  "failed",
  "errored",
  "timed_out",
  "aborting",
  "aborted",
  "rolled_back",
] as const;
export type DeploymentStatus = (typeof DEPLOYMENT_STATUSES)[number];

/** In the order they happen to one service; `land` waits until all services are verified. */
export const STAGES = ["merge", "migrate", "deploy", "verify", "land"] as const;
export type Stage = (typeof STAGES)[number];

/** `unknown`: it was running when its runner died; nobody knows how it ended until it is settled. */
export const STEP_STATUSES = [
  "pending",
  "running",
  "succeeded",
  "failed",
  "skipped",
  "unknown",
] as const;
export type StepStatus = (typeof STEP_STATUSES)[number];

/** Whose failure a failed step is: the target said no, we broke, or it took too long. */
export const FAULTS = ["target", "ours", "timeout"] as const;
export type Fault = (typeof FAULTS)[number];

/** One stage of one service in one deployment. */
export interface Step {
  readonly wave: number;
  readonly service: string;
  readonly stage: Stage;
  readonly status: StepStatus;
  /** Null unless the step failed. */
  readonly fault: Fault | null;
}

export interface RunFacts<S extends Step> {
  readonly status: DeploymentStatus;
  readonly steps: readonly S[];
  readonly isCancelRequested: boolean;
}

/** What a runner does next. `status` is what the deployment's status becomes with it. */
export type NextMove<S extends Step> =
  | { readonly kind: "settle"; readonly status: DeploymentStatus; readonly steps: readonly S[] }
  | { readonly kind: "start"; readonly status: DeploymentStatus; readonly steps: readonly S[] }
  /** Nothing to start until a running step ends. `stop`: end the running steps early, somebody cancelled. */
  | { readonly kind: "wait"; readonly status: DeploymentStatus; readonly stop: boolean }
  /** `skip`: steps that will never run; mark them so. */
  | { readonly kind: "finish"; readonly status: DeploymentStatus; readonly skip: readonly S[] };

/** What an unfinished effect came to, as far as the target tells. */
export type Settlement =
  | { readonly outcome: "succeeded" }
  | { readonly outcome: "failed"; readonly cause: CauseClass; readonly detail: string }
  /** Still going on: ask again. */
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
  readonly services: readonly (ServiceVersion & {
    readonly service: string;
    /** The target carried this version when the deployment ended. */
    readonly isApplied: boolean;
    /** A migration ran that the version before cannot work with. */
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
  /** In the order they are applied: reverse dependency order, numbered from 1. */
  readonly waves: readonly Wave[];
  readonly changes: readonly {
    readonly service: string;
    readonly from: ServiceVersion | null;
    readonly to: ServiceVersion;
  }[];
  /** Services that cannot go back, each with the reason. */
  readonly impossible: readonly { readonly service: string; readonly reason: string }[];
  readonly warnings: readonly string[];
}

/** Whether a deployment may go from one status to the other. Staying is not a transition. */
export declare function canTransition(from: DeploymentStatus, to: DeploymentStatus): boolean;

/** It holds its environment: queued, running, verifying, paused or aborting. */
export declare function isActive(status: DeploymentStatus): boolean;

/** It has ended, however it ended. */
export declare function isFinished(status: DeploymentStatus): boolean;

/** The steps of a deployment in the order people read them: by wave, service and stage. */
export declare function planSteps(
  waves: readonly Wave[],
  stagesOf: (service: string) => readonly Stage[],
): readonly Step[];

/** What to do next, decided from the rows alone, so that any runner continues after any crash. */
export declare function nextStep<S extends Step>(facts: RunFacts<S>): NextMove<S>;

/** What a step whose runner died came to, from what the target says is true. */
export declare function settle(
  stage: Stage,
  desired: Pick<DesiredState, "version" | "commit" | "digest">,
  observed: ObservedState,
): Settlement;

/** Whether two say the same content: by digest, else by commit, else by version. */
export declare function isSameVersion(
  a: { readonly version: string | null; readonly commit: string | null; readonly digest: string | null },
  b: { readonly version: string | null; readonly commit: string | null; readonly digest: string | null },
): boolean;

/** Which version of which service to go back to, or why not. */
export declare function rollbackPlan(request: RollbackRequest): RollbackPlan | Refusal;
