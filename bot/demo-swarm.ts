#!/usr/bin/env node
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline/promises";
import { Command } from "commander";
import { parse } from "yaml";
import { readEnvironment } from "../shared/config/environment.ts";
import { createDatabaseCopier } from "../shared/db/database-copier.ts";
import { AppError } from "../shared/errors/app-error.ts";
import { createSampleWorkspace } from "../shared/sample/sample-workspace.ts";
import {
  createDemoBuilder,
  demoAddresses,
  findEngine,
  initSwarm,
  swarmState,
  takeDown,
  writeDemoConfig,
  type DemoEngine,
  type SwarmDemoPlace,
} from "../shared/sample/swarm-demo.ts";
import { runServer } from "./services/run-server.ts";

const BUILD_EVERY_MS = 2_000;

const { down, initSwarm: mayInit } = new Command("npm run demo:swarm --")
  .description("Runs the sample workspace on the local Docker engine.")
  .option("--down", "take everything of the demo away again")
  .option("--init-swarm", "make the engine a Swarm of one node, without asking")
  .parse()
  .opts<{ down?: boolean; initSwarm?: boolean }>();

const environment = readEnvironment();
const cwd = process.cwd();
const place: SwarmDemoPlace = {
  folder: join(resolve(cwd, environment["SLIPWAY_DATA"] ?? "data"), "demo-swarm"),
  environment,
};
const stateFolder = join(place.folder, "state");

try {
  const engine = await findEngine(place);
  if (down === true) {
    await stopAndTakeDown(engine);
  } else {
    await start(engine);
  }
} catch (error) {
  if (!(error instanceof AppError)) {
    throw error;
  }
  process.stderr.write(`slipway: ${error.message}\n${error.remedy ? `${error.remedy}\n` : ""}`);
  process.exitCode = 1;
}

async function start(engine: DemoEngine): Promise<void> {
  if ((await swarmState(engine)) === "inactive") {
    if (!(await mayStartSwarm())) {
      process.stderr.write(
        "slipway: The engine is no Swarm, and the demo needs one. Nothing was changed.\n" +
          "Say `npm run demo:swarm -- --init-swarm`; `-- --down` ends it again.\n",
      );
      process.exitCode = 1;
      return;
    }
    await initSwarm(engine, place);
  }
  const config = await writeDemoConfig(place, engine);
  await createSampleWorkspace(join(place.folder, "workspace"), {
    now: new Date(),
    processEnvironment: environment,
  });
  const builder = await createDemoBuilder(place, engine);
  say(`making images with docker import`);
  say(`made ${(await builder.build()).length}`);
  buildForEver(builder.build);
  process.once("exit", builder.close);
  await runServer({
    args: [],
    environment: { ...environment, SLIPWAY_CONFIG: config, SLIPWAY_DATA: stateFolder },
    cwd,
    sample: {
      notes: [
        "The first start brings `master` to both environments, so that there is something to compare with and to go back to.",
        "What runs where:",
        ...demoAddresses(parse(await readFile(config, "utf8"))).map((line) => `  ${line}`),
        `A commit to a repository under ${join(place.folder, "workspace/repos")} becomes an image at once.`,
        `Configuration: ${config}`,
        "`npm run demo:swarm -- --down` takes everything away again.",
      ],
    },
  });
}

/** Throws DatabaseInUse while the demo runs: it would lose the ground under its feet. */
async function stopAndTakeDown(engine: DemoEngine): Promise<void> {
  const file = join(stateFolder, "slipway.db");
  const copier = createDatabaseCopier(`sqlite:${file}`, environment);
  const letIn = existsSync(file) ? await copier.keepOut() : undefined;
  try {
    const done = await takeDown(engine, place);
    (done.length > 0 ? done : ["there is nothing to take away"]).forEach((line) => say(line));
  } finally {
    await letIn?.();
  }
}

/** What is pushed while the demo runs becomes an image, as a build would make one. */
function buildForEver(build: () => Promise<readonly string[]>): void {
  setTimeout(() => {
    build()
      .then(
        (made) => made.forEach((image) => say(`made ${image}`)),
        (error: unknown) => say(`making an image failed: ${String(error)}`),
      )
      .finally(() => buildForEver(build));
  }, BUILD_EVERY_MS).unref();
}

async function mayStartSwarm(): Promise<boolean> {
  if (mayInit === true || !process.stdin.isTTY) {
    return mayInit === true;
  }
  const questions = createInterface({ input: process.stdin, output: process.stdout });
  try {
    const answer = await questions.question(
      "The Docker engine is no Swarm yet. Make it one of a single node (docker swarm init)? [y/N] ",
    );
    return /^y(?:es)?$/i.test(answer.trim());
  } finally {
    questions.close();
  }
}

function say(line: string): void {
  process.stdout.write(`demo: ${line}\n`);
}
