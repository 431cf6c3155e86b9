import type { Commit } from "./ports/scm.ts";

export interface Contributor {
  readonly name: string;
  /** Lower case. */
  readonly email: string;
  /** Commits the person wrote or co-wrote. */
  readonly commitCount: number;
}

/**
 * Everybody who wrote or co-wrote a commit, once per e-mail, under the name of their newest commit (`commits` is newest
 * first); most commits first, then by name. A commit that several repositories share counts once.
 */
export function contributors(
  commits: readonly Pick<Commit, "sha" | "authors">[],
): readonly Contributor[] {
  const byEmail = new Map<string, { name: string; readonly shas: Set<string> }>();
  for (const { sha, authors } of commits) {
    for (const author of authors) {
      const email = author.email.trim().toLowerCase();
      const known = byEmail.get(email);
      if (known) {
        known.shas.add(sha);
        known.name ||= author.name.trim();
      } else {
        byEmail.set(email, { name: author.name.trim(), shas: new Set([sha]) });
      }
    }
  }
  return [...byEmail]
    .map(([email, { name, shas }]) => ({ name: name || email, email, commitCount: shas.size }))
    .sort(
      (a, b) =>
        b.commitCount - a.commitCount ||
        compare(a.name.toLowerCase(), b.name.toLowerCase()) ||
        compare(a.email, b.email),
    );
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
