import { CAUSE_INTERNAL, settle, type Settlement } from "../../core/deployment.ts";
import type {
  ApplyContext,
  ApplyResult,
  DeployTarget,
  DesiredState,
  ObservedState,
} from "../../core/ports/deploy-target.ts";
import type { Landed } from "../../core/ports/scm.ts";
import type { StoredDesired } from "../../db/rows/deployment.ts";
import type { DeploymentStepRow } from "../../db/rows/deployment-step.ts";
import { AppError } from "../../errors/app-error.ts";
import { pause, startDeadline, untilAborted, type Deadline } from "../../lib/deadline.ts";
import type { Timers } from "../../lib/scheduler.ts";
import { formatDuration } from "../../lib/time.ts";
import { observeServices } from "../environments/ask-target.ts";
import type { DeploymentDeps } from "./deps.ts";
import { desiredState } from "./desired-state.ts";
import { shortCommit, versionOf } from "./deployment-row.ts";

/** How a step ended. */
export type StepResult =
  | { readonly status: "succeeded"; readonly outcome: string; readonly landedSha?: string }
  | { readonly status: "failed"; readonly outcome: string; readonly cause: string | null }
  /** It did not happen: it starts again in its turn. */
  | { readonly status: "pending"; readonly outcome: string }
  /** Whoever ran it was told to stop: nothing is recorded, the next runner finds out. */
  | { readonly status: "abandoned" };

/** Why running steps are ended early. */
export type StopReason = "cancelled" | "stopping" | "lease_lost";

export interface StepContext {
  readonly deps: Pick<
    DeploymentDeps,
    "scm" | "findRepository" | "targets" | "clock" | "timers" | "logger"
  >;
  readonly environment: string;
  readonly deployment: number;
  readonly fencingToken: number;
  /** Everything the deployment brings, this step's service among it. */
  readonly brings: readonly StoredDesired[];
  /** How long a service must stay healthy before it counts as verified. */
  readonly settleMs: number;
  /** Aborts with a `StopReason` as reason. */
  readonly stop: AbortSignal;
  readonly log: (line: string) => void;
  /** Rejects when another runner has this deployment; then `stop` has aborted too. */
  readonly confirm: () => Promise<void>;
}

/** How long something that was told to end may take before it is left to itself. */
const GRACE_MS = 10_000;

const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 5_000;

/** How long a forge that refuses to land is asked again. */
const REFUSAL_PATIENCE_MS = 15_000;

/**
 * Runs the effect of one step, within its time. Never throws for what source control or the target do: that is how the step
 * ended.
 */
export async function performStep(
  context: StepContext,
  step: Pick<DeploymentStepRow, "stage" | "timeoutMs" | "service" | "startedAt">,
  desired: StoredDesired,
): Promise<StepResult> {
  return inTime(context, step.timeoutMs, (deadline) => {
    switch (step.stage) {
      case "migrate":
      case "deploy":
        return applyStep(context, step.stage, desired, deadline);
      case "verify":
        return verify(context, desired, deadline);
      case "merge":
      case "land":
        return land(context, desired, deadline);
    }
  });
}

/**
 * Finds out what a step came to whose runner died: from what the target says is true, asking again while it is still going
 * on. Watching and landing change nothing when they are repeated, so they simply start again.
 */
export async function settleStep(
  context: StepContext,
  step: Pick<DeploymentStepRow, "stage" | "timeoutMs" | "service" | "startedAt">,
  desired: StoredDesired,
): Promise<StepResult> {
  if (step.stage === "migrate" && context.deps.targets(context.environment).migratesOnce) {
    return { status: "pending", outcome: "Asked for again after an interruption." };
  }
  if (step.stage === "verify" || step.stage === "land" || step.stage === "merge") {
    return { status: "pending", outcome: "Starts again after an interruption." };
  }
  return inTime(context, step.timeoutMs, async (deadline) => {
    let told: string | null = null;
    const asked = await watch(context, desired, deadline, (observed) => {
      const settlement = settle(step.stage, versionOf(desired), observed, step.startedAt);
      if (settlement.outcome !== "progressing") {
        return settlement;
      }
      if (observed.detail !== null && observed.detail !== told) {
        told = observed.detail;
        context.log(`${told} Waiting for it.`);
      }
      return undefined;
    });
    return asked.ok ? settledAs(asked.value, desired) : asked.result;
  });
}

function settledAs(settlement: Settlement, desired: StoredDesired): StepResult {
  switch (settlement.outcome) {
    case "succeeded":
      return {
        status: "succeeded",
        outcome: `${desired.version} was there already when the deployment went on.`,
      };
    case "failed":
      return { status: "failed", outcome: settlement.detail, cause: settlement.cause };
    case "undecidable":
      return {
        status: "failed",
        outcome: `${settlement.reason} ${settlement.remedy}`,
        cause: CAUSE_INTERNAL,
      };
    case "not_applied":
    case "progressing":
      return { status: "pending", outcome: "Did not happen before the interruption." };
  }
}

