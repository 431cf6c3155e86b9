import PQueue from "p-queue";
import type { CiState, CompareResult, RepoRef, ScmProvider } from "../../core/ports/scm.ts";
import type { StoredProblem } from "../../db/rows/release.ts";
import { AppError } from "../../errors/app-error.ts";
import {
  BranchMissing,
  InputInvalid,
  RepositoriesUnconfigured,
  RepositoryUnknown,
  UpstreamUnavailable,
} from "../../errors/catalog.ts";
import { didYouMean, joinWords } from "../../lib/text.ts";
import type { Progress } from "../services.ts";
import { behindCount } from "./behind-count.ts";
import type { RepositoryReading } from "./draft-items.ts";
import type { ReleaseDeps } from "./release-deps.ts";

/** Longest a comparison of all repositories may take; each provider has shorter limits of its own. */
const LONGEST_READ_MS = 15 * 60_000;
/** Repositories asked at the same time for what is not part of the comparison. */
const CONCURRENT_DETAILS = 8;
/** Repositories whose branches are looked through for what somebody may have meant. */
const REPOSITORIES_FOR_SUGGESTIONS = 3;

/** What an earlier reading found out, so that it need not be worked out again. */
export interface KnownIdentity {
  readonly headSha: string | null;
  readonly mergeBaseSha: string | null;
  readonly patchIdentity: string | null;
}

export interface ReadingRequest {
  readonly source: string;
  readonly destination: string;
  /** Repositories as people name them; null: all that are configured. */
  readonly names: readonly string[] | null;
  /** Repositories that must be answered for; one that is not configured any more becomes a problem. */
  readonly expected: readonly string[];
  /** By repository. */
  readonly known: ReadonlyMap<string, KnownIdentity>;
}

export interface Readings {
  /** Names of all repositories that were looked at, failures included. */
  readonly repositories: readonly string[];
  /** Those with commits to release. */
  readonly changed: readonly RepositoryReading[];
  /** Names of those that were compared and have nothing to release. */
  readonly unchanged: readonly string[];
  readonly problems: readonly StoredProblem[];
}

export interface LocatedRepository {
  readonly scm: ScmProvider;
  readonly repository: RepoRef;
}
type Located = LocatedRepository;

type ReadDeps = Pick<ReleaseDeps, "scms" | "stopping" | "logger">;

/**
 * Compares two branches in many repositories at once. A repository, or a whole provider, that cannot be read becomes a
 * problem and never fails the others.
 *
 * @throws RefInvalid, RepositoryUnknown, RepositoriesUnconfigured, and what source control says when none of it answers
 */
export async function readRepositories(
  deps: ReadDeps,
  request: ReadingRequest,
  progress?: Progress,
): Promise<Readings> {
  const signal = AbortSignal.any([deps.stopping, AbortSignal.timeout(LONGEST_READ_MS)]);
  const listed = await listRepositories(deps.scms, signal);
  const chosen = choose(listed, knownNames(listed, request));
  const results = await compareAll(chosen, request, signal, progress);

  const problems = [...listed.problems, ...absent(listed, request.expected)];
  const unchanged: string[] = [];
  const toDetail: { readonly located: Located; readonly result: CompareResult & { ok: true } }[] =
    [];
  for (const [located, result] of results) {
    if (!result.ok) {
      problems.push({ repository: located.repository.name, ...result.failure });
    } else if (result.comparison.commitCount === 0) {
      unchanged.push(located.repository.name);
    } else {
      toDetail.push({ located, result });
    }
  }
  const queue = new PQueue({ concurrency: CONCURRENT_DETAILS });
  const changed = await queue.addAll(
    toDetail.map(
      ({ located, result }) =>
        () =>
          detail(deps, located, result, request, signal),
    ),
  );
  return {
    repositories: chosen.map(({ repository }) => repository.name),
    changed,
    unchanged,
    problems: problems.sort((a, b) => (a.repository < b.repository ? -1 : 1)),
  };
}

/**
 * The error for branches that exist together in no repository, with names that may have been meant. Looks at a few
 * repositories only, and at none that do not answer.
 */
export async function branchMissing(
  deps: ReadDeps,
  { source, destination, names }: Pick<ReadingRequest, "source" | "destination" | "names">,
): Promise<BranchMissingError> {
  const signal = AbortSignal.any([deps.stopping, AbortSignal.timeout(10_000)]);
  const listed = await listRepositories(deps.scms, signal);
  const some = choose(listed, names).slice(0, REPOSITORIES_FOR_SUGGESTIONS);
  const lists = await Promise.allSettled(
    some.map(({ scm, repository }) => scm.listBranches(repository, { limit: 500 }, signal)),
  );
  const branches = [
    ...new Set(lists.flatMap((l) => (l.status === "fulfilled" ? l.value.map((b) => b.name) : []))),
  ];
  const suggestions = [source, destination].flatMap((name) => didYouMean(name, branches, 1));
  return new BranchMissing({ source, destination, suggestions });
}
type BranchMissingError = InstanceType<typeof BranchMissing>;

