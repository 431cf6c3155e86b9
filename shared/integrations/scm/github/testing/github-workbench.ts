import { createHmac } from "node:crypto";
import { createLogger } from "../../../../lib/logger.ts";
import type {
  CommitStatus,
  DeploymentReport,
  ProviderCall,
  RepoRef,
  ScmProvider,
} from "../../../../core/ports/scm.ts";
import type { HttpCache } from "../../../../core/ports/http-cache.ts";
import type { Forge, ForgeWorkbench } from "../../../../testing/forge-contract.ts";
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

const WEBHOOK_SECRET = "It's a secret to everybody";

/** The provider and its fake as the contracts of source control and of forges want them. */
export async function githubWorkbench(
  options: FakeGithubOptions = {},
  provider: Readonly<Record<string, unknown>> = { organization: "acme" },
): Promise<ForgeWorkbench & { readonly fake: FakeGithub }> {
  const fake = await startFakeGithub(options);
  const find = ({ locator }: RepoRef) => fake.repository(locator);
  return {
    fake,
    provider: createProviderFor(fake, { webhook_secret: WEBHOOK_SECRET, ...provider }) as Forge,
    async repository(name) {
      await fake.create(`acme/${name}`);
      return { provider: "github:0", name, locator: `acme/${name}` };
    },
    commit: (repository, branch, draft) => find(repository).commit(branch, draft),
    move: (repository, branch, sha) => find(repository).move(branch, sha),
    remove: (repository) => fake.remove(find(repository)),
    async statuses(repository, sha) {
      const newest = new Map(
        (find(repository).statuses.get(sha) ?? []).map((one) => [one.context, one]),
      );
      return [...newest.values()].map(({ context, state, description, targetUrl }) => ({
        context,
        state: state as CommitStatus["state"],
        description: description ?? "",
        url: targetUrl,
      }));
    },
    async deployments(repository) {
      return find(repository).deployments.map(({ environment, sha, statuses }) => ({
        environment,
        sha,
        state: (statuses.at(-1)?.state ?? "queued") as DeploymentReport["state"],
      }));
    },
    pushCall: ({ locator, name }, branch, deliveryId) =>
      signCall("push", deliveryId, {
        ref: `refs/heads/${branch}`,
        repository: { full_name: locator, name },
      }),
    close: () => fake.close(),
  };
}

/** A webhook call as GitHub makes and signs it: https://docs.github.com/en/webhooks/webhook-events-and-payloads#delivery-headers */
export function signCall(
  event: string,
  deliveryId: string,
  payload: unknown,
  secret = WEBHOOK_SECRET,
): ProviderCall {
  const body = JSON.stringify(payload);
  return {
    body,
    headers: {
      "content-type": "application/json",
      "user-agent": "GitHub-Hookshot/044aadd",
      "x-github-event": event,
      "x-github-delivery": deliveryId,
      "x-hub-signature-256": `sha256=${createHmac("sha256", secret).update(body).digest("hex")}`,
    },
  };
}
