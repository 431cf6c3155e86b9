import type { WorkQueue } from "../../db/work-queue.types.ts";
import type { Scheduler } from "../../lib/scheduler.ts";
import { endExpiredLocks } from "../environments/lock-environment.ts";
import type { DeploymentDeps } from "./deps.ts";
import { createDeploymentRunner, type DeploymentRunner } from "./deployment-runner.ts";
import type { RunOptions } from "./run-deployment.ts";
import { isProcessDead, processIdentity } from "../../lib/process-identity.ts";

/** Another runner takes over after this silence, unless the process is known to be gone. */
const LEASE_MS = 20_000;
const HEARTBEAT_MS = 5_000;
const SWEEP_EVERY_MS = 5_000;
const LOCKS_EVERY_MS = 10_000;

/** A process is given ten seconds to end, and a command of the target five of them once it is told to. */
const STOP_GRACE_MS = 1_000;

/** Services one deployment works on at the same time. */
const PARALLEL = 10;

/** Environments deployed to at the same time. */
const DEPLOYMENTS_AT_ONCE = 16;

/** The part of a process that runs deployments. */
export interface DeploymentWorker {
  readonly runner: DeploymentRunner;
  /** Looks at once for deployments that were left running, then from time to time. */
  start(): Promise<void>;
  /** Checkpoints what runs. Call it before the queue is stopped. */
  stop(): Promise<void>;
}

/** Makes the runner of this process and ties it to the queue and the scheduler. */
export function createDeploymentWorker(
  deps: DeploymentDeps,
  parts: {
    readonly queue: Pick<WorkQueue, "work">;
    readonly scheduler: Pick<Scheduler, "every">;
    readonly options?: Partial<RunOptions>;
  },
): DeploymentWorker {
  const owner = processIdentity();
  const runner = createDeploymentRunner({
    ...deps,
    owner,
    leaseMs: LEASE_MS,
    heartbeatMs: HEARTBEAT_MS,
    stopGraceMs: STOP_GRACE_MS,
    parallel: PARALLEL,
    isOwnerDead: (other) => isProcessDead(other, owner),
    ...parts.options,
  });
  parts.queue.work(
    "deployment.advance",
    { concurrency: DEPLOYMENTS_AT_ONCE },
    async ({ deploymentId }) => {
      if (typeof deploymentId === "string") {
        await runner.advance(deploymentId);
      }
    },
  );
  return {
    runner,
    async start() {
      parts.scheduler.every({
        name: "deployments.sweep",
        everyMs: SWEEP_EVERY_MS,
        run: () => runner.sweep(),
      });
      parts.scheduler.every({
        name: "locks.expire",
        everyMs: LOCKS_EVERY_MS,
        run: () => endExpiredLocks(deps),
      });
      await runner.sweep();
    },
    stop: () => runner.stop(),
  };
}
