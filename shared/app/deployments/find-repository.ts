import type { Clock } from "../../core/ports/clock.ts";
import type { RepoRef, ScmProvider } from "../../core/ports/scm.ts";
import { ProviderNotConfigured } from "../../errors/catalog.ts";
import { unknownRepository } from "../releases/read-repositories.ts";
import type { DeploymentDeps } from "./deps.ts";

/** How long the list of a provider's repositories is trusted. */
const FRESH_MS = 60_000;

interface Listed {
  readonly at: number;
  readonly repositories: ReadonlyMap<string, RepoRef>;
}

/**
 * Finds providers by id and repositories by the name people say. The first provider that has a name wins, as everywhere. A
 * name that is not in the remembered list is looked for again before it counts as unknown.
 */
export function createRepositoryFinder(
  scms: readonly ScmProvider[],
  clock: Clock,
): Pick<DeploymentDeps, "scm" | "findRepository"> {
  let listed: Listed | undefined;
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
      const remembered =
        listed && clock.now().getTime() - listed.at < FRESH_MS
          ? listed.repositories.get(name)
          : undefined;
      if (remembered) {
        return remembered;
      }
      const repositories = await list(signal);
      const found = repositories.get(name);
      if (!found) {
        throw unknownRepository(name, [...repositories.keys()].sort());
      }
      return found;
    },
  };

  async function list(signal: AbortSignal): Promise<ReadonlyMap<string, RepoRef>> {
    const lists = await Promise.all(scms.map((scm) => scm.listRepositories(signal)));
    const repositories = new Map<string, RepoRef>();
    for (const repository of lists.flat()) {
      if (!repositories.has(repository.name)) {
        repositories.set(repository.name, repository);
      }
    }
    listed = { at: clock.now().getTime(), repositories };
    return repositories;
  }
}
