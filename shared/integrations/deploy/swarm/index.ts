import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import type { DeployTarget } from "../../../core/ports/deploy-target.ts";
import { SwarmUnready } from "../../../errors/catalog.ts";
import { systemTimers } from "../../../lib/scheduler.ts";
import { defineDeployTarget, type DeployTargetDeps } from "../definition.ts";
import { createClusterReader } from "./cluster-reader.ts";
import type { Endpoint } from "./endpoints.ts";
import { createEngine } from "./engine.ts";
import { SwarmOptions } from "./options.ts";
import { createStackApplier } from "./stack-applier.ts";
import { createSwarmTarget } from "./target.ts";
import type { Patience } from "./watch.ts";

export const swarmTarget = defineDeployTarget({
  kind: "swarm",
  options: SwarmOptions,
  create: (options, deps) => createSwarmDeployTarget(options, deps),
});

/** What ssh needs of our environment to find its keys and its configuration; nothing else of it is handed on. */
const SSH_VARIABLES = ["PATH", "HOME", "SSH_AUTH_SOCK"];

/**
 * The target of one environment: stack files by the docker program, everything that is observed by the Engine API. `patience`
 * is for tests, which have none.
 */
export function createSwarmDeployTarget(
  options: SwarmOptions,
  deps: DeployTargetDeps,
  patience: Partial<Patience> = {},
): DeployTarget {
  const system = `the Docker Swarm of ${deps.environment}`;
  const timers = systemTimers;
  const engine = createEngine({
    endpoints: endpointsOf(options, deps, system),
    system,
    timers,
    ssh: "ssh",
    sshEnvironment: Object.fromEntries(
      SSH_VARIABLES.flatMap((name) => {
        const value = deps.processEnvironment[name];
        return value === undefined ? [] : [[name, value] as const];
      }),
    ),
  });
  const applier = createStackApplier(options, {
    ...deps,
    timers,
    cluster: createClusterReader(engine, system),
    manager: (signal) => engine.manager(signal),
  });
  return createSwarmTarget({
    engine,
    applier,
    stack: options.stack,
    system,
    clock: deps.clock,
    timers,
    secrets: deps.secrets,
    hasMigrations: options.migrate !== undefined,
    patience,
  });
}

function endpointsOf(
  { host: hosts, tls }: SwarmOptions,
  { baseDir }: DeployTargetDeps,
  system: string,
): readonly Endpoint[] {
  const certificates = tls && {
    ca: pem(tls.ca, "ca"),
    cert: pem(tls.cert, "cert"),
    key: pem(tls.key.reveal(), "key"),
  };
  return hosts.map((host) => ({
    host,
    tls: (host.startsWith("tcp://") && certificates) || null,
  }));

  /** The text itself, or what a file of that name holds. */
  function pem(value: string, key: string): string {
    if (value.includes("-----BEGIN ")) {
      return value;
    }
    try {
      return readFileSync(resolve(baseDir, value), "utf8");
    } catch (error) {
      throw new SwarmUnready(
        { system, why: `the file target.tls.${key} names cannot be read` },
        {
          remedy: `Let the user Slipway runs as read that file, or correct target.tls.${key}.`,
          cause: error,
        },
      );
    }
  }
}
