import { Webhooks } from "@octokit/webhooks";
import { z } from "zod";
import type { Secret } from "../../../config/secret.ts";
import type { ProviderCall, ProviderNews, RepoRef } from "../../../core/ports/scm.ts";

/** GitHub sends no more: https://docs.github.com/en/webhooks/webhook-events-and-payloads#payload-cap */
const LARGEST_BODY = 25 * 1024 * 1024;

const Payload = z.object({
  action: z.string().optional().catch(undefined),
  ref: z.string().optional().catch(undefined),
  ref_type: z.string().optional().catch(undefined),
  repository: z.object({
    full_name: z.string(),
    name: z.string(),
    topics: z.array(z.string()).optional().catch(undefined),
  }),
  changes: z
    .object({ repository: z.object({ name: z.object({ from: z.string() }) }) })
    .optional()
    .catch(undefined),
});
type Payload = z.output<typeof Payload>;

/** Events after which a release may have to be looked at again; every other one is none of our business. */
const EVENTS: Readonly<Record<string, (payload: Payload) => readonly string[] | null>> = {
  push: branchesOf,
  create: (payload) => (payload.ref_type === "branch" ? branchesOf(payload) : null),
  delete: (payload) => (payload.ref_type === "branch" ? branchesOf(payload) : null),
  pull_request: () => null,
  check_suite: () => null,
  check_run: () => null,
  status: () => null,
  repository: () => null,
};

export interface HearDeps {
  readonly secret: Secret | undefined;
  /** The repository of that name as we call it; null when it is not one of ours. */
  readonly findRepository: (
    fullName: string,
    topics: readonly string[] | undefined,
  ) => RepoRef | null;
}

/**
 * Reads a webhook call. Nothing is believed, nor even parsed, before its signature over the exact bytes was verified in
 * constant time: https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
 */
export async function hear(deps: HearDeps, { headers, body }: ProviderCall): Promise<ProviderNews> {
  const header = headerReader(headers);
  const signature = header("x-hub-signature-256");
  if (!deps.secret || !signature || body === "" || body.length > LARGEST_BODY) {
    return { kind: "forged" };
  }
  const webhooks = new Webhooks({ secret: deps.secret.reveal() });
  if (!(await webhooks.verify(body, signature).catch(() => false))) {
    return { kind: "forged" };
  }
  const branches = EVENTS[header("x-github-event") ?? ""];
  const deliveryId = header("x-github-delivery");
  const payload = Payload.safeParse(parseBody(body, header("content-type")));
  if (!branches || !deliveryId || !payload.success) {
    return { kind: "ignored" };
  }
  const repository = findRepository(deps, payload.data);
  return repository === null
    ? { kind: "ignored" }
    : { kind: "changed", deliveryId, repository, branches: branches(payload.data) };
}

/** A repository that was just renamed may be configured under its old name. */
function findRepository(deps: HearDeps, { repository, changes }: Payload): RepoRef | null {
  const { full_name: fullName, topics } = repository;
  const former = changes?.repository.name.from;
  const owner = fullName.slice(0, fullName.indexOf("/"));
  return (
    deps.findRepository(fullName, topics) ??
    (former === undefined ? null : deps.findRepository(`${owner}/${former}`, topics))
  );
}

/** Pushes say `refs/heads/x`, creating and deleting say `x`. A tag is no branch, and moves none. */
function branchesOf({ ref, ref_type: kind }: Payload): readonly string[] | null {
  if (ref === undefined) {
    return null;
  }
  if (kind === "branch") {
    return [ref];
  }
  return ref.startsWith("refs/heads/") ? [ref.slice("refs/heads/".length)] : null;
}

/** JSON, or a form with JSON in it: whoever sets up the webhook chooses. */
function parseBody(body: string, contentType: string | undefined): unknown {
  const isForm = contentType?.startsWith("application/x-www-form-urlencoded") ?? false;
  try {
    return JSON.parse(isForm ? (new URLSearchParams(body).get("payload") ?? "") : body);
  } catch {
    return null;
  }
}

function headerReader(headers: ProviderCall["headers"]) {
  const lower = new Map(
    Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]),
  );
  return (name: string) => lower.get(name);
}
