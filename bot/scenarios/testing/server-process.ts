import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { untilItWorks } from "../../../shared/testing/until-it-works.ts";

const root = new URL("../../../", import.meta.url).pathname;

/** How a command-line ended. */
export interface CommandLine {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The built product as its own process, on a data directory of its own. */
export interface ServerProcess {
  readonly url: string;
  readonly data: string;
  /** What it printed so far. */
  output(): string;
  /** An API token of a sample person, made by the command-line while the server runs. */
  token(person: string): string;
  /** Runs the command-line on the same data. */
  cli(...args: string[]): CommandLine;
  /** Asks it to stop and resolves with its exit code. */
  stop(): Promise<number | null>;
  /** Pulls the plug: nothing gets a chance to clean up. */
  kill(): Promise<void>;
  /** Starts it again on the same data and port. */
  restart(): Promise<void>;
  /** Stops it and removes its data. */
  dispose(): Promise<void>;
}

/** What an installation is given besides its data directory. */
export interface Installation {
  /** The text of config.yaml; the embedded default without one. */
  readonly config?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * Starts the product on a fresh data directory, which `setUp` may fill, and resolves when it says it is ready. `setUp` hears
 * where it will be reached.
 */
export async function startServer(
  setUp: (data: string, url: string) => Installation = () => ({}),
): Promise<ServerProcess> {
  const data = mkdtempSync(join(tmpdir(), "slipway-"));
  const port = await freePort();
  const url = `http://localhost:${String(port)}`;
  const { config, env: extra } = setUp(data, url);
  const env: Record<string, string> = {
    PATH: process.env["PATH"] ?? "",
    HOME: data,
    SLIPWAY_PORT: String(port),
    SLIPWAY_DATA: data,
    ...extra,
  };
  if (config !== undefined) {
    env["SLIPWAY_CONFIG"] = join(data, "config.yaml");
    writeFileSync(env["SLIPWAY_CONFIG"], config);
  }
  let printed = "";
  let child = await launch();
  return {
    url,
    data,
    output: () => printed,
    token,
    cli,
    stop,
    kill,
    restart: async () => {
      child = await launch();
    },
    dispose: async () => {
      await stop();
      rmSync(data, { recursive: true, force: true });
    },
  };

  async function launch(): Promise<ChildProcess> {
    const started = spawn(process.execPath, ["shared/tooling/launch.mjs", "bot/main.js"], {
      cwd: root,
      env,
      stdio: ["ignore", "pipe", "pipe"],
    });
    const take = (chunk: Buffer) => {
      printed += chunk.toString();
    };
    started.stdout.on("data", take);
    started.stderr.on("data", take);
    await untilItWorks(
      async () => {
        if (started.exitCode !== null) {
          throw new Error(`The server ended with ${String(started.exitCode)}:\n${printed}`);
        }
        const response = await fetch(`${url}/health/ready`);
        if (!response.ok) {
          throw new Error(`Not ready: ${await response.text()}`);
        }
      },
      { timeoutMs: 60_000, intervalMs: 25, isHopeless: () => started.exitCode !== null },
    );
    return started;
  }

  function cli(...args: string[]): CommandLine {
    return runProduct("bot/cli.js", args, env);
  }

  function token(person: string): string {
    const { status, stdout } = cli("token", "--person", person);
    const last = stdout.trim().split("\n").at(-1);
    if (status !== 0 || last === undefined) {
      throw new Error(`No token for ${person}: ${stdout}`);
    }
    return last;
  }

  async function stop(): Promise<number | null> {
    if (child.exitCode !== null || child.signalCode !== null) {
      return child.exitCode;
    }
    const ended = once(child, "exit");
    child.kill("SIGTERM");
    await ended;
    return child.exitCode;
  }

  async function kill(): Promise<void> {
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
  }
}

/** Runs an entry of the product to its end. Null as status: it did not end within thirty seconds. */
export function runProduct(
  entry: "bot/main.js" | "bot/cli.js",
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): CommandLine {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ["shared/tooling/launch.mjs", entry, ...args],
    { cwd: root, env, encoding: "utf8", timeout: 30_000 },
  );
  return { status, stdout, stderr };
}

/** A port nobody listens on. */
export async function freePort(): Promise<number> {
  const probe = createServer();
  probe.listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, "close");
  return port;
}
