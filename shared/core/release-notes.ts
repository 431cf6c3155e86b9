import type { Commit } from "./ports/scm.ts";

/** A commit message read as Conventional Commit. */
export interface ConventionalCommit {
  /** Lower case; null when the title follows no such form. */
  readonly type: string | null;
  readonly scope: string | null;
  /** The title without type and scope. */
  readonly subject: string;
  /** Text of a `BREAKING CHANGE:` footer, the subject when only `!` says so, null when nothing breaks. */
  readonly breaking: string | null;
}

export interface ServiceCommits {
  readonly service: string;
  readonly commits: readonly Pick<Commit, "sha" | "title" | "body">[];
  /** True number of commits, also when `commits` is cut. */
  readonly commitCount: number;
}

export declare function parseConventionalCommit(title: string, body: string): ConventionalCommit;

/** Markdown draft: breaking changes first, then by type. What people wrote cannot become a heading, link, image or mention. */
export declare function draftReleaseNotes(services: readonly ServiceCommits[]): string;

/** One line per breaking change, as markdown-free text: `billing-service: invoices need an address`. */
export declare function breakingChanges(services: readonly ServiceCommits[]): readonly string[];
