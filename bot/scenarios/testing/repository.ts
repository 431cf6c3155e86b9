import { execFileSync } from "node:child_process";
import { appendFileSync } from "node:fs";
import { join } from "node:path";

const AUTHOR = ["-c", "user.name=Sam Slip", "-c", "user.email=sam@example.com"];

function git(directory: string, ...args: string[]): string {
  return execFileSync("git", ["-C", directory, ...args], {
    encoding: "utf8",
    env: { PATH: process.env["PATH"], HOME: directory, GIT_CONFIG_NOSYSTEM: "1" },
  }).trim();
}

/** Commits one change on `uat` of a sample repository, as a colleague would. Returns the commit. */
export function commitOnUat(data: string, repository: string, title: string): string {
  const directory = join(data, "demo/repos", repository);
  git(directory, "checkout", "--quiet", "uat");
  appendFileSync(join(directory, "CHANGES.txt"), `${title}\n`);
  git(directory, "add", "CHANGES.txt");
  git(directory, ...AUTHOR, "commit", "--quiet", "-m", title);
  return git(directory, "rev-parse", "HEAD");
}

/** What a branch of a sample repository stands for. */
export function branchOf(data: string, repository: string, branch: string): string {
  return git(join(data, "demo/repos", repository), "rev-parse", branch);
}

/** Which commit is really checked out in an environment of the sample workspace. */
export function deployedCommit(data: string, environment: string, service: string): string {
  return git(join(data, "demo", environment, service), "rev-parse", "HEAD");
}