/** Names of every configured repository that can be listed now. */
export async function repositoryNames(deps: ReadDeps): Promise<readonly string[]> {
  const { located } = await listRepositories(deps.scms, deps.stopping);
  return located.map(({ repository }) => repository.name).sort();
}

/**
 * Where each repository is, by its whole name; for one that is nowhere, the error that says so. A provider that does not
 * answer is no reason to call its repositories unknown.
 *
 * @throws RepositoriesUnconfigured, and what source control says when none of it answers
 */
export async function locateRepositories(
  scms: readonly ScmProvider[],
  signal: AbortSignal,
): Promise<{ of(name: string): LocatedRepository | AppError }> {
  const { located, problems } = await listRepositories(scms, signal);
  const byName = new Map(located.map((one) => [one.repository.name, one]));
  return {
    of(name) {
      const [unlisted] = problems;
      return (
        byName.get(name) ??
        (unlisted
          ? new UpstreamUnavailable(
              { system: unlisted.repository, operation: `finding ${name}`, why: unlisted.reason },
              { remedy: unlisted.remedy },
            )
          : unknownRepository(name, [...byName.keys()]))
      );
    },
  };
}

/** Whether somebody who says `name` means this repository (or service): its whole name, or what follows its last slash. */
export function isNamed(full: string, name: string): boolean {
  return full === name || full.endsWith(`/${name}`);
}

interface Listed {
  readonly located: readonly Located[];
  readonly problems: readonly StoredProblem[];
}

async function listRepositories(
  scms: readonly ScmProvider[],
  signal: AbortSignal,
): Promise<Listed> {
  if (scms.length === 0) {
    throw new RepositoriesUnconfigured({});
  }
  const lists = await Promise.allSettled(scms.map((scm) => scm.listRepositories(signal)));
  const located: Located[] = [];
  const problems: StoredProblem[] = [];
  const seen = new Set<string>();
  lists.forEach((list, index) => {
    const scm = scms[index];
    if (!scm) {
      return;
    }
    if (list.status === "rejected") {
      problems.push(problemOf(scm.id, list.reason));
      return;
    }
    for (const repository of list.value) {
      if (!seen.has(repository.name)) {
        seen.add(repository.name);
        located.push({ scm, repository });
      }
    }
  });
  const failed = lists.find((list) => list.status === "rejected");
  if (failed && problems.length === scms.length) {
    throw failed.reason;
  }
  return { located, problems };
}

function choose(
  { located, problems }: Listed,
  names: readonly string[] | null,
): readonly Located[] {
  if (names === null) {
    if (located.length === 0 && problems.length === 0) {
      throw new RepositoriesUnconfigured({});
    }
    return located;
  }
  const known = located.map(({ repository }) => repository.name);
  const chosen = new Map<string, Located>();
  for (const name of names) {
    const exact = located.filter(({ repository }) => repository.name === name);
    const matches =
      exact.length > 0 ? exact : located.filter(({ repository }) => isNamed(repository.name, name));
    const [first] = matches;
    if (!first) {
      throw unknownRepository(name, known);
    }
    if (matches.length > 1) {
      const all = joinWords(
        matches.map(({ repository }) => repository.name),
        "or",
      );
      throw new InputInvalid(
        { problems: [{ pointer: "/repositories", message: `"${name}" may be ${all}` }] },
        { remedy: "Write the whole name." },
      );
    }
    chosen.set(first.repository.name, first);
  }
  return [...chosen.values()];
}

/** The names asked for, without those that are only expected and not there. */
function knownNames(
  { located }: Listed,
  { names, expected }: ReadingRequest,
): readonly string[] | null {
  const there = new Set(located.map(({ repository }) => repository.name));
  const gone = new Set(expected.filter((name) => !there.has(name)));
  return names?.filter((name) => !gone.has(name)) ?? null;
}

function absent({ located, problems }: Listed, expected: readonly string[]): StoredProblem[] {
  const there = new Set(located.map(({ repository }) => repository.name));
  return [...new Set(expected)]
    .filter((name) => !there.has(name))
    .map((repository) =>
      problems.length > 0
        ? {
            repository,
            code: "repository_unlisted",
            reason: "Its provider did not list it, so it stays as it was compared before.",
            remedy: "Say `refresh` when the provider answers again.",
          }
        : {
            repository,
            code: "repository_missing",
            reason: "It is not among the configured repositories any more.",
            remedy: "Add it to config.yaml again, or exclude what comes from it.",
          },
    );
}

