import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readdirSync, statSync } from "node:fs";
import type { StreamName } from "./output.ts";
import { readStat } from "./process-table.ts";
import { markedArgv } from "./run-marks.ts";

export interface CommandRun {
  /** Program and arguments; never read by a shell. */
  readonly argv: readonly [string, ...string[]];
  readonly cwd: string;
  /** The whole environment of the process; see `RunMarks` for what makes it recognisable after a crash. */
  readonly env: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  /** Between asking the processes to end and ending them. */
  readonly graceMs: number;
  /** True: what a successful command leaves running in the background is left alone. */
  readonly leavesProcesses: boolean;
  readonly signal: AbortSignal;
  /** What it can read; nothing when left out. */
  readonly input?: string;
  onOutput(stream: StreamName, chunk: Buffer): void;
}

export type CommandEnd =
  | { readonly how: "exited"; readonly code: number }
  | { readonly how: "killed"; readonly by: string }
  /** The time-out ended it. */
  | { readonly how: "timed_out" }
  /** It never ran. `why` is half a sentence that names the program. */
  | { readonly how: "unstartable"; readonly why: string };

/** A process in the background may keep the pipes open for ever; this long we still listen after the end. */
const LISTEN_AFTER_END_MS = 250;
const GROUP_POLL_MS = 15;
/** A process in an uninterruptible wait survives even SIGKILL; we do not wait for it longer than this. */
const LONGEST_DEATH_MS = 5_000;

/**
 * Runs a program in its own process group. Settles only when it has ended and, after an abort, a time-out or a failure, when
 * nothing of its group lives any more. Throws the signal's reason when aborted.
 */
export async function runCommand(run: CommandRun): Promise<CommandEnd> {
  run.signal.throwIfAborted();
  const child = await start(run);
  if (typeof child === "string") {
    return { how: "unstartable", why: child };
  }
  const forget = endWithUs(child.pid);
  try {
    return await follow(run, child);
  } finally {
    forget();
  }
}

async function follow(run: CommandRun, child: ChildProcess): Promise<CommandEnd> {
  const closed = once(child, "close");
  const exited = once(child, "exit") as Promise<[number | null, NodeJS.Signals | null]>;
  child.stdout?.on("data", (chunk: Buffer) => run.onOutput("stdout", chunk));
  child.stderr?.on("data", (chunk: Buffer) => run.onOutput("stderr", chunk));

  const interruption = await whicheverFirst(exited, run);
  if (interruption !== undefined) {
    await endGroup(child.pid, run.graceMs);
  }
  const [code, by] = await exited;
  if (interruption === undefined && !(code === 0 && run.leavesProcesses)) {
    await endGroup(child.pid, run.graceMs);
  }
  const stopListening = setTimeout(() => {
    child.stdout?.destroy();
    child.stderr?.destroy();
  }, LISTEN_AFTER_END_MS);
  await closed;
  clearTimeout(stopListening);
  if (interruption === "aborted") {
    run.signal.throwIfAborted();
  }
  if (interruption === "timed_out") {
    return { how: "timed_out" };
  }
  return code === null ? { how: "killed", by: by ?? "a signal" } : { how: "exited", code };
}

/** The running process, or half a sentence saying why there is none. */
async function start({ argv, cwd, env, input }: CommandRun): Promise<ChildProcess | string> {
  const [program] = argv;
  const [file, ...args] = markedArgv(argv, { cwd, env });
  try {
    const child = spawn(file, args, {
      cwd,
      env: { ...env },
      detached: true,
      shell: false,
      stdio: [input === undefined ? "ignore" : "pipe", "pipe", "pipe"],
    });
    await once(child, "spawn");
    // A program that ends before it has read everything says why in its exit code.
    child.stdin?.on("error", () => undefined);
    child.stdin?.end(input);
    return child;
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
    return whyUnstartable(program, cwd, code);
  }
}

function whyUnstartable(program: string, cwd: string, code: string): string {
  if (!statSync(cwd, { throwIfNoEntry: false })?.isDirectory()) {
    return `"${program}" cannot be run in ${cwd}, because there is no such folder`;
  }
  if (code === "ENOENT") {
    return `there is no program "${program}"`;
  }
  if (code === "EACCES" || code === "EPERM") {
    return `"${program}" may not be executed (${code})`;
  }
  return `"${program}" could not be started (${code})`;
}

/** Undefined when the program ended by itself. */
async function whicheverFirst(
  exited: Promise<unknown>,
  { signal, timeoutMs }: CommandRun,
): Promise<"aborted" | "timed_out" | undefined> {
  let stopWaiting = () => {};
  const interrupted = new Promise<"aborted" | "timed_out">((resolve) => {
    const onAbort = () => resolve("aborted");
    const timer = setTimeout(() => resolve("timed_out"), timeoutMs);
    signal.addEventListener("abort", onAbort, { once: true });
    if (signal.aborted) {
      onAbort();
    }
    stopWaiting = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", onAbort);
    };
  });
  try {
    return await Promise.race([interrupted, exited.then(() => undefined)]);
  } finally {
    stopWaiting();
  }
}

/** Groups that are running now. What a command left behind on purpose is not among them. */
const running = new Set<number>();
let isWatchingExit = false;

/** When our time to stop is over, a command that does not want to end is ended with us. Returns how to forget it. */
function endWithUs(pid: number | undefined): () => void {
  if (pid === undefined) {
    return () => undefined;
  }
  if (!isWatchingExit) {
    isWatchingExit = true;
    process.once("exit", () => running.forEach((group) => send(group, "SIGKILL")));
  }
  running.add(pid);
  return () => running.delete(pid);
}

/** Asks every process of the group to end, ends those that do not, and waits until none is left. */
async function endGroup(pid: number | undefined, graceMs: number): Promise<void> {
  if (pid === undefined || !send(pid, "SIGTERM")) {
    return;
  }
  if (await isGoneWithin(pid, graceMs)) {
    return;
  }
  send(pid, "SIGKILL");
  await isGoneWithin(pid, LONGEST_DEATH_MS);
}

async function isGoneWithin(group: number, ms: number): Promise<boolean> {
  const deadline = performance.now() + ms;
  while (isAlive(group)) {
    if (performance.now() >= deadline) {
      return false;
    }
    await wait(GROUP_POLL_MS);
  }
  return true;
}

/** False when the group is gone. */
function send(group: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(-group, signal);
  } catch (error) {
    // EPERM: somebody is left whom we may not signal (it changed its user). Waiting is all we can do.
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

/** Dead processes that nobody has collected yet still answer to signals; where /proc tells, they do not count. */
function isAlive(group: number): boolean {
  return send(group, 0) && (process.platform !== "linux" || hasLivingMember(group));
}

function hasLivingMember(group: number): boolean {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .some((pid) => {
      const stat = readStat(pid);
      return stat?.group === group && stat.isLiving;
    });
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
