import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** A real process of a test. */
export interface TestProcess {
  readonly child: ChildProcess;
  /** Resolves with the next line it prints that satisfies the test; rejects when it ends before. */
  line(matches: (line: string) => boolean): Promise<string>;
  /** Lines printed that nobody has waited for. */
  rest(): readonly string[];
  /** Sends one line to its standard input. */
  send(line: string): void;
  /** Resolves with its exit code, or the signal that ended it, and what it wrote to standard error. */
  readonly ended: Promise<{ readonly code: number | string | null; readonly stderr: string }>;
}

/** Runs a TypeScript file of the repository (a path from its root) as a process of its own. */
export function startProcess(file: string, args: readonly string[]): TestProcess {
  const child = spawn(process.execPath, ["--import", "tsx", file, ...args], {
    cwd: root,
    stdio: ["pipe", "pipe", "pipe"],
  });
  let stderr = "";
  child.stderr.on("data", (chunk: Buffer) => {
    stderr += chunk.toString("utf8");
  });
  const lines: string[] = [];
  let waiting: (() => void)[] = [];
  const wake = () => {
    waiting.forEach((resume) => resume());
    waiting = [];
  };
  createInterface({ input: child.stdout }).on("line", (line) => {
    lines.push(line);
    wake();
  });
  let isOver = false;
  const ended = once(child, "close").then(([code, signal]) => {
    isOver = true;
    wake();
    return { code: (code ?? signal) as number | string | null, stderr };
  });

  return {
    child,
    ended,
    rest: () => lines.splice(0),
    send: (line) => child.stdin.write(`${line}\n`),
    async line(matches) {
      for (;;) {
        const index = lines.findIndex(matches);
        if (index >= 0) {
          return lines.splice(0, index + 1).at(-1) ?? "";
        }
        if (isOver) {
          throw new Error(`process ended before the expected line: ${stderr}`);
        }
        await new Promise<void>((resume) => waiting.push(resume));
      }
    },
  };
}
