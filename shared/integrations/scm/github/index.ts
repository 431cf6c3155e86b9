import { z } from "zod";
import { requireFilePath } from "../../../core/ports/file-path.ts";
import {
  isCommitId,
  requireCommitId,
  requireRefName,
  requireRefPrefix,
} from "../../../core/ports/ref-name.ts";
import { scmFailureError } from "../../../core/ports/scm-failure.ts";
import type {
  CiState,
  CommitStatus,
  CompareResult,
  DeploymentReport,
  Landed,
  ProviderCall,
  ProviderNews,
  PullRequest,
  RefPair,
  RefResult,
  RepoRef,
  ScmProvider,
} from "../../../core/ports/scm.ts";
import { asTheyCome } from "../as-they-come.ts";
import { defineScm, type ScmDeps } from "../definition.ts";
import { manyListeners } from "../many-listeners.ts";
import { createMemoryCache } from "../memory-cache.ts";
import { createBatches } from "./batches.ts";
import { Rollup, ROLLUP_SELECTION, toCiState, webUrl } from "./checks.ts";
import { createGithubClient, type ClientTuning } from "./client.ts";
import { compareCommits, nothingNew, type Difference } from "./compare.ts";
import { GithubFailed, missingRefFailure, nonsenseFailure } from "./failures.ts";
import { createFileStatesReader, type FileStatesReader } from "./file-states.ts";
import { readHeads, resolveRefs, type Heads } from "./heads.ts";
import { landBranch } from "./land.ts";
import { GithubOptions } from "./options.ts";
import { encodePath, findPullRequest, openPullRequest, repoPath } from "./pull-requests.ts";
import { createQuestion, parseLocator } from "./question.ts";
import { readFileAt } from "./read-file.ts";
import { reportDeployment, reportStatus } from "./reports.ts";
import { createRepositories } from "./repositories.ts";
import { hear } from "./webhooks.ts";

/**
 * Repositories in one GraphQL request. More would be allowed; what limits it is the ten seconds GitHub gives a query:
 * https://docs.github.com/en/graphql/overview/rate-limits-and-query-limits-for-the-graphql-api#timeouts
 */
const LARGEST_BATCH = 100;

export const githubScm = defineScm({
  provider: "github",
  options: GithubOptions,
  create: (options, deps) => createGithubScm(options, deps),
});

/**
 * GitHub, github.com and Enterprise. Many repositories are asked about in one GraphQL request, and only those with commits to
 * release one by one by REST. What can never change (a comparison of two commits) is kept, everything else is asked for with
 * the mark of the answer we have.
 */
