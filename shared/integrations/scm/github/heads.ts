import { z } from "zod";
import { isCommitId } from "../../../core/ports/ref-name.ts";
import type {
  CompareDetails,
  ProviderFailure,
  RefPair,
  RefResult,
  RepoRef,
} from "../../../core/ports/scm.ts";
import type { Batches } from "./batches.ts";
import { Rollup, ROLLUP_SELECTION, toCiState, webUrl } from "./checks.ts";
import type { GithubClient } from "./client.ts";
import { emptyFailure, missingRefFailure, nonsenseFailure } from "./failures.ts";
import { pullRequestSelection, readPullRequest } from "./pull-requests.ts";
import { createQuestion, parseLocator, type Question, type RepositoryAnswer } from "./question.ts";

/** What two names of one repository stand for, and what came along with that. */
export interface Heads {
  readonly baseSha: string;
  readonly headSha: string;
  /** Commits on either side; null when GitHub compared something else than these two commits. */
  readonly counts: { readonly ahead: number; readonly behind: number } | null;
  /** Address of the repository for people. */
  readonly url: string | null;
  readonly details: CompareDetails;
}

export type HeadsResult = { readonly heads: Heads } | { readonly failure: ProviderFailure };

/** How GitHub calls a repository that we asked for under this name; different once it was renamed. */
export type NoteName = (asked: string, actual: string) => void;

const REPOSITORY_SELECTION = "nameWithOwner url isEmpty isDisabled";

/** Annotated tags stand for a commit, and may be tags of tags. */
const TIP_FRAGMENT = `on Ref {
  target { __typename oid
    ... on Tag { target { __typename oid ... on Tag { target { __typename oid } } } }
  }
}`;

const GitObject = z.object({ __typename: z.string(), oid: z.string() });
const Tip = z
  .object({
    target: GitObject.extend({
      target: GitObject.extend({ target: GitObject.optional() }).optional(),
    }),
  })
  .nullable();
const Found = z.object({
  nameWithOwner: z.string(),
  url: z.string(),
  isEmpty: z.boolean(),
  isDisabled: z.boolean(),
});
const Counts = z
  .object({
    aheadBy: z.number(),
    behindBy: z.number(),
    baseTarget: z.object({ oid: z.string() }),
    headTarget: z.object({ oid: z.string() }),
  })
  .nullable();

const Compared = z.object({ compare: Counts });
const Checked = z.object({ oid: z.string(), statusCheckRollup: Rollup });

/**
 * Looks up both names of many pairs, with everything else a release wants to know of them, in as few requests as GitHub
 * answers. `take` gets each result as it comes.
 */
export async function readHeads<P extends RefPair>(
  { client, batches, note }: { client: GithubClient; batches: Batches; note: NoteName },
  pairs: readonly P[],
  signal: AbortSignal,
  take: (pair: P, result: HeadsResult) => void,
): Promise<void> {
  await batches.run(
    pairs,
    async (part) => {
      const question = createQuestion();
      for (const { repository, base, head } of part) {
        question.repository(parseLocator(repository.locator), () =>
          [
            REPOSITORY_SELECTION,
            refSelection(question, "b", base, comparison(question, head)),
            refSelection(question, "h", head, ""),
            commitSelection(question, head),
            isCommitId(base) || isCommitId(head) ? "" : pullRequestSelection(question, base, head),
          ].join(" "),
        );
      }
      const answers = await question.ask(client, { operation: "looking up branches" }, signal);
      part.forEach((pair, index) => {
        const answer = answers[index];
        if (answer !== undefined) {
          take(pair, toHeads(pair, answer, note));
        }
      });
    },
    (part, failure) => {
      part.forEach((pair) => take(pair, { failure }));
    },
  );
}

