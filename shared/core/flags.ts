import type { Commit } from "./ports/scm.ts";

export const DEFAULT_MIGRATION_PATHS: readonly string[] = ["**/migrations/**", "**/*.sql"];

export interface ItemFlags {
  readonly hasBreakingChange: boolean;
  /** Paths of touched migrations, sorted. */
  readonly migrations: readonly string[];
}

/** What people should look at twice in one item. */
export declare function itemFlags(
  item: {
    readonly commits: readonly Pick<Commit, "title" | "body">[];
    readonly files: readonly { readonly path: string }[];
  },
  migrationPaths?: readonly string[],
): ItemFlags;

/** Whether a path matches a pattern of `**` (any folders), `*` (within one name), `?` (one character) and plain text. */
export declare function matchesPath(pattern: string, path: string): boolean;
