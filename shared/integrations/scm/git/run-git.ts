import { spawn, type ChildProcess } from "node:child_process";
import PQueue from "p-queue";
import { RepositoryFailed, sortGitFailure } from "./failures.ts";

/** Kept of what one command prints; more than this ends it, because nobody asked for that much. */
const LONGEST_OUTPUT = 8_000_000;

/** Kept of what git complains about, which is a few lines where nothing is badly wrong. */
const LONGEST_COMPLAINT = 1_000_000;

/** How long a command may take to end by itself after it was told to. */
const GRACE_MS = 2_000;

/** Where git is looked for when the caller gives no PATH. */
const USUAL_PATH = "/usr/local/bin:/usr/bin:/bin:/opt/homebrew/bin";

/** What of our own environment a git process may see: enough for `ssh`, proxies and certificates, nothing of ours. */
const PASSED_ON = [
  "PATH",
  "HOME",
  "TMPDIR",
  "SSH_AUTH_SOCK",
  "SSL_CERT_FILE",
  "SSL_CERT_DIR",
  "HTTPS_PROXY",
  "https_proxy",
  "ALL_PROXY",
  "all_proxy",
  "NO_PROXY",
  "no_proxy",
] as const;

/**
 * Every `GIT_…` variable a git process gets. No configuration but the repository's own is read, nothing asks anybody
 * anything, commits are what their ids say (no replacement objects, no grafts), and missing objects are not fetched behind
 * our back.
 */
const GIT_ENVIRONMENT: Readonly<Record<string, string>> = {
  LC_ALL: "C",
  GIT_TERMINAL_PROMPT: "0",
  GIT_ASKPASS: "",
  SSH_ASKPASS: "",
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_ATTR_NOSYSTEM: "1",
  GIT_OPTIONAL_LOCKS: "0",
  GIT_NO_REPLACE_OBJECTS: "1",
  GIT_GRAFT_FILE: "/dev/null",
  GIT_NO_LAZY_FETCH: "1",
  GIT_ALLOW_PROTOCOL: "file:https:ssh",
  // Who moved a branch, in its reflog.
  GIT_COMMITTER_NAME: "Slipway",
  GIT_COMMITTER_EMAIL: "slipway@localhost",
  GIT_SSH_COMMAND: "ssh -oBatchMode=yes -oConnectTimeout=15",
};

/** Settings that outrank the repository's own, so that nothing written into its configuration runs a program. */
const SAFE_SETTINGS: readonly string[] = [
  "core.hooksPath=/dev/null",
  "core.fsmonitor=false",
  "core.askPass=",
  "core.sshCommand=",
  "core.attributesFile=/dev/null",
  "credential.helper=",
  "log.showSignature=false",
  "protocol.ext.allow=never",
  "gc.autoDetach=false",
  "gc.pruneExpire=never",
  "advice.graftFileDeprecated=false",
];

/** The same as arguments, for the few commands run elsewhere that must be as careful. */
const SAFE_ARGUMENTS: readonly string[] = [
  "--no-pager",
  ...SAFE_SETTINGS.flatMap((setting) => ["-c", setting]),
];

export interface GitCall {
  /** The repository's own directory: `….git`, or `…/.git` of a work tree. Null: the command needs no repository. */
  readonly gitDirectory: string | null;
  /** Set where files are written too. */
  readonly workTree?: string;
  /** Subcommand and arguments. Whatever comes from people must already have been refused or resolved to an id. */
  readonly args: readonly string[];
  /** What is being done, for sentences: `comparing the branches`. */
  readonly operation: string;
  readonly input?: string;
  /** Exit codes that are answers rather than failures; only 0 when left out. */
  readonly accept?: readonly number[];
  /** Replaces the configured time limit. */
  readonly timeoutMs?: number;
  /** Waits in a line of its own, so that a host that does not answer holds up nothing local. */
  readonly isRemote?: boolean;
  /** Extra settings that must not show up in the list of processes, such as credentials. */
  readonly secretSettings?: readonly (readonly [name: string, value: string])[];
  /** Later steps of work already begun go first, so that begun work is finished before more is begun. */
  readonly step?: number;
  readonly signal: AbortSignal;
}

