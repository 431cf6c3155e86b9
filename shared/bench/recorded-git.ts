import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  writeFileSync,
} from "node:fs";
import { delimiter, join } from "node:path";

/** One run of git as somebody else made it. */
export interface GitRun {
  readonly args: readonly string[];
  readonly input: string | null;
}

/** A `git` that notes how it is run before it does what it is asked to. */
export interface GitRecorder {
  /** A PATH on which the noting git comes first. */
  readonly path: string;
  /** What was run since the last time this was asked, in order. */
  readonly take: () => readonly GitRun[];
}

/** Keeps its notes in `folder`. */
export function createGitRecorder(folder: string): GitRecorder {
  const calls = join(folder, "calls");
  const programs = join(folder, "bin");
  mkdirSync(calls, { recursive: true });
  mkdirSync(programs, { recursive: true });
  const git = findGit();
  const script = `#!/bin/sh
call='${calls}'/$(date +%s%N)-$$
printf '%s\\0' "$@" > "$call"
if [ -p /dev/stdin ] || [ -S /dev/stdin ]; then
  cat > "$call.in"
  exec '${git}' "$@" < "$call.in"
fi
exec '${git}' "$@"
`;
  writeFileSync(join(programs, "git"), script);
  chmodSync(join(programs, "git"), 0o755);
  const taken = new Set<string>();

  return {
    path: [programs, process.env["PATH"] ?? ""].join(delimiter),
    take() {
      const fresh = readdirSync(calls)
        .filter((name) => !name.endsWith(".in") && !taken.has(name))
        .sort();
      return fresh.map((name) => {
        taken.add(name);
        const input = join(calls, `${name}.in`);
        return {
          args: readFileSync(join(calls, name), "utf8").split("\0").slice(0, -1),
          input: existsSync(input) ? readFileSync(input, "utf8") : null,
        };
      });
    },
  };
}

/** Runs git bare, so many at a time, and does nothing with the answers but read them. Throws when one fails. */
export async function runGitBare(
  runs: readonly GitRun[],
  options: {
    readonly concurrency: number;
    readonly environment: Readonly<Record<string, string>>;
  },
): Promise<void> {
  const git = findGit();
  let next = 0;
  await Promise.all(
    Array.from({ length: options.concurrency }, async () => {
      for (let run = runs[next++]; run; run = runs[next++]) {
        await runOne(run);
      }
    }),
  );

  async function runOne({ args, input }: GitRun): Promise<void> {
    const child = spawn(git, args, {
      cwd: "/",
      env: options.environment,
      stdio: [input === null ? "ignore" : "pipe", "pipe", "ignore"],
    });
    const closed = once(child, "close");
    child.stdin?.end(input);
    child.stdout?.resume();
    const [code] = (await closed) as [number | null];
    if (code !== 0) {
      throw new Error(`git ${args.join(" ")} ended with ${String(code)}`);
    }
  }
}

function findGit(): string {
  const found = (process.env["PATH"] ?? "")
    .split(delimiter)
    .map((folder) => join(folder, "git"))
    .find((file) => existsSync(file));
  if (found === undefined) {
    throw new Error("git is not installed");
  }
  return found;
}
