import { createHash } from "node:crypto";
import { requireFilePath } from "../core/ports/file-path.ts";
import {
  isCommitId,
  requireCommitId,
  requireRefName,
  requireRefPrefix,
} from "../core/ports/ref-name.ts";
import { scmFailureError } from "../core/ports/scm-failure.ts";
import type {
  ChangedFile,
  CiState,
  Commit,
  CommitAuthor,
  CompareResult,
  Comparison,
  Landed,
  ProviderFailure,
  PullRequest,
  RefPair,
  RefResult,
  RepoRef,
  ScmProvider,
} from "../core/ports/scm.ts";
import { UpstreamRejected } from "../errors/catalog.ts";
import { cleanLines, cleanText } from "../lib/text.ts";
import type { CommitDraft } from "./scm-contract.ts";

const FIRST_COMMIT_AT = Date.parse("2026-01-05T08:00:00Z");
const MINUTE_MS = 60_000;
const CONTEXT_LINES = 3;

interface StoredCommit extends Omit<Commit, "url"> {
  readonly parents: readonly string[];
  readonly tree: ReadonlyMap<string, string>;
  readonly order: number;
}

interface StoredRepository {
  readonly ref: RepoRef;
  readonly commits: Map<string, StoredCommit>;
  readonly branches: Map<string, string>;
  failure: ProviderFailure | undefined;
  /** Answers wait for it. */
  gate: Promise<void>;
}

export interface FakeRepository {
  readonly ref: RepoRef;
  /** Makes a commit, points the branch at it, and gives its id. */
  commit(branch: string, draft: CommitDraft): string;
  /** Points a branch at a commit, whatever it stood for before; makes the branch when it is new. */
  move(branch: string, sha: string): void;
  /** What the branch stands for; undefined when there is none. */
  tip(branch: string): string | undefined;
}

export interface FakeScm extends ScmProvider {
  /** The repository of that name, made when it is new. */
  repository(name: string): FakeRepository;
  removeRepository(name: string): void;
  /** Every question about it fails like this, until it is broken with `undefined`. */
  breakRepository(name: string, failure: Partial<ProviderFailure> | undefined): void;
  /** Holds back every answer about it until the given function is called, or the asker gives up. */
  slow(name: string): () => void;
  /** Only with `pullRequests: true`. */
  setPullRequest(name: string, base: string, head: string, pullRequest: PullRequest | null): void;
  /** Only with `checks: true`. */
  setCiState(name: string, sha: string, state: CiState): void;
}

export interface FakeScmOptions {
  readonly id?: string;
  /** Most commits a comparison holds; counts stay true. */
  readonly commitLimit?: number;
  /** Whether it has pull requests, which plain git has not. */
  readonly pullRequests?: boolean;
  /** Whether it has checks, which plain git has not. */
  readonly checks?: boolean;
}

