import { createHash } from "node:crypto";
import type { FileState, TreeChange } from "./trees.ts";

/** Change with every change of what is hashed, so that identities made differently are never equal. */
const PATCH_VERSION = "github-patch-1";
const TREE_VERSION = "github-tree-1";

/** One changed file as GitHub's comparison shows it. */
export interface PatchedFile {
  readonly filename: string;
  readonly previous_filename?: string | undefined;
  readonly status: string;
  readonly additions: number;
  readonly deletions: number;
  /** Hunks without a header. Left out for binary files and large ones, and cut in others. */
  readonly patch?: string | undefined;
}

/** What git keeps of both sides, which the comparison does not show. */
export interface FileStates {
  readonly before: FileState | null;
  readonly after: FileState | null;
}

/**
 * Identity of a change from the patches of its files: names, modes and every changed line with its context. Left out is what
 * differs between the same change made in two places of history: line numbers, and the ids of contents whose patch is whole.
 *
 * Where GitHub gives no patch, or one that has fewer lines than it counts, the ids of both contents stand for it: two
 * different changes then never look the same, at the price that the same change on another base may look different.
 */
export function identifyPatches(
  files: readonly PatchedFile[],
  stateOf: (file: PatchedFile) => FileStates,
): string {
  const parts = files.map((file) => {
    const { before, after } = stateOf(file);
    const isSame = before?.oid === after?.oid;
    return [
      file.filename,
      file.previous_filename ?? "",
      before?.mode ?? "",
      after?.mode ?? "",
      isSame ? "same" : (wholePatch(file) ?? `${before?.oid ?? ""} ${after?.oid ?? ""}`),
    ].join("\0");
  });
  return hash(PATCH_VERSION, parts);
}

/** Identity of a change of more files than GitHub shows patches of: every name with mode and content before and after. */
export function identifyTrees(changes: readonly TreeChange[]): string {
  const side = (state: FileState | null) => (state === null ? "" : `${state.mode} ${state.oid}`);
  return hash(
    TREE_VERSION,
    changes.map(({ path, before, after }) => [path, side(before), side(after)].join("\0")),
  );
}

/** No change at all has one identity, however it was found out. */
export const NO_CHANGE = identifyPatches([], () => ({ before: null, after: null }));

/** The patch without line numbers; undefined unless it has exactly the lines GitHub counts. */
function wholePatch({ patch, additions, deletions }: PatchedFile): string | undefined {
  if (patch === undefined) {
    return undefined;
  }
  let added = 0;
  let deleted = 0;
  const lines = patch.split("\n").map((line) => {
    added += line.startsWith("+") ? 1 : 0;
    deleted += line.startsWith("-") ? 1 : 0;
    // What follows is the heading the change is under: it tells places that look alike apart.
    return line.replace(/^@@ -[\d,]+ \+[\d,]+ @@/, "@@");
  });
  return added === additions && deleted === deletions ? lines.join("\n") : undefined;
}

function hash(version: string, parts: readonly string[]): string {
  const digest = createHash("sha256");
  for (const part of [...parts].sort()) {
    digest.update(`${Buffer.byteLength(part)}\0${part}`);
  }
  return parts.length === 0 ? `${PATCH_VERSION}:none` : `${version}:${digest.digest("hex")}`;
}
