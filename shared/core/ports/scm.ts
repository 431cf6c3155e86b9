/** A repository as its provider knows it. `name` is what people say and is unique in an installation. */
export interface RepoRef {
  /** Which configured provider instance serves it, e.g. `git:0`. */
  readonly provider: string;
  readonly name: string;
  /** Provider-specific address (path, URL, `owner/name`); opaque to everybody else. */
  readonly locator: string;
}

/** A person in git's words. Co-authors (`Co-authored-by:` trailers) are authors too. */
export interface CommitAuthor {
  readonly name: string;
  readonly email: string;
}

export interface Commit {
  readonly sha: string;
  /** First line of the message, at most 500 characters, control and bidi characters removed. */
  readonly title: string;
  /** Rest of the message, at most 10,000 characters. */
  readonly body: string;
  /** Author first, then co-authors, without repetitions. */
  readonly authors: readonly CommitAuthor[];
  readonly authoredAt: Date;
  readonly url: string | null;
}

export interface ChangedFile {
  readonly path: string;
  readonly change: "added" | "modified" | "removed" | "renamed";
}

/** What `head` has that `base` lacks. */
export interface Comparison {
  readonly repository: RepoRef;
  /** The commits the two names stood for when they were compared. */
  readonly baseSha: string;
  readonly headSha: string;
  /** The commit both sides grew from; null when the histories are unrelated. */
  readonly mergeBaseSha: string | null;
  /** Commits of head that base lacks, newest first, at most the provider's page limit. */
  readonly commits: readonly Commit[];
  /** The true number of such commits, also when `commits` is cut. */
  readonly commitCount: number;
  /** Commits of base that head lacks: above zero means base has moved on. */
  readonly behindCount: number;
  readonly files: readonly ChangedFile[];
  readonly fileCount: number;
  /** True when `commits` or `files` is shorter than its count: never lie about completeness. */
  readonly truncated: boolean;
  readonly url: string | null;
}

export interface RefPair {
  readonly repository: RepoRef;
  readonly base: string;
  readonly head: string;
}

/** Why one repository could not be read. Says what to do; the other repositories are unaffected. */
export interface ProviderFailure {
  readonly code:
    | "repository_missing"
    | "repository_empty"
    | "repository_unreadable"
    | "branch_missing"
    | "timeout"
    | "unavailable";
  readonly reason: string;
  readonly remedy: string;
}

export type CompareResult =
  | { readonly repository: RepoRef; readonly ok: true; readonly comparison: Comparison }
  | { readonly repository: RepoRef; readonly ok: false; readonly failure: ProviderFailure };

export type RefResult =
  | { readonly repository: RepoRef; readonly ref: string; readonly ok: true; readonly sha: string }
  | {
      readonly repository: RepoRef;
      readonly ref: string;
      readonly ok: false;
      readonly failure: ProviderFailure;
    };

/** How bringing a branch to a commit ended. */
export type Landed =
  | { readonly outcome: "landed" | "already_there"; readonly sha: string }
  /** The branch has commits the landed one lacks: nothing was changed. */
  | { readonly outcome: "diverged"; readonly branchSha: string }
  /** The forge says no (a protected branch, a failing required check, no pull request to merge): nothing was changed. */
  | { readonly outcome: "refused"; readonly reason: string; readonly remedy: string }
  /** It was merged, and what came out is not the tree that was signed: somebody pushed in the same moment. */
  | { readonly outcome: "differs"; readonly sha: string };

export interface PullRequest {
  readonly number: number;
  readonly url: string;
  readonly state: "open" | "merged" | "closed";
  readonly title: string;
}

/** State of the automatic checks of one commit. `none` = the provider has no checks for it. */
export interface CiState {
  readonly state: "success" | "failure" | "pending" | "none";
  readonly url: string | null;
  readonly summary: string;
}

/** What a forge shows beside a commit: whether this release may go out, or what became of it. */
export interface CommitStatus {
  /** Distinguishes it from the statuses of others, e.g. `slipway/prod`. One status per commit and context counts: the newest. */
  readonly context: string;
  readonly state: "pending" | "success" | "failure" | "error";
  /** One sentence; providers cut it to what they take. */
  readonly description: string;
  readonly url: string | null;
}

/** What a forge is told of one deployment of one repository. */
export interface DeploymentReport {
  /** Number of our deployment; with the environment it makes reporting twice the same as once. */
  readonly deployment: number;
  readonly environment: string;
  readonly sha: string;
  readonly state: "queued" | "in_progress" | "success" | "failure" | "error" | "inactive";
  readonly description: string;
  readonly url: string | null;
}

