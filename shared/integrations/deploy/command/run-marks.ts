import { createHash } from "node:crypto";
import { accessSync, constants, existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { randomToken } from "../../../lib/ids.ts";
import { readStat } from "./process-table.ts";

/** Whose run a process belongs to; inherited by everything it starts. */
const RUN = "SLIPWAY_RUN";
/** Which process of the run is the command itself. */
const LEADER = "SLIPWAY_RUN_LEADER";

/** Tells the runs this process started from those of an earlier or another one. */
const OWNER = randomToken(12);

const SHELL = "/bin/sh";
const canMark = process.platform === "linux" && existsSync(SHELL);

/** Where programs are looked for when the command has no PATH. */
const DEFAULT_PATH = "/usr/bin:/bin";

/**
 * Becomes the program, after noting which process it is: a variable can only tell that once the process exists. Arguments
 * are handed on untouched, and what a shell adds to the environment is taken out again.
 */
const NOTE_LEADER = `
read -r SLIPWAY_PID ${"SLIPWAY_SKIPPED ".repeat(20)}SLIPWAY_STARTED SLIPWAY_SKIPPED < /proc/self/stat
export ${LEADER}="$SLIPWAY_PID.$SLIPWAY_STARTED"
`;
const ADDED_BY_SHELLS = ["PWD", "OLDPWD", "SHLVL"];

/** A command that goes on although the process that started it is gone, or is another one. */
export interface Leftover {
  readonly pid: number;
  /** When it started, as the system counts; with the number it names one process for ever. */
  readonly started: string;
}

/** Recognises the commands of one environment of one installation among the processes of the machine. */
export interface RunMarks {
  /** Variables that every command changing the service must get. */
  variablesOf(service: string): Readonly<Record<string, string>>;
  /** Commands that change one of these services and were not started by this process, by service. */
  leftovers(services: readonly string[]): ReadonlyMap<string, Leftover>;
}

/**
 * Marks commands in their environment, so that after a crash they are found without anything having been written down.
 *
 * Only the command itself counts, never what it started: a service it left running carries the same mark, may have made
 * itself the leader of a group and a session, and was adopted by init just as the command was. What tells them apart is that
 * the command is the one process whose number and start are those in its own mark; both outlive `exec`, and together they are
 * never given to another process. So a command that ended leaves no leftover, whatever goes on in the background.
 *
 * Works on Linux, for processes whose environment we may read. Nothing is found elsewhere, nor when the command itself became
 * another user (`sudo` as the program) or replaced itself with an emptied environment.
 */
export function createRunMarks(place: {
  readonly environment: string;
  readonly baseDir: string;
}): RunMarks {
  return {
    variablesOf: (service) => ({ [RUN]: `${keyOf(service)}.${OWNER}` }),
    leftovers(services) {
      const found = new Map<string, Leftover>();
      if (services.length === 0 || process.platform !== "linux") {
        return found;
      }
      const byKey = new Map(services.map((service) => [keyOf(service), service]));
      for (const { key, ...leftover } of foreignRuns()) {
        const service = byKey.get(key);
        if (service !== undefined) {
          found.set(service, leftover);
        }
      }
      return found;
    },
  };

  function keyOf(service: string): string {
    return createHash("sha256")
      .update(JSON.stringify([place.baseDir, place.environment, service]))
      .digest("hex")
      .slice(0, 32);
  }
}

/** Whether it still works. Dead processes that nobody has collected yet do not. */
export function isWorking({ pid, started }: Leftover): boolean {
  const stat = readStat(String(pid));
  return stat !== undefined && stat.isLiving && stat.started === started;
}

/**
 * What to start so that the command can be recognised later. As it is where that is not possible, and where the program is
 * not there to be run, so that starting it says why.
 */
export function markedArgv(
  argv: readonly [string, ...string[]],
  { cwd, env }: { readonly cwd: string; readonly env: Readonly<Record<string, string>> },
): readonly [string, ...string[]] {
  const [program] = argv;
  if (!canMark || env[RUN] === undefined || !isExecutable(program, cwd, env)) {
    return argv;
  }
  const added = ADDED_BY_SHELLS.filter((name) => env[name] === undefined);
  const tidy = added.length > 0 ? `unset ${added.join(" ")}\n` : "";
  return [SHELL, "-c", `${NOTE_LEADER}${tidy}exec "$@"`, SHELL, ...argv];
}

function* foreignRuns(): Generator<Leftover & { readonly key: string }> {
  for (const name of readdirSync("/proc")) {
    const stat = /^\d+$/.test(name) ? readStat(name) : undefined;
    // Commands are started as leaders of their groups: most processes need no closer look.
    if (!stat?.isLiving || stat.group !== Number(name)) {
      continue;
    }
    const variables = readVariables(name);
    const [key = "", owner] = variables.get(RUN)?.split(".") ?? [];
    if (
      owner !== undefined &&
      owner !== OWNER &&
      variables.get(LEADER) === `${name}.${stat.started}`
    ) {
      yield { key, pid: Number(name), started: stat.started };
    }
  }
}

/** Our variables among those a process was started with; none when it is not ours to read. */
function readVariables(pid: string): ReadonlyMap<string, string> {
  try {
    const entries = readFileSync(`/proc/${pid}/environ`, "utf8").split("\0");
    return new Map(
      entries
        .filter((entry) => entry.startsWith(RUN))
        .map((entry) => [entry.slice(0, entry.indexOf("=")), entry.slice(entry.indexOf("=") + 1)]),
    );
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    if (["ENOENT", "ESRCH", "EACCES", "EPERM"].includes(code)) {
      return new Map(); // somebody else's, or it ended while we looked
    }
    throw error;
  }
}

/** Whether starting it would find a program, as far as one can tell before. */
function isExecutable(
  program: string,
  cwd: string,
  env: Readonly<Record<string, string>>,
): boolean {
  if (program.startsWith("-")) {
    return false; // a shell would read it as an option
  }
  const folders = program.includes("/") ? [""] : (env["PATH"] ?? DEFAULT_PATH).split(":");
  return folders.some((folder) => {
    const file = resolve(cwd, folder, program);
    try {
      accessSync(file, constants.X_OK);
      return statSync(file).isFile();
    } catch {
      return false; // starting it tells why
    }
  });
}
