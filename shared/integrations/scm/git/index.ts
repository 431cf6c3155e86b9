import { setMaxListeners } from "node:events";
import { dirname, join, resolve } from "node:path";
import { requireFilePath } from "../../../core/ports/file-path.ts";
import {
  isCommitId,
  requireCommitId,
  requireRefName,
  requireRefPrefix,
} from "../../../core/ports/ref-name.ts";
import { scmFailureError } from "../../../core/ports/scm-failure.ts";
import type {
  CompareResult,
  Landed,
  ProviderFailure,
  RefPair,
  RefResult,
  RepoRef,
  ScmProvider,
} from "../../../core/ports/scm.ts";
import { defineScm, type ScmDeps } from "../definition.ts";
import { asTheyCome } from "./as-they-come.ts";
import { compareRefs, identifyPatch } from "./compare.ts";
import { RepositoryFailed } from "./failures.ts";
import { landBranch } from "./land.ts";
import { readFileAt } from "./read-file.ts";
import { createMirrors } from "./mirrors.ts";
import { GitOptions } from "./options.ts";
import { resolveRefs, type OpenRepository } from "./refs.ts";
import {
  configuredRemotes,
  createNameFilter,
  discoverRepositories,
  findGitDirectory,
  folderUrl,
} from "./repositories.ts";
import { createGit } from "./run-git.ts";

export const gitScm = defineScm({ provider: "git", options: GitOptions, create: createGitScm });

/**
 * Plain git: folders of repositories, and repositories by address. It has no pull requests and no checks. Everything goes
 * through the `git` program (2.31 or newer); nothing a repository configures is run, and only landing writes to one.
 */
