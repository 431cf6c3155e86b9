import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { get } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../../../bot/scenarios/testing/server-process.ts";
import { compare, summarise, type Contender } from "../measure.ts";
import { inProject, projectRoot } from "../paths.ts";
import { atMost, type Row } from "../report.ts";
import type { Scenario } from "../scenario.ts";

const GOAL_MS = 2_000;
const GOAL_MB = 150;
/** Long enough for the sample workspace to be deployed and for the first garbage to go. */
const IDLE_MS = 20_000;
const LONGEST_START_MS = 60_000;

export const startUpScenario: Scenario = {
  name: "start-up",
  title: "Start and memory",
  async run({ isQuick, progress }) {
    const rounds = isQuick ? 2 : 7;
    const folder = mkdtempSync(join(tmpdir(), "slipway-bench-start-"));
    let made = 0;
    const newFolder = () => join(folder, `data-${String(made++)}`);
    const known = newFolder();
    const ours = ["shared/tooling/launch.mjs", "bot/main.js"];
    const bare = ["shared/bench/stubs/bare-server.mjs"];
    try {
      progress("first starts, on an empty folder");
      const first = await compare(
        [starting("Slipway", ours, newFolder), starting("its libraries alone", bare, newFolder)],
        { rounds, headline: "median" },
      );
      progress("starts on existing data");
      const again = await compare(
        [starting("Slipway", ours, () => known), starting("its libraries alone", bare, newFolder)],
        { rounds, headline: "median" },
      );
      const idleMs = isQuick ? 3_000 : IDLE_MS;
      progress(`memory after ${idleMs / 1_000} s`);
      const memory = {
        first: await memoryOf(ours, newFolder(), idleMs),
        again: await memoryOf(ours, known, idleMs),
        bare: await memoryOf(bare, newFolder(), idleMs),
      };
      const once = { rounds: 1, headline: "median" } as const;
      const beside = [summarise("its libraries alone", [memory.bare], once)];
      return [
        startRow("first start to ready, sample workspace included", first),
        startRow("start to ready on existing data", again),
        {
          what: "memory (RSS) idle after the first start",
          unit: "MB",
          ours: summarise("Slipway", [memory.first], once),
          beside,
          goals: [atMost(memory.first, GOAL_MB, `${GOAL_MB} MB`)],
        },
        {
          what: "memory (RSS) idle after a restart",
          unit: "MB",
          ours: summarise("Slipway", [memory.again], once),
          beside,
          goals: [atMost(memory.again, GOAL_MB, `${GOAL_MB} MB`)],
        },
      ];
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
};

function startRow(what: string, results: Awaited<ReturnType<typeof compare>>): Row {
  const [ours, ...beside] = results;
  if (!ours) {
    throw new Error("nothing was measured");
  }
  const goals = [atMost(ours.value, GOAL_MS, `${GOAL_MS / 1_000} s`)];
  return { what, unit: "ms", ours, beside, goals };
}

function starting(name: string, args: readonly string[], data: () => string): Contender {
  return {
    name,
    async measure() {
      const running = await start(args, data());
      await running.stop();
      return [running.readyMs];
    },
  };
}

async function memoryOf(args: readonly string[], data: string, idleMs: number): Promise<number> {
  const running = await start(args, data);
  await pause(idleMs);
  const kilobytes = execFileSync("ps", ["-o", "rss=", "-p", String(running.pid)], {
    encoding: "utf8",
  });
  await running.stop();
  return Number(kilobytes) / 1_024;
}

/** Starts it and waits until it says that it is ready. */
async function start(args: readonly string[], data: string) {
  const port = await freePort();
  const begun = performance.now();
  const child = spawn(process.execPath, args, {
    cwd: projectRoot,
    env: {
      PATH: process.env["PATH"],
      HOME: data,
      SLIPWAY_PORT: String(port),
      SLIPWAY_DATA: data,
      SLIPWAY_CONFIG: "",
    },
    stdio: ["ignore", "ignore", "pipe"],
  });
  let complaint = "";
  child.stderr.on("data", (piece: Buffer) => {
    complaint += piece.toString("utf8");
  });
  const ended = once(child, "exit");
  while (!(await isReady(port))) {
    if (child.exitCode !== null || performance.now() - begun > LONGEST_START_MS) {
      child.kill("SIGKILL");
      throw new Error(`${inProject(args[0] ?? "")} did not start: ${complaint.slice(0, 2_000)}`);
    }
    await pause(3);
  }
  return {
    readyMs: performance.now() - begun,
    pid: child.pid,
    async stop() {
      child.kill("SIGTERM");
      await ended;
    },
  };
}

function isReady(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    get({ host: "127.0.0.1", port, path: "/health/ready", agent: false }, (answer) => {
      answer.resume();
      resolve(answer.statusCode === 200);
    }).on("error", () => resolve(false));
  });
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
