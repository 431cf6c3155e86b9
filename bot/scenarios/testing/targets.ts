import { execFileSync } from "node:child_process";
import { join } from "node:path";
import {
  startSwarm,
  type TestSwarm,
} from "../../../shared/integrations/deploy/swarm/testing/swarm.ts";
import { untilItWorks } from "../../../shared/testing/until-it-works.ts";
import type { Target } from "./installation.ts";
import { createWorkspace } from "./workspace.ts";

/** Scripts of the team that write down what runs. */
export async function commandTarget(folder: string): Promise<Target> {
  const team = createWorkspace(folder, {});
  return {
    entry: () => team.target,
    env: team.env,
    files: () => ({}),
    build: async () => undefined,
    async bringOut(environment, service, commit) {
      execFileSync(join(team.directory, "bin/apply.sh"), [environment, service, commit]);
    },
    running: async (environment, service) => team.running(environment, service),
    close: async () => undefined,
  };
}

/** As `version` of a release names a commit. */
const SHORT_COMMIT = 8;
const COMPOSE = "deploy/stack.yml";

/** A Docker Swarm of its own, with a stack for each environment. */
export async function swarmTarget(): Promise<Target> {
  const swarm = await startSwarm();
  return { ...onSwarm(swarm), close: () => swarm.stop() };
}

/** On a Swarm that somebody else starts and stops. */
export function onSwarm(swarm: TestSwarm): Target {
  const commits = new Map<string, string>();
  return {
    entry: (environment) => ({
      kind: "swarm",
      host: swarm.host,
      stack: environment,
      compose: COMPOSE,
      // There is no registry that could be asked: images are imported.
      resolve_image: "never",
    }),
    env: {},
    files: (service) => ({ [COMPOSE]: stackFile(service, `\${${variableOf(service)}:?}`) }),
    async build(service, commit) {
      const version = commit.slice(0, SHORT_COMMIT);
      commits.set(imageOf(service, version), commit);
      await swarm.image(imageOf(service, version), { health: "green" });
    },
    async bringOut(environment, service, commit) {
      await swarm.deployStack(environment, stackFile(service, commit.slice(0, SHORT_COMMIT)));
      await untilItWorks(
        async () => {
          if ((await running(environment, service)) !== commit) {
            throw new Error(`${service} does not run in ${environment}.`);
          }
        },
        { timeoutMs: 60_000, intervalMs: 100 },
      );
    },
    running,
    close: async () => undefined,
  };

  /** By its containers, and only when all of them run the same. */
  async function running(environment: string, service: string): Promise<string | undefined> {
    const images = await swarm.docker(
      ...["ps", "--format", "{{.Image}}"],
      ...["--filter", `label=com.docker.swarm.service.name=${environment}_${service}`],
    );
    const [image = "", ...others] = [...new Set(images.split("\n"))];
    return others.length === 0 ? commits.get(image) : undefined;
  }
}

function imageOf(service: string, version: string): string {
  return `team/${service}:${version}`;
}

function variableOf(service: string): string {
  return `${service.toUpperCase().replaceAll("-", "_")}_VERSION`;
}

/** An update takes about a second; a service that is created is watched for longer by Slipway. */
function stackFile(service: string, version: string): string {
  return `version: "3.8"
services:
  ${service}:
    image: ${imageOf(service, version)}
    deploy:
      replicas: 1
      restart_policy: { delay: 100ms }
      update_config: { monitor: 500ms, failure_action: rollback }
`;
}