async function inTime(
  context: StepContext,
  timeoutMs: number,
  work: (deadline: Deadline) => Promise<StepResult>,
): Promise<StepResult> {
  const deadline = startDeadline(context.deps.timers, timeoutMs, [context.stop]);
  try {
    return await work(deadline);
  } catch (error) {
    return explain(context, deadline, timeoutMs, error);
  } finally {
    deadline.end();
  }
}

/** What an effect that ended without an answer means. */
function explain(
  context: StepContext,
  deadline: Deadline,
  timeoutMs: number,
  error: unknown,
): StepResult {
  const stopped = stopResult(context.stop);
  if (stopped) {
    return stopped;
  }
  if (deadline.isOver) {
    return {
      status: "failed",
      outcome: [
        `Not done within ${formatDuration(timeoutMs)}.`,
        error instanceof AppError && error.message,
      ]
        .filter(Boolean)
        .join(" "),
      cause: "timeout",
    };
  }
  if (error instanceof AppError) {
    return {
      status: "failed",
      outcome: [error.message, error.remedy].filter(Boolean).join(" "),
      cause: error.kind === "timeout" ? "timeout" : CAUSE_INTERNAL,
    };
  }
  context.deps.logger.error({ err: error }, "a step of a deployment broke");
  return {
    status: "failed",
    outcome: "Something broke on our side; the log of Slipway has the details.",
    cause: CAUSE_INTERNAL,
  };
}

function stopResult(stop: AbortSignal): StepResult | undefined {
  if (!stop.aborted) {
    return undefined;
  }
  return stop.reason === "cancelled"
    ? { status: "failed", outcome: "Stopped: the deployment was cancelled.", cause: null }
    : { status: "abandoned" };
}

async function applyStep(
  context: StepContext,
  stage: "migrate" | "deploy",
  desired: StoredDesired,
  deadline: Deadline,
): Promise<StepResult> {
  const { deps, environment, deployment, fencingToken, brings } = context;
  const state = await desiredState(
    deps,
    desired,
    { environment, deployment, fencingToken, brings },
    deadline.signal,
  );
  const target = deps.targets(environment);
  const result = await withGrace(
    startApply(target, stage, state, {
      log: context.log,
      signal: deadline.signal,
      confirm: context.confirm,
    }),
    deadline.signal,
    deps.timers,
  );
  if (result.outcome !== "failed") {
    return { status: "succeeded", outcome: appliedWords(stage, result, desired) };
  }
  const stopped = stopResult(context.stop);
  if (stopped) {
    return stopped;
  }
  return {
    status: "failed",
    outcome: result.detail,
    cause: deadline.isOver ? "timeout" : result.cause,
  };
}

function startApply(
  target: DeployTarget,
  stage: "migrate" | "deploy",
  state: DesiredState,
  run: ApplyContext,
): Promise<ApplyResult> {
  if (stage === "deploy") {
    return target.apply(state, run);
  }
  return target.migrate ? target.migrate(state, run) : Promise.resolve({ outcome: "unchanged" });
}

function appliedWords(
  stage: "migrate" | "deploy",
  result: ApplyResult,
  { version }: StoredDesired,
): string {
  if (stage === "migrate") {
    return "The migration ran.";
  }
  return result.outcome === "unchanged" ? `${version} was there already.` : `${version} deployed.`;
}

async function verify(
  context: StepContext,
  desired: StoredDesired,
  deadline: Deadline,
): Promise<StepResult> {
  const { clock } = context.deps;
  let healthySince: Date | undefined;
  const asked = await watch(context, desired, deadline, (observed): StepResult | undefined => {
    const settlement = settle("verify", versionOf(desired), observed);
    switch (settlement.outcome) {
      case "succeeded": {
        healthySince ??= clock.now();
        const healthyMs = clock.now().getTime() - healthySince.getTime();
        return healthyMs >= context.settleMs
          ? { status: "succeeded", outcome: `${desired.version} is healthy.` }
          : undefined;
      }
      case "failed":
        observed.log.forEach(context.log);
        return { status: "failed", outcome: settlement.detail, cause: settlement.cause };
      case "progressing":
      case "not_applied":
      case "undecidable":
        healthySince = undefined;
        return undefined;
    }
  });
  return asked.ok ? asked.value : asked.result;
}

type Watched<T> =
  { readonly ok: true; readonly value: T } | { readonly ok: false; readonly result: StepResult };

/**
 * Asks the target, with growing pauses, until `decide` has an answer or the time is up. A target that does not answer for a
 * while is asked again; if it never does, nobody knows, and that is our fault and not the service's.
 */
