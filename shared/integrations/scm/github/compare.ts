import { z } from "zod";
import type { HttpCache } from "../../../core/ports/http-cache.ts";
import type { ChangedFile, Commit, Comparison } from "../../../core/ports/scm.ts";
import { coAuthorLines, toAuthors, toMessage } from "../commit-text.ts";
import { webUrl } from "./checks.ts";
import { isRecord, type GithubClient } from "./client.ts";
import { GithubFailed, missingRefFailure, nonsenseFailure } from "./failures.ts";
import type { FileStatesReader } from "./file-states.ts";
import { identifyPatches, identifyTrees, NO_CHANGE, type PatchedFile } from "./patch-identity.ts";
import { repoPath } from "./pull-requests.ts";
import { createQuestion, type RepoAddress } from "./question.ts";
import { compareTrees, toChangedFiles, type TreeChange } from "./trees.ts";

const PAGE = 100;
/** More than people read; the counts stay true. The newest are kept. */
const MOST_PAGES = 25;
/** "up to 300 changed files for the entire comparison": https://docs.github.com/en/rest/commits/commits#compare-two-commits */
const SHOWN_FILES = 300;
const MOST_FILES = 3000;

/** What never changes about two commits, and so need not be asked for twice. */
export interface Difference extends Pick<
  Comparison,
  "mergeBaseSha" | "commits" | "commitCount" | "behindCount" | "files" | "fileCount" | "truncated"
> {
  /** Null: GitHub does not show enough to tell this change from others. */
  readonly identity: string | null;
  /** Base has the content of the merge base, whatever commits it has. Null: that was not looked at. */
  readonly isBaseUnchanged: boolean | null;
}

export interface ComparerDeps {
  readonly client: GithubClient;
  readonly cache: HttpCache;
  readonly states: FileStatesReader;
}

const Author = z
  .object({
    name: z.string().nullish(),
    email: z.string().nullish(),
    date: z.string().nullish(),
  })
  .nullish();
const CommitAnswer = z.object({
  sha: z.string(),
  html_url: z.string().nullish(),
  commit: z.object({ message: z.string(), author: Author }),
});
const WithTree = z.object({
  sha: z.string(),
  commit: z.object({ tree: z.object({ sha: z.string() }) }),
});
const Page = z.object({
  base_commit: WithTree,
  merge_base_commit: WithTree,
  ahead_by: z.number(),
  behind_by: z.number(),
  total_commits: z.number(),
  commits: z.array(CommitAnswer),
  files: z
    .array(
      z.object({
        filename: z.string(),
        previous_filename: z.string().optional(),
        status: z.string(),
        additions: z.number(),
        deletions: z.number(),
        patch: z.string().optional(),
      }),
    )
    .optional(),
});
type Page = z.output<typeof Page>;

const Kept = z.object({
  mergeBaseSha: z.string().nullable(),
  commits: z.array(
    z.object({
      sha: z.string(),
      title: z.string(),
      body: z.string(),
      authors: z.array(z.object({ name: z.string(), email: z.string() })),
      authoredAt: z.coerce.date(),
      url: z.string().nullable(),
    }),
  ),
  commitCount: z.number(),
  behindCount: z.number(),
  files: z.array(
    z.object({
      path: z.string(),
      change: z.enum(["added", "modified", "removed", "renamed"]),
    }),
  ),
  fileCount: z.number(),
  truncated: z.boolean(),
  identity: z.string().nullable(),
  isBaseUnchanged: z.boolean().nullable(),
});

/** The difference when head has nothing that base lacks: nothing else has to be known. */
export function nothingNew(headSha: string, behindCount: number): Difference {
  return {
    mergeBaseSha: headSha,
    commits: [],
    commitCount: 0,
    behindCount,
    files: [],
    fileCount: 0,
    truncated: false,
    identity: NO_CHANGE,
    isBaseUnchanged: behindCount === 0 ? true : null,
  };
}

/**
 * What `headSha` has that `baseSha` lacks. One request, and one for all repositories together about modes; more where there
 * are more than 100 commits or 300 files, and none when it was found out before. Call `states.expect()` first.
 */
