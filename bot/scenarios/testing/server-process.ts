import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { get } from "node:http";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { newEmptyDatabase } from "../../../shared/testing/new-database.ts";
import { untilItWorks } from "../../../shared/testing/until-it-works.ts";

const root = new URL("../../../", import.meta.url).pathname;
/** Set by the run, see shared/tooling/vitest.browser.config.ts. */
const isOnPostgres = process.env["SLIPWAY_TEST_DATABASE"] === "postgres";

/** How a command-line ended. */
export interface CommandLine {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The built product on a data directory of its own: one process, or one for each part (see `PROCESSES`). */
export interface ServerProcess {
  readonly url: string;
  readonly data: string;
  /** What its processes printed so far. */
  output(): string;
  /** An API token of a sample person, made by the command-line while the server runs. */
  token(person: string): string;
  /** Runs the command-line on the same data. */
  cli(...args: string[]): CommandLine;
  /** Asks it to stop and resolves with its exit code: that of the first process that did not end well, if any. */
  stop(): Promise<number | null>;
  /** Pulls the plug: nothing gets a chance to clean up. */
  kill(): Promise<void>;
  /** Starts it again on the same data and port. */
  restart(): Promise<void>;
  /** The processes, the first ones first. */
  parts(): readonly ServerPart[];
  /** Starts one more process with these parts, e.g. `chat`, with variables of its own. */
  add(services: string, env?: Readonly<Record<string, string>>): Promise<ServerPart>;
  /** Stops it and removes its data. */
  dispose(): Promise<void>;
}

/** One process of the product. */
export interface ServerPart {
  readonly services: string;
  readonly pid: number;
  /** Where it answers: everything with the web part, about its health without. */
  readonly url: string;
  readonly isRunning: boolean;
  signal(name: NodeJS.Signals): void;
  /** Resolves with its exit code; null when a signal ended it. */
  readonly ended: Promise<number | null>;
}

/** What the server is given besides its data directory. */
export interface ServerSetup {
  /** The text of config.yaml; the embedded default without one. */
  readonly config?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** The processes: which parts each runs. */
  readonly processes?: readonly string[];
  /** A database of its own; by default a new one, or SQLite. */
  readonly databaseUrl?: string;
}

const ALL = "chat,web,worker";
/**
 * `SLIPWAY_TEST_PROCESSES="chat web worker"` runs each part in a process of its own, which PostgreSQL allows
 * (`SLIPWAY_TEST_DATABASE=postgres`); one process runs everything by default.
 */
const PROCESSES = (process.env["SLIPWAY_TEST_PROCESSES"] ?? ALL).split(" ");

/**
 * Starts the product on a fresh data directory, which `setUp` may fill, and resolves when it says it is ready. `setUp` hears
 * where it will be reached.
 */
export async function startServer(
  setUp: (data: string, url: string) => ServerSetup | Promise<ServerSetup> = () => ({}),
): Promise<ServerProcess> {
  const data = mkdtempSync(join(tmpdir(), "slipway-"));
  const port = await freePort();
  const url = `http://localhost:${String(port)}`;
  const { config, env: extra, processes = PROCESSES, databaseUrl } = await setUp(data, url);
  const database = isOnPostgres && databaseUrl === undefined ? await newEmptyDatabase() : undefined;
  const address = databaseUrl ?? database?.url;
  const env: Record<string, string> = {
    PATH: process.env["PATH"] ?? "",
    HOME: data,
    SLIPWAY_PORT: String(port),
    SLIPWAY_DATA: data,
    ...(address !== undefined && { SLIPWAY_DATABASE_URL: address }),
    ...extra,
  };
  if (config !== undefined) {
    env["SLIPWAY_CONFIG"] = join(data, "config.yaml");
    writeFileSync(env["SLIPWAY_CONFIG"], config);
  }
  let printed = "";
  let running: ServerPart[] = [];
  await launch();
  return {
    url,
    data,
    output: () => printed,
    token,
    cli,
    stop,
    async kill() {
      running.forEach((part) => part.signal("SIGKILL"));
      await Promise.all(running.map((part) => part.ended));
    },
    restart: launch,
    parts: () => running,
    async add(services, own) {
      const part = await start(services, own);
      running.push(part);
      return part;
    },
    dispose: async () => {
      running.forEach((part) => part.signal("SIGCONT"));
      await stop();
      rmSync(data, { recursive: true, force: true });
      await database?.remove();
    },
  };

  async function launch(): Promise<void> {
    buildOnce();
    running = await Promise.all(processes.map((services) => start(services)));
    await untilItWorks(
      async () => {
        const { chat } = await readHealth(url);
        if (chat.leader === null) {
          throw new Error("Nobody runs chat.");
        }
      },
      { timeoutMs: 60_000, intervalMs: 25 },
    );
  }

  async function start(
    services: string,
    own: Readonly<Record<string, string>> = {},
  ): Promise<ServerPart> {
    const ownPort =
      own["SLIPWAY_PORT"] ?? String(services.includes("web") ? port : await freePort());
    const ownUrl = `http://localhost:${ownPort}`;
    const args = services === ALL ? [] : [`--services=${services}`];
    const child = spawn(process.execPath, ["shared/tooling/launch.mjs", "bot/main.js", ...args], {
      cwd: root,
      env: { ...env, SLIPWAY_HEALTH_PORT: ownPort, ...own },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const take = (chunk: Buffer) => {
      printed += chunk.toString();
    };
    child.stdout.on("data", take);
    child.stderr.on("data", take);
    const hasEnded = () => child.exitCode !== null || child.signalCode !== null;
    const ended = once(child, "exit").then(() => child.exitCode);
    await untilItWorks(
      async () => {
        if (hasEnded()) {
          throw new Error(`A process ended with ${String(child.exitCode)}:\n${printed}`);
        }
        await readHealth(ownUrl);
      },
      { timeoutMs: 60_000, intervalMs: 25, isHopeless: hasEnded },
    );
    return {
      services,
      pid: child.pid ?? 0,
      url: ownUrl,
      get isRunning() {
        return !hasEnded();
      },
      signal: (name) => void child.kill(name),
      ended,
    };
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
    running.filter((part) => part.isRunning).forEach((part) => part.signal("SIGTERM"));
    const codes = await Promise.all(running.map((part) => part.ended));
    return codes.find((code) => code !== 0) ?? 0;
  }
}

let isBuilt = false;

/** Builds what is missing or outdated, before several processes would do it at once. */
export function buildOnce(): void {
  if (!isBuilt) {
    spawnSync(process.execPath, ["shared/tooling/launch.mjs", "bot/cli.js", "--help"], {
      cwd: root,
    });
    isBuilt = true;
  }
}

/** What a process says of itself when it is ready; throws while it is not. */
export async function readHealth(url: string): Promise<{
  readonly services: readonly string[];
  readonly chat: { readonly leads: boolean; readonly leader: string | null };
}> {
  const { status, text } = await ask(`${url}/health/ready`);
  if (status !== 200) {
    throw new Error(`Not ready: ${text}`);
  }
  return JSON.parse(text) as Awaited<ReturnType<typeof readHealth>>;
}

/** By a connection of its own: one that is kept may be closed by the server before a test uses it again. */
function ask(url: string): Promise<{ readonly status: number; readonly text: string }> {
  return new Promise((answered, failed) => {
    const request = get(url, { agent: false }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => {
        text += chunk;
      });
      response.on("end", () => answered({ status: response.statusCode ?? 0, text }));
      response.on("error", failed);
    });
    request.on("error", failed);
  });
}

/** Runs an entry of the product to its end. Null as status: it did not end within a minute. */
export function runProduct(
  entry: "bot/main.js" | "bot/cli.js" | "bot/demo-swarm.js",
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): CommandLine {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ["shared/tooling/launch.mjs", entry, ...args],
    { cwd: root, env, encoding: "utf8", timeout: 60_000 },
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
