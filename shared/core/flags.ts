import type { Commit } from "./ports/scm.ts";
import { parseConventionalCommit } from "./release-notes.ts";

export const DEFAULT_MIGRATION_PATHS: readonly string[] = ["**/migrations/**", "**/*.sql"];

export interface ItemFlags {
  readonly hasBreakingChange: boolean;
  /** Paths of touched migrations, sorted. */
  readonly migrations: readonly string[];
}

/** What people should look at twice in one item. */
export function itemFlags(
  item: {
    readonly commits: readonly Pick<Commit, "title" | "body">[];
    readonly files: readonly { readonly path: string }[];
  },
  migrationPaths: readonly string[] = DEFAULT_MIGRATION_PATHS,
): ItemFlags {
  return {
    hasBreakingChange: item.commits.some(
      ({ title, body }) => parseConventionalCommit(title, body).breaking !== null,
    ),
    migrations: item.files
      .map((file) => file.path)
      .filter((path) => migrationPaths.some((pattern) => matchesPath(pattern, path)))
      .sort(),
  };
}

/**
 * Whether a path matches a pattern of `**` (any folders, or none), `*` (anything within one name), `?` (one character) and
 * plain text. Takes time proportional to pattern × path at worst, whatever the pattern.
 */
export function matchesPath(pattern: string, path: string): boolean {
  return matchesList(
    pattern.split("/"),
    path.split("/"),
    (part) => part === "**",
    (part, name) =>
      matchesList(
        [...part],
        [...name],
        (c) => c === "*",
        (c, d) => c === "?" || c === d,
      ),
  );
}

/** Greedy matching that only ever goes back to the newest wildcard: enough, because an earlier one cannot do better. */
function matchesList<T>(
  pattern: readonly T[],
  text: readonly T[],
  isWildcard: (part: T) => boolean,
  matchesOne: (part: T, piece: T) => boolean,
): boolean {
  let at = 0;
  let read = 0;
  let retry: { readonly at: number; read: number } | null = null;
  while (read < text.length) {
    const part = pattern[at];
    const piece = text[read];
    if (part !== undefined && isWildcard(part)) {
      retry = { at: at + 1, read };
      at += 1;
    } else if (part !== undefined && piece !== undefined && matchesOne(part, piece)) {
      at += 1;
      read += 1;
    } else if (retry) {
      retry.read += 1;
      at = retry.at;
      read = retry.read;
    } else {
      return false;
    }
  }
  return pattern.slice(at).every(isWildcard);
}
