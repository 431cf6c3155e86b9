import { z } from "zod";
import type { Landed } from "../../../core/ports/scm.ts";
import type { GithubClient } from "./client.ts";
import { GithubFailed, missingRefFailure } from "./failures.ts";
import type { GithubOptions } from "./options.ts";
import { encodePath, findByHead, repoPath } from "./pull-requests.ts";
import type { RepoAddress } from "./question.ts";

/** Somebody else may move the branch between looking and moving; more often than this it is not chance. */
const MOST_ATTEMPTS = 3;

const Ref = z.object({ object: z.object({ sha: z.string(), type: z.string() }) });
const GitCommit = z.object({ sha: z.string(), tree: z.object({ sha: z.string() }) });
const Relation = z.object({
  ahead_by: z.number(),
  behind_by: z.number(),
  merge_base_commit: z.object({ commit: z.object({ tree: z.object({ sha: z.string() }) }) }),
  base_commit: z.object({ commit: z.object({ tree: z.object({ sha: z.string() }) }) }),
});
const Merged = z.object({ sha: z.string(), merged: z.boolean() });

interface Site {
  readonly client: GithubClient;
  readonly address: RepoAddress;
  readonly about: string;
  readonly branch: string;
  readonly signal: AbortSignal;
}

/**
 * Brings `branch` to the content of `sha`: by moving it there, which GitHub does without force only forwards, or, where it
 * is protected, by merging the open pull request whose newest commit is exactly `sha`. A merge is carried out only when its
 * result must be the tree of `sha`, and what came out is compared with that again.
 */
export async function landBranch(
  site: Site,
  sha: string,
  mode: GithubOptions["land"],
): Promise<Landed> {
  let last: Landed | null = null;
  for (let attempt = 1; attempt <= MOST_ATTEMPTS; attempt += 1) {
    const branchSha = await branchTip(site);
    if (branchSha === sha) {
      return { outcome: attempt === 1 ? "already_there" : "landed", sha };
    }
    const tree = await treeOf(site, sha);
    const relation = await relate(site, branchSha, sha);
    if (relation === null) {
      return { outcome: "diverged", branchSha };
    }
    if (relation.ahead === 0) {
      return landedBefore(site, sha, tree, { branchSha, branchTree: relation.branchTree });
    }
    const isForward = relation.behind === 0;
    if (isForward && mode !== "merge") {
      const moved = await moveForward(site, sha);
      if (moved === "moved") {
        return { outcome: "landed", sha };
      }
      if (moved === "raced") {
        continue;
      }
      if (mode === "fast-forward") {
        return refused(
          moved.reason,
          "Let Slipway's token or App bypass the rule, or set land to merge or automatic.",
        );
      }
      last = refused(moved.reason, "Open a pull request for it, or let Slipway bypass the rule.");
    }
    // Merging gives exactly the signed tree only when base has no content of its own.
    if (!isForward && (mode === "fast-forward" || relation.branchTree !== relation.mergeBaseTree)) {
      return { outcome: "diverged", branchSha };
    }
    const merged = await mergePullRequest(site, sha, tree, last);
    if (merged !== "raced") {
      return merged;
    }
  }
  return refused(
    `"${site.branch}" of ${site.about} is moved by somebody else again and again`,
    "Try again when it has come to rest.",
  );
}

async function branchTip({ client, address, about, branch, signal }: Site): Promise<string> {
  try {
    const { data } = await client.read(
      {
        path: `${repoPath(address)}/git/ref/heads/${encodePath(branch)}`,
        schema: Ref,
        operation: `looking at "${branch}"`,
        about,
      },
      signal,
    );
    return data.object.sha;
  } catch (error) {
    throw (await isThere({ client, address, about, branch, signal }, error))
      ? new GithubFailed(missingRefFailure(about, branch, false))
      : error;
  }
}

/** Whether a 404 is about a part of the repository and not about the repository itself. */
async function isThere({ client, address, about, signal }: Site, error: unknown): Promise<boolean> {
  if (!(error instanceof GithubFailed) || error.refusal?.status !== 404) {
    return false;
  }
  await client.read(
    { path: repoPath(address), schema: z.unknown(), operation: "looking at it", about },
    signal,
  );
  return true;
}

async function treeOf(site: Site, sha: string): Promise<string> {
  const { client, address, about, signal } = site;
  try {
    const { data } = await client.read(
      {
        path: `${repoPath(address)}/git/commits/${sha}`,
        schema: GitCommit,
        operation: "looking at the commit",
        about,
      },
      signal,
    );
    return data.tree.sha;
  } catch (error) {
    throw (await isThere(site, error))
      ? new GithubFailed(missingRefFailure(about, sha, true))
      : error;
  }
}

