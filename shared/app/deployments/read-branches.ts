import type {
  BranchFact,
  DeployItem,
  DestinationFact,
} from "../../core/requirements/requirement.ts";
import type { RepoRef, ScmProvider } from "../../core/ports/scm.ts";
import type { ReleaseRow } from "../../db/rows/release.ts";
import type { ReleaseItemRow } from "../../db/rows/release-item.ts";
import { AppError } from "../../errors/app-error.ts";
import { behindCount } from "../releases/behind-count.ts";
import { cleanCi } from "../releases/draft-items.ts";
import type { LiveFacts } from "../releases/gather-release-facts.ts";
import type { DeploymentDeps } from "./deps.ts";

interface Located {
  readonly item: ReleaseItemRow;
  readonly repository: RepoRef;
}

const UNKNOWN_REF: BranchFact = { ok: false, reason: "source control did not say." };

/**
 * Asks source control where the branches of a branch release stand now: the source of every item, the destination of
 * those that are to land, and the checks of the exact commits. Promotions come from no branch.
 *
 * What cannot be read, one repository or all of a provider, becomes a fact with a reason: it concerns its own items only.
 */
export async function readBranches(
  deps: Pick<DeploymentDeps, "scm" | "findRepository">,
  release: Pick<ReleaseRow, "kind" | "sourceBranch" | "destinationBranch">,
  items: readonly ReleaseItemRow[],
  options: { readonly isLanding: boolean },
  signal: AbortSignal,
): Promise<LiveFacts> {
  const source = new Map<string, BranchFact>();
  const destination = new Map<string, DestinationFact>();
  const ci = new Map<string, NonNullable<DeployItem["ci"]>>();
  const landed = new Set<string>();
  const { sourceBranch, destinationBranch } = release;
  const included = items.filter((item) => !item.excluded && item.headSha !== null);
  if (release.kind !== "branch" || sourceBranch === null) {
    return { source, destination, ci, landed };
  }
  const { located, missing } = await locate(deps, included, signal);
  for (const [service, reason] of missing) {
    source.set(service, { ok: false, reason });
    destination.set(service, { ok: false, reason });
  }
  const [sources, destinations, checks] = await Promise.all([
    resolveSources(deps, located, sourceBranch, signal),
    options.isLanding && destinationBranch !== null
      ? compareDestinations(deps, located, destinationBranch, signal)
      : new Map<string, Destination>(),
    readChecks(deps, located, signal),
  ]);
  for (const { item, repository } of located) {
    const { service } = item;
    const key = pairKey(repository, item.headSha);
    const compared = destinations.get(key);
    const checked = checks.get(key);
    source.set(service, sources.get(repoKey(repository)) ?? UNKNOWN_REF);
    if (compared) {
      destination.set(service, compared.fact);
    }
    if (compared?.isLanded) {
      landed.add(service);
    }
    if (checked) {
      ci.set(service, checked);
    }
  }
  return { source, destination, ci, landed };
}

async function locate(
  deps: Pick<DeploymentDeps, "findRepository">,
  items: readonly ReleaseItemRow[],
  signal: AbortSignal,
): Promise<{ located: readonly Located[]; missing: ReadonlyMap<string, string> }> {
  const names = [...new Set(items.map((item) => item.repository))];
  const found = new Map<string, RepoRef | Unreadable>();
  await Promise.all(
    names.map(async (name) => {
      found.set(
        name,
        await deps.findRepository(name, signal).catch((error: unknown) => {
          // One that is no longer configured, or whose provider is silent.
          return asReason(error, signal);
        }),
      );
    }),
  );
  const located: Located[] = [];
  const missing = new Map<string, string>();
  for (const item of items) {
    const repository = found.get(item.repository);
    if (repository && "reason" in repository) {
      missing.set(item.service, repository.reason);
    } else if (repository) {
      located.push({ item, repository });
    }
  }
  return { located, missing };
}