interface GitAnswer {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Git {
  readonly timeoutMs: number;
  /** Runs one command and keeps its output, at most 8 MB. Throws `RepositoryFailed`, or the signal's reason. */
  run(call: GitCall): Promise<GitAnswer>;
  /** Runs one command and hands on its output piece by piece, without keeping any. Throws the same. */
  stream(call: GitCall, take: (piece: Buffer) => void): Promise<void>;
}

export interface GitSettings {
  readonly timeoutMs: number;
  /** Processes at a time, over all calls. */
  readonly concurrency: number;
  /** The process environment; only the variables git and ssh need are handed on. */
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/**
 * Runs git: argument lists and never a shell, a clean environment, a time limit each, and only so many at once. Plain `spawn`,
 * because comparing 300 repositories starts a thousand processes, and execa doubles what starting one costs.
 */
export function createGit(settings: GitSettings): Git {
  const local = new PQueue({ concurrency: settings.concurrency });
  const remote = new PQueue({ concurrency: settings.concurrency });
  const environment = gitEnvironment(settings.environment);

  return { timeoutMs: settings.timeoutMs, run, stream };

  async function run(call: GitCall): Promise<GitAnswer> {
    const pieces: Buffer[] = [];
    let length = 0;
    const { exitCode, stderr } = await inLine(call, (piece) => {
      length += piece.length;
      if (length > LONGEST_OUTPUT) {
        throw tooMuch(call, LONGEST_OUTPUT);
      }
      pieces.push(piece);
    });
    return { exitCode, stdout: Buffer.concat(pieces).toString("utf8"), stderr };
  }

  async function stream(call: GitCall, take: (piece: Buffer) => void): Promise<void> {
    await inLine(call, take);
  }

  async function inLine(call: GitCall, take: (piece: Buffer) => void) {
    const line = call.isRemote === true ? remote : local;
    return line.add(() => start(call, take), { signal: call.signal, priority: call.step ?? 0 });
  }

  async function start(call: GitCall, take: (piece: Buffer) => void) {
    const timeoutMs = call.timeoutMs ?? settings.timeoutMs;
    const child = spawn("git", gitArguments(call), {
      cwd: "/",
      env: { ...environment, ...secretEnvironment(call.secretSettings ?? []) },
      stdio: [call.input === undefined ? "ignore" : "pipe", "pipe", "pipe"],
      // A group of its own can be ended as a whole: fetching starts ssh and others, which would live on.
      detached: true,
    });
    const ending = endOnDemand(child.pid, timeoutMs, call.signal);
    const complaints: Buffer[] = [];
    let complaintLength = 0;
    let stopped: Error | undefined;
    child.stdout?.on("data", (piece: Buffer) => guard(() => take(piece)));
    child.stderr?.on("data", (piece: Buffer) =>
      guard(() => {
        complaintLength += piece.length;
        if (complaintLength > LONGEST_COMPLAINT) {
          throw tooMuch(call, LONGEST_COMPLAINT);
        }
        complaints.push(piece);
      }),
    );
    // A git that ends before it has read everything says why in its exit code.
    child.stdin?.on("error", () => undefined);
    child.stdin?.end(call.input);
    const exitCode = await endOf(child).finally(ending.release);
    if (stopped !== undefined) {
      throw stopped;
    }
    call.signal.throwIfAborted();
    if (ending.isTimedOut()) {
      throw new RepositoryFailed(sortGitFailure({ operation: call.operation, timeoutMs }));
    }
    const stderr = Buffer.concat(complaints).toString("utf8");
    if (exitCode === null || !(call.accept ?? [0]).includes(exitCode)) {
      throw new RepositoryFailed(sortGitFailure({ operation: call.operation, stderr }));
    }
    return { exitCode, stderr };

    /** What goes wrong with the output ends the process, and is thrown once it has ended. */
    function guard(read: () => void): void {
      if (stopped !== undefined) {
        return;
      }
      try {
        read();
      } catch (error) {
        stopped = error instanceof Error ? error : new Error("reading failed", { cause: error });
        ending.end();
      }
    }
  }
}

/** Exit code once all output has been read; null when a signal ended it. */
async function endOf(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve, reject) => {
    child.once("close", resolve);
    child.once("error", (error: NodeJS.ErrnoException) => {
      const stderr = error.code === "ENOENT" ? "git is not installed" : error.message;
      reject(new RepositoryFailed(sortGitFailure({ operation: "starting git", stderr }), error));
    });
  });
}

