import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readEnvironment } from "../../config/environment.ts";
import type { DeployTarget } from "../../core/ports/deploy-target.ts";
import type * as SwarmModule from "../../integrations/deploy/swarm/index.ts";
import type * as SwarmOptionsModule from "../../integrations/deploy/swarm/options.ts";
import {
  hasSwarm,
  startSwarm,
  SWARM_PART,
  type TestSwarm,
} from "../../integrations/deploy/swarm/testing/swarm.ts";
import { withCleanUp, type CleanUp } from "../clean-up.ts";
import { compare, timed, type Contender } from "../measure.ts";
import { importBuilt } from "../paths.ts";
import { atMost, type Row } from "../report.ts";
import { NotHere, type RunContext, type Scenario } from "../scenario.ts";

const SERVICES = ["auth", "api", "billing"];
const VERSIONS = ["1.0.0", "2.0.0"];
const GOAL = 1.3;
const STACK_FILE = "deploy/stack.yml";
const LONGEST_DEPLOY_MS = 120_000;

/** The same stack on the same Swarm, by Slipway and by the docker program with its own waiting. */
export const swarmDeployScenario: Scenario = {
  name: "swarm-deploy",
  title: "Deploying to a Docker Swarm",
  async run(context) {
    if (!hasSwarm) {
      throw new NotHere(`no Swarm can be started here: it needs ${SWARM_PART}`);
    }
    return withCleanUp((cleanUp) => measureDeploys(context, cleanUp));
  },
};

async function measureDeploys(
  { isQuick, progress }: RunContext,
  cleanUp: CleanUp,
): Promise<readonly Row[]> {
  progress("starting a Swarm");
  const swarm = await cleanUp.use(startSwarm(), (started) => started.stop());
  for (const version of VERSIONS) {
    await swarm.image(`shop/app:${version}`, { health: "green" });
  }
  const folder = await cleanUp.use(
    Promise.resolve(mkdtempSync(join(tmpdir(), "slipway-bench-swarm-"))),
    (made) => rmSync(made, { recursive: true, force: true }),
  );
  const ours = await createOurs(swarm);
  const docker = createDocker(swarm, folder);
  const rounds = isQuick ? 2 : 5;

  const versions = new Map<string, number>();
  /** Each contender goes from one version to the other by itself, whoever's turn it is. */
  const next = (who: string): string => {
    const count = (versions.get(who) ?? 0) + 1;
    versions.set(who, count);
    return VERSIONS[count % VERSIONS.length] ?? "";
  };
  const current = (who: string) => VERSIONS[(versions.get(who) ?? 0) % VERSIONS.length] ?? "";
  const contenders = (choose: (who: string) => string): readonly Contender[] =>
    [ours, docker].map((deployer) => ({
      name: deployer.name,
      measure: async () => [await timed(() => deployer.deploy(choose(deployer.name)))],
    }));

  progress(`updating ${SERVICES.length} services`);
  const updating = await compare(contenders(next), { rounds, headline: "median" });
  progress("deploying what is there");
  const nothing = await compare(contenders(current), { rounds, headline: "median" });
  return [
    toRow(`Swarm: updating ${SERVICES.length} services at once until they run`, updating),
    toRow(`Swarm: deploying ${SERVICES.length} services that run already`, nothing),
  ];
}

interface Deployer {
  readonly name: string;
  /** Resolves when every service runs that version. */
  deploy(version: string): Promise<void>;
}

/** The built target, as a wave of a deployment uses it: one service beside the other. */
async function createOurs(swarm: TestSwarm): Promise<Deployer> {
  const { createSwarmDeployTarget } = await importBuilt<typeof SwarmModule>(
    "shared/integrations/deploy/swarm/index.js",
  );
  const { SwarmOptions } = await importBuilt<typeof SwarmOptionsModule>(
    "shared/integrations/deploy/swarm/options.js",
  );
  const target: DeployTarget = createSwarmDeployTarget(
    SwarmOptions.parse({
      host: swarm.host,
      stack: "ours",
      compose: STACK_FILE,
      resolve_image: "never",
    }),
    {
      environment: "prod",
      baseDir: "/",
      processEnvironment: readEnvironment(),
      secrets: [],
      clock: { now: () => new Date() },
      repositoryFiles: {
        read: async () =>
          Buffer.from(stackFile((service) => `\${${service.toUpperCase()}_VERSION:?}`)),
        resolve: async () => "1".repeat(40),
      },
    },
  );
  let deployment = 0;
  return {
    name: "Slipway",
    async deploy(version) {
      deployment += 1;
      const results = await Promise.all(
        SERVICES.map((service) => {
          const commit = version.slice(0, 1).repeat(40);
          const desired = {
            ...{ service, environment: "prod", version, commit, digest: null, path: "" },
            ...{ repositoryUrl: "https://git.example.com/shop.git", repository: "shop" },
            ...{ commits: { shop: commit }, deployment, fencingToken: deployment },
          };
          const signal = AbortSignal.timeout(LONGEST_DEPLOY_MS);
          return target.apply(desired, { signal, log: () => undefined });
        }),
      );
      const failed = results.find(({ outcome }) => outcome === "failed");
      if (failed) {
        throw new Error(JSON.stringify(failed));
      }
    },
  };
}

/** `docker stack deploy` as people run it, waiting until it says that the services have converged. */
function createDocker(swarm: TestSwarm, folder: string): Deployer {
  return {
    name: "docker stack deploy --detach=false",
    async deploy(version) {
      const file = join(folder, "stack.yml");
      writeFileSync(
        file,
        stackFile(() => version),
      );
      await swarm.docker(
        ..."stack deploy --detach=false --quiet --resolve-image never -c".split(" "),
        ...[file, "docker"],
      );
    },
  };
}

function stackFile(versionOf: (service: string) => string): string {
  const services = SERVICES.map(
    (service) => `  ${service}:
    image: shop/app:${versionOf(service)}
    healthcheck: { test: ["CMD", "test", "-e", "/tmp/ready"], interval: 300ms, retries: 20 }
    deploy:
      replicas: 2
      restart_policy: { delay: 500ms }
      update_config: { order: start-first, failure_action: rollback, monitor: 5s, parallelism: 2 }
`,
  );
  return `version: "3.8"\nservices:\n${services.join("")}`;
}

function toRow(what: string, results: Awaited<ReturnType<typeof compare>>): Row {
  const [ours, docker] = results;
  if (!ours || !docker) {
    throw new Error("nothing was measured");
  }
  const goals = [atMost(ours.value / docker.value, GOAL, `${GOAL} × docker stack deploy`)];
  return { what, unit: "ms", ours, beside: [docker], goals };
}