/** How the branch and the commit are related; null when they have no common history. */
async function relate({ client, address, about, signal }: Site, branchSha: string, sha: string) {
  try {
    const { data } = await client.read(
      {
        path: `${repoPath(address)}/compare/${branchSha}...${sha}`,
        query: { per_page: 1, page: 1 },
        schema: Relation,
        operation: "comparing with the branch",
        about,
      },
      signal,
    );
    return {
      ahead: data.ahead_by,
      behind: data.behind_by,
      branchTree: data.base_commit.commit.tree.sha,
      mergeBaseTree: data.merge_base_commit.commit.tree.sha,
    };
  } catch (error) {
    if (error instanceof GithubFailed && /no common ancestor/i.test(error.refusal?.message ?? "")) {
      return null;
    }
    throw error;
  }
}

/** The branch holds the commit already: by an earlier try that did not get to say so, or because it went on from there. */
async function landedBefore(
  site: Site,
  sha: string,
  tree: string,
  { branchSha, branchTree }: { readonly branchSha: string; readonly branchTree: string },
): Promise<Landed> {
  const { client, address, branch, signal } = site;
  const pull = await findByHead(client, address, branch, sha, signal);
  if (pull === null || pull.mergeSha === null) {
    return branchTree === tree
      ? { outcome: "already_there", sha: branchSha }
      : { outcome: "diverged", branchSha };
  }
  return (await treeOf(site, pull.mergeSha)) === tree
    ? { outcome: "already_there", sha: pull.mergeSha }
    : { outcome: "differs", sha: pull.mergeSha };
}

/** https://docs.github.com/en/rest/git/refs#update-a-reference: without force only forwards. */
async function moveForward(
  { client, address, about, branch, signal }: Site,
  sha: string,
): Promise<"moved" | "raced" | { readonly reason: string }> {
  try {
    await client.write(
      {
        method: "PATCH",
        path: `${repoPath(address)}/git/refs/heads/${encodePath(branch)}`,
        body: { sha, force: false },
        schema: Ref,
        operation: `moving "${branch}"`,
        about,
      },
      signal,
    );
    return "moved";
  } catch (error) {
    if (!(error instanceof GithubFailed) || error.refusal === null) {
      throw error;
    }
    const { status, message } = error.refusal;
    if ((status === 422 && /not a fast.?forward/i.test(message)) || status === 409) {
      return "raced";
    }
    if (isRule(status, message)) {
      return { reason: `GitHub does not let us move "${branch}" of ${about}: ${tidy(message)}` };
    }
    throw error;
  }
}

/** A protected branch answers 422 by its old rules and 422 or 403 by rulesets; 403 alone is also a missing right. */
function isRule(status: number, message: string): boolean {
  return (
    [403, 422].includes(status) &&
    /protected|rule|required status|must be made through|changes must|not accessible|admin|archived/i.test(
      message,
    )
  );
}

/** https://docs.github.com/en/rest/pulls/pulls#merge-a-pull-request: `sha` pins what may be merged. */
async function mergePullRequest(
  site: Site,
  sha: string,
  tree: string,
  before: Landed | null,
): Promise<Landed | "raced"> {
  const { client, address, about, branch, signal } = site;
  const pull = await findByHead(client, address, branch, sha, signal);
  if (pull === null || pull.mergeSha !== null) {
    return (
      before ??
      refused(
        `there is no open pull request of exactly ${sha.slice(0, 12)} into "${branch}" of ${about}`,
        "Open one for it, then try again.",
      )
    );
  }
  let mergedSha: string;
  try {
    const answer = await client.write(
      {
        method: "PUT",
        path: `${repoPath(address)}/pulls/${pull.number}/merge`,
        body: { sha, merge_method: "merge" },
        schema: Merged,
        operation: "merging the pull request",
        about,
      },
      signal,
    );
    mergedSha = answer.sha;
  } catch (error) {
    if (!(error instanceof GithubFailed) || error.refusal === null) {
      throw error;
    }
    const { status, message } = error.refusal;
    if (status === 409) {
      // Its head or its base has moved since we looked.
      return "raced";
    }
    if ([403, 405, 422].includes(status)) {
      return refused(
        `GitHub does not let us merge ${pull.url}: ${tidy(message)}`,
        "Do what it asks for there (reviews, checks, conflicts, allowed ways to merge), then try again.",
      );
    }
    throw error;
  }
  return (await treeOf(site, mergedSha)) === tree
    ? { outcome: "landed", sha: mergedSha }
    : { outcome: "differs", sha: mergedSha };
}

function refused(reason: string, remedy: string): Landed {
  return { outcome: "refused", reason: `${tidy(reason)}.`, remedy };
}

function tidy(text: string): string {
  return text.trim().replace(/\.$/, "");
}
