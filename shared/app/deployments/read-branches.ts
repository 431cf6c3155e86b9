import type {
  BranchFact,
  DeployItem,
  DestinationFact,
} from "../../core/requirements/requirement.ts";
import type { RepoRef } from "../../core/ports/scm.ts";
import type { ReleaseRow } from "../../db/rows/release.ts";
import type { ReleaseItemRow } from "../../db/rows/release-item.ts";
import { AppError } from "../../errors/app-error.ts";
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
 * One repository that cannot be read becomes a fact with a reason; a provider that cannot be reached throws.
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
  const found = new Map<string, RepoRef | AppError>();
  await Promise.all(
    names.map(async (name) => {
      found.set(
        name,
        await deps.findRepository(name, signal).catch((error: unknown) => {
          // A repository that is no longer configured concerns its own items only.
          if (error instanceof AppError && error.kind === "not_found") {
            return error;
          }
          throw error;
        }),
      );
    }),
  );
  const located: Located[] = [];
  const missing = new Map<string, string>();
  for (const item of items) {
    const repository = found.get(item.repository);
    if (repository instanceof AppError) {
      missing.set(item.service, repository.message);
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
      const results = await deps.scm(provider).resolveMany(
        repositories.map((repository) => ({ repository, ref: branch })),
        signal,
      );
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
        for await (const result of deps.scm(provider).compareMany(
          pairs.map(({ repository, sha }) => ({ repository, base: branch, head: sha })),
          signal,
        )) {
          const sha = pairs.find((pair) => repoKey(pair.repository) === repoKey(result.repository));
          destinations.set(
            pairKey(result.repository, sha?.sha ?? null),
            result.ok
              ? {
                  fact: { ok: true, behindCount: result.comparison.behindCount },
                  isLanded: result.comparison.commitCount === 0,
                }
              : { fact: { ok: false, reason: result.failure.reason }, isLanded: false },
          );
        }
      }
    }),
  );
  return destinations;
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
        await provider.ciState(repository, item.headSha, signal).catch((error: unknown) => {
          if (error instanceof AppError) {
            return { ok: false as const, reason: error.message };
          }
          throw error;
        }),
      );
    }),
  );
  return checks;
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