export async function compareCommits(
  deps: ComparerDeps,
  address: RepoAddress,
  baseSha: string,
  headSha: string,
  signal: AbortSignal,
): Promise<Difference> {
  const { client, cache, states } = deps;
  const expectation = { isOpen: true };
  const key = `${client.account.key}:compare-1:${address.owner}/${address.name}:${baseSha}:${headSha}`;
  try {
    const kept = await cache.get(key);
    const known = kept === null ? null : Kept.safeParse(parseJson(kept.value));
    if (known?.success === true) {
      return known.data;
    }
    const found = await ask();
    if (found.isFinal) {
      await cache.put(key, { etag: null, value: JSON.stringify(found.difference) });
    }
    return found.difference;
  } finally {
    if (expectation.isOpen) {
      states.drop();
    }
  }

  async function ask(): Promise<{ readonly difference: Difference; readonly isFinal: boolean }> {
    const first = await readPage(client, address, baseSha, headSha, 1, signal);
    if (first === null) {
      return {
        difference: await compareUnrelated(client, address, baseSha, headSha, signal),
        isFinal: true,
      };
    }
    const mergeBaseSha = first.merge_base_commit.sha;
    const [commits, changes] = await Promise.all([
      readCommits(client, address, baseSha, headSha, first, signal),
      readFiles(first, mergeBaseSha),
    ]);
    const { files, fileCount, isWhole, identity } = changes;
    return {
      difference: {
        mergeBaseSha,
        commits,
        commitCount: first.total_commits,
        behindCount: first.behind_by,
        files: files.slice(0, MOST_FILES),
        fileCount,
        truncated:
          commits.length < first.total_commits ||
          !isWhole ||
          Math.min(files.length, MOST_FILES) < fileCount,
        identity: identity ?? null,
        isBaseUnchanged:
          first.base_commit.commit.tree.sha === first.merge_base_commit.commit.tree.sha,
      },
      // An identity that could not be found out this time may be the next.
      isFinal: identity !== undefined,
    };
  }

  async function readFiles(first: Page, mergeBaseSha: string) {
    const shown = first.files ?? [];
    if (shown.length >= SHOWN_FILES) {
      return readTrees(client, address, mergeBaseSha, headSha, shown, signal);
    }
    expectation.isOpen = false;
    return {
      files: shown.map(toChangedFile),
      fileCount: shown.length,
      isWhole: true,
      identity: await identify(shown, mergeBaseSha),
    };
  }

  /** Undefined when it cannot be told now, null when it never can. */
  async function identify(
    files: readonly PatchedFile[],
    mergeBaseSha: string,
  ): Promise<string | null | undefined> {
    if (files.length === 0) {
      states.drop();
      return NO_CHANGE;
    }
    const sides = files.map(({ filename, previous_filename: previous, status }) => ({
      before: ["added", "copied"].includes(status) ? null : (previous ?? filename),
      after: status === "removed" ? null : filename,
    }));
    try {
      const found = await states.read({
        address,
        fromSha: mergeBaseSha,
        toSha: headSha,
        files: sides,
      });
      const byFile = new Map(files.map((file, index) => [file, found[index]]));
      return identifyPatches(files, (file) => byFile.get(file) ?? { before: null, after: null });
    } catch (error) {
      if (!(error instanceof GithubFailed)) {
        throw error;
      }
      // A file GitHub says nothing about, such as a very large one, is in the trees all the same.
      return error.failure.code === "repository_unreadable"
        ? identifyByTrees(files, mergeBaseSha)
        : undefined;
    }
  }

  async function identifyByTrees(
    files: readonly PatchedFile[],
    mergeBaseSha: string,
  ): Promise<string | null | undefined> {
    try {
      const changes = await compareTrees(client, address, mergeBaseSha, headSha, signal);
      const byPath = new Map(changes?.map((change) => [change.path, change]));
      return (
        changes &&
        identifyPatches(files, ({ filename, previous_filename: previous }) => ({
          before: byPath.get(previous ?? filename)?.before ?? null,
          after: byPath.get(filename)?.after ?? null,
        }))
      );
    } catch (error) {
      if (error instanceof GithubFailed) {
        return undefined;
      }
      throw error;
    }
  }
}

/** One page of the comparison; null when the histories have nothing in common. */
async function readPage(
  client: GithubClient,
  address: RepoAddress,
  baseSha: string,
  headSha: string,
  page: number,
  signal: AbortSignal,
): Promise<Page | null> {
  const about = `${address.owner}/${address.name}`;
  try {
    const { data } = await client.read(
      {
        path: `${repoPath(address)}/compare/${baseSha}...${headSha}`,
        query: { per_page: PAGE, page },
        schema: Page,
        operation: "comparing",
        about,
      },
      signal,
    );
    return data;
  } catch (error) {
    const refusal = error instanceof GithubFailed ? error.refusal : null;
    if (refusal?.status === 404 && /no common ancestor/i.test(refusal.message)) {
      return null;
    }
    if (refusal?.status === 404) {
      throw new GithubFailed(await whyNotFound(client, address, [baseSha, headSha], signal), {
        refusal,
      });
    }
    throw error;
  }
}

/** The pages besides the first, at the same time. Newest first: GitHub counts from the oldest. */
async function readCommits(
  client: GithubClient,
  address: RepoAddress,
  baseSha: string,
  headSha: string,
  first: Page,
  signal: AbortSignal,
): Promise<readonly Commit[]> {
  const count = Math.ceil(first.total_commits / PAGE);
  const from = Math.max(1, count - MOST_PAGES + 1);
  const numbers = Array.from({ length: Math.max(0, count - from + 1) }, (_, index) => from + index);
  const pages = await Promise.all(
    numbers.map(async (number) =>
      number === 1 ? first : readPage(client, address, baseSha, headSha, number, signal),
    ),
  );
  const seen = new Set<string>();
  return pages
    .flatMap((page) => page?.commits ?? [])
    .filter(({ sha }) => (seen.has(sha) ? false : seen.add(sha)))
    .map(toCommit)
    .reverse();
}

