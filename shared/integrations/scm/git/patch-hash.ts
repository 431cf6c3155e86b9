import { createHash } from "node:crypto";

const NEWLINE = 10;

/** Changes with every change of what is hashed, so that identities made differently are never equal. */
const VERSION = "git-diff-1";

/** How git must be asked for the patch, whatever the repository's configuration says. */
export const PATCH_ARGUMENTS: readonly string[] = [
  "-r",
  "-p",
  "--full-index",
  "--no-color",
  "--no-renames",
  "--no-ext-diff",
  "--no-textconv",
  "--no-indent-heuristic",
  "--no-relative",
  "--diff-algorithm=myers",
  "--unified=3",
  "--inter-hunk-context=0",
  "--src-prefix=a/",
  "--dst-prefix=b/",
  "--submodule=short",
  "--ignore-submodules=none",
];

export interface PatchHash {
  take(piece: Buffer): void;
  /** To be asked once, after the last piece. */
  identity(): string;
}

/**
 * Takes a patch piece by piece and gives its identity: a hash over every file name, mode and changed line with its context,
 * white space included. Left out is what differs between the same change made in two places of history: line numbers, and
 * the ids of text files' contents. Binary files have no lines, so there the ids of both contents count.
 *
 * `git patch-id` is close, but ignores white space (always before version 2.39), and what binary files hold.
 */
export function createPatchHash(): PatchHash {
  const hash = createHash("sha256");
  /** A line that is not content, as far as it has come. Its length is that of a file name. */
  let header = "";
  let isInContent = false;
  /** The line with both content ids, until it is known whether the file has lines. */
  let contentIds: string | undefined;

  return { take, identity };

  function take(piece: Buffer): void {
    let from = 0;
    while (from < piece.length) {
      const end = piece.indexOf(NEWLINE, from);
      const to = end < 0 ? piece.length : end + 1;
      takePart(piece.subarray(from, to), end >= 0);
      from = to;
    }
  }

  function takePart(part: Buffer, isLineEnd: boolean): void {
    if (isInContent || (header === "" && isContent(part[0]))) {
      // Handed on as it comes: one line of a minified file may be many megabytes.
      hash.update(part);
      isInContent = !isLineEnd;
      return;
    }
    header += part.toString("latin1");
    if (isLineEnd) {
      takeHeader(header);
      header = "";
    }
  }

  function takeHeader(line: string): void {
    if (line.startsWith("index ")) {
      contentIds = line;
      return;
    }
    if (line.startsWith("Binary files ")) {
      hash.update(contentIds ?? "", "latin1");
      contentIds = undefined;
    } else {
      dropContentIds();
    }
    // What follows the second `@@` is the heading the change is under: it tells places that look alike apart.
    hash.update(line.replace(/^@@ -[\d,]+ \+[\d,]+ @@/, "@@"), "latin1");
  }

  /** The mode after the ids is part of the change, the ids are not. */
  function dropContentIds(): void {
    if (contentIds !== undefined) {
      hash.update(`mode ${/ (\d+)$/.exec(contentIds.trimEnd())?.[1] ?? "as above"}\n`);
      contentIds = undefined;
    }
  }

  function identity(): string {
    dropContentIds();
    return `${VERSION}:${hash.digest("hex")}`;
  }
}

/** Lines of files begin with a space, `+`, `-` or `\`, and so do the two lines that repeat the file's names. */
function isContent(first: number | undefined): boolean {
  return first === 0x20 || first === 0x2b || first === 0x2d || first === 0x5c;
}
