import type { ChangedFile, Commit, Comparison, RepoRef } from "../../../core/ports/scm.ts";
import { COMMIT_FORMAT, createCommitReader, createFileReader, parseCounts } from "./parse.ts";
import { createPatchHash, PATCH_ARGUMENTS } from "./patch-hash.ts";
import { findMergeBase, requireRefs, type OpenRepository } from "./refs.ts";

/** More than people read; the counts stay true. */
const MOST_COMMITS = 500;
const MOST_FILES = 3000;

/**
 * What `head` has that `base` lacks. One process when both are the same commit, two when head has nothing new, four when
 * base has not moved on, else five.
 */
export async function compareRefs(
  repository: OpenRepository,
  about: RepoRef,
  base: string,
  head: string,
): Promise<Comparison> {
  const [baseSha = "", headSha = ""] = await requireRefs(repository, [base, head]);
  const { ahead, behind } =
    baseSha === headSha
      ? { ahead: 0, behind: 0 }
      : await countCommits(repository, baseSha, headSha);
  const mergeBaseSha = await mergeBaseOf(repository, { baseSha, headSha, ahead, behind });
  const [commits, { files, fileCount }] =
    ahead === 0
      ? [[], { files: [], fileCount: 0 }]
      : await Promise.all([
          readCommits(repository, baseSha, headSha),
          readFiles(repository, mergeBaseSha ?? baseSha, headSha),
        ]);
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

async function countCommits(repository: OpenRepository, base: string, head: string) {
  const { stdout } = await repository.git.run({
    ...repository,
    args: ["rev-list", "--left-right", "--count", `${base}...${head}`, "--"],
    operation: "counting commits",
    step: 1,
  });
  return parseCounts(stdout);
}

async function readCommits(repository: OpenRepository, base: string, head: string) {
  const commits: Commit[] = [];
  await repository.git.stream(
    {
      ...repository,
      args: [
        "log",
        "-z",
        `--max-count=${MOST_COMMITS}`,
        `--format=${COMMIT_FORMAT}`,
        "--encoding=UTF-8",
        "--no-color",
        "--no-mailmap",
        "--no-patch",
        `${base}..${head}`,
        "--",
      ],
      operation: "reading commits",
      step: 3,
    },
    createCommitReader((commit) => commits.push(commit)),
  );
  return commits;
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
