import { execFileSync } from "node:child_process";
import { appendFileSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** Who commits; nobody of the sample team, so that everybody may sign. */
export const AUTHOR = { name: "Sam Slip", email: "sam@example.com" };
const AS_AUTHOR = ["-c", `user.name=${AUTHOR.name}`, "-c", `user.email=${AUTHOR.email}`];

/** Files by path in their repository. */
export type Files = Readonly<Record<string, string>>;

/** Runs git by hand in a repository, with nobody's configuration. */
export function git(directory: string, ...args: string[]): string {
  return execFileSync("git", ["-C", directory, ...args], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
    env: { PATH: process.env["PATH"], HOME: directory, GIT_CONFIG_NOSYSTEM: "1" },
  }).trim();
}

/** Makes a repository with one commit on `master` and on `uat`, which is checked out. */
export function createRepository(directory: string, files: Files = {}): void {
  mkdirSync(directory, { recursive: true });
  git(directory, "init", "--quiet", "--template=", "--initial-branch=master");
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    writeFileSync(join(directory, path), content);
    git(directory, "add", path);
  }
  commitOn(directory, "first commit");
  git(directory, "checkout", "--quiet", "-b", "uat");
}

/** Commits one change on the branch that is checked out, as a colleague would. Returns the commit. */
export function commitOn(directory: string, title: string): string {
  appendFileSync(join(directory, "CHANGES.txt"), `${title}\n`);
  git(directory, "add", "CHANGES.txt");
  git(directory, ...AS_AUTHOR, "commit", "--quiet", "-m", title);
  return git(directory, "rev-parse", "HEAD");
}

/** Commits one change on `uat` of a sample repository, as a colleague would. Returns the commit. */
export function commitOnUat(data: string, repository: string, title: string): string {
  const directory = join(data, "demo/repos", repository);
  git(directory, "checkout", "--quiet", "uat");
  return commitOn(directory, title);
}

/** What a branch of a sample repository stands for. */
export function branchOf(data: string, repository: string, branch: string): string {
  return git(join(data, "demo/repos", repository), "rev-parse", branch);
}

/** Which commit is really checked out in an environment of the sample workspace. */
export function deployedCommit(data: string, environment: string, service: string): string {
  return git(join(data, "demo", environment, service), "rev-parse", "HEAD");
}
