import type { ApplyContext, ApplyResult, DesiredState } from "../../../core/ports/deploy-target.ts";
import { UpstreamTimeout } from "../../../errors/catalog.ts";
import { pause } from "../../../lib/deadline.ts";
import type { Engine } from "./engine.ts";
import { readStamp, type Stamp } from "./labels.ts";
import type { ReadTaskLog } from "./logs.ts";
import { digestOf, standingOf, trueStamp, type Standing } from "./observe.ts";
import type { PreparedService, StackApplier } from "./stack-deploy.ts";
import { watchChange, type Ending, type WatchDeps } from "./watch.ts";
import type { Attempt } from "./failures.ts";
import type { ServiceFacts } from "./tasks.ts";

export interface ChangeDeps extends WatchDeps {
  readonly engine: Engine;
  readonly applier: StackApplier;
  readonly readTaskLog: ReadTaskLog;
  readonly stack: string;
}

/** A service as it was found, with how it was doing then. */
interface Found {
  readonly facts: ServiceFacts;
  readonly standing: Standing;
}

/** When Docker does not say whether it got something, its labels do; they may take a moment. */
const LANDING_MS = 5_000;

/** Brings one service to what is wanted and tells how that went, as the cluster has it. */
export async function applyService(
  deps: ChangeDeps,
  desired: DesiredState,
  run: ApplyContext,
): Promise<ApplyResult> {
  const { service: name } = desired;
  const serviceName = `${deps.stack}_${name}`;
  run.signal.throwIfAborted();
  const found = await untilStill(deps, name, serviceName, desired, run);
  const settled = found && (overtaken(name, found, desired) ?? resumed(found, desired));
  if (settled) {
    return settled;
  }
  const prepared = await deps.applier.prepare(desired, run.signal);
  run.signal.throwIfAborted();
  if (found && isThere(found, prepared, desired)) {
    run.log(`${name} runs ${desired.version} already.`);
    return { outcome: "unchanged" };
  }
  prepared.warnings.forEach((warning) => run.log(warning));
  const baseline = new Set(found?.facts.tasks.map(({ id }) => id));
  const since = await deps.looker.now(run.signal);
  await run.confirm?.();
  const handedOver = await handOver(deps, prepared, run);
  if (handedOver) {
    return handedOver;
  }
  const attempt: Attempt = {
    stamp: readStamp(prepared.labels),
    image: prepared.image,
    baseline,
    since,
  };
  return conclude(deps, await watchChange(deps, { name, serviceName }, attempt, run), run);
}

/** Turns how a change ended into what the runner is told, after showing what the containers said last. */
export async function conclude(
  deps: Pick<ChangeDeps, "readTaskLog">,
  ending: Ending,
  run: ApplyContext,
): Promise<ApplyResult> {
  if (ending.outcome === "converged") {
    return { outcome: "applied" };
  }
  const { cause, detail, task } = ending.verdict;
  if (ending.service && task) {
    const lines = await deps.readTaskLog(ending.service, task, run.signal);
    lines.forEach((line) => run.log(`│ ${line}`));
  }
  run.log(detail);
  return { outcome: "failed", cause, detail };
}

/**
 * The service once nothing moves there any more: updates that overlap leave tasks behind. A rollout that hangs or fails is
 * not waited for, because only another one can help it.
 */
export async function untilStill(
  deps: ChangeDeps,
  name: string,
  serviceName: string,
  desired: Pick<DesiredState, "deployment" | "version"> | null,
  run: ApplyContext,
): Promise<Found | undefined> {
  const { looker, timers, patience } = deps;
  const startedAt = performance.now();
  let told = "";
  for (;;) {
    run.signal.throwIfAborted();
    const facts = await looker.lookAt(serviceName, run.signal);
    if (!facts) {
      return undefined;
    }
    const standing = standingOf(name, facts, patience, looker);
    const { verdict, stamp } = standing;
    const isMoving =
      verdict.state === "progressing" && (verdict.isRolling || isOurs(stamp, desired));
    if (!isMoving || performance.now() - startedAt >= patience.stuckMs) {
      return { facts, standing };
    }
    const line = `An earlier change of ${name} is still going on: ${verdict.detail} Waiting for it.`;
    if (line !== told) {
      told = line;
      run.log(line);
    }
    await pause(timers, patience.pollMs, run.signal);
  }
}

function isOurs(
  stamp: Stamp | null,
  desired: Pick<DesiredState, "deployment" | "version"> | null,
): stamp is Stamp {
  return (
    stamp !== null &&
    desired !== null &&
    stamp.deployment === desired.deployment &&
    stamp.version === desired.version
  );
}

/** Somebody newer has been here: whoever is older must not undo that. */
function overtaken(name: string, { facts }: Found, desired: DesiredState): ApplyResult | null {
  const stamp = readStamp(facts.service.labels);
  return stamp && stamp.fencingToken > desired.fencingToken
    ? {
        outcome: "failed",
        cause: "superseded",
        detail: `A newer run has already changed ${name}: deployment #${stamp.deployment} brought ${stamp.version}. Nothing was changed.`,
      }
    : null;
}

/** This very deployment was handed over before, by a runner that died; it has failed since and is not tried twice. */
function resumed({ standing }: Found, desired: DesiredState): ApplyResult | null {
  const { verdict, stamp } = standing;
  return verdict.state === "failed" && isOurs(stamp, desired)
    ? { outcome: "failed", cause: verdict.cause, detail: verdict.detail }
    : null;
}

function isThere(
  { facts, standing }: Found,
  prepared: PreparedService,
  desired: DesiredState,
): boolean {
  const stamp = trueStamp(facts);
  const wanted = digestOf(prepared.image);
  return (
    standing.verdict.state === "converged" &&
    stamp !== null &&
    stamp.version === desired.version &&
    stamp.commit === desired.commit &&
    stamp.specHash === prepared.specHash &&
    (wanted === null || wanted === digestOf(facts.service.image))
  );
}

/** Undefined when Swarm has it. */
async function handOver(
  { applier, looker, timers, system, patience }: ChangeDeps,
  prepared: PreparedService,
  run: ApplyContext,
): Promise<ApplyResult | undefined> {
  const handed = await applier.deploy(prepared, run);
  switch (handed.outcome) {
    case "sent":
      return undefined;
    case "refused":
      return { outcome: "failed", cause: handed.cause, detail: handed.detail };
    case "unknown":
      break;
  }
  run.log(`${handed.detail} Looking whether it arrived.`);
  const wanted = readStamp(prepared.labels);
  const startedAt = performance.now();
  for (;;) {
    const facts = await looker.lookAt(prepared.serviceName, run.signal);
    const stamp = readStamp(facts?.service.labels);
    if (stamp && wanted && stamp.appliedAt.getTime() === wanted.appliedAt.getTime()) {
      return undefined;
    }
    const waitedMs = performance.now() - startedAt;
    if (waitedMs >= LANDING_MS) {
      throw new UpstreamTimeout({ system, operation: "stack deploy", timeoutMs: waitedMs });
    }
    await pause(timers, patience.pollMs, run.signal);
    run.signal.throwIfAborted();
  }
}