export function createGithubScm(
  options: GithubOptions,
  deps: Pick<ScmDeps, "id" | "logger" | "httpCache">,
  tuning: ClientTuning = {},
): ScmProvider {
  const { logger } = deps;
  const cache = deps.httpCache ?? createMemoryCache();
  const told = new Set<string>();
  const client = createGithubClient(options, {
    cache,
    logger,
    onMoved: (path) =>
      tell(path, { path }, "github answers from another address: renamed or moved"),
    ...tuning,
  });
  const batches = createBatches(LARGEST_BATCH);
  const repositories = createRepositories(deps.id, options, client);
  const lookUp = { client, batches, note: noteName };

  return {
    id: deps.id,
    listRepositories: (signal) =>
      orError({ name: "GitHub" }, "listing repositories", () => repositories.list(signal)),
    compareMany,
    resolveMany,
    listBranches,
    patchIdentity,
    land,
    cloneUrl: ({ locator }) => `${client.addresses.web}/${locator}.git`,
    pullRequest,
    ciState,
    readFile: async (repository, file, signal) => {
      requireCommitId(file.sha);
      requireFilePath(file.path);
      return orError(repository, `reading ${file.path}`, () =>
        readFileAt(siteOf(repository, signal), file),
      );
    },
    openPullRequest: openOne,
    reportStatus: (repository, sha, status, signal) => report(repository, sha, status, signal),
    reportDeployment: (repository, given, signal) => recordDeployment(repository, given, signal),
    budgets: () => client.account.budgets(),
    hear: (call: ProviderCall): Promise<ProviderNews> =>
      hear(
        {
          secret: options.webhook_secret,
          findRepository: (fullName, topics) => repositories.find(fullName, topics),
        },
        call,
      ),
  };

  async function* compareMany(
    pairs: readonly RefPair[],
    signal: AbortSignal,
  ): AsyncGenerator<CompareResult> {
    for (const { base, head } of pairs) {
      requireRefName(base);
      requireRefName(head);
    }
    const stop = new AbortController();
    const until = manyListeners(signal, stop.signal);
    const states = createFileStatesReader(client, until);
    const answers = pairs.map((pair) => ({ pair, ...deferred<CompareResult>() }));
    const known = answers.filter(({ pair, resolve }) => {
      const failure = whyNotOurs(pair.repository);
      if (failure !== null) {
        resolve({ repository: pair.repository, ok: false, failure });
      }
      return failure === null;
    });
    try {
      const asked = known.map((answer) => ({ ...answer.pair, answer }));
      void readHeads(lookUp, asked, until, ({ answer }, result) => {
        const { repository } = answer.pair;
        if ("failure" in result) {
          answer.resolve({ repository, ok: false, failure: result.failure });
        } else {
          finish(answer.pair, result.heads, states, until).then(answer.resolve, answer.reject);
        }
      }).catch((error: unknown) => {
        answers.forEach(({ reject }) => reject(error));
      });
      yield* asTheyCome(answers.map(({ promise }) => promise));
    } finally {
      // Whoever stops listening needs no more answers.
      stop.abort(new Error("nobody waits for this comparison any more"));
    }
  }

  async function finish(
    { repository, base, head }: RefPair,
    heads: Heads,
    states: FileStatesReader,
    signal: AbortSignal,
  ): Promise<CompareResult> {
    const { baseSha, headSha, counts, url } = heads;
    try {
      let difference: Difference;
      if (counts?.ahead === 0) {
        difference = nothingNew(headSha, counts.behind);
      } else {
        states.expect();
        const address = parseLocator(repository.locator);
        difference = await compareCommits(
          { client, cache, states },
          address,
          baseSha,
          headSha,
          signal,
        );
      }
      const { identity, isBaseUnchanged, ...rest } = difference;
      return {
        repository,
        ok: true,
        comparison: {
          repository,
          baseSha,
          headSha,
          ...rest,
          url: url === null ? null : `${url}/compare/${encodePath(base)}...${encodePath(head)}`,
        },
        details: {
          ...heads.details,
          ...(identity === null ? {} : { patchIdentity: identity }),
          ...(isBaseUnchanged === null ? {} : { isBaseUnchanged }),
        },
      };
    } catch (error) {
      if (error instanceof GithubFailed) {
        return { repository, ok: false, failure: error.failure };
      }
      throw error;
    }
  }

  async function resolveMany(
    refs: readonly { readonly repository: RepoRef; readonly ref: string }[],
    signal: AbortSignal,
  ): Promise<readonly RefResult[]> {
    refs.forEach(({ ref }) => requireRefName(ref));
    const known = refs.filter(({ repository }) => whyNotOurs(repository) === null);
    const results = [...(await resolveRefs(lookUp, known, signal))];
    return refs.map(({ repository, ref }): RefResult => {
      const failure = whyNotOurs(repository);
      const result = failure === null ? results.shift() : undefined;
      return (
        result ?? {
          repository,
          ref,
          ok: false,
          failure: failure ?? missingRefFailure(repository.name, ref, false),
        }
      );
    });
  }

  async function listBranches(
    repository: RepoRef,
    query: { readonly prefix?: string; readonly limit: number },
    signal: AbortSignal,
  ) {
    const { prefix = "", limit } = query;
    requireRefPrefix(prefix);
    return orError(repository, "listing branches", async () => {
      const { data } = await client.read(
        {
          path: `${repoPath(parseLocator(repository.locator))}/git/matching-refs/heads/${encodePath(prefix)}`,
          schema: z.array(z.object({ ref: z.string(), object: z.object({ sha: z.string() }) })),
          operation: "listing branches",
          about: repository.locator,
          conditional: "branches-1",
        },
        signal,
      );
      return data
        .map(({ ref, object }) => ({ name: ref.slice("refs/heads/".length), sha: object.sha }))
        .sort((a, b) => (a.name < b.name ? -1 : 1))
        .slice(0, Math.max(1, Math.trunc(limit)));
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
    return orError(repository, "reading the change", async () => {
      const [baseSha, headSha] = await commitsOf(repository, [base, head], signal);
      const until = manyListeners(signal);
      const states = createFileStatesReader(client, until);
      states.expect();
      const address = parseLocator(repository.locator);
      const { identity } =
        baseSha === headSha
          ? nothingNew(headSha, 0)
          : await compareCommits({ client, cache, states }, address, baseSha, headSha, until);
      if (identity === null) {
        throw new GithubFailed({
          code: "repository_unreadable",
          reason: `GitHub does not show all of the change in ${repository.name}, so it cannot be told from others.`,
          remedy: "Sign it again after each new commit, or release it in smaller steps.",
        });
      }
      return identity;
    });
  }

  /** Two names as commits; nobody is asked about ids. */
  async function commitsOf(
    repository: RepoRef,
    refs: readonly [string, string],
    signal: AbortSignal,
  ): Promise<readonly [string, string]> {
    if (refs.every(isCommitId)) {
      return refs;
    }
    const [base, head] = await resolveRefs(
      lookUp,
      refs.map((ref) => ({ repository, ref })),
      signal,
    );
    for (const result of [base, head]) {
      if (result?.ok === false) {
        throw new GithubFailed(result.failure);
      }
    }
    if (base?.ok !== true || head?.ok !== true) {
      throw new GithubFailed(nonsenseFailure("looking up branches"));
    }
    return [base.sha, head.sha];
  }

  async function land(
    repository: RepoRef,
    branch: string,
    sha: string,
    signal: AbortSignal,
  ): Promise<Landed> {
    requireRefName(branch);
    requireCommitId(sha);
    return orError(repository, `moving "${branch}"`, () =>
      landBranch({ ...siteOf(repository, signal), branch }, sha, options.land),
    );
  }

  async function pullRequest(
    repository: RepoRef,
    base: string,
    head: string,
    signal: AbortSignal,
  ): Promise<PullRequest | null> {
    requireRefName(base);
    requireRefName(head);
    if (isCommitId(base) || isCommitId(head)) {
      return null;
    }
    return orError(repository, "looking for a pull request", () =>
      findPullRequest(client, parseLocator(repository.locator), base, head, signal),
    );
  }

  async function openOne(
    repository: RepoRef,
    request: {
      readonly base: string;
      readonly head: string;
      readonly title: string;
      readonly body: string;
    },
    signal: AbortSignal,
  ): Promise<PullRequest> {
    requireRefName(request.base);
    requireRefName(request.head);
    return orError(repository, "opening a pull request", () =>
      openPullRequest(client, parseLocator(repository.locator), request, signal),
    );
  }

  async function ciState(repository: RepoRef, sha: string, signal: AbortSignal): Promise<CiState> {
    requireCommitId(sha);
    const operation = "reading checks";
    return orError(repository, operation, async () => {
      const question = createQuestion();
      question.repository(parseLocator(repository.locator), () => {
        const commit = question.variable(sha, "GitObjectID!");
        return `url object(oid: ${commit}) { ... on Commit { oid ${ROLLUP_SELECTION} } }`;
      });
      const [answer] = await question.ask(client, { operation }, signal);
      if (answer === undefined || "failure" in answer) {
        throw new GithubFailed(answer?.failure ?? nonsenseFailure(operation));
      }
      const found = z
        .object({ oid: z.string(), statusCheckRollup: Rollup.optional() })
        .nullable()
        .safeParse(answer.data["object"] ?? null);
      if (!found.success || found.data?.statusCheckRollup === undefined) {
        throw new GithubFailed(
          found.success && found.data === null
            ? missingRefFailure(repository.name, sha, true)
            : {
                code: "repository_unreadable",
                reason: `GitHub does not show the checks of ${repository.name}.`,
                remedy: "Give the token or App the rights to read checks and commit statuses.",
              },
        );
      }
      const page = webUrl(String(answer.data["url"]));
      return toCiState(
        found.data.statusCheckRollup,
        page === null ? null : `${page}/commit/${sha}`,
      );
    });
  }

  async function report(
    repository: RepoRef,
    sha: string,
    status: CommitStatus,
    signal: AbortSignal,
  ): Promise<void> {
    requireCommitId(sha);
    await orError(repository, "showing a status", () =>
      reportStatus(siteOf(repository, signal), sha, status),
    );
  }

  async function recordDeployment(
    repository: RepoRef,
    given: DeploymentReport,
    signal: AbortSignal,
  ): Promise<void> {
    requireCommitId(given.sha);
    await orError(repository, "recording the deployment", () =>
      reportDeployment(siteOf(repository, signal), given),
    );
  }

  function siteOf(repository: RepoRef, signal: AbortSignal) {
    return {
      client,
      address: parseLocator(repository.locator),
      about: repository.locator,
      signal: manyListeners(signal),
    };
  }

  /** A stored reference may be older than the configuration: only what that names is ours to touch. */
  function whyNotOurs({ name, locator }: RepoRef) {
    return repositories.find(locator) === null
      ? {
          code: "repository_missing" as const,
          reason: `${name} is not configured any more.`,
          remedy: "Add it to `repositories` in config.yaml again, or leave it out.",
        }
      : null;
  }

  function noteName(asked: string, actual: string): void {
    if (asked.toLowerCase() !== actual.toLowerCase()) {
      tell(
        asked,
        { repository: asked, now: actual },
        "a repository was renamed on github: change its name in config.yaml",
      );
    }
  }

  /** Once is enough: it stays true until somebody changes the configuration. */
  function tell(key: string, fields: object, message: string): void {
    if (!told.has(key)) {
      told.add(key);
      logger?.warn(fields, message);
    }
  }

  async function orError<T>(
    repository: Pick<RepoRef, "name"> & Partial<RepoRef>,
    operation: string,
    work: () => Promise<T>,
  ): Promise<T> {
    const about = { repository: repository.name, operation, timeoutMs: client.timeoutMs };
    const foreign = repository.locator === undefined ? null : whyNotOurs(repository as RepoRef);
    if (foreign !== null) {
      throw scmFailureError(foreign, about);
    }
    try {
      return await work();
    } catch (error) {
      if (error instanceof GithubFailed) {
        throw scmFailureError(error.failure, about, error);
      }
      throw error;
    }
  }
}

/** A promise, and the two functions that settle it. */
function deferred<T>() {
  let resolve: (value: T) => void = () => undefined;
  let reject: (reason: unknown) => void = () => undefined;
  const promise = new Promise<T>((done, fail) => {
    [resolve, reject] = [done, fail];
  });
  return { promise, resolve, reject };
}
