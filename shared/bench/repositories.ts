import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";

const AUTHORS = [
  "Dana Dev <dana@example.com>",
  "Robin Both <robin@example.com>",
  "Sam Slip <sam@example.com>",
] as const;
/** 2026-01-01T00:00:00Z, so that the same repositories have the same commits every time. */
const FIRST_COMMIT_AT = 1_767_225_600;

export interface RepositoryPlan {
  readonly name: string;
  /** Commits on `master`. */
  readonly commitCount: number;
  /** Branches that grow from the end of `master`, with so many commits of their own. */
  readonly branches: Readonly<Record<string, number>>;
}

/** Makes bare repositories below `root`, each by one `git fast-import`. */
export async function makeRepositories(
  root: string,
  plans: readonly RepositoryPlan[],
): Promise<void> {
  mkdirSync(root, { recursive: true });
  const left = [...plans];
  const workers = Array.from({ length: 4 }, async () => {
    for (let plan = left.pop(); plan; plan = left.pop()) {
      await makeRepository(join(root, plan.name), plan);
    }
  });
  await Promise.all(workers);
}

async function makeRepository(path: string, plan: RepositoryPlan): Promise<void> {
  await promisify(execFile)("git", ["init", "--quiet", "--bare", "-b", "master", path]);
  const child = spawn("git", ["-C", path, "fast-import", "--quiet"], {
    stdio: ["pipe", "ignore", "inherit"],
  });
  const ended = once(child, "exit");
  child.stdin.end(importStream(plan));
  const [code] = (await ended) as [number | null];
  if (code !== 0) {
    throw new Error(`git fast-import of ${plan.name} ended with ${String(code)}`);
  }
}

function importStream({ name, commitCount, branches }: RepositoryPlan): string {
  let at = 0;
  const commit = (branch: string, title: string, file: string, from?: string) => {
    at += 1;
    const who = `${AUTHORS[at % AUTHORS.length] ?? AUTHORS[0]} ${FIRST_COMMIT_AT + at * 60} +0000`;
    const content = Array.from({ length: 20 }, (_, line) => `${name} ${title} ${line}\n`).join("");
    return [
      `commit refs/heads/${branch}`,
      `author ${who}`,
      `committer ${who}`,
      data(title),
      ...(from === undefined ? [] : [`from refs/heads/${from}`]),
      `M 100644 inline ${file}`,
      data(content),
      "",
    ].join("\n");
  };
  const trunk = numbers(commitCount).map((index) =>
    commit("master", `feat: step ${index}`, `src/file-${index % 40}.txt`),
  );
  const others = Object.entries(branches).flatMap(([branch, count]) =>
    numbers(count).map((index) =>
      commit(
        branch,
        `${index % 3 === 0 ? "fix" : "feat"}(${branch}): change ${index}`,
        `src/${branch}-${index}.txt`,
        index === 0 ? "master" : undefined,
      ),
    ),
  );
  return `${[...trunk, ...others].join("")}done\n`;
}

function data(text: string): string {
  return `data ${Buffer.byteLength(text)}\n${text}`;
}

function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}