/** What many names stand for now. */
export async function resolveRefs(
  { client, batches, note }: { client: GithubClient; batches: Batches; note: NoteName },
  refs: readonly { readonly repository: RepoRef; readonly ref: string }[],
  signal: AbortSignal,
): Promise<readonly RefResult[]> {
  const byLocator = new Map<string, { readonly repository: RepoRef; readonly refs: string[] }>();
  for (const { repository, ref } of refs) {
    const one = byLocator.get(repository.locator) ?? { repository, refs: [] };
    byLocator.set(repository.locator, one);
    if (!one.refs.includes(ref)) {
      one.refs.push(ref);
    }
  }
  const results = new Map<string, { sha: string } | { failure: ProviderFailure }>();
  const key = (repository: RepoRef, ref: string) => `${repository.locator}\0${ref}`;
  await batches.run(
    [...byLocator.values()],
    async (part) => {
      const question = createQuestion();
      for (const one of part) {
        question.repository(parseLocator(one.repository.locator), () =>
          [
            REPOSITORY_SELECTION,
            ...one.refs.map((ref, index) => refSelection(question, `n${index}`, ref, "")),
          ].join(" "),
        );
      }
      const answers = await question.ask(client, { operation: "looking up branches" }, signal);
      part.forEach((one, index) => {
        const opened = open(one.repository, answers[index], note);
        one.refs.forEach((ref, at) => {
          const found =
            "failure" in opened ? opened : readRef(opened, `n${at}`, one.repository, ref);
          results.set(key(one.repository, ref), found);
        });
      });
    },
    (part, failure) => {
      for (const one of part) {
        one.refs.forEach((ref) => results.set(key(one.repository, ref), { failure }));
      }
    },
  );
  return refs.map(({ repository, ref }): RefResult => {
    const found = results.get(key(repository, ref));
    if (found === undefined) {
      throw new Error("github was asked about fewer names than it should have been");
    }
    return "sha" in found
      ? { repository, ref, ok: true, sha: found.sha }
      : { repository, ref, ok: false, failure: found.failure };
  });
}

function toHeads(
  { repository, base, head }: RefPair,
  answer: RepositoryAnswer,
  note: NoteName,
): HeadsResult {
  const opened = open(repository, answer, note);
  if ("failure" in opened) {
    return opened;
  }
  const { data, url } = opened;
  const baseRef = readRef(opened, "b", repository, base);
  const headRef = readRef(opened, "h", repository, head);
  if ("failure" in baseRef) {
    return baseRef;
  }
  if ("failure" in headRef) {
    return headRef;
  }
  const pullRequest = readPullRequest(data);
  const ci = readChecks(data, url, headRef.sha);
  return {
    heads: {
      baseSha: baseRef.sha,
      headSha: headRef.sha,
      counts: readCounts(data, baseRef.sha, headRef.sha),
      url,
      details: {
        ...(pullRequest === undefined ? {} : { pullRequest }),
        ...(ci === undefined ? {} : { ci }),
      },
    },
  };
}

type Opened = Extract<RepositoryAnswer, { readonly data: unknown }>;

/** The repository itself, unless it cannot have what we look for. */
function open(
  repository: RepoRef,
  answer: RepositoryAnswer | undefined,
  note: NoteName,
): (Opened & { readonly url: string | null }) | { readonly failure: ProviderFailure } {
  if (answer === undefined || "failure" in answer) {
    return answer ?? { failure: missingRefFailure(repository.name, "", false) };
  }
  const found = Found.safeParse(answer.data);
  if (!found.success) {
    return { failure: nonsenseFailure(`looking at ${repository.name}`) };
  }
  const { nameWithOwner, url, isEmpty, isDisabled } = found.data;
  note(repository.locator, nameWithOwner);
  if (isDisabled) {
    return {
      failure: {
        code: "repository_unreadable",
        reason: `GitHub has disabled ${repository.name}.`,
        remedy: "Its page on GitHub says why. Leave it out in config.yaml until then.",
      },
    };
  }
  return isEmpty ? { failure: emptyFailure(repository.name) } : { ...answer, url: webUrl(url) };
}

