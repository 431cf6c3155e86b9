import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import { requireFilePath } from "../core/ports/file-path.ts";
import {
  isCommitId,
  requireCommitId,
  requireRefName,
  requireRefPrefix,
} from "../core/ports/ref-name.ts";
import { scmFailureError } from "../core/ports/scm-failure.ts";
import { UpstreamRejected } from "../errors/catalog.ts";
import type {
  ChangedFile,
  CiState,
  Commit,
  CommitAuthor,
  CommitStatus,
  CompareResult,
  Comparison,
  DeploymentReport,
  Landed,
  ProviderCall,
  ProviderFailure,
  ProviderNews,
  PullRequest,
  RefPair,
  RefResult,
  RepoRef,
  RequestBudget,
  ScmProvider,
} from "../core/ports/scm.ts";
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
  /** Called by whoever begins to wait. */
  knock: () => void;
  knocked: Promise<void>;
}

export interface FakeRepository {
  readonly ref: RepoRef;
  /** Makes a commit, points the branch at it, and gives its id. */
  commit(branch: string, draft: CommitDraft): string;
  /** Points a branch at a commit, whatever it stood for before; makes the branch when it is new. */
  move(branch: string, sha: string): void;
  /** Forgets a commit, as a forge does some time after a force-push. */
  drop(sha: string): void;
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
  /** Resolves when somebody waits for an answer about it that is held back. */
  whenAsked(name: string): Promise<void>;
  /** Only with `pullRequests: true`. */
  setPullRequest(name: string, base: string, head: string, pullRequest: PullRequest | null): void;
  /** Only with `checks: true`. */
  setCiState(name: string, sha: string, state: CiState): void;
  /** What was told by `reportStatus` and `reportDeployment`, every time it was told, oldest first. */
  readonly told: readonly ToldReport[];
  /** How often each method that goes out was called, by name. */
  readonly calls: Readonly<Record<string, number>>;
  /** What the next landings answer, for that repository, instead of moving the branch. */
  landAs(name: string, landed: Landed | undefined): void;
  /** Only with `webhookSecret`: the call this provider makes when something changed. */
  webhook(news: WebhookDraft): ProviderCall;
}

/** One report as it arrived. */
export type ToldReport =
  | {
      readonly kind: "status";
      readonly repository: string;
      readonly sha: string;
      readonly status: CommitStatus;
    }
  | { readonly kind: "deployment"; readonly repository: string; readonly report: DeploymentReport };

/** What a webhook call of the fake tells. */
export interface WebhookDraft {
  readonly deliveryId: string;
  readonly repository: string;
  readonly branches: readonly string[] | null;
}

export interface FakeScmOptions {
  readonly id?: string;
  /** Most commits a comparison holds; counts stay true. */
  readonly commitLimit?: number;
  /** Whether it has pull requests, which plain git has not. */
  readonly pullRequests?: boolean;
  /** Whether it has checks, which plain git has not. */
  readonly checks?: boolean;
  /** Whether it takes commit statuses and deployments, which plain git does not. */
  readonly reports?: boolean;
  /** Request allowances it speaks of. */
  readonly budgets?: () => readonly RequestBudget[];
  /** Whether it calls us, and what it signs its calls with. */
  readonly webhookSecret?: string;
  /** How a branch is brought to a commit: moved to it (default), or by a merge commit with the same content. */
  readonly landing?: "fast-forward" | "merge";
}

