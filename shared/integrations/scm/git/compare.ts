import type { ChangedFile, Commit, Comparison, RepoRef } from "../../../core/ports/scm.ts";
import { COMMIT_FORMAT, createCommitReader, createFileReader, parseCounts } from "./parse.ts";
import { createPatchHash, PATCH_ARGUMENTS } from "./patch-hash.ts";
import { findMergeBase, requireRefs, type OpenRepository } from "./refs.ts";

/** More than people read; the counts stay true. */
const MOST_COMMITS = 500;
const MOST_FILES = 3000;

/**
 * What `head` has that `base` lacks. One process when both are the same commit, two when head has nothing new, three when
 * base has not moved on; one more where the histories forked, and one where there is more than can be shown.
 */
export async function compareRefs(
  repository: OpenRepository,
  about: RepoRef,
  base: string,
  head: string,
): Promise<Comparison> {
  const [baseSha = "", headSha = ""] = await requireRefs(repository, [base, head]);
  const { commits, ahead, behind } = await readDifference(repository, baseSha, headSha);
  const mergeBaseSha = await mergeBaseOf(repository, { baseSha, headSha, ahead, behind });
  const { files, fileCount } =
    ahead === 0
      ? { files: [], fileCount: 0 }
      : await readFiles(repository, mergeBaseSha ?? baseSha, headSha);
  return {
    repository: about,
    baseSha,
    headSha,
    mergeBaseSha,
    commits,
    commitCount: ahead,
    behindCount: behind,
    files,
    fileCount,
    truncated: commits.length < ahead || files.length < fileCount,
    url: null,
  };
}

/** Identity of the whole effective change from the merge base to `head`; of no change at all it is always the same. */
export async function identifyPatch(
  repository: OpenRepository,
  base: string,
  head: string,
): Promise<string> {
  const [baseSha = "", headSha = ""] = await requireRefs(repository, [base, head]);
  const from = baseSha === headSha ? baseSha : await findMergeBase(repository, baseSha, headSha);
  const hash = createPatchHash();
  await repository.git.stream(
    {
      ...repository,
      args: ["diff-tree", ...PATCH_ARGUMENTS, from ?? baseSha, headSha, "--"],
      operation: "reading the change",
      step: 3,
    },
    (piece) => hash.take(piece),
  );
  return hash.identity();
}

/** Often it is one of the two, and git need not be asked. */
async function mergeBaseOf(
  repository: OpenRepository,
  pair: { baseSha: string; headSha: string; ahead: number; behind: number },
): Promise<string | null> {
  if (pair.behind === 0) {
    return pair.baseSha;
  }
  return pair.ahead === 0 ? pair.headSha : findMergeBase(repository, pair.baseSha, pair.headSha);
}

/** Commits and counts of both sides. Counting is left to git only where it is more than a few. */
async function readDifference(repository: OpenRepository, base: string, head: string) {
  if (base === head) {
    return { commits: [], ahead: 0, behind: 0 };
  }
  const both = await readCommits(repository, `${base}...${head}`);
  if (both.ahead.length + both.behind < MOST_COMMITS) {
    return { commits: both.ahead, ahead: both.ahead.length, behind: both.behind };
  }
  const { ahead, behind } = await countCommits(repository, base, head);
  // Commits of base may have taken the place of some of head.
  const commits =
    both.behind === 0 ? both.ahead : (await readCommits(repository, `${base}..${head}`)).ahead;
  return { commits, ahead, behind };
}

async function countCommits(repository: OpenRepository, base: string, head: string) {
  const { stdout } = await repository.git.run({
    ...repository,
    args: ["rev-list", "--left-right", "--count", `${base}...${head}`, "--"],
    operation: "counting commits",
    step: 2,
  });
  return parseCounts(stdout);
}

/** The newest commits of a range, at most as many as are shown. */
async function readCommits(repository: OpenRepository, range: string) {
  const ahead: Commit[] = [];
  let behind = 0;
  await repository.git.stream(
    {
      ...repository,
      args: [
        "log",
        "-z",
        "--left-right",
        `--max-count=${MOST_COMMITS}`,
        `--format=${COMMIT_FORMAT}`,
        "--encoding=UTF-8",
        "--no-color",
        "--no-mailmap",
        "--no-patch",
        range,
        "--",
      ],
      operation: "reading commits",
      step: 1,
    },
    createCommitReader((commit, side) => {
      if (side === "base") {
        behind += 1;
      } else {
        ahead.push(commit);
      }
    }),
  );
  return { ahead, behind };
}

async function readFiles(repository: OpenRepository, from: string, head: string) {
  const files: ChangedFile[] = [];
  let fileCount = 0;
  await repository.git.stream(
    {
      ...repository,
      args: [
        "diff-tree",
        "-r",
        "-z",
        "--name-status",
        "--find-renames=50%",
        "-l1000",
        "--no-color",
        "--no-ext-diff",
        "--no-relative",
        "--ignore-submodules=none",
        from,
        head,
        "--",
      ],
      operation: "reading changed files",
      step: 3,
    },
    createFileReader((file) => {
      fileCount += 1;
      if (fileCount <= MOST_FILES) {
        files.push(file);
      }
    }),
  );
  return { files, fileCount };
}
