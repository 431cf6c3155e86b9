import { z } from "zod";
import type { PullRequest } from "../../../core/ports/scm.ts";
import { cleanText } from "../../../lib/text.ts";
import { webUrl } from "./checks.ts";
import type { GithubClient } from "./client.ts";
import { GithubFailed, missingRefFailure } from "./failures.ts";
import type { Question, RepoAddress } from "./question.ts";

/** Looked through for one from the repository itself: forks may have a branch of the same name. */
const MOST_FROM_FORKS = 10;
const TITLE_LENGTH = 256;
const BODY_LENGTH = 60_000;

/** Part of a query on `Repository`: the open and the merged pull requests of exactly this pair. */
export function pullRequestSelection(question: Question, base: string, head: string): string {
  const pair = `baseRefName: ${question.variable(base)}, headRefName: ${question.variable(head)}`;
  const list = (state: string, order: string) => `pullRequests(
    states: [${state}], ${pair}, first: ${MOST_FROM_FORKS},
    orderBy: { field: ${order}, direction: DESC }
  ) { totalCount nodes { number url title isCrossRepository mergedAt } }`;
  return `open: ${list("OPEN", "CREATED_AT")} merged: ${list("MERGED", "UPDATED_AT")}`;
}

const Found = z.object({
  totalCount: z.number(),
  nodes: z.array(
    z.object({
      number: z.number(),
      url: z.string(),
      title: z.string(),
      isCrossRepository: z.boolean(),
      mergedAt: z.string().nullable(),
    }),
  ),
});
const Both = z.object({ open: Found, merged: Found });

/** What `pullRequestSelection` gave; undefined when the answer does not tell, so that it must be asked for alone. */
export function readPullRequest(data: unknown): PullRequest | null | undefined {
  const parsed = Both.safeParse(data);
  if (!parsed.success) {
    return undefined;
  }
  const { open, merged } = parsed.data;
  const ours = (list: z.output<typeof Found>) => list.nodes.filter((one) => !one.isCrossRepository);
  const [first] = ours(open);
  if (first !== undefined) {
    return present(first, "open");
  }
  const newest = ours(merged).sort((a, b) => ((a.mergedAt ?? "") < (b.mergedAt ?? "") ? 1 : -1))[0];
  if (open.totalCount > open.nodes.length || (!newest && merged.totalCount > merged.nodes.length)) {
    return undefined;
  }
  return newest === undefined ? null : present(newest, "merged");
}

const Listed = z.object({
  number: z.number(),
  html_url: z.string(),
  title: z.string(),
  state: z.enum(["open", "closed"]),
  merged_at: z
    .string()
    .nullish()
    .transform((at) => at ?? null),
  head: z.object({ sha: z.string(), ref: z.string() }),
  base: z.object({ ref: z.string() }),
});

/** Open, or newest merged, pull request of exactly `head` into `base`, of the repository itself. */
export async function findPullRequest(
  client: GithubClient,
  address: RepoAddress,
  base: string,
  head: string,
  signal: AbortSignal,
): Promise<PullRequest | null> {
  const { owner, name } = address;
  for (const state of ["open", "closed"]) {
    const { data } = await client.read(
      {
        path: `${repoPath(address)}/pulls`,
        query: {
          state,
          base,
          // With the owner it is this repository's branch and nobody's fork.
          head: `${owner}:${head}`,
          sort: state === "open" ? "created" : "updated",
          direction: "desc",
          per_page: 100,
        },
        schema: z.array(Listed),
        operation: "looking for a pull request",
        about: `${owner}/${name}`,
        conditional: "pulls-1",
      },
      signal,
    );
    const exact = data.filter((one) => one.head.ref === head && one.base.ref === base);
    const found =
      state === "open"
        ? exact[0]
        : exact
            .filter((one) => one.merged_at !== null)
            .sort((a, b) => ((a.merged_at ?? "") < (b.merged_at ?? "") ? 1 : -1))[0];
    if (found !== undefined) {
      return present({ ...found, url: found.html_url }, state === "open" ? "open" : "merged");
    }
  }
  return null;
}

