import type { Commit } from "./ports/scm.ts";

export interface Contributor {
  readonly name: string;
  /** Lower case. */
  readonly email: string;
  /** Commits the person wrote or co-wrote. */
  readonly commitCount: number;
}

/** Everybody who wrote or co-wrote a commit, once per e-mail; most commits first, then by name. */
export declare function contributors(
  commits: readonly Pick<Commit, "sha" | "authors">[],
): readonly Contributor[];
