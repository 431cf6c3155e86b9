import { execFileSync } from "node:child_process";
import { join } from "node:path";
import {
  startSwarm,
  type Behaviour,
  type TestSwarm,
} from "../../../shared/integrations/deploy/swarm/testing/swarm.ts";
import { untilItWorks } from "../../../shared/testing/until-it-works.ts";
import { findProgram } from "./gates.ts";
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

export interface SwarmTarget extends Target {
  readonly swarm: TestSwarm;
  /** How containers behave that are made of a service from now on. */
  behave(service: string, behaviour: Behaviour): void;
  /** How many tasks Swarm has made of a commit; it forgets all but the last few of a service. */
  timesStarted(environment: string, service: string, commit: string): Promise<number>;
}

/** As `version` of a release names a commit. */
const SHORT_COMMIT = 8;
const COMPOSE = "deploy/stack.yml";

/** A Docker Swarm of its own, with a stack for each environment. */
export async function swarmTarget(): Promise<SwarmTarget> {
  const swarm = await startSwarm();
  const commits = new Map<string, string>();
  const behaviours = new Map<string, Behaviour>();
  return {
    swarm,
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
      await swarm.image(imageOf(service, version), {
        behaviour: behaviours.get(service) ?? "steady",
        health: "green",
      });
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
    behave: (service, behaviour) => void behaviours.set(service, behaviour),
    async timesStarted(environment, service, commit) {
      const images = await swarm.docker(
        ...["service", "ps", "--no-trunc", "--format", "{{.Image}}", `${environment}_${service}`],
      );
      return images.split("\n").filter((image) => commits.get(image) === commit).length;
    },
    close: () => swarm.stop(),
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

/** The docker program, waiting at `before-hand-over-<service>` and `after-hand-over-<service>` when it deploys a stack. */
export function gatedDocker(): string {
  const real = findProgram("docker");
  return `
case " $* " in
*" stack deploy "*)
  file=$root/stack.$$
  cat >"$file"
  service=$(sed -n 's/.*"slipway\\.service":"\\([^"]*\\)".*/\\1/p' "$file")
  gate "before-hand-over-$service"
  ended=0
  ${real} "$@" <"$file" || ended=$?
  rm "$file"
  gate "after-hand-over-$service"
  exit "$ended"
  ;;
esac
exec ${real} "$@"
`;
}
