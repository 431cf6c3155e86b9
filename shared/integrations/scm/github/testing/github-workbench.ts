import { createLogger } from "../../../../lib/logger.ts";
import type { RepoRef, ScmProvider } from "../../../../core/ports/scm.ts";
import type { HttpCache } from "../../../../core/ports/http-cache.ts";
import type { ScmWorkbench } from "../../../../testing/scm-contract.ts";
import type { ClientTuning } from "../client.ts";
import { createGithubScm } from "../index.ts";
import { GithubOptions } from "../options.ts";
import { startFakeGithub, type FakeGithub, type FakeGithubOptions } from "./fake-github.ts";

/** Everything waits as little as it can: no pauses between writes, and tries that follow each other at once. */
export const IN_A_HURRY: ClientTuning = { writeIntervalMs: 0, retryUnitMs: 1 };

/** The provider, talking to a fake. */
export function createProviderFor(
  fake: FakeGithub,
  options: Readonly<Record<string, unknown>> = { organization: "acme" },
  more: {
    readonly tuning?: ClientTuning;
    readonly httpCache?: HttpCache;
    readonly id?: string;
  } = {},
): ScmProvider {
  return createGithubScm(
    GithubOptions.parse({
      ...("app" in options ? {} : { token: fake.token }),
      base_url: fake.url,
      ...options,
    }),
    {
      id: more.id ?? "github:0",
      logger: createLogger({ level: "silent" }),
      ...(more.httpCache === undefined ? {} : { httpCache: more.httpCache }),
    },
    { ...IN_A_HURRY, ...more.tuning },
  );
}

/** The provider and its fake as the contract of source control wants them. */
export async function githubWorkbench(
  options: FakeGithubOptions = {},
  provider: Readonly<Record<string, unknown>> = { organization: "acme" },
): Promise<ScmWorkbench & { readonly fake: FakeGithub }> {
  const fake = await startFakeGithub(options);
  const find = ({ locator }: RepoRef) => fake.repository(locator);
  return {
    fake,
    provider: createProviderFor(fake, provider),
    async repository(name) {
      await fake.create(`acme/${name}`);
      return { provider: "github:0", name, locator: `acme/${name}` };
    },
    commit: (repository, branch, draft) => find(repository).commit(branch, draft),
    move: (repository, branch, sha) => find(repository).move(branch, sha),
    remove: (repository) => fake.remove(find(repository)),
    close: () => fake.close(),
  };
}
