import { execFile, spawn, type ChildProcess } from "node:child_process";
import {
  chownSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import pg from "pg";

/** A PostgreSQL server of our own, for tests: nobody else uses it and nothing of it stays. */
export interface PostgresCluster {
  /** The URL of one of its databases, by the loopback address. */
  url(database: string): string;
  /** The folder of its Unix socket. */
  readonly folder: string;
  readonly port: number;
  /** Makes an empty database, or a copy of one nobody is connected to. */
  createDatabase(name: string, template?: string): Promise<void>;
  /** Removes a database, whoever is connected to it. */
  dropDatabase(name: string): Promise<void>;
  /** Runs SQL as the superuser, in the database `postgres` unless another is named. */
  query<T extends pg.QueryResultRow>(
    sql: string,
    values?: readonly unknown[],
    database?: string,
  ): Promise<readonly T[]>;
  /** Ends the server: `immediate` as if the machine had lost its power. */
  stop(mode?: "fast" | "immediate"): Promise<void>;
  start(): Promise<void>;
  /** Makes and starts a server that follows this one, until it is promoted. */
  standby(): Promise<PostgresCluster>;
  /** Makes a standby the primary. */
  promote(): Promise<void>;
  /** Replaces the rules of who may connect how (the lines of pg_hba.conf) for connections made from now on. */
  setAccess(...lines: readonly string[]): Promise<void>;
  /** Stops it for good and removes its folder. */
  remove(): Promise<void>;
}

/** The newest server Debian has installed, or the one in PATH; undefined without. */
const programs = findPrograms();

/** Whether this machine can run a PostgreSQL server. */
export const hasPostgres = programs !== undefined;

const SUPERUSER = "slipway";

/**
 * Fast, because nothing must survive a power cut. A connection is cheap to refuse, so the limit is high: each worker of a test
 * run has a pool.
 */
const SETTINGS = [
  ["listen_addresses", "127.0.0.1"],
  ["fsync", "off"],
  ["full_page_writes", "off"],
  ["max_connections", "200"],
  ["shared_buffers", "64MB"],
  ["autovacuum", "off"],
  ["wal_level", "replica"],
] as const;

/**
 * Makes and starts a server in a temporary folder. Whatever ends this process, even SIGKILL, a guard ends the server and
 * removes the folder: it waits for the end of a pipe that only we hold.
 */
export async function startPostgres(
  settings: Readonly<Record<string, string>> = {},
): Promise<PostgresCluster> {
  return openCluster(settings, async (run, data) => {
    await run("initdb", [
      ...["--pgdata", data, "--username", SUPERUSER, "--auth", "trust", "--no-sync"],
      // Where the machine has one, not C: what sorts by the locale of the server shows here.
      ...["--encoding", "UTF8", "--locale", await localeOtherThanC()],
    ]);
  });
}

type Run = (program: string, args: readonly string[]) => Promise<string>;

async function openCluster(
  settings: Readonly<Record<string, string>>,
  make: (run: Run, data: string) => Promise<void>,
): Promise<PostgresCluster> {
  const bin = programs;
  if (bin === undefined) {
    throw new Error("PostgreSQL is not installed: apt-get install postgresql");
  }
  const owner = unprivileged();
  // Short: the path of a Unix socket has at most 107 bytes.
  const folder = mkdtempSync(join(tmpdir(), "slipway-pg-"));
  if (owner) {
    chownSync(folder, owner.uid, owner.gid);
  }
  const data = join(folder, "data");
  const run: Run = (program, args) =>
    runProgram(join(bin, program), args, { ...owner, cwd: folder });

  await make(run, data);
  const port = await freePort();
  const guard = startGuard(join(bin, "pg_ctl"), { data, folder, owner });
  const configuration = Object.entries({
    ...Object.fromEntries(SETTINGS),
    ...settings,
    port: String(port),
    unix_socket_directories: folder,
  }).map(([name, value]) => `-c ${name}=${value}`);

  const clients = new Map<string, Promise<pg.Client>>();
  const cluster: PostgresCluster = {
    url: (database) => `postgres://${SUPERUSER}@127.0.0.1:${port}/${database}`,
    folder,
    port,
    async createDatabase(name, template = "template1") {
      await cluster.query(
        `CREATE DATABASE ${pg.escapeIdentifier(name)} TEMPLATE ${pg.escapeIdentifier(template)}`,
      );
    },
    async dropDatabase(name) {
      await cluster.query(`DROP DATABASE IF EXISTS ${pg.escapeIdentifier(name)} WITH (FORCE)`);
    },
    async query<T extends pg.QueryResultRow>(
      sql: string,
      values: readonly unknown[] = [],
      database = "postgres",
    ) {
      const client = await connect(database);
      const { rows } = await client.query<T>(sql, [...values]);
      return rows;
    },
    async stop(mode = "fast") {
      await endClients();
      await run("pg_ctl", ["stop", "--pgdata", data, "--mode", mode, "--wait", "--silent"]);
    },
    async start() {
      await run("pg_ctl", [
        ...["start", "--pgdata", data, "--wait", "--silent"],
        ...["--log", join(folder, "log"), "--options", configuration.join(" ")],
      ]);
    },
    standby: () =>
      openCluster(settings, async (runThere, dataThere) => {
        await runThere("pg_basebackup", [
          ...["--pgdata", dataThere, "--write-recovery-conf", "--no-sync", "--checkpoint", "fast"],
          ...["--host", "127.0.0.1", "--port", String(port), "--username", SUPERUSER],
        ]);
      }),
    async promote() {
      await run("pg_ctl", ["promote", "--pgdata", data, "--wait", "--silent"]);
    },
    async setAccess(...lines) {
      writeFileSync(join(data, "pg_hba.conf"), `${lines.join("\n")}\n`);
      await run("pg_ctl", ["reload", "--pgdata", data, "--silent"]);
    },
    async remove() {
      await endClients();
      // A program that is no test may have nothing else left to wait for.
      guard.ref();
      const ended = new Promise((done) => guard.once("close", done));
      guard.stdin?.end();
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
  try {
    await cluster.start();
  } catch (error) {
    const log = join(folder, "log");
    const said = existsSync(log) ? readFileSync(log, "utf8") : "";
    await cluster.remove();
    throw new Error(`PostgreSQL did not start: ${said}`, { cause: error });
  }
  return cluster;

  function connect(database: string): Promise<pg.Client> {
    let client = clients.get(database);
    if (!client) {
      client = openClient(cluster.url(database), () => clients.delete(database));
      clients.set(database, client);
    }
    return client;
  }

  async function endClients(): Promise<void> {
    const open = [...clients.values()];
    clients.clear();
    await Promise.allSettled(open.map(async (client) => (await client).end()));
  }
}

async function openClient(url: string, onLost: () => void): Promise<pg.Client> {
  const client = new pg.Client(url);
  client.on("error", onLost);
  try {
    await client.connect();
  } catch (error) {
    onLost();
    throw error;
  }
  return client;
}

function findPrograms(): string | undefined {
  const debian = "/usr/lib/postgresql";
  const versions = existsSync(debian) ? readdirSync(debian) : [];
  const newest = versions
    .filter((name) => /^\d+$/.test(name))
    .sort((a, b) => Number(b) - Number(a))
    .map((version) => join(debian, version, "bin"));
  const inPath = (process.env["PATH"] ?? "").split(delimiter);
  return [...newest, ...inPath].find((folder) => existsSync(join(folder, "initdb")));
}

interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** PostgreSQL refuses to run as root; then `postgres`, or `nobody`, runs it. */
function unprivileged(): Owner | undefined {
  if (process.getuid?.() !== 0) {
    return undefined;
  }
  const users = readFileSync("/etc/passwd", "utf8").split("\n");
  const line = ["postgres", "nobody"]
    .map((name) => users.find((user) => user.startsWith(`${name}:`)))
    .find((user) => user !== undefined);
  const [, , uid, gid] = line?.split(":") ?? [];
  if (uid === undefined || gid === undefined) {
    throw new Error("PostgreSQL does not run as root, and there is no user postgres or nobody");
  }
  return { uid: Number(uid), gid: Number(gid) };
}

function runProgram(
  program: string,
  args: readonly string[],
  options: { readonly cwd: string; readonly uid?: number; readonly gid?: number },
): Promise<string> {
  return new Promise((done, fail) => {
    // Its output is not ours to hold: the server would keep the pipe open.
    const child = spawn(program, [...args], {
      ...options,
      stdio: ["ignore", "ignore", "pipe"],
      env: environment(),
    });
    let errors = "";
    child.stderr.on("data", (chunk: Buffer) => {
      errors += chunk.toString("utf8");
    });
    child.once("error", fail);
    child.once("exit", (code) => {
      child.stderr.destroy();
      if (code === 0) {
        done(errors);
      } else {
        fail(new Error(`${program} ${args.join(" ")} ended with ${code}: ${errors}`));
      }
    });
  });
}

/** Nothing that would make the programs of PostgreSQL talk to another server. */
function environment(): NodeJS.ProcessEnv {
  return { PATH: process.env["PATH"] ?? "", LC_ALL: "C.UTF-8" };
}

function startGuard(
  pgCtl: string,
  paths: { readonly data: string; readonly folder: string; readonly owner: Owner | undefined },
): ChildProcess {
  const guard = spawn(
    "/bin/sh",
    [
      "-c",
      'cat >/dev/null; "$1" stop -D "$2" -m immediate -w -s 2>/dev/null; rm -rf "$3"/* 2>/dev/null; rmdir "$3" 2>/dev/null',
      "guard",
      pgCtl,
      paths.data,
      paths.folder,
    ],
    // A group of its own: an interrupt from the keyboard must not end it before its work is done.
    { ...paths.owner, stdio: ["pipe", "ignore", "ignore"], detached: true, env: environment() },
  );
  guard.unref();
  return guard;
}

function freePort(): Promise<number> {
  return new Promise((done, fail) => {
    const server = createServer();
    server.once("error", fail);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => done(port));
    });
  });
}

/** A locale that does not sort by bytes, where the machine has one. */
function localeOtherThanC(): Promise<string> {
  return new Promise((done) => {
    execFile("locale", ["-a"], (error, output) => {
      const found = error
        ? undefined
        : output.split("\n").find((name) => /^en_US\.utf-?8$/i.test(name));
      done(found ?? "C.UTF-8");
    });
  });
}