/** Branches first, then tags; a full commit id stands for itself whatever branches are called. */
function refSelection(question: Question, alias: string, ref: string, more: string): string {
  if (isCommitId(ref)) {
    return isGithubId(ref)
      ? `${alias}o: object(oid: ${question.variable(ref, "GitObjectID!")}) { __typename oid }`
      : "";
  }
  question.fragment("Tip", TIP_FRAGMENT);
  const named = (kind: string) => question.variable(`refs/${kind}/${ref}`);
  return [
    `${alias}b: ref(qualifiedName: ${named("heads")}) { ...Tip ${more} }`,
    `${alias}t: ref(qualifiedName: ${named("tags")}) { ...Tip ${more} }`,
  ].join(" ");
}

function readRef(
  { data, refused }: Opened,
  alias: string,
  { name }: RepoRef,
  ref: string,
): { readonly sha: string } | { readonly failure: ProviderFailure } {
  for (const kind of ["b", "t", "o"]) {
    const failure = refused.get(`${alias}${kind}`);
    if (failure !== undefined) {
      return { failure };
    }
  }
  if (isCommitId(ref)) {
    const found = GitObject.safeParse(data[`${alias}o`]);
    return found.success && found.data.__typename === "Commit"
      ? { sha: found.data.oid }
      : { failure: missingRefFailure(name, ref, true) };
  }
  for (const kind of ["b", "t"]) {
    const sha = commitOf(data[`${alias}${kind}`]);
    if (sha !== null) {
      return { sha };
    }
  }
  return { failure: missingRefFailure(name, ref, false) };
}

function commitOf(ref: unknown): string | null {
  const tip = Tip.safeParse(ref);
  const { target } = (tip.success ? tip.data : null) ?? {};
  const commit = [target, target?.target, target?.target?.target].find(
    (one) => one?.__typename === "Commit",
  );
  return commit?.oid ?? null;
}

/** How far apart the two are, as far as GitHub can say it without being asked for each repository alone. */
function comparison(question: Question, head: string): string {
  return `compare(headRef: ${question.variable(head)}) {
    aheadBy behindBy baseTarget { oid } headTarget { oid }
  }`;
}

/** Only when it is about exactly these commits: a tag and a branch may have the same name. */
function readCounts(
  data: Readonly<Record<string, unknown>>,
  baseSha: string,
  headSha: string,
): Heads["counts"] {
  if (baseSha === headSha) {
    return { ahead: 0, behind: 0 };
  }
  for (const alias of ["bb", "bt"]) {
    const found = Compared.safeParse(data[alias]);
    const counts = found.success ? found.data.compare : null;
    if (counts?.baseTarget.oid === baseSha && counts.headTarget.oid === headSha) {
      return { ahead: counts.aheadBy, behind: counts.behindBy };
    }
  }
  return null;
}

/** The checks of the head, whatever kind of name it is. */
function commitSelection(question: Question, head: string): string {
  const names = isCommitId(head)
    ? isGithubId(head) && [head]
    : [`refs/heads/${head}`, `refs/tags/${head}`];
  return (names || [])
    .map((name, index) => {
      const which = isCommitId(head)
        ? `oid: ${question.variable(name, "GitObjectID!")}`
        : `expression: ${question.variable(name)}`;
      return `c${index}: object(${which}) { ... on Commit { oid ${ROLLUP_SELECTION} } }`;
    })
    .join(" ");
}

function readChecks(data: Readonly<Record<string, unknown>>, url: string | null, sha: string) {
  for (const alias of ["c0", "c1"]) {
    const found = Checked.safeParse(data[alias]);
    if (found.success && found.data.oid === sha) {
      return toCiState(found.data.statusCheckRollup, url === null ? null : `${url}/commit/${sha}`);
    }
  }
  return undefined;
}

/** GitHub's ids have 40 digits; it refuses a whole query with a longer one in it. */
function isGithubId(sha: string): boolean {
  return sha.length === 40;
}