/** Source control in memory, for tests of use cases. Keeps the same contract as the real ones. */
export function createFakeScm(given: FakeScmOptions = {}): FakeScm {
  const id = given.id ?? "fake:0";
  const commitLimit = given.commitLimit ?? 500;
  const repositories = new Map<string, StoredRepository>();
  const pullRequests = new Map<string, PullRequest>();
  const ciStates = new Map<string, CiState>();
  const landings = new Map<string, Landed>();
  const told: ToldReport[] = [];
  const calls: Record<string, number> = {};
  let commitCount = 0;
  let pullRequestCount = 0;

  return {
    id,
    told,
    calls,
    async listRepositories(signal) {
      count("listRepositories");
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
      found.knocked = new Promise((resolve) => {
        found.knock = resolve;
      });
      return () => {
        finish();
      };
    },
    whenAsked: (name) => (repositories.get(name) ?? add(name)).knocked,
    setPullRequest(name, base, head, pullRequest) {
      const key = keyOf(name, base, head);
      if (pullRequest === null) {
        pullRequests.delete(key);
      } else {
        pullRequests.set(key, pullRequest);
      }
    },
    setCiState: (name, sha, state) => void ciStates.set(keyOf(name, sha), state),
    landAs(name, landed) {
      if (landed === undefined) {
        landings.delete(name);
      } else {
        landings.set(name, landed);
      }
    },
    webhook: (news) => signed(JSON.stringify(news), given.webhookSecret ?? ""),
    ...(given.pullRequests === true && {
      async pullRequest({ name }: RepoRef, base: string, head: string) {
        count("pullRequest");
        return pullRequests.get(keyOf(name, base, head)) ?? null;
      },
      openPullRequest,
    }),
    ...(given.checks === true && {
      async ciState({ name }: RepoRef, sha: string) {
        count("ciState");
        const known = ciStates.get(keyOf(name, sha));
        return known ?? { state: "none" as const, url: null, summary: "no checks" };
      },
    }),
    ...(given.reports === true && { reportStatus, reportDeployment }),
    ...(given.budgets && { budgets: given.budgets }),
    ...(given.webhookSecret !== undefined && { hear }),
  };

  function count(method: string): void {
    calls[method] = (calls[method] ?? 0) + 1;
  }

  function repository(name: string): FakeRepository {
    const stored = repositories.get(name) ?? add(name);
    return {
      ref: stored.ref,
      commit: (branch, draft) => commit(stored, branch, draft),
      move: (branch, sha) => void stored.branches.set(branch, sha),
      drop: (sha) => void stored.commits.delete(sha),
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
      knock: () => undefined,
      knocked: Promise.resolve(),
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
    count("land");
    const operation = `moving "${branch}"`;
    const stored = await mustOpen(about, operation, signal);
    const target = mustResolve(stored, sha, operation);
    const current = mustResolve(stored, branch, operation);
    const told = landings.get(about.name);
    if (told !== undefined) {
      return told;
    }
    if (current.sha === sha || (current.parents.includes(sha) && isSameTree(current, target))) {
      return { outcome: "already_there", sha: current.sha };
    }
    if (given.landing === "merge") {
      return landByMerge(stored, branch, current, target);
    }
    if (!history(stored, target).has(current)) {
      return { outcome: "diverged", branchSha: current.sha };
    }
    stored.branches.set(branch, sha);
    return { outcome: "landed", sha };
  }

  /** As a forge does it: one commit more, with both as parents, when it holds exactly what the landed one does. */
  function landByMerge(
    stored: StoredRepository,
    branch: string,
    current: StoredCommit,
    target: StoredCommit,
  ): Landed {
    const fork = commonCommit(stored, current, target);
    if (fork === undefined || !isSameTree(fork, current)) {
      return { outcome: "diverged", branchSha: current.sha };
    }
    const merged = Object.fromEntries(target.tree);
    const removed = [...current.tree.keys()].filter((path) => !target.tree.has(path));
    const sha = commit(stored, branch, {
      title: `Merge into ${branch}`,
      parents: [current.sha, target.sha],
      files: { ...merged, ...Object.fromEntries(removed.map((path) => [path, null])) },
    });
    return { outcome: "landed", sha };
  }

  async function openPullRequest(
    about: RepoRef,
    request: {
      readonly base: string;
      readonly head: string;
      readonly title: string;
      readonly body: string;
    },
    signal: AbortSignal,
  ): Promise<PullRequest> {
    const { base, head, title } = request;
    requireRefName(base);
    requireRefName(head);
    count("openPullRequest");
    const operation = "opening a pull request";
    const stored = await mustOpen(about, operation, signal);
    const into = mustResolve(stored, base, operation);
    const from = mustResolve(stored, head, operation);
    const key = keyOf(about.name, base, head);
    const known = pullRequests.get(key);
    if (known?.state === "open") {
      return known;
    }
    if (history(stored, into).has(from)) {
      throw new UpstreamRejected(
        { system: about.name, operation, why: `${base} has everything that ${head} has` },
        { remedy: "There is nothing to review; refresh the release." },
      );
    }
    pullRequestCount += 1;
    const made: PullRequest = {
      number: pullRequestCount,
      url: `https://git.example.com/${about.name}/pulls/${pullRequestCount}`,
      state: "open",
      title,
    };
    pullRequests.set(key, made);
    return made;
  }

  async function reportStatus(
    about: RepoRef,
    sha: string,
    status: CommitStatus,
    signal: AbortSignal,
  ): Promise<void> {
    requireCommitId(sha);
    count("reportStatus");
    const operation = "reporting a commit status";
    mustResolve(await mustOpen(about, operation, signal), sha, operation);
    told.push({ kind: "status", repository: about.name, sha, status });
  }

  async function reportDeployment(
    about: RepoRef,
    report: DeploymentReport,
    signal: AbortSignal,
  ): Promise<void> {
    requireCommitId(report.sha);
    count("reportDeployment");
    const operation = "reporting a deployment";
    mustResolve(await mustOpen(about, operation, signal), report.sha, operation);
    told.push({ kind: "deployment", repository: about.name, report });
  }

  async function hear(call: ProviderCall): Promise<ProviderNews> {
    const { headers } = signed(call.body, given.webhookSecret ?? "");
    const signature = Buffer.from(call.headers["x-fake-signature"] ?? "");
    const expected = Buffer.from(headers["x-fake-signature"] ?? "");
    if (signature.length !== expected.length || !timingSafeEqual(signature, expected)) {
      return { kind: "forged" };
    }
    const { deliveryId, repository: name, branches } = JSON.parse(call.body) as WebhookDraft;
    const about = repositories.get(name)?.ref;
    return about === undefined
      ? { kind: "ignored" }
      : { kind: "changed", deliveryId, repository: about, branches };
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
    stored.knock();
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

function signed(body: string, secret: string): ProviderCall {
  return {
    headers: { "x-fake-signature": createHmac("sha256", secret).update(body).digest("hex") },
    body,
  };
}

function isSameTree(one: StoredCommit, other: StoredCommit): boolean {
  return (
    one.tree.size === other.tree.size &&
    [...one.tree].every(([path, content]) => other.tree.get(path) === content)
  );
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