async function watch<T>(
  context: StepContext,
  { service }: StoredDesired,
  deadline: Deadline,
  decide: (observed: ObservedState) => T | undefined,
): Promise<Watched<T>> {
  const { deps, environment, stop } = context;
  let last: { detail: string; isUnreachable: boolean } = {
    detail: `${service} did not settle.`,
    isUnreachable: false,
  };
  for (let wait = FIRST_PAUSE_MS; ; wait = Math.min(wait * 1.6, LONGEST_PAUSE_MS)) {
    try {
      const states = await observeServices(deps, environment, [service], deadline.signal);
      const observed = states.get(service);
      const value = observed && decide(observed);
      if (value !== undefined) {
        return { ok: true, value };
      }
      last = { detail: stillWords(service, observed), isUnreachable: false };
    } catch (error) {
      if (!(error instanceof AppError) && !deadline.signal.aborted) {
        throw error;
      }
      if (error instanceof AppError && !deadline.signal.aborted) {
        last = { detail: error.message, isUnreachable: true };
      }
    }
    if (deadline.signal.aborted) {
      break;
    }
    await pause(deps.timers, wait, deadline.signal);
  }
  return {
    ok: false,
    result: stopResult(stop) ?? {
      status: "failed",
      outcome: `Not healthy in time. ${last.detail}`,
      cause: last.isUnreachable ? CAUSE_INTERNAL : "timeout",
    },
  };
}

function stillWords(service: string, observed: ObservedState | undefined): string {
  if (observed?.detail) {
    return observed.detail;
  }
  switch (observed?.health) {
    case "healthy":
      return `${service} did not stay healthy long enough.`;
    case "progressing":
      return `${service} is still starting.`;
    default:
      return `The target does not say how ${service} is.`;
  }
}

async function land(
  context: StepContext,
  desired: StoredDesired,
  deadline: Deadline,
): Promise<StepResult> {
  const { commit, landBranch } = desired;
  if (commit === null || landBranch === null) {
    return { status: "succeeded", outcome: "There is no branch to land on." };
  }
  const landed = await landPatiently(context, desired.repository, landBranch, commit, deadline);
  switch (landed.outcome) {
    case "landed":
      return {
        status: "succeeded",
        outcome: `${landBranch} is at ${shortCommit(landed.sha)} now.`,
        landedSha: landed.sha,
      };
    case "already_there":
      return {
        status: "succeeded",
        outcome: `${landBranch} had it already.`,
        landedSha: landed.sha,
      };
    case "diverged":
      return {
        status: "failed",
        outcome: `${landBranch} has moved to ${shortCommit(landed.branchSha)} in the meantime and was left alone. Merge ${landBranch} into the source branch; the next release brings it.`,
        cause: "diverged",
      };
    case "refused":
      return {
        status: "failed",
        outcome: `${landBranch} was left alone: ${landed.reason} ${landed.remedy}`,
        cause: "refused",
      };
    case "differs":
      return {
        status: "failed",
        outcome: `${landBranch} is at ${shortCommit(landed.sha)} now, which is not what was signed: somebody pushed to it in the same moment. Look at that commit before the next release.`,
        cause: "differs",
      };
  }
}

/**
 * Lands, again and again while source control does not answer, and for a moment while it refuses: a forge may not have seen
 * the status yet that its protection of the branch asks for. Landing what has landed changes nothing.
 */
async function landPatiently(
  { deps, log }: StepContext,
  name: string,
  branch: string,
  commit: string,
  { signal }: Deadline,
): Promise<Landed> {
  let refusedSince: Date | undefined;
  let last: AppError | undefined;
  for (let wait = FIRST_PAUSE_MS; ; wait = Math.min(wait * 1.6, LONGEST_PAUSE_MS)) {
    let pauseMs = wait;
    try {
      const repository = await deps.findRepository(name, signal);
      const scm = deps.scm(repository.provider);
      const landed = await withGrace(
        scm.land(repository, branch, commit, signal),
        signal,
        deps.timers,
      );
      if (landed.outcome !== "refused") {
        return landed;
      }
      refusedSince ??= deps.clock.now();
      if (deps.clock.now().getTime() - refusedSince.getTime() >= REFUSAL_PATIENCE_MS) {
        return landed;
      }
    } catch (error) {
      if (!mayPass(error) || signal.aborted) {
        throw error;
      }
      log(`${error.message} Trying again.`);
      last = error;
      pauseMs = Math.max(wait, retryAfterMs(error));
    }
    await pause(deps.timers, pauseMs, signal);
    if (signal.aborted) {
      throw last ?? signal.reason;
    }
  }
}

/** Whether source control may answer differently when it is asked again. */
function mayPass(error: unknown): error is AppError {
  return (
    error instanceof AppError &&
    ["upstream", "timeout", "rate_limited"].includes(error.kind) &&
    error.code !== "upstream.rejected"
  );
}

function retryAfterMs({ data }: AppError): number {
  return typeof data === "object" &&
    data !== null &&
    "retryAfterMs" in data &&
    typeof data.retryAfterMs === "number"
    ? data.retryAfterMs
    : 0;
}

/** The work's own end, also after it was told to stop, but not for ever. */
async function withGrace<T>(work: Promise<T>, signal: AbortSignal, timers: Timers): Promise<T> {
  const giveUp = new AbortController();
  let cancel: (() => void) | undefined;
  function startGrace(): void {
    cancel = timers.after(GRACE_MS, () => giveUp.abort(new Error("did not end when told to")));
  }
  if (signal.aborted) {
    startGrace();
  } else {
    signal.addEventListener("abort", startGrace, { once: true });
  }
  try {
    return await untilAborted(work, giveUp.signal);
  } finally {
    signal.removeEventListener("abort", startGrace);
    cancel?.();
  }
}
