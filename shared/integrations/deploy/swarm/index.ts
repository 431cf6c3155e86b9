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

export const swarmTarget = defineDeployTarget({
  kind: "swarm",
  options: SwarmOptions,
  create: createSwarm,
});

/** What the ssh program gets of our environment, to find keys, agents and known hosts. */
const SSH_VARIABLES = ["PATH", "HOME", "SSH_AUTH_SOCK"];

/**
 * Services of one stack on a Docker Swarm: the docker program renders and hands over, the Engine API tells what became of it.
 * Throws SwarmUnready for certificates that cannot be read.
 */
export function createSwarm(options: SwarmOptions, deps: DeployTargetDeps): DeployTarget {
  const system = `the Swarm of ${deps.environment}`;
  const tls = readTls(options.tls, deps.baseDir, system);
  const engine = createEngine({
    endpoints: options.host.map((host): Endpoint => ({
      host,
      tls: host.startsWith("tcp://") ? tls : null,
    })),
    system,
    timers: systemTimers,
    ssh: "ssh",
    sshEnvironment: Object.fromEntries(
      SSH_VARIABLES.flatMap((name) => {
        const value = deps.processEnvironment[name];
        return value === undefined ? [] : [[name, value]];
      }),
    ),
  });
  const applier = createStackApplier(options, {
    ...deps,
    timers: systemTimers,
    cluster: createClusterReader(engine, system),
    manager: (signal) => engine.manager(signal),
  });
  return createSwarmTarget({
    engine,
    applier,
    stack: options.stack,
    system,
    clock: deps.clock,
    timers: systemTimers,
    secrets: deps.secrets,
    hasMigrations: options.migrate !== undefined,
  });
}

/** Each is the PEM itself or the file a path names. Read once: a changed certificate takes effect with the next start. */
function readTls(
  tls: SwarmOptions["tls"],
  baseDir: string,
  system: string,
): NonNullable<Endpoint["tls"]> | null {
  if (tls === undefined) {
    return null;
  }
  return {
    ca: read("ca", tls.ca),
    cert: read("cert", tls.cert),
    key: read("key", tls.key.reveal()),
  };

  function read(name: string, value: string): string {
    if (value.includes("-----BEGIN")) {
      return value;
    }
    try {
      return readFileSync(resolve(baseDir, value), "utf8");
    } catch (error) {
      const code = error instanceof Error && "code" in error ? String(error.code) : "unreadable";
      throw new SwarmUnready(
        { system, why: `the file of target.tls.${name} cannot be read (${code})` },
        {
          remedy: "Name the PEM file, relative to config.yaml, and let Slipway read it.",
          cause: error,
        },
      );
    }
  }
}
