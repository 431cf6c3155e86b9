import { ACTIVE_STATUSES } from "../environments/environment-facts.ts";
import { claimDeployment, findUnattended } from "./lease.ts";
import { startRun, type Run, type RunDeps } from "./run-deployment.ts";

/** Runs deployments in this process. */
export interface DeploymentRunner {
  /**
   * Runs a deployment to its end, unless somebody runs it already; a run of this process looks at it again. Resolves when
   * this process has nothing more to do with it.
   */
  advance(deploymentId: string): Promise<void>;
  /** Starts every unfinished deployment that nobody runs, e.g. whose runner died. Does not wait for their end. */
  sweep(): Promise<void>;
  /** Begins no more effects, checkpoints what runs, and resolves when nothing of this process runs any more. */
  stop(): Promise<void>;
}

/** Makes the runner of this process. Call `sweep` at the start and from time to time. */
export function createDeploymentRunner(deps: RunDeps): DeploymentRunner {
  const runs = new Map<string, Run | "claiming">();
  let isStopping = false;

  return { advance, sweep, stop };

  async function advance(deploymentId: string): Promise<void> {
    const known = runs.get(deploymentId);
    if (known !== undefined) {
      if (known !== "claiming") {
        known.wake();
      }
      return;
    }
    if (isStopping) {
      return;
    }
    runs.set(deploymentId, "claiming");
    try {
      const lease = await claimDeployment(deps, deploymentId);
      if (lease) {
        const run = startRun(deps, lease);
        runs.set(deploymentId, run);
        if (isStopping) {
          run.stop();
        }
        await run.done;
      }
    } finally {
      runs.delete(deploymentId);
    }
  }

  async function sweep(): Promise<void> {
    for (const deploymentId of await findUnattended(deps, ACTIVE_STATUSES)) {
      if (!runs.has(deploymentId)) {
        advance(deploymentId).catch((error: unknown) => {
          deps.logger.error({ err: error }, "running a deployment broke");
        });
      }
    }
  }

  async function stop(): Promise<void> {
    isStopping = true;
    const ending: Promise<void>[] = [];
    for (const run of runs.values()) {
      if (run !== "claiming") {
        run.stop();
        ending.push(run.done);
      }
    }
    await Promise.allSettled(ending);
  }
}