export function createGitScm(options: GitOptions, deps: ScmDeps): ScmProvider {
  const git = createGit({
    timeoutMs: options.timeout,
    concurrency: options.concurrency,
    environment: deps.processEnvironment,
  });
  const root = options.root === undefined ? undefined : resolve(deps.baseDir, options.root);
  const remotes = new Map(configuredRemotes(options).map((remote) => [remote.address, remote]));
  const mirrors = createMirrors({
    git,
    folder: join(deps.dataDirectory, "mirrors"),
    logger: deps.logger,
  });
  const isWanted = createNameFilter(options);

  return {
    id: deps.id,
    listRepositories,
    compareMany,
    resolveMany,
    listBranches,
    patchIdentity,
    land,
    readFile,
    cloneUrl,
  };

  async function listRepositories(signal: AbortSignal): Promise<readonly RepoRef[]> {
    signal.throwIfAborted();
    const found = await orError({ name: "git" }, "listing repositories", async () =>
      root === undefined ? [] : discoverRepositories(root),
    );
    return [
      ...found.map(({ name, path }) => ({ provider: deps.id, name, locator: path })),
      ...[...remotes.values()].map(({ name, address }) => ({
        provider: deps.id,
        name,
        locator: address,
      })),
    ].filter(isWanted);
  }

  async function* compareMany(
    pairs: readonly RefPair[],
    signal: AbortSignal,
  ): AsyncGenerator<CompareResult> {
    for (const { base, head } of pairs) {
      requireRefName(base);
      requireRefName(head);
    }
    const stop = new AbortController();
    const until = manyListeners(AbortSignal.any([signal, stop.signal]));
    const opened = new Map<string, Promise<OpenRepository>>();
    try {
      yield* asTheyCome(pairs.map(compareOne));
    } finally {
      // Whoever stops listening needs no more answers.
      stop.abort(new Error("nobody waits for this comparison any more"));
    }

    async function compareOne({ repository, base, head }: RefPair): Promise<CompareResult> {
      const result = await orFailure(async () => {
        const ready = opened.get(repository.locator) ?? open(repository, until);
        opened.set(repository.locator, ready);
        return compareRefs(await ready, repository, base, head);
      });
      return result.ok
        ? { repository, ok: true, comparison: result.value }
        : { repository, ok: false, failure: result.failure };
    }
  }

  async function resolveMany(
    refs: readonly { readonly repository: RepoRef; readonly ref: string }[],
    signal: AbortSignal,
  ): Promise<readonly RefResult[]> {
    const asked = new Map<string, { readonly repository: RepoRef; readonly refs: Set<string> }>();
    for (const { repository, ref } of refs) {
      requireRefName(ref);
      const one = asked.get(repository.locator) ?? { repository, refs: new Set() };
      asked.set(repository.locator, { repository, refs: one.refs.add(ref) });
    }
    const until = manyListeners(AbortSignal.any([signal]));
    const answers = new Map<string, RefAnswer>();
    await Promise.all([...asked.values()].map(answer));
    return refs.map(({ repository, ref }) => {
      const found = answers.get(answerKey(repository, ref));
      if (found === undefined) {
        throw new Error("git answered fewer names than it was asked for");
      }
      return { repository, ref, ...found };
    });

    async function answer(one: { repository: RepoRef; refs: ReadonlySet<string> }): Promise<void> {
      const names = [...one.refs];
      const result = await orFailure(async () =>
        resolveRefs(await open(one.repository, until), names),
      );
      const resolved = result.ok
        ? result.value
        : names.map((ref) => ({ ref, failure: result.failure }));
      for (const found of resolved) {
        answers.set(
          answerKey(one.repository, found.ref),
          "sha" in found ? { ok: true, sha: found.sha } : { ok: false, failure: found.failure },
        );
      }
    }
  }

  async function listBranches(
    repository: RepoRef,
    query: { readonly prefix?: string; readonly limit: number },
    signal: AbortSignal,
  ) {
    const prefix = `refs/heads/${query.prefix ?? ""}`;
    requireRefPrefix(query.prefix ?? "");
    return orError(repository, "listing branches", async () => {
      const { stdout } = await git.run({
        ...(await open(repository, signal)),
        // One star stays within one part of the name, two go on below it.
        args: [
          "for-each-ref",
          `--count=${Math.max(1, Math.trunc(query.limit))}`,
          "--format=%(objectname) %(refname)",
          `${prefix}*`,
          `${prefix}*/**`,
        ],
        operation: "listing branches",
      });
      return stdout
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => {
          const [sha = "", name = ""] = line.split(" ");
          return { name: name.slice("refs/heads/".length), sha };
        });
    });
  }

  async function patchIdentity(
    repository: RepoRef,
    base: string,
    head: string,
    signal: AbortSignal,
  ): Promise<string> {
    requireRefName(base);
    requireRefName(head);
    return orError(repository, "reading the change", async () =>
      identifyPatch(await openFor([base, head], repository, signal), base, head),
    );
  }

  async function land(
    repository: RepoRef,
    branch: string,
    sha: string,
    signal: AbortSignal,
  ): Promise<Landed> {
    requireRefName(branch);
    requireCommitId(sha);
    const remote = remotes.get(repository.locator) ?? null;
    return orError(repository, `moving "${branch}"`, () =>
      landBranch(() => open(repository, signal), remote, branch, sha),
    );
  }

  async function readFile(
    repository: RepoRef,
    file: { readonly sha: string; readonly path: string; readonly maxBytes: number },
    signal: AbortSignal,
  ): Promise<Uint8Array | null> {
    requireCommitId(file.sha);
    requireFilePath(file.path);
    return orError(repository, `reading ${file.path}`, async () =>
      readFileAt(await openFor([file.sha], repository, signal), file),
    );
  }

  function cloneUrl(repository: RepoRef): string | null {
    if (remotes.has(repository.locator)) {
      return repository.locator;
    }
    return isBelowRoot(repository.locator) ? folderUrl(repository.locator) : null;
  }

  /** The repository as it is at this moment. Throws `RepositoryFailed`. */
  async function open(repository: RepoRef, signal: AbortSignal): Promise<OpenRepository> {
    signal.throwIfAborted();
    const remote = remotes.get(repository.locator);
    const gitDirectory =
      remote === undefined
        ? await findGitDirectory(localPath(repository))
        : await mirrors.fetch(remote, signal);
    return { git, name: repository.name, gitDirectory, signal };
  }

  /** The same, without asking the network for commits that are here already: what an id stands for never changes. */
  async function openFor(
    refs: readonly string[],
    repository: RepoRef,
    signal: AbortSignal,
  ): Promise<OpenRepository> {
    const remote = remotes.get(repository.locator);
    if (remote !== undefined && refs.every(isCommitId) && (await mirrors.isThere(remote))) {
      const here = { git, name: repository.name, gitDirectory: mirrors.directory(remote), signal };
      const known = await resolveRefs(here, refs);
      if (known.every((ref) => "sha" in ref)) {
        return here;
      }
    }
    return open(repository, signal);
  }

  /** A stored reference may be older than the configuration: only what lies under the root is ours to touch. */
  function localPath(repository: RepoRef): string {
    const path = repository.locator;
    if (!isBelowRoot(path)) {
      throw new RepositoryFailed({
        code: "repository_missing",
        reason: `${repository.name} is not configured any more.`,
        remedy: "Add it to `repositories` in config.yaml again, or leave it out.",
      });
    }
    return path;
  }

  function isBelowRoot(path: string): boolean {
    return root !== undefined && (path === root || dirname(path) === root);
  }

  async function orError<T>(
    repository: Pick<RepoRef, "name">,
    operation: string,
    work: () => Promise<T>,
  ): Promise<T> {
    const result = await orFailure(work);
    if (!result.ok) {
      const about = { repository: repository.name, operation, timeoutMs: git.timeoutMs };
      throw scmFailureError(result.failure, about, result.cause);
    }
    return result.value;
  }
}

/** Every process of a call listens to its signal; that many are no leak. */
function manyListeners(signal: AbortSignal): AbortSignal {
  setMaxListeners(0, signal);
  return signal;
}

type RefAnswer =
  | { readonly ok: true; readonly sha: string }
  | { readonly ok: false; readonly failure: ProviderFailure };

function answerKey(repository: RepoRef, ref: string): string {
  return `${repository.locator}\0${ref}`;
}

/** What went wrong with one repository becomes an answer; anything else stays an error. */
async function orFailure<T>(
  work: () => Promise<T>,
): Promise<
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly failure: ProviderFailure; readonly cause: unknown }
> {
  try {
    return { ok: true, value: await work() };
  } catch (error) {
    if (error instanceof RepositoryFailed) {
      return { ok: false, failure: error.failure, cause: error };
    }
    throw error;
  }
}
