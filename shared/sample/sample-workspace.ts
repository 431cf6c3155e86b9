import { randomUUID } from "node:crypto";
import {
  appendFile,
  chmod,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  writeFile,
} from "node:fs/promises";
import { join } from "node:path";
import type { Environment } from "../config/environment.ts";
import { SampleInTheWay } from "../errors/catalog.ts";
import { createGit, type Git } from "../integrations/scm/git/run-git.ts";
import {
  sampleAuthors,
  sampleRepositories,
  type SampleCommit,
  type SampleRepository,
} from "./sample-history.ts";
import { sampleRoles } from "./sample-people.ts";
import { APPLY_SCRIPT, OBSERVE_SCRIPT } from "./sample-scripts.ts";

const HOUR_SECONDS = 3600;

/** What was begun longer ago than this was not finished because its process died. */
const ABANDONED_MS = 600_000;

const UNFINISHED = ".unfinished-";

/** Written into each repository, so that people can commit and push to it without configuring anything. */
const REPOSITORY_SETTINGS = `[user]
\tname = Sample Developer
\temail = developer@example.com
[receive]
\tdenyCurrentBranch = updateInstead
`;

/**
 * Makes the sample workspace in `directory`, as far as it is not there: five repositories under `repos/` with `uat` (checked
 * out) and `master`, and the scripts of the two demo environments under `bin/`. A repository that is there is never touched;
 * one appears whole or not at all, so being killed in the middle leaves nothing half made. Dates of commits are counted
 * back from `now`. Throws `SampleInTheWay` when something else lies where a repository belongs.
 */
export async function createSampleWorkspace(
  directory: string,
  deps: { readonly now: Date; readonly processEnvironment: Environment },
): Promise<void> {
  const git = createGit({
    timeoutMs: 60_000,
    concurrency: sampleRepositories.length,
    environment: deps.processEnvironment,
  });
  await mkdir(join(directory, "repos"), { recursive: true });
  await removeAbandoned(directory, deps.now);
  await Promise.all([
    writeScript(join(directory, "bin"), "apply.sh", APPLY_SCRIPT),
    writeScript(join(directory, "bin"), "observe.sh", OBSERVE_SCRIPT),
    ...sampleRepositories.map((repository) =>
      ensureRepository(git, directory, repository, deps.now),
    ),
  ]);
}

/** The whole sample installation, written as in config.yaml. Paths are absolute when `directory` is. */
export function sampleConfiguration(directory: string): Readonly<Record<string, unknown>> {
  return {
    auth: { roles: sampleRoles },
    repositories: [{ provider: "git", root: join(directory, "repos") }],
    services: sampleRepositories.map(({ name, dependsOn }) => ({
      name,
      repository: name,
      depends_on: dependsOn,
    })),
    environments: demoEnvironments(directory),
  };
}

/** The two environments of the sample, written as under `environments` in config.yaml. */
export function demoEnvironments(directory: string): readonly Readonly<Record<string, unknown>>[] {
  const target = {
    kind: "command",
    apply: [
      join(directory, "bin/apply.sh"),
      "{environment}",
      "{service}",
      "{commit}",
      "{repository_url}",
    ],
    observe: [join(directory, "bin/observe.sh"), "{environment}", "{service}"],
  };
  return [
    { name: "preprod", branch: "uat", target },
    { name: "prod", branch: "master", promote_from: "preprod", land: "after", target },
  ];
}

async function ensureRepository(
  git: Git,
  directory: string,
  repository: SampleRepository,
  now: Date,
): Promise<void> {
  const path = join(directory, "repos", repository.name);
  if (await isThere(path)) {
    return;
  }
  const unfinished = join(directory, `${UNFINISHED}${repository.name}-${randomUUID()}`);
  try {
    await makeRepository(git, unfinished, repository, now);
    await rename(unfinished, path);
  } catch (error) {
    await rm(unfinished, { recursive: true, force: true });
    // Another process may have been quicker: then its repository is as good as ours.
    if (!(await isThere(path))) {
      throw error;
    }
  }
}

/** Whether the repository is there. An empty folder is not in the way; anything else that is no repository is. */
async function isThere(path: string): Promise<boolean> {
  const entries = await readdir(path).catch((error: unknown): string[] => {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") {
      return [];
    }
    throw new SampleInTheWay({ path }, { cause: error });
  });
  if (entries.length > 0 && !entries.includes(".git")) {
    throw new SampleInTheWay({ path });
  }
  return entries.length > 0;
}

async function makeRepository(
  git: Git,
  path: string,
  repository: SampleRepository,
  now: Date,
): Promise<void> {
  const gitDirectory = join(path, ".git");
  const operation = `making the sample repository ${repository.name}`;
  const { signal } = new AbortController();
  await git.run({
    gitDirectory: null,
    args: ["init", "--quiet", "--template=", "--initial-branch=uat", "--", path],
    operation,
    signal,
  });
  await appendFile(join(gitDirectory, "config"), REPOSITORY_SETTINGS);
  await git.run({
    gitDirectory,
    args: ["fast-import", "--quiet", "--done"],
    input: toFastImport(repository, now),
    operation,
    signal,
  });
  await git.run({
    gitDirectory,
    workTree: path,
    args: ["read-tree", "--reset", "-u", "HEAD"],
    operation,
    signal,
  });
}

/** The history as `git fast-import` reads it: one process makes a whole repository. */
function toFastImport(repository: SampleRepository, now: Date): string {
  return [
    ...repository.master.map((commit) => toImportedCommit("master", commit, now)),
    "reset refs/heads/uat\nfrom refs/heads/master\n\n",
    ...repository.uat.map((commit) => toImportedCommit("uat", commit, now)),
    "done\n",
  ].join("");
}

function toImportedCommit(branch: string, commit: SampleCommit, now: Date): string {
  const seconds = Math.floor(now.getTime() / 1000) - commit.hoursAgo * HOUR_SECONDS;
  const who = `${sampleAuthors[commit.author]} ${seconds} +0000`;
  const message =
    commit.coAuthor === undefined
      ? `${commit.message}\n`
      : `${commit.message}\n\nCo-authored-by: ${sampleAuthors[commit.coAuthor]}\n`;
  const files = Object.entries(commit.files).map(
    ([path, content]) => `M 100644 inline ${path}\n${toData(content)}`,
  );
  return `commit refs/heads/${branch}\nauthor ${who}\ncommitter ${who}\n${toData(message)}${files.join("")}\n`;
}

function toData(text: string): string {
  return `data ${Buffer.byteLength(text)}\n${text}\n`;
}

/** Replaced as a whole, and only when it differs: a deploy may be reading the old one. */
async function writeScript(folder: string, name: string, content: string): Promise<void> {
  const path = join(folder, name);
  const current = await readFile(path, "utf8").catch(() => undefined);
  if (current === content && ((await stat(path)).mode & 0o777) === 0o755) {
    return;
  }
  await mkdir(folder, { recursive: true });
  const fresh = join(folder, `.${name}.${randomUUID()}`);
  await writeFile(fresh, content);
  await chmod(fresh, 0o755);
  await rename(fresh, path);
}

async function removeAbandoned(directory: string, now: Date): Promise<void> {
  const entries = await readdir(directory);
  for (const entry of entries.filter((name) => name.startsWith(UNFINISHED))) {
    const path = join(directory, entry);
    // Whoever is making it right now may just have put it into its place.
    const found = await stat(path).catch(() => undefined);
    if (found !== undefined && now.getTime() - found.mtimeMs > ABANDONED_MS) {
      await rm(path, { recursive: true, force: true });
    }
  }
}
