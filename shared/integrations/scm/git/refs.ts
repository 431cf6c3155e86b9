import { isCommitId } from "../../../core/ports/ref-name.ts";
import type { ProviderFailure } from "../../../core/ports/scm.ts";
import { RepositoryFailed } from "./failures.ts";
import { parseObjectNames } from "./parse.ts";
import type { Git } from "./run-git.ts";

/** A repository that is ready to be asked. */
export interface OpenRepository {
  readonly git: Git;
  readonly name: string;
  readonly gitDirectory: string;
  readonly signal: AbortSignal;
}

export type ResolvedRef =
  | { readonly ref: string; readonly sha: string }
  | { readonly ref: string; readonly failure: ProviderFailure };

/**
 * What names stand for now, all in one process: branches first, then tags; a full commit id stands for itself whatever
 * branches are called. The names must have passed `requireRefName`.
 */
export async function resolveRefs(
  repository: OpenRepository,
  refs: readonly string[],
): Promise<readonly ResolvedRef[]> {
  const questions = refs.map((ref) =>
    isCommitId(ref) ? [ref] : [`refs/heads/${ref}`, `refs/tags/${ref}`],
  );
  const answers = await askForCommits(repository, questions.flat());
  const found: ResolvedRef[] = [];
  let next = 0;
  for (const [index, ref] of refs.entries()) {
    const count = questions[index]?.length ?? 0;
    const sha = answers.slice(next, next + count).find((answer) => answer !== null);
    next += count;
    found.push(
      sha === undefined ? { ref, failure: await whyMissing(repository, ref) } : { ref, sha },
    );
  }
  return found;
}

/** The same for names that must all be there. Throws `RepositoryFailed` for the first that is not. */
export async function requireRefs(
  repository: OpenRepository,
  refs: readonly string[],
): Promise<readonly string[]> {
  return (await resolveRefs(repository, refs)).map((resolved) => {
    if ("failure" in resolved) {
      throw new RepositoryFailed(resolved.failure);
    }
    return resolved.sha;
  });
}

/** What a branch stands for; a tag of the same name does not count. Throws `RepositoryFailed` when there is none. */
export async function requireBranch(repository: OpenRepository, branch: string): Promise<string> {
  const [sha] = await askForCommits(repository, [`refs/heads/${branch}`]);
  if (sha === null || sha === undefined) {
    throw new RepositoryFailed(await whyMissing(repository, branch));
  }
  return sha;
}

/** The commit both grew from; null when their histories are unrelated. */
export async function findMergeBase(
  repository: OpenRepository,
  base: string,
  head: string,
): Promise<string | null> {
  const { stdout, exitCode } = await repository.git.run({
    ...repository,
    args: ["merge-base", base, head],
    operation: "looking for the common history",
    accept: [0, 1],
    step: 2,
  });
  return exitCode === 0 ? stdout.trim() : null;
}

async function askForCommits(
  repository: OpenRepository,
  names: readonly string[],
): Promise<readonly (string | null)[]> {
  const { stdout } = await repository.git.run({
    ...repository,
    args: ["cat-file", "--batch-check=%(objectname)"],
    operation: "looking up the branches",
    input: names.map((name) => `${name}^{commit}\n`).join(""),
  });
  return parseObjectNames(stdout);
}

async function whyMissing(repository: OpenRepository, ref: string): Promise<ProviderFailure> {
  if (isCommitId(ref)) {
    return {
      code: "branch_missing",
      reason: `${repository.name} has no commit ${ref.slice(0, 12)}.`,
      remedy: "It may have been removed by a force-push: refresh and look again.",
    };
  }
  const { stdout } = await repository.git.run({
    ...repository,
    args: ["for-each-ref", "--count=1", "--format=%(refname)", "refs/heads/"],
    operation: "looking for branches",
    step: 1,
  });
  if (stdout === "") {
    return {
      code: "repository_empty",
      reason: `${repository.name} has no branches yet.`,
      remedy: "Push something to it.",
    };
  }
  const { stdout: named } = await repository.git.run({
    ...repository,
    args: ["for-each-ref", "--format=%(refname)", `refs/heads/${ref}`, `refs/tags/${ref}`],
    operation: "looking for branches",
    step: 1,
  });
  if (
    named.split("\n").some((name) => name === `refs/heads/${ref}` || name === `refs/tags/${ref}`)
  ) {
    return {
      code: "repository_unreadable",
      reason: `"${ref}" of ${repository.name} stands for a commit that is damaged or missing.`,
      remedy: "Run `git fsck` in the repository to see what is wrong with it.",
    };
  }
  return {
    code: "branch_missing",
    reason: `${repository.name} has no branch "${ref}".`,
    remedy: "Check the spelling, or leave this repository out.",
  };
}