/** Opens a pull request, or answers the one that is open: GitHub allows one for each pair. */
export async function openPullRequest(
  client: GithubClient,
  address: RepoAddress,
  request: {
    readonly base: string;
    readonly head: string;
    readonly title: string;
    readonly body: string;
  },
  signal: AbortSignal,
): Promise<PullRequest> {
  const { base, head } = request;
  const about = `${address.owner}/${address.name}`;
  try {
    const made = await client.write(
      {
        method: "POST",
        path: `${repoPath(address)}/pulls`,
        body: {
          base,
          head,
          title: cleanText(request.title, TITLE_LENGTH),
          body: request.body.slice(0, BODY_LENGTH),
        },
        schema: Listed,
        operation: "opening a pull request",
        about,
      },
      signal,
    );
    return present({ ...made, url: made.html_url }, "open");
  } catch (error) {
    if (!(error instanceof GithubFailed) || error.refusal?.status !== 422) {
      throw error;
    }
    const said = error.refusal.message;
    if (/already exists/i.test(said)) {
      const present = await findPullRequest(client, address, base, head, signal);
      if (present?.state === "open") {
        return present;
      }
    }
    throw explainRefusal(error, said, about, request);
  }
}

/** https://docs.github.com/en/rest/pulls/pulls#create-a-pull-request: 422 stands for several things, told apart by words. */
function explainRefusal(
  error: GithubFailed,
  said: string,
  about: string,
  { base, head }: { readonly base: string; readonly head: string },
): GithubFailed {
  const { refusal } = error;
  if (refusal === null) {
    return error;
  }
  if (/no commits between/i.test(said)) {
    return new GithubFailed(
      {
        code: "repository_unreadable",
        reason: `"${head}" of ${about} has no commits that "${base}" lacks, so there is nothing to open a pull request for.`,
        remedy: "Leave this repository out, or push something first.",
      },
      { refusal },
    );
  }
  const field = /\b(?:field )?(head|base)\b.*\binvalid\b/i.exec(said)?.[1];
  return field === undefined
    ? error
    : new GithubFailed(missingRefFailure(about, field === "head" ? head : base, false), {
        refusal,
      });
}

const WithHead = Listed.extend({
  head: z.object({
    sha: z.string(),
    ref: z.string(),
    repo: z.object({ full_name: z.string() }).nullable(),
  }),
  base: z.object({ ref: z.string(), repo: z.object({ full_name: z.string() }) }),
  merge_commit_sha: z.string().nullish(),
});

/** The pull request into `branch` whose newest commit is exactly this one: an open one, or else one that was merged. */
export async function findByHead(
  client: GithubClient,
  address: RepoAddress,
  branch: string,
  sha: string,
  signal: AbortSignal,
): Promise<{
  readonly number: number;
  readonly url: string;
  readonly mergeSha: string | null;
} | null> {
  const { data } = await client.read(
    {
      path: `${repoPath(address)}/pulls`,
      query: { state: "all", base: branch, sort: "updated", direction: "desc", per_page: 100 },
      schema: z.array(WithHead),
      operation: "looking for the pull request",
      about: `${address.owner}/${address.name}`,
    },
    signal,
  );
  const exact = data.filter(
    ({ head, base }) =>
      head.sha === sha && base.ref === branch && head.repo?.full_name === base.repo.full_name,
  );
  const found =
    exact.find((one) => one.state === "open") ?? exact.find((one) => one.merged_at !== null);
  return found === undefined
    ? null
    : {
        number: found.number,
        url: found.html_url,
        mergeSha: found.merged_at === null ? null : (found.merge_commit_sha ?? null),
      };
}

/** Path of a repository in the REST API. */
export function repoPath({ owner, name }: RepoAddress): string {
  return `/repos/${encodeURIComponent(owner)}/${encodeURIComponent(name)}`;
}

/** A branch or file in an address: its slashes stay, everything else is encoded. */
export function encodePath(path: string): string {
  return path.split("/").map(encodeURIComponent).join("/");
}

function present(
  found: { readonly number: number; readonly url: string; readonly title: string },
  state: PullRequest["state"],
): PullRequest {
  return {
    number: found.number,
    url: webUrl(found.url) ?? "",
    state,
    title: cleanText(found.title, TITLE_LENGTH),
  };
}