/** What is left of a provider's request allowance, as it last said itself. */
export interface RequestBudget {
  /** What the allowance is for, e.g. `core` or `graphql`. */
  readonly name: string;
  readonly limit: number;
  readonly remaining: number;
  readonly resetsAt: Date;
  /** Until when nothing is sent, because the provider said so; null when nothing holds us back. */
  readonly pausedUntil: Date | null;
}

/** A call of a provider to us, as it arrived: exact bytes, because the signature covers them. */
export interface ProviderCall {
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: string;
}

/** What such a call tells. `forged`: its signature does not fit, or none can be checked. */
export type ProviderNews =
  | { readonly kind: "forged" }
  | { readonly kind: "ignored" }
  /** Something changed that releases with this repository show: a branch, a pull request, checks. */
  | {
      readonly kind: "changed";
      readonly deliveryId: string;
      readonly repository: RepoRef;
      /** Branches that moved; null when something else about the repository did. */
      readonly branches: readonly string[] | null;
    };

/**
 * Source control as the use cases see it. Refs are branch names, tags or full commit ids given by people: a provider must
 * refuse hostile ones with `RefInvalid` and never hand them to a shell or let them become options.
 *
 * Failures of one repository come back as `ProviderFailure` from the `…Many` methods and as `UpstreamUnavailable`,
 * `UpstreamRejected` or `UpstreamTimeout` from the others.
 */
export interface ScmProvider {
  readonly id: string;
  /** Every repository this provider is configured for. */
  listRepositories(signal: AbortSignal): Promise<readonly RepoRef[]>;
  /** Compares many pairs concurrently, yielding each as it is known. One bad repository never fails the rest. */
  compareMany(pairs: readonly RefPair[], signal: AbortSignal): AsyncIterable<CompareResult>;
  /** What many refs stand for now. */
  resolveMany(
    refs: readonly { readonly repository: RepoRef; readonly ref: string }[],
    signal: AbortSignal,
  ): Promise<readonly RefResult[]>;
  listBranches(
    repository: RepoRef,
    query: { readonly prefix?: string; readonly limit: number },
    signal: AbortSignal,
  ): Promise<readonly { readonly name: string; readonly sha: string }[]>;
  /**
   * Identity of the effective change from the merge base of `base` and `head` to `head`, independent of commit ids and of
   * line numbers: the same patch rebased, or with base merged in, has the same identity.
   */
  patchIdentity(
    repository: RepoRef,
    base: string,
    head: string,
    signal: AbortSignal,
  ): Promise<string>;
  /** Moves `branch` to exactly `sha` when that is a fast-forward. Idempotent. */
  land(repository: RepoRef, branch: string, sha: string, signal: AbortSignal): Promise<Landed>;
  /**
   * One file at one exact commit; null when the commit has no such file. Symbolic links, folders and submodules are no
   * files: they are refused, and links in the path are never followed. Throws UpstreamRejected for those, for a file larger
   * than `maxBytes` and for a commit that is not there, FilePathInvalid and RefInvalid for what cannot be asked for.
   */
  readFile(
    repository: RepoRef,
    file: { readonly sha: string; readonly path: string; readonly maxBytes: number },
    signal: AbortSignal,
  ): Promise<Uint8Array | null>;
  /** Address a deploy target can fetch the repository from; null when there is none. Never holds credentials. */
  cloneUrl(repository: RepoRef): string | null;
  /** Open (or newest merged) pull request of exactly `head` into `base`. Absent: this provider has no pull requests. */
  pullRequest?(
    repository: RepoRef,
    base: string,
    head: string,
    signal: AbortSignal,
  ): Promise<PullRequest | null>;
  /** Absent: this provider knows no checks, and gates about them do not apply. */
  ciState?(repository: RepoRef, sha: string, signal: AbortSignal): Promise<CiState>;
  /** Opens a pull request of `head` into `base`, or answers the one that is open. Absent: not possible here. */
  openPullRequest?(
    repository: RepoRef,
    request: {
      readonly base: string;
      readonly head: string;
      readonly title: string;
      readonly body: string;
    },
    signal: AbortSignal,
  ): Promise<PullRequest>;
  /** Shows a status beside a commit. Saying the same twice changes nothing. */
  reportStatus?(
    repository: RepoRef,
    sha: string,
    status: CommitStatus,
    signal: AbortSignal,
  ): Promise<void>;
  /** Records a deployment at the forge, or moves the recorded one on. Saying the same twice changes nothing. */
  reportDeployment?(
    repository: RepoRef,
    report: DeploymentReport,
    signal: AbortSignal,
  ): Promise<void>;
  /** Request allowances as far as they are known; never asks for them. */
  budgets?(): readonly RequestBudget[];
  /** Reads a webhook call of the provider. Absent: this provider calls nobody. */
  hear?(call: ProviderCall): Promise<ProviderNews>;
}