async function readTrees(
  client: GithubClient,
  address: RepoAddress,
  fromSha: string,
  toSha: string,
  shown: readonly PatchedFile[],
  signal: AbortSignal,
) {
  const changes = await compareTrees(client, address, fromSha, toSha, signal);
  if (changes === null) {
    // Nobody tells how many there are: at least one more than can be shown.
    return {
      files: shown.map(toChangedFile),
      fileCount: shown.length + 1,
      isWhole: false,
      identity: null,
    };
  }
  return wholeChange(changes);
}

function wholeChange(changes: readonly TreeChange[]) {
  const files = toChangedFiles(changes);
  return { files, fileCount: files.length, isWhole: true, identity: identifyTrees(changes) };
}

const History = z.object({
  oid: z.string(),
  history: z.object({
    totalCount: z.number(),
    nodes: z.array(
      z.object({
        oid: z.string(),
        url: z.string(),
        message: z.string(),
        author: Author,
      }),
    ),
    pageInfo: z.object({ hasNextPage: z.boolean(), endCursor: z.string().nullable() }),
  }),
});

/** Two histories without a common commit: everything of head is new, and everything of base is lacking. */
async function compareUnrelated(
  client: GithubClient,
  address: RepoAddress,
  baseSha: string,
  headSha: string,
  signal: AbortSignal,
): Promise<Difference> {
  const commits: Commit[] = [];
  let count = { ahead: 0, behind: 0 };
  let after: string | null = null;
  for (let page = 0; page < MOST_PAGES; page += 1) {
    const question = createQuestion();
    question.repository(address, () => {
      const next = after === null ? "" : `, after: ${question.variable(after)}`;
      const history = (sha: string, first: number, more: string) =>
        `object(oid: ${question.variable(sha, "GitObjectID!")}) { ... on Commit { oid
          history(first: ${first}${more}) {
            totalCount nodes { oid url message author { name email date } }
            pageInfo { hasNextPage endCursor }
          } } }`;
      return `head: ${history(headSha, PAGE, next)} base: ${history(baseSha, 1, "")}`;
    });
    const [answer] = await question.ask(client, { operation: "reading the history" }, signal);
    if (answer === undefined || "failure" in answer) {
      throw new GithubFailed(answer?.failure ?? nonsenseFailure("reading the history"));
    }
    const found = z.object({ head: History, base: History }).safeParse(answer.data);
    if (!found.success) {
      throw new GithubFailed(nonsenseFailure("reading the history"));
    }
    const { head, base } = found.data;
    count = { ahead: head.history.totalCount, behind: base.history.totalCount };
    commits.push(
      ...head.history.nodes.map(({ oid, url, message, author }) =>
        toCommit({ sha: oid, html_url: url, commit: { message, author } }),
      ),
    );
    after = head.history.pageInfo.hasNextPage ? head.history.pageInfo.endCursor : null;
    if (after === null) {
      break;
    }
  }
  const changes = await compareTrees(client, address, baseSha, headSha, signal);
  const { files, fileCount, isWhole, identity } =
    changes === null
      ? { files: [], fileCount: 1, isWhole: false, identity: null }
      : wholeChange(changes);
  return {
    mergeBaseSha: null,
    commits,
    commitCount: count.ahead,
    behindCount: count.behind,
    files: files.slice(0, MOST_FILES),
    fileCount,
    truncated: commits.length < count.ahead || !isWhole || fileCount > MOST_FILES,
    identity,
    isBaseUnchanged: null,
  };
}

/** GitHub says only that something is missing: the repository, or a commit that a force-push removed. */
async function whyNotFound(
  client: GithubClient,
  address: RepoAddress,
  shas: readonly string[],
  signal: AbortSignal,
) {
  const question = createQuestion();
  question.repository(address, () =>
    shas
      .map(
        (sha, index) => `c${index}: object(oid: ${question.variable(sha, "GitObjectID!")}) { oid }`,
      )
      .join(" "),
  );
  const [answer] = await question.ask(client, { operation: "comparing" }, signal);
  if (answer === undefined || "failure" in answer) {
    return answer?.failure ?? nonsenseFailure("comparing");
  }
  const missing = shas.find((_sha, index) => !isRecord(answer.data[`c${index}`]));
  return missing === undefined
    ? nonsenseFailure("comparing")
    : missingRefFailure(address.name, missing, true);
}

function toCommit({ sha, html_url: url, commit }: z.output<typeof CommitAnswer>): Commit {
  const { message, author } = commit;
  const at = new Date(author?.date ?? 0);
  return {
    sha,
    ...toMessage(message),
    authors: toAuthors(author?.name ?? "", author?.email ?? "", coAuthorLines(message)),
    authoredAt: Number.isNaN(at.getTime()) ? new Date(0) : at,
    url: webUrl(url),
  };
}

/** https://docs.github.com/en/rest/commits/commits#compare-two-commits names the words. */
function toChangedFile({ filename, status }: PatchedFile): ChangedFile {
  const changes: Readonly<Record<string, ChangedFile["change"]>> = {
    added: "added",
    copied: "added",
    removed: "removed",
    renamed: "renamed",
  };
  return { path: filename, change: changes[status] ?? "modified" };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return null;
  }
}
