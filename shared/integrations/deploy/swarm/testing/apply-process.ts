import { readEnvironment } from "../../../../config/environment.ts";
import { HURRIED, STACK } from "../../../../testing/swarm-world.ts";
import { createSwarmDeployTarget } from "../index.ts";
import { SwarmOptions } from "../options.ts";
import { createFakeRepositories, wanted } from "./stack-bench.ts";

/**
 * A process that applies billing once, to be killed by a test: `apply-process.ts <host> <version> <stack file> <docker>`.
 * Prints what is logged, and then the outcome.
 */
const [host = "", version = "", file = "", docker = "docker"] = process.argv.slice(2);
const repositoryFiles = createFakeRepositories();
const sha = repositoryFiles.commit("shop", "uat", { "stack.yml": file });
const options = SwarmOptions.parse({ host, stack: STACK, compose: "stack.yml", docker });
const target = createSwarmDeployTarget(
  options,
  {
    environment: "prod",
    baseDir: "/",
    processEnvironment: { PATH: readEnvironment()["PATH"] ?? "" },
    secrets: [],
    clock: { now: () => new Date() },
    repositoryFiles,
  },
  HURRIED,
);
// Timers of ours keep no process alive, and there is no server here that does.
setInterval(() => undefined, 60_000);
const result = await target.apply(
  wanted("billing", version, sha, { deployment: 2, fencingToken: 2 }),
  {
    signal: new AbortController().signal,
    log: (line) => process.stdout.write(`${line}\n`),
  },
);
process.stdout.write(`outcome ${result.outcome}\n`);
process.exit(0);
