import type { ChangedFile, Commit } from "../../../core/ports/scm.ts";
import { toAuthors, toMessage } from "../commit-text.ts";

const NUL = 0;

/** Bytes kept of one field: enough for the longest body in any script, whatever the repository holds. */
const FIELD_BYTES = 64_000;

/** Later dates than JavaScript has are not dates. */
const LATEST_SECONDS = 8_640_000_000_000;

/** What `git log -z --left-right` is asked for; `createCommitReader` reads it. */
export const COMMIT_FORMAT =
  "tformat:%m%x00%H%x00%an%x00%ae%x00%at%x00%B%x00%(trailers:key=Co-authored-by,valueonly=true,unfold=true)";
const COMMIT_FIELDS = 7;

/** Takes output piece by piece and hands on each field ended by a zero byte, cut to 64 kB. */
export function createFieldReader(take: (field: string) => void): (piece: Buffer) => void {
  let kept: Buffer[] = [];
  let length = 0;
  return (piece) => {
    let from = 0;
    for (let end = piece.indexOf(NUL); end >= 0; end = piece.indexOf(NUL, from)) {
      keep(piece.subarray(from, end));
      take(Buffer.concat(kept).toString("utf8"));
      kept = [];
      length = 0;
      from = end + 1;
    }
    keep(piece.subarray(from));
  };

  function keep(part: Buffer): void {
    const wanted = part.subarray(0, FIELD_BYTES - length);
    if (wanted.length > 0) {
      // A copy, so that a field of a few bytes does not hold on to the whole piece.
      kept.push(Buffer.from(wanted));
      length += wanted.length;
    }
  }
}

/** Reads the output of `git log -z --left-right --format=COMMIT_FORMAT base...head`. */
export function createCommitReader(
  take: (commit: Commit, side: "base" | "head") => void,
): (piece: Buffer) => void {
  let fields: string[] = [];
  return createFieldReader((field) => {
    fields.push(field);
    if (fields.length === COMMIT_FIELDS) {
      const [mark, ...rest] = fields;
      take(toCommit(rest), mark === "<" ? "base" : "head");
      fields = [];
    }
  });
}

/** Reads the output of `git diff-tree -z --name-status`. */
export function createFileReader(take: (file: ChangedFile) => void): (piece: Buffer) => void {
  let status: string | undefined;
  let pathsLeft = 0;
  return createFieldReader((field) => {
    if (status === undefined) {
      status = field;
      pathsLeft = /^[RC]/.test(field) ? 2 : 1;
      return;
    }
    pathsLeft -= 1;
    if (pathsLeft === 0) {
      take({ path: field, change: CHANGES[status.charAt(0)] ?? "modified" });
      status = undefined;
    }
  });
}

const CHANGES: Readonly<Record<string, ChangedFile["change"]>> = {
  A: "added",
  C: "added",
  D: "removed",
  R: "renamed",
};

function toCommit(fields: readonly string[]): Commit {
  const [sha = "", name = "", email = "", seconds = "", message = "", coAuthors = ""] = fields;
  return {
    sha,
    ...toMessage(message),
    authors: toAuthors(name, email, coAuthors),
    authoredAt: toDate(seconds),
    url: null,
  };
}

function toDate(seconds: string): Date {
  const value = Number(seconds);
  return new Date(Number.isFinite(value) && Math.abs(value) <= LATEST_SECONDS ? value * 1000 : 0);
}

/**
 * Answers of `git cat-file --batch-check=%(objectname)`: one commit id, or null, for each line that was asked.
 */
export function parseObjectNames(output: string): readonly (string | null)[] {
  return output
    .split("\n")
    .slice(0, -1)
    .map((line) => (/^[0-9a-f]{40,64}$/.test(line) ? line : null));
}

/** The two numbers of `git rev-list --left-right --count base...head`. */
export function parseCounts(output: string): { readonly behind: number; readonly ahead: number } {
  const [behind = 0, ahead = 0] = output.trim().split(/\s+/).map(Number);
  return { behind, ahead };
}

/** Lines of `git worktree list --porcelain`: where each branch is checked out. */
export function parseWorktrees(
  output: string,
): readonly { readonly path: string; readonly branch: string }[] {
  return output.split("\n\n").flatMap((entry) => {
    const path = /^worktree (.+)$/m.exec(entry)?.[1];
    const branch = /^branch refs\/heads\/(.+)$/m.exec(entry)?.[1];
    return path === undefined || branch === undefined ? [] : [{ path, branch }];
  });
}