/** Source control in memory, for tests of use cases. Keeps the same contract as the real ones. */
export function createFakeScm(given: FakeScmOptions = {}): FakeScm {
  const id = given.id ?? "fake:0";
  const commitLimit = given.commitLimit ?? 500;
  const repositories = new Map<string, StoredRepository>();
  const pullRequests = new Map<string, PullRequest>();
  const ciStates = new Map<string, CiState>();
  let commitCount = 0;

  return {
    id,
    async listRepositories(signal) {
      signal.throwIfAborted();
      return [...repositories.values()].map(({ ref }) => ref);
    },
    compareMany,
    resolveMany,
    listBranches,
    patchIdentity,
    land,
    readFile,
    cloneUrl: ({ name }) => `https://git.example.com/${name}.git`,
    repository,
    removeRepository: (name) => void repositories.delete(name),
    breakRepository(name, failure) {
      const found = repositories.get(name) ?? add(name);
      found.failure = failure === undefined ? undefined : { ...unreadable(name), ...failure };
    },
    slow(name) {
      let finish: () => void = () => undefined;
      const found = repositories.get(name) ?? add(name);
      found.gate = new Promise((resolve) => {
        finish = resolve;
      });
      return () => {
        finish();
      };
    },
    setPullRequest(name, base, head, pullRequest) {
      const key = keyOf(name, base, head);
      if (pullRequest === null) {
        pullRequests.delete(key);
      } else {
        pullRequests.set(key, pullRequest);
      }
    },
    setCiState: (name, sha, state) => void ciStates.set(keyOf(name, sha), state),
    ...(given.pullRequests === true && {
      pullRequest: async ({ name }: RepoRef, base: string, head: string) =>
        pullRequests.get(keyOf(name, base, head)) ?? null,
    }),
    ...(given.checks === true && {
      ciState: async ({ name }: RepoRef, sha: string) =>
        ciStates.get(keyOf(name, sha)) ?? {
          state: "none" as const,
          url: null,
          summary: "no checks",
        },
    }),
  };

  function repository(name: string): FakeRepository {
    const stored = repositories.get(name) ?? add(name);
    return {
      ref: stored.ref,
      commit: (branch, draft) => commit(stored, branch, draft),
      move: (branch, sha) => void stored.branches.set(branch, sha),
      tip: (branch) => stored.branches.get(branch),
    };
  }

  function add(name: string): StoredRepository {
    const stored: StoredRepository = {
      ref: { provider: id, name, locator: name },
      commits: new Map(),
      branches: new Map(),
      failure: undefined,
      gate: Promise.resolve(),
    };
    repositories.set(name, stored);
    return stored;
  }

  function commit(stored: StoredRepository, branch: string, draft: CommitDraft): string {
    commitCount += 1;
    const tip = stored.branches.get(branch);
    const parents = draft.parents ?? (tip === undefined ? [] : [tip]);
    const tree = new Map(stored.commits.get(parents[0] ?? "")?.tree);
    for (const [path, content] of Object.entries(draft.files ?? {})) {
      if (content === null) {
        tree.delete(path);
      } else {
        tree.set(path, content);
      }
    }
    const sha = createHash("sha1")
      .update(JSON.stringify([stored.ref.name, commitCount, parents, draft]))
      .digest("hex");
    stored.commits.set(sha, {
      sha,
      title: cleanText(draft.title, 500),
      body: cleanLines(draft.body ?? "", 10_000),
      authors: withoutRepetition(
        draft.authors ?? [{ name: "Somebody", email: "somebody@example.com" }],
      ),
      authoredAt: new Date(FIRST_COMMIT_AT + commitCount * MINUTE_MS),
      parents,
      tree,
      order: commitCount,
    });
    stored.branches.set(branch, sha);
    return sha;
  }

  async function* compareMany(
    pairs: readonly RefPair[],
    signal: AbortSignal,
  ): AsyncGenerator<CompareResult> {
    for (const { base, head } of pairs) {
      requireRefName(base);
      requireRefName(head);
    }
    const pending = new Map(
      pairs.map((pair, index) => [
        index,
        compareOne(pair, signal).then((result) => ({ index, result })),
      ]),
    );
    while (pending.size > 0) {
      const { index, result } = await Promise.race(pending.values());
      pending.delete(index);
      yield result;
    }
  }

  async function compareOne(pair: RefPair, signal: AbortSignal): Promise<CompareResult> {
    const { repository: about } = pair;
    const opened = await open(about, signal);
    if ("code" in opened) {
      return { repository: about, ok: false, failure: opened };
    }
    const base = resolve(opened, pair.base);
    const head = resolve(opened, pair.head);
    if ("code" in base) {
      return { repository: about, ok: false, failure: base };
    }
    return "code" in head
      ? { repository: about, ok: false, failure: head }
      : { repository: about, ok: true, comparison: compare(opened, base, head) };
  }

  function compare(stored: StoredRepository, base: StoredCommit, head: StoredCommit): Comparison {
    const inBase = history(stored, base);
    const inHead = history(stored, head);
    const ahead = [...inHead].filter((one) => !inBase.has(one)).sort((a, b) => b.order - a.order);
    const behind = [...inBase].filter((one) => !inHead.has(one));
    const mergeBase = commonCommit(stored, base, head);
    const files = ahead.length === 0 ? [] : changedFiles((mergeBase ?? base).tree, head.tree);
    const commits = ahead.slice(0, commitLimit).map(presentCommit);
    return {
      repository: stored.ref,
      baseSha: base.sha,
      headSha: head.sha,
      mergeBaseSha: mergeBase?.sha ?? null,
      commits,
      commitCount: ahead.length,
      behindCount: behind.length,
      files,
      fileCount: files.length,
      truncated: commits.length < ahead.length,
      url: null,
    };
  }

  async function resolveMany(
    refs: readonly { readonly repository: RepoRef; readonly ref: string }[],
    signal: AbortSignal,
  ): Promise<readonly RefResult[]> {
    refs.forEach(({ ref }) => requireRefName(ref));
    return Promise.all(
      refs.map(async ({ repository: about, ref }): Promise<RefResult> => {
        const opened = await open(about, signal);
        const found = "code" in opened ? opened : resolve(opened, ref);
        return "code" in found
          ? { repository: about, ref, ok: false, failure: found }
          : { repository: about, ref, ok: true, sha: found.sha };
      }),
    );
  }

  async function listBranches(
    about: RepoRef,
    query: { readonly prefix?: string; readonly limit: number },
    signal: AbortSignal,
  ) {
    const prefix = query.prefix ?? "";
    requireRefPrefix(prefix);
    const stored = await mustOpen(about, "listing branches", signal);
    return [...stored.branches]
      .filter(([name]) => name.startsWith(prefix))
      .map(([name, sha]) => ({ name, sha }))
      .sort((a, b) => (a.name < b.name ? -1 : 1))
      .slice(0, query.limit);
  }

  async function patchIdentity(about: RepoRef, base: string, head: string, signal: AbortSignal) {
    requireRefName(base);
    requireRefName(head);
    const operation = "reading the change";
    const stored = await mustOpen(about, operation, signal);
    const from = mustResolve(stored, base, operation);
    const to = mustResolve(stored, head, operation);
    const before = (commonCommit(stored, from, to) ?? from).tree;
    const paths = [...new Set([...before.keys(), ...to.tree.keys()])].sort();
    const changes = paths
      .filter((path) => before.get(path) !== to.tree.get(path))
      .map((path) => [path, lineChange(before.get(path), to.tree.get(path))]);
    return createHash("sha256").update(JSON.stringify(changes)).digest("hex");
  }

  async function land(
    about: RepoRef,
    branch: string,
    sha: string,
    signal: AbortSignal,
  ): Promise<Landed> {
    requireRefName(branch);
    requireCommitId(sha);
    const operation = `moving "${branch}"`;
    const stored = await mustOpen(about, operation, signal);
    const target = mustResolve(stored, sha, operation);
    const current = mustResolve(stored, branch, operation);
    if (current.sha === sha) {
      return { outcome: "already_there", sha };
    }
    if (!history(stored, target).has(current)) {
      return { outcome: "diverged", branchSha: current.sha };
    }
    stored.branches.set(branch, sha);
    return { outcome: "landed", sha };
  }

  async function readFile(
    about: RepoRef,
    {
      sha,
      path,
      maxBytes,
    }: { readonly sha: string; readonly path: string; readonly maxBytes: number },
    signal: AbortSignal,
  ): Promise<Uint8Array | null> {
    requireCommitId(sha);
    requireFilePath(path);
    const operation = `reading ${path}`;
    const stored = await mustOpen(about, operation, signal);
    const { tree } = mustResolve(stored, sha, operation);
    const content = tree.get(path);
    if (content !== undefined && Buffer.byteLength(content) <= maxBytes) {
      return Buffer.from(content);
    }
    const isFolder = [...tree.keys()].some((one) => one.startsWith(`${path}/`));
    if (content === undefined && !isFolder) {
      return null;
    }
    const why = isFolder ? `${path} is a folder` : `${path} is larger than ${maxBytes} bytes`;
    throw new UpstreamRejected({ system: about.name, operation, why });
  }

  async function open(
    about: RepoRef,
    signal: AbortSignal,
  ): Promise<StoredRepository | ProviderFailure> {
    signal.throwIfAborted();
    const stored = repositories.get(about.name);
    if (stored === undefined) {
      return {
        code: "repository_missing",
        reason: `there is no repository ${about.name}.`,
        remedy: "Check that the repository was not moved or deleted.",
      };
    }
    await unlessAborted(stored.gate, signal);
    return stored.failure ?? stored;
  }

  async function mustOpen(about: RepoRef, operation: string, signal: AbortSignal) {
    const opened = await open(about, signal);
    if ("code" in opened) {
      throw scmFailureError(opened, { repository: about.name, operation, timeoutMs: 30_000 });
    }
    return opened;
  }

  function mustResolve(stored: StoredRepository, ref: string, operation: string): StoredCommit {
    const found = resolve(stored, ref);
    if ("code" in found) {
      throw scmFailureError(found, { repository: stored.ref.name, operation, timeoutMs: 30_000 });
    }
    return found;
  }
}

