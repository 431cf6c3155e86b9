import type { ApplyContext, ApplyResult, DesiredState } from "../../../core/ports/deploy-target.ts";
import { conclude, type ChangeDeps } from "./apply.ts";
import { DOCKER_LABELS, LABELS, readStamp } from "./labels.ts";
import { watchChange } from "./watch.ts";

/**
 * Runs the migration of a service as a job of its own, once per deployment. The job is called after the deployment and stays
 * until the service itself was deployed, so that a runner that takes over finds it, running or ended, and never starts it
 * again.
 */
export async function migrateService(
  deps: ChangeDeps,
  desired: DesiredState,
  run: ApplyContext,
): Promise<ApplyResult> {
  run.signal.throwIfAborted();
  const prepared = await deps.applier.prepareMigration(desired, run.signal);
  if (!prepared) {
    return { outcome: "unchanged" };
  }
  const { serviceName } = prepared;
  const name = `${desired.service} (migration)`;
  const begun = await deps.engine.service(serviceName, run.signal);
  if (begun) {
    run.log(`${name} was begun before (${serviceName}). Looking how it ended.`);
  } else {
    await removeJobs(deps, desired.service, run.signal);
    run.signal.throwIfAborted();
    await run.confirm?.();
    const handed = await deps.applier.deploy(prepared, run);
    if (handed.outcome === "refused") {
      return { outcome: "failed", cause: handed.cause, detail: handed.detail };
    }
    if (handed.outcome === "unknown") {
      run.log(handed.detail);
    }
  }
  const change = {
    stamp: begun ? readStamp(begun.labels) : readStamp(prepared.labels),
    image: null,
    baseline: new Set<string>(),
    since: null,
  };
  const ending = await watchChange(deps, { name, serviceName }, change, run);
  if (ending.outcome === "converged") {
    const facts = await deps.looker.lookAt(serviceName, run.signal);
    const task = facts?.tasks.find(({ state }) => state === "complete");
    const lines = task ? await deps.readTaskLog(ending.service, task, run.signal) : [];
    lines.forEach((line) => run.log(`│ ${line}`));
  }
  return conclude(deps, ending, run);
}

/** Removes the ended migrations of a service. Their outcome has been recorded, or nobody waits for it any more. */
export async function removeJobs(
  { engine, stack }: Pick<ChangeDeps, "engine" | "stack">,
  service: string,
  signal: AbortSignal,
): Promise<void> {
  const jobs = await engine.services(
    [`${DOCKER_LABELS.stack}=${stack}`, `${LABELS.job}=migrate`, `${LABELS.service}=${service}`],
    signal,
  );
  const tasks = await engine.tasks(
    jobs.map(({ id }) => id),
    signal,
  );
  for (const job of jobs) {
    const isAtWork = tasks.some(
      ({ serviceId, desired, state }) =>
        serviceId === job.id &&
        desired !== "shutdown" &&
        !["complete", "failed", "rejected"].includes(state),
    );
    if (!isAtWork) {
      await engine.remove(job.id, signal);
    }
  }
}