function tooMuch(call: GitCall, bytes: number): RepositoryFailed {
  return new RepositoryFailed({
    code: "repository_unreadable",
    reason: `git printed more than ${bytes / 1_000_000} MB while ${call.operation}.`,
    remedy: "Look at the repository with git: something in it is far larger than usual.",
  });
}

/** The environment of every git process: the allow-list, then ours. Nothing called `GIT_…` is inherited. */
export function gitEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
): Readonly<Record<string, string>> {
  const passed: Record<string, string> = { PATH: USUAL_PATH };
  for (const name of PASSED_ON) {
    const value = environment[name];
    if (value !== undefined && value !== "") {
      passed[name] = value;
    }
  }
  return { ...passed, ...GIT_ENVIRONMENT };
}

/** Settings given through the environment, which only the same user can read, unlike the list of processes. */
function secretEnvironment(
  settings: readonly (readonly [name: string, value: string])[],
): Record<string, string> {
  const variables: Record<string, string> = { GIT_CONFIG_COUNT: String(settings.length) };
  settings.forEach(([name, value], index) => {
    variables[`GIT_CONFIG_KEY_${index}`] = name;
    variables[`GIT_CONFIG_VALUE_${index}`] = value;
  });
  return variables;
}

function gitArguments(call: GitCall): string[] {
  const where =
    call.gitDirectory === null
      ? []
      : [
          "-c",
          `safe.directory=${call.workTree ?? call.gitDirectory}`,
          `--git-dir=${call.gitDirectory}`,
        ];
  const files = call.workTree === undefined ? [] : [`--work-tree=${call.workTree}`];
  return [...SAFE_ARGUMENTS, ...where, ...files, ...call.args];
}

/** Process groups that are still running, ended with us. */
const running = new Set<number>();
let isWatchingExit = false;

/** Ends the process and all it started when its time is over, when the signal says so, or when asked. */
function endOnDemand(pid: number | undefined, timeoutMs: number, signal: AbortSignal) {
  let isTimedOut = false;
  let killTimer: NodeJS.Timeout | undefined;
  const timer = setTimeout(() => {
    isTimedOut = true;
    end();
  }, timeoutMs);
  if (pid !== undefined) {
    running.add(pid);
  }
  if (!isWatchingExit) {
    isWatchingExit = true;
    process.once("exit", () => running.forEach((group) => signalGroup(group, "SIGKILL")));
  }
  signal.addEventListener("abort", end, { once: true });
  if (signal.aborted) {
    end();
  }
  return { end, release, isTimedOut: () => isTimedOut };

  function end(): void {
    if (pid === undefined) {
      return;
    }
    signalGroup(pid, "SIGTERM");
    killTimer ??= setTimeout(() => signalGroup(pid, "SIGKILL"), GRACE_MS);
  }

  function release(): void {
    clearTimeout(timer);
    clearTimeout(killTimer);
    signal.removeEventListener("abort", end);
    if (pid !== undefined) {
      running.delete(pid);
    }
  }
}

function signalGroup(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(-pid, name);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) {
      throw error;
    }
  }
}
