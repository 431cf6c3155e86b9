import { contributors } from "../../core/contributors.ts";
import { itemFlags } from "../../core/flags.ts";
import type { CiState, Comparison, PullRequest } from "../../core/ports/scm.ts";
import {
  breakingChanges,
  draftReleaseNotes,
  parseConventionalCommit,
  type ServiceCommits,
} from "../../core/release-notes.ts";
import type { StoredCommit, StoredContributor } from "../../db/rows/release-item.ts";
import type { StoredProblem } from "../../db/rows/release.ts";
import { cleanText, webAddress } from "../../lib/text.ts";

/** Commits kept of each item. The true number is kept beside them. */
const KEPT_COMMITS = 500;
const LONGEST_TITLE = 500;
const LONGEST_NAME = 200;
const LONGEST_EMAIL = 320;

/** One repository with commits to release, as source control told of it. */
export interface RepositoryReading {
  readonly comparison: Comparison;
  readonly patchIdentity: string | null;
  readonly pullRequest: PullRequest | null;
  readonly ci: CiState | null;
}

/** What of a service says which items it has a part in. */
export interface ServicePlace {
  readonly name: string;
  readonly repository: string;
  /** Empty: the whole repository. */
  readonly path: string;
}

/** One service as a release would carry it. */
export interface ItemDraft {
  readonly service: string;
  readonly repository: string;
  readonly provider: string;
  readonly path: string;
  readonly baseSha: string;
  readonly headSha: string;
  readonly mergeBaseSha: string | null;
  readonly commitCount: number;
  readonly behindCount: number;
  readonly truncated: boolean;
  readonly commits: readonly StoredCommit[];
  readonly contributors: readonly StoredContributor[];
  readonly fileCount: number;
  readonly migrations: readonly string[];
  readonly breaking: boolean;
  readonly patchIdentity: string | null;
  readonly pullRequest: PullRequest | null;
  readonly ci: CiState | null;
  /** With whole messages, for notes. */
  readonly messages: ServiceCommits;
}

/** The items one repository makes, and why it makes none. */
export interface DraftedRepository {
  readonly items: readonly ItemDraft[];
  readonly problems: readonly StoredProblem[];
}

/**
 * One item per service of the repository: of the whole repository, or, for services that are folders of it, of those whose
 * files changed. Where the list of files is cut nobody can tell which services are untouched, so all of them are in.
 */
export function draftItems(
  reading: RepositoryReading,
  services: readonly ServicePlace[],
  migrationPaths: readonly string[],
): DraftedRepository {
  const { comparison } = reading;
  const isFilesCut = comparison.fileCount > comparison.files.length;
  const touched = services.filter(
    ({ path }) => path === "" || isFilesCut || comparison.files.some((f) => isUnder(path, f.path)),
  );
  return {
    items: touched.map((service) => draftItem(reading, service, isFilesCut, migrationPaths)),
    problems:
      touched.length > 0
        ? []
        : [
            {
              repository: comparison.repository.name,
              code: NOTHING_TOUCHED,
              reason: "Its changed files belong to none of its services.",
              remedy: "Declare a service for those files if they are to be released.",
            },
          ],
  };
}

/** Code of the one problem that is no failure: the repository was compared, and none of its services changed. */
export const NOTHING_TOUCHED = "no_service_touched";

/** Draft of the notes and the list of breaking changes, as the commits tell them. */
export function draftNotes(messages: readonly ServiceCommits[]): {
  readonly notes: string;
  readonly breaking: string;
} {
  const sorted = [...messages].sort((a, b) => (a.service < b.service ? -1 : 1));
  return { notes: draftReleaseNotes(sorted), breaking: breakingChanges(sorted).join("\n") };
}

function draftItem(
  { comparison, patchIdentity, pullRequest, ci }: RepositoryReading,
  { name, path }: ServicePlace,
  isFilesCut: boolean,
  migrationPaths: readonly string[],
): ItemDraft {
  const commits = comparison.commits.slice(0, KEPT_COMMITS);
  const files = comparison.files.filter((file) => path === "" || isUnder(path, file.path));
  const flags = itemFlags({ commits: comparison.commits, files }, migrationPaths);
  return {
    service: name,
    repository: comparison.repository.name,
    provider: comparison.repository.provider,
    path,
    baseSha: comparison.baseSha,
    headSha: comparison.headSha,
    mergeBaseSha: comparison.mergeBaseSha,
    commitCount: comparison.commitCount,
    behindCount: comparison.behindCount,
    truncated: comparison.truncated || commits.length < comparison.commitCount,
    commits: commits.map((commit) => ({
      sha: commit.sha,
      title: cleanText(commit.title, LONGEST_TITLE),
      authors: commit.authors.map(cleanAuthor),
      authoredAt: commit.authoredAt.toISOString(),
      url: commit.url && webAddress(commit.url),
      breaking: parseConventionalCommit(commit.title, commit.body).breaking !== null,
    })),
    contributors: contributors(
      comparison.commits.map(({ sha, authors }) => ({ sha, authors: authors.map(cleanAuthor) })),
    ),
    fileCount: path === "" || isFilesCut ? comparison.fileCount : files.length,
    migrations: flags.migrations.map((file) => cleanText(file, 1_000)),
    breaking: flags.hasBreakingChange,
    patchIdentity,
    pullRequest: pullRequest && cleanPullRequest(pullRequest),
    ci: ci && cleanCi(ci),
    messages: { service: name, commits: comparison.commits, commitCount: comparison.commitCount },
  };
}

/** Words and addresses of others, made safe to show. */
export function cleanPullRequest(pullRequest: PullRequest): PullRequest {
  return {
    ...pullRequest,
    url: webAddress(pullRequest.url) ?? "",
    title: cleanText(pullRequest.title, LONGEST_TITLE),
  };
}

/** Words and addresses of others, made safe to show. */
export function cleanCi(ci: CiState): CiState {
  return {
    ...ci,
    url: ci.url && webAddress(ci.url),
    summary: cleanText(ci.summary, LONGEST_TITLE),
  };
}

function cleanAuthor(author: { readonly name: string; readonly email: string }) {
  return {
    name: cleanText(author.name, LONGEST_NAME),
    email: cleanText(author.email, LONGEST_EMAIL),
  };
}

function isUnder(folder: string, file: string): boolean {
  return file.startsWith(folder.endsWith("/") ? folder : `${folder}/`);
}
