import type { Timers } from "../../../lib/scheduler.ts";
import type { DeployTargetDeps } from "../definition.ts";
import { createDockerCli, type ManagerEndpoint } from "./docker-cli.ts";
import type { SwarmOptions } from "./options.ts";
import type { ClusterReader } from "./preflight.ts";
import { createRenderer } from "./render.ts";
import { createStackDeploy, type StackApplier } from "./stack-deploy.ts";
import { createStackSource } from "./stack-source.ts";

export interface StackApplierDeps extends DeployTargetDeps {
  readonly timers: Timers;
  readonly cluster: ClusterReader;
  /** The manager to talk to now. Throws UpstreamUnavailable when none answers. */
  manager(signal: AbortSignal): Promise<ManagerEndpoint>;
}

/** The half of the Swarm target that knows stack files and the docker program. */
export function createStackApplier(options: SwarmOptions, deps: StackApplierDeps): StackApplier {
  const docker = createDockerCli(options, deps);
  const source = createStackSource(options, deps);
  const renderer = createRenderer(options, { ...deps, docker, source });
  const deploy = createStackDeploy(options, { ...deps, docker });
  return {
    check: (signal) => docker.requireVersion(signal),
    async prepare(desired, signal) {
      await docker.requireVersion(signal);
      return renderer.prepare(desired, signal);
    },
    async prepareMigration(desired, signal) {
      await docker.requireVersion(signal);
      return renderer.prepareMigration(desired, signal);
    },
    deploy,
  };
}
