import { cleanText } from "../lib/text.ts";
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

/** Headings of a draft with the commit types under each, in the order they are shown. */
const SECTIONS: readonly { readonly heading: string; readonly types: readonly string[] }[] = [
  { heading: "Features", types: ["feat", "feature"] },
  { heading: "Fixes", types: ["fix", "bugfix", "hotfix"] },
  { heading: "Performance", types: ["perf"] },
  { heading: "Reverts", types: ["revert"] },
  { heading: "Refactoring", types: ["refactor"] },
  { heading: "Documentation", types: ["docs", "doc"] },
  { heading: "Tests", types: ["test", "tests"] },
  { heading: "Build and maintenance", types: ["build", "ci", "chore", "style", "deps"] },
];
const OTHER = "Other changes";

const TITLE = /^([A-Za-z][\w-]{0,30})(?:\(([^()]{0,100})\))?(!)?:\s+(\S.*)$/;
const BREAKING_FOOTER = /^BREAKING[ -]CHANGES?:\s*(.*)$/;
const FOOTER = /^[A-Za-z][\w-]{0,50}(?:: | #)/;
const MERGE_TITLE = /^Merge (?:branch|pull request|remote-tracking branch|tag|commit) /;

/** Reads a commit message; any text is fine. */
export function parseConventionalCommit(title: string, body: string): ConventionalCommit {
  const match = TITLE.exec(title.trim());
  const subject = match?.[4] ?? title.trim();
  const isMarked = match?.[3] === "!";
  return {
    type: match?.[1]?.toLowerCase() ?? null,
    scope: match?.[2]?.trim() || null,
    subject,
    breaking: breakingFooter(body, subject) ?? (isMarked ? subject : null),
  };
}

/**
 * Markdown draft: breaking changes first, then by type; merge commits are left out. What people wrote cannot become a
 * heading, markup or a mention. Empty when there is nothing to tell.
 */
export function draftReleaseNotes(services: readonly ServiceCommits[]): string {
  const entries = services.flatMap(({ service, commits }) =>
    commits
      .filter((commit) => !MERGE_TITLE.test(commit.title))
      .map((commit) => ({
        service,
        sha: commit.sha,
        title: commit.title,
        ...parseConventionalCommit(commit.title, commit.body),
      })),
  );
  const parts = [
    section(
      "Breaking changes",
      entries
        .filter((entry) => entry.breaking !== null)
        .map((entry) => line(entry.service, entry.scope, entry.breaking ?? "", entry.sha)),
    ),
    ...[...SECTIONS, { heading: OTHER, types: [] }].map(({ heading }) =>
      section(
        heading,
        entries
          .filter((entry) => headingOf(entry.type) === heading && entry.breaking !== entry.subject)
          .map((entry) =>
            // An unknown word before the colon may be part of the sentence, so the whole title stays.
            heading === OTHER
              ? line(entry.service, null, entry.title, entry.sha)
              : line(entry.service, entry.scope, entry.subject, entry.sha),
          ),
      ),
    ),
    section(
      "Not listed",
      services
        .filter(({ commits, commitCount }) => commitCount > commits.length)
        .map(
          ({ service, commits, commitCount }) =>
            `- **${escapeMarkdown(service)}**: ${commitCount - commits.length} more`,
        ),
    ),
  ];
  return parts.filter((part) => part !== "").join("\n\n");
}

/** One line per breaking change, as plain text: `billing-service: invoices need an address`. */
export function breakingChanges(services: readonly ServiceCommits[]): readonly string[] {
  return services.flatMap(({ service, commits }) =>
    commits.flatMap(({ title, body }) => {
      const { breaking } = parseConventionalCommit(title, body);
      return breaking === null ? [] : [`${service}: ${cleanText(breaking, 500)}`];
    }),
  );
}

/** Text up to the next empty line or footer; the subject when the footer itself says nothing. */
function breakingFooter(body: string, subject: string): string | null {
  const lines = body.split(/\r?\n/);
  const start = lines.findIndex((text) => BREAKING_FOOTER.test(text));
  if (start === -1) {
    return null;
  }
  const first = BREAKING_FOOTER.exec(lines[start] ?? "")?.[1] ?? "";
  const rest = lines.slice(start + 1);
  const end = rest.findIndex(
    (text) => text.trim() === "" || FOOTER.test(text) || BREAKING_FOOTER.test(text),
  );
  const text = [first, ...rest.slice(0, end === -1 ? rest.length : end)].join(" ").trim();
  return text === "" ? subject : text;
}

function headingOf(type: string | null): string {
  return SECTIONS.find(({ types }) => type !== null && types.includes(type))?.heading ?? OTHER;
}

function section(heading: string, lines: readonly string[]): string {
  return lines.length === 0 ? "" : `## ${heading}\n\n${lines.join("\n")}`;
}

function line(service: string, scope: string | null, text: string, sha: string): string {
  const where = scope === null ? "" : `${escapeMarkdown(scope)}: `;
  return `- **${escapeMarkdown(service)}**: ${where}${escapeMarkdown(text)} (${sha.slice(0, 8)})`;
}

/**
 * Text as one line of markdown that shows exactly these characters. A mention becomes code, because the places notes go to
 * look for mentions in the text itself, where a backslash does not count. A backtick becomes an entity, because an escaped
 * one beside the code of a mention would change where that begins.
 */
function escapeMarkdown(text: string): string {
  return cleanText(text, 500)
    .split(/((?<!\w)@[\w.@-]+)/)
    .map((part, index) =>
      index % 2 === 1
        ? `\`${part}\``
        : part.replace(/[\\*_{}[\]<>()#+!|~&$]/g, "\\$&").replaceAll("`", "&#96;"),
    )
    .join("");
}
