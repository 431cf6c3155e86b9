import { setMaxListeners } from "node:events";
import type { Clock } from "../../core/ports/clock.ts";
import type { RepoRef, ScmProvider } from "../../core/ports/scm.ts";
import { AppError } from "../../errors/app-error.ts";
import { ProviderNotConfigured, UpstreamUnavailable } from "../../errors/catalog.ts";
import { untilAborted } from "../../lib/deadline.ts";
import { unknownRepository } from "../releases/read-repositories.ts";
import type { DeploymentDeps } from "./deps.ts";

/** How long the list of a provider's repositories is trusted. */
const FRESH_MS = 60_000;
/** Whoever looks for something unknown, or asks a provider that does not answer, asks no more often than this. */
const ASK_AGAIN_MS = 5_000;
const LIST_TIMEOUT_MS = 60_000;

/** What one provider said last. */
interface Listed {
  /** When it was asked, whatever came of it; null: never. */
  askedAt: number | null;
  listedAt: number | null;
  /** From the last time it answered: a provider that is down keeps its repositories. */
  repositories: ReadonlyMap<string, RepoRef>;
  /** Why it did not answer last time. */
  failure: AppError | undefined;
  running: Promise<void> | undefined;
}

/**
 * Finds providers by id and repositories by the name people say. The first provider that has a name wins, as everywhere. A
 * name that is not in the remembered lists is looked for again before it counts as unknown.
 *
 * Providers are independent: one that does not answer leaves the repositories of the others to be found, and its own as they
 * were listed before. A name that nobody else has is not called unknown while one of them is silent.
 */
export function createRepositoryFinder(
  scms: readonly ScmProvider[],
  clock: Clock,
): Pick<DeploymentDeps, "scm" | "findRepository"> {
  const lists = scms.map((scm): { readonly scm: ScmProvider; readonly listed: Listed } => ({
    scm,
    listed: {
      askedAt: null,
      listedAt: null,
      repositories: new Map(),
      failure: undefined,
      running: undefined,
    },
  }));

  return {
    scm(providerId) {
      const found = scms.find(({ id }) => id === providerId);
      if (!found) {
        throw new ProviderNotConfigured({
          kind: "source control",
          id: providerId,
          key: "repositories",
        });
      }
      return found;
    },
    async findRepository(name, signal) {
      const isFresh = lists.every(({ listed }) => ageOf(listed.listedAt) < FRESH_MS);
      const remembered = isFresh ? lookUp(name) : undefined;
      if (remembered) {
        return remembered;
      }
      // The repositories of a whole release are looked for under one signal.
      setMaxListeners(0, signal);
      await untilAborted(
        Promise.all(lists.map(({ scm, listed }) => ask(scm, listed, name))),
        signal,
      );
      const found = lookUp(name);
      if (!found) {
        throw notFound(name);
      }
      return found;
    },
  };

  function lookUp(name: string): RepoRef | undefined {
    for (const { listed } of lists) {
      const found = listed.repositories.get(name);
      if (found) {
        return found;
      }
    }
    return undefined;
  }

  /** Lists anew what is old, or lacks the name. Those who ask at the same time share the answer. */
  function ask(scm: ScmProvider, listed: Listed, name: string): Promise<void> {
    const isCurrent = ageOf(listed.listedAt) < FRESH_MS && listed.repositories.has(name);
    if (isCurrent || (listed.running === undefined && ageOf(listed.askedAt) < ASK_AGAIN_MS)) {
      return Promise.resolve();
    }
    listed.running ??= list(scm, listed).finally(() => {
      listed.running = undefined;
    });
    return listed.running;
  }

  async function list(scm: ScmProvider, listed: Listed): Promise<void> {
    try {
      const repositories = await scm.listRepositories(AbortSignal.timeout(LIST_TIMEOUT_MS));
      listed.repositories = new Map(repositories.map((one) => [one.name, one]));
      listed.listedAt = clock.now().getTime();
      listed.failure = undefined;
    } catch (error) {
      listed.failure = toAppError(scm, error);
    }
    listed.askedAt = clock.now().getTime();
  }

  function notFound(name: string): AppError {
    const [silent] = lists.flatMap(({ listed }) => listed.failure ?? []);
    return (
      silent ??
      unknownRepository(name, lists.flatMap(({ listed }) => [...listed.repositories.keys()]).sort())
    );
  }

  function ageOf(at: number | null): number {
    return at === null ? Number.POSITIVE_INFINITY : clock.now().getTime() - at;
  }
}

/** A provider that breaks in its own way is one that does not answer: the others are not its business. */
function toAppError(scm: ScmProvider, error: unknown): AppError {
  return error instanceof AppError
    ? error
    : new UpstreamUnavailable(
        { system: scm.id, operation: "listing repositories" },
        { cause: error },
      );
}