function resolve(stored: StoredRepository, ref: string): StoredCommit | ProviderFailure {
  const sha = isCommitId(ref) ? ref : (stored.branches.get(ref) ?? "");
  const found = stored.commits.get(sha);
  if (found !== undefined) {
    return found;
  }
  return stored.branches.size === 0
    ? {
        code: "repository_empty",
        reason: `${stored.ref.name} has no branches yet.`,
        remedy: "Push something to it.",
      }
    : {
        code: "branch_missing",
        reason: `${stored.ref.name} has no branch "${ref}".`,
        remedy: "Check the spelling, or leave this repository out.",
      };
}

function unreadable(name: string): ProviderFailure {
  return {
    code: "repository_unreadable",
    reason: `${name} cannot be read.`,
    remedy: "Look at the repository.",
  };
}

/** Every commit that led to this one, and itself. */
function history(stored: StoredRepository, from: StoredCommit): ReadonlySet<StoredCommit> {
  const seen = new Set<StoredCommit>();
  const waiting = [from];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (!seen.has(next)) {
      seen.add(next);
      waiting.push(...next.parents.flatMap((sha) => stored.commits.get(sha) ?? []));
    }
  }
  return seen;
}

/** The newest commit both grew from. */
function commonCommit(stored: StoredRepository, a: StoredCommit, b: StoredCommit) {
  const ofB = history(stored, b);
  return [...history(stored, a)]
    .filter((one) => ofB.has(one))
    .sort((one, other) => other.order - one.order)[0];
}