/** The error for a repository nobody configured, with names that may have been meant. */
export function unknownRepository(
  name: string,
  known: readonly string[],
): InstanceType<typeof RepositoryUnknown> {
  const shorts = known.map((full) => full.slice(full.lastIndexOf("/") + 1));
  const near = didYouMean(name, [...new Set([...known, ...shorts])]);
  return new RepositoryUnknown(
    { repository: name, known },
    near.length > 0 ? { remedy: `Did you mean ${joinWords(near, "or")}?` } : {},
  );
}

/** One result for each repository, whatever its provider does. */
async function compareAll(
  chosen: readonly Located[],
  { source, destination }: ReadingRequest,
  signal: AbortSignal,
  progress: Progress | undefined,
): Promise<ReadonlyMap<Located, CompareResult>> {
  const results = new Map<Located, CompareResult>();
  let done = 0;
  progress?.(0, chosen.length, "");
  const providers = [...new Set(chosen.map(({ scm }) => scm))];
  await Promise.all(
    providers.map(async (scm) => {
      const located = chosen.filter((one) => one.scm === scm);
      const byName = new Map(located.map((one) => [one.repository.name, one]));
      const pairs = located.map(({ repository }) => ({
        repository,
        base: destination,
        head: source,
      }));
      try {
        for await (const result of scm.compareMany(pairs, signal)) {
          const one = byName.get(result.repository.name);
          if (one) {
            results.set(one, result);
            done += 1;
            progress?.(done, chosen.length, result.repository.name);
          }
        }
      } catch (error) {
        // A provider that breaks off is like repositories that cannot be read; what a person typed wrong is not.
        if (!(error instanceof AppError) || !["upstream", "timeout"].includes(error.kind)) {
          throw error;
        }
        for (const one of located.filter((other) => !results.has(other))) {
          results.set(one, {
            repository: one.repository,
            ok: false,
            failure: { ...problemOf(one.repository.name, error), code: "unavailable" },
          });
        }
      }
      for (const one of located.filter((other) => !results.has(other))) {
        results.set(one, {
          repository: one.repository,
          ok: false,
          failure: {
            code: "unavailable",
            reason: `${scm.id} gave no answer about it.`,
            remedy: "Say `refresh` to try again.",
          },
        });
      }
    }),
  );
  return results;
}

/** What is worth knowing of a repository with commits, beyond the comparison. None of it fails the reading. */
async function detail(
  { logger }: ReadDeps,
  { scm, repository }: Located,
  { comparison, details = {} }: CompareResult & { ok: true },
  { source, destination, known }: ReadingRequest,
  signal: AbortSignal,
): Promise<RepositoryReading> {
  const before = known.get(repository.name);
  const isSameDiff =
    before?.headSha === comparison.headSha && before.mergeBaseSha === comparison.mergeBaseSha;
  const knownIdentity = isSameDiff ? before.patchIdentity : null;
  const [identity, pullRequest, ci, behind] = await Promise.allSettled([
    knownIdentity ??
      details.patchIdentity ??
      scm.patchIdentity(repository, comparison.baseSha, comparison.headSha, signal),
    details.pullRequest !== undefined
      ? details.pullRequest
      : (scm.pullRequest?.(repository, destination, source, signal) ?? null),
    details.ci ?? scm.ciState?.(repository, comparison.headSha, signal) ?? null,
    behindCount(scm, { comparison, details }, signal),
  ]);
  for (const part of [identity, pullRequest, ci, behind]) {
    if (part.status === "rejected") {
      const err: unknown = part.reason;
      logger.warn({ err, repository: repository.name }, "reading a detail of a repository");
    }
  }
  return {
    comparison: {
      ...comparison,
      behindCount: behind.status === "fulfilled" ? behind.value : comparison.behindCount,
    },
    // Unknown: the next commit then always asks for new signatures.
    patchIdentity: identity.status === "fulfilled" ? identity.value : null,
    pullRequest: pullRequest.status === "fulfilled" ? pullRequest.value : null,
    ci: ci.status === "fulfilled" ? ci.value : unreadableCi(ci.reason),
  };
}

/** Nobody can tell whether the checks passed, so nothing may go out as if they had. */
function unreadableCi(error: unknown): CiState {
  return {
    state: "pending",
    url: null,
    summary: error instanceof AppError ? error.message : "The checks could not be read.",
  };
}

function problemOf(repository: string, error: unknown): StoredProblem {
  return error instanceof AppError
    ? {
        repository,
        code: error.code,
        reason: error.message,
        remedy: error.remedy ?? "Say `refresh` to try again.",
      }
    : {
        repository,
        code: "unavailable",
        reason: "It could not be read.",
        remedy: "Say `refresh` to try again; the log has the cause.",
      };
}