async function resolveSources(
  deps: Pick<DeploymentDeps, "scm">,
  located: readonly Located[],
  branch: string,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, BranchFact>> {
  const sources = new Map<string, BranchFact>();
  await Promise.all(
    byProvider(located).map(async ([provider, repositories]) => {
      const refs = repositories.map((repository) => ({ repository, ref: branch }));
      const results = await deps
        .scm(provider)
        .resolveMany(refs, signal)
        .catch((error: unknown) => asReason(error, signal));
      if ("reason" in results) {
        repositories.forEach((one) => sources.set(repoKey(one), { ok: false, ...results }));
        return;
      }
      for (const result of results) {
        sources.set(
          repoKey(result.repository),
          result.ok ? { ok: true, sha: result.sha } : { ok: false, reason: result.failure.reason },
        );
      }
    }),
  );
  return sources;
}

interface Destination {
  readonly fact: DestinationFact;
  readonly isLanded: boolean;
}

async function compareDestinations(
  deps: Pick<DeploymentDeps, "scm">,
  located: readonly Located[],
  branch: string,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Destination>> {
  const destinations = new Map<string, Destination>();
  const shas = new Map<string, Set<string>>();
  for (const { item, repository } of located) {
    const known = shas.get(repoKey(repository)) ?? new Set<string>();
    shas.set(repoKey(repository), known.add(item.headSha ?? ""));
  }
  await Promise.all(
    byProvider(located).map(async ([provider, repositories]) => {
      // Services of one repository usually share their commit, so pairs are made of distinct commits.
      for (const pairs of rounds(repositories, shas)) {
        try {
          for await (const [key, destination] of compareRound(
            deps.scm(provider),
            branch,
            pairs,
            signal,
          )) {
            destinations.set(key, destination);
          }
        } catch (error) {
          const fact = { ok: false as const, ...asReason(error, signal) };
          for (const { repository, sha } of pairs) {
            const key = pairKey(repository, sha);
            destinations.set(key, destinations.get(key) ?? { fact, isLanded: false });
          }
        }
      }
    }),
  );
  return destinations;
}

async function* compareRound(
  scm: ScmProvider,
  branch: string,
  pairs: readonly { readonly repository: RepoRef; readonly sha: string }[],
  signal: AbortSignal,
): AsyncGenerator<readonly [string, Destination]> {
  const wanted = pairs.map(({ repository, sha }) => ({ repository, base: branch, head: sha }));
  for await (const result of scm.compareMany(wanted, signal)) {
    const pair = pairs.find(({ repository }) => repoKey(repository) === repoKey(result.repository));
    yield [
      pairKey(result.repository, pair?.sha ?? null),
      result.ok
        ? {
            fact: { ok: true, behindCount: await behindCount(scm, result, signal) },
            isLanded: result.comparison.commitCount === 0,
          }
        : { fact: { ok: false, reason: result.failure.reason }, isLanded: false },
    ];
  }
}

/** Groups of pairs in which each repository appears once, so that an answer can be told by its repository. */
function* rounds(
  repositories: readonly RepoRef[],
  shas: ReadonlyMap<string, ReadonlySet<string>>,
): Iterable<readonly { readonly repository: RepoRef; readonly sha: string }[]> {
  const queues = repositories.map((repository) => ({
    repository,
    shas: [...(shas.get(repoKey(repository)) ?? [])],
  }));
  for (let round = 0; queues.some((queue) => queue.shas.length > round); round += 1) {
    yield queues.flatMap(({ repository, shas: all }) => {
      const sha = all[round];
      return sha === undefined ? [] : [{ repository, sha }];
    });
  }
}

async function readChecks(
  deps: Pick<DeploymentDeps, "scm">,
  located: readonly Located[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, DeployItem["ci"]>> {
  const checks = new Map<string, DeployItem["ci"]>();
  await Promise.all(
    located.map(async ({ item, repository }) => {
      const provider = deps.scm(repository.provider);
      const key = pairKey(repository, item.headSha);
      if (!provider.ciState || item.headSha === null || checks.has(key)) {
        return;
      }
      checks.set(key, null);
      checks.set(
        key,
        await provider
          .ciState(repository, item.headSha, signal)
          .then(cleanCi)
          .catch((error: unknown) => ({ ok: false as const, ...asReason(error, signal) })),
      );
    }),
  );
  return checks;
}

interface Unreadable {
  readonly reason: string;
}

/** Why something could not be read. Throws what is no answer of source control: a bug, or that nobody waits any more. */
function asReason(error: unknown, signal: AbortSignal): Unreadable {
  signal.throwIfAborted();
  if (error instanceof AppError) {
    return { reason: error.message };
  }
  throw error;
}

function byProvider(located: readonly Located[]): readonly [string, readonly RepoRef[]][] {
  const groups = new Map<string, Map<string, RepoRef>>();
  for (const { repository } of located) {
    const group = groups.get(repository.provider) ?? new Map<string, RepoRef>();
    groups.set(repository.provider, group.set(repoKey(repository), repository));
  }
  return [...groups].map(([provider, repositories]) => [provider, [...repositories.values()]]);
}

function repoKey(repository: RepoRef): string {
  return `${repository.provider} ${repository.name}`;
}

function pairKey(repository: RepoRef, sha: string | null): string {
  return `${repoKey(repository)} ${sha ?? ""}`;
}