function changedFiles(
  before: ReadonlyMap<string, string>,
  after: ReadonlyMap<string, string>,
): readonly ChangedFile[] {
  const removed = new Map([...before].filter(([path]) => !after.has(path)));
  const files: ChangedFile[] = [];
  for (const [path, content] of after) {
    const movedFrom = [...removed].find(([, old]) => old === content)?.[0];
    if (before.has(path)) {
      if (before.get(path) !== content) {
        files.push({ path, change: "modified" });
      }
    } else if (movedFrom === undefined) {
      files.push({ path, change: "added" });
    } else {
      removed.delete(movedFrom);
      files.push({ path, change: "renamed" });
    }
  }
  return [...files, ...[...removed.keys()].map((path) => ({ path, change: "removed" as const }))];
}

/** The lines between what both begin and end with, and a few around them: enough for one changed place per file. */
function lineChange(before: string | undefined, after: string | undefined) {
  if (before === undefined || after === undefined) {
    return [before ?? null, after ?? null];
  }
  const [old, now] = [before.split("\n"), after.split("\n")];
  const shorter = Math.min(old.length, now.length);
  let start = 0;
  while (start < shorter && old[start] === now[start]) {
    start += 1;
  }
  let end = 0;
  while (end < shorter - start && old.at(-1 - end) === now.at(-1 - end)) {
    end += 1;
  }
  const from = Math.max(0, start - CONTEXT_LINES);
  const rest = Math.max(0, end - CONTEXT_LINES);
  return [old.slice(from, old.length - rest), now.slice(from, now.length - rest), start - from];
}

function presentCommit({ sha, title, body, authors, authoredAt }: StoredCommit): Commit {
  return { sha, title, body, authors, authoredAt, url: null };
}

function withoutRepetition(authors: readonly CommitAuthor[]): readonly CommitAuthor[] {
  const clean = authors.map(({ name, email }) => ({
    name: cleanText(name, 200),
    email: cleanText(email, 200),
  }));
  return clean.filter(
    (author, index) => clean.findIndex((other) => other.email === author.email) === index,
  );
}

async function unlessAborted(gate: Promise<void>, signal: AbortSignal): Promise<void> {
  let giveUp: (() => void) | undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    giveUp = () => reject(signal.reason as Error);
    signal.addEventListener("abort", giveUp, { once: true });
  });
  try {
    await Promise.race([gate, aborted]);
  } finally {
    if (giveUp !== undefined) {
      signal.removeEventListener("abort", giveUp);
    }
  }
}

function keyOf(...parts: readonly string[]): string {
  return parts.join("\0");
}
