import PQueue from "p-queue";
import type { PullRequestResult } from "../../contract/release.ts";
import type { Actor } from "../../core/actor.ts";
import { isClosed } from "../../core/release.ts";
import type { PullRequest, RepoRef, ScmProvider } from "../../core/ports/scm.ts";
import { EventRow } from "../../db/rows/event.ts";
import { ReleaseItemRow } from "../../db/rows/release-item.ts";
import type { ReleaseRow } from "../../db/rows/release.ts";
import { AppError } from "../../errors/app-error.ts";
import {
  PullRequestsImpossible,
  PullRequestsPresent,
  ReleaseClosed,
} from "../../errors/catalog.ts";
import { newId } from "../../lib/ids.ts";
import { requireToChange } from "../access.ts";
import type { Progress } from "../services.ts";
import { itemsNamed } from "./change-items.ts";
import { cleanPullRequest } from "./draft-items.ts";
import { isLanded } from "./gather-release-facts.ts";
import { locateRepositories, type LocatedRepository } from "./read-repositories.ts";
import type { ReleaseDeps } from "./release-deps.ts";
import { aboutRelease, findRelease } from "./release-rows.ts";

/** Longest a person waits; what was not reached by then is named, and asking again goes on with it. */
const LONGEST_MS = 5 * 60_000;
/** An interrupted request is finished by the background work after this long; longer than anybody works at it themselves. */
const FINISH_AFTER_MS = LONGEST_MS + 60_000;
/** Forges count what is made much more strictly than what is read. */
const AT_ONCE = 4;

/** What the job `release.pull_requests` is given. */
interface Request {
  /** Ties what came of it to what was asked for. */
  readonly id: string;
  readonly number: number;
  readonly repositories: readonly string[];
}

type Columns =
  "service" | "repository" | "provider" | "excluded" | "headSha" | "pullRequest" | "landedAt";
type Item = Pick<ReleaseItemRow, Columns | "landedHead">;

/** Repositories of a branch release that have no open pull request and whose provider can open one. */
export function missingPullRequests(
  scms: readonly ScmProvider[],
  release: Pick<ReleaseRow, "kind" | "status">,
  items: readonly Item[],
): readonly string[] {
  if (release.kind !== "branch" || isClosed(release.status)) {
    return [];
  }
  const wanted = items.filter((item) => isWanted(item) && canOpen(scms, item));
  return [...new Set(wanted.map(({ repository }) => repository))].sort();
}

/** Why no pull request can be opened for a release; null when one can. */
export function pullRequestObstacle(
  scms: readonly ScmProvider[],
  release: Pick<ReleaseRow, "number" | "kind" | "status">,
  items: readonly Item[],
): AppError | null {
  const { number, status } = release;
  if (isClosed(status)) {
    return new ReleaseClosed({ number, status, action: "given pull requests" });
  }
  if (release.kind !== "branch" || !items.some((item) => canOpen(scms, item))) {
    return new PullRequestsImpossible({ number });
  }
  return missingPullRequests(scms, release, items).length === 0
    ? new PullRequestsPresent({ number })
    : null;
}

/**
 * Opens a pull request from the source into the destination branch for each repository that has none, or for those named by
 * service or repository. What is wanted is stored first, so that an interrupted request is finished later; one repository
 * that refuses never fails the others. Answers what became of each; one that has its pull request already is not asked
 * again.
 *
 * @throws ReleaseNotFound, PermissionDenied, ReleaseClosed, PullRequestsImpossible, ItemNotFound
 */
export async function openPullRequests(
  deps: ReleaseDeps,
  actor: Actor,
  number: number,
  names: readonly string[] | null,
  progress?: Progress,
): Promise<readonly PullRequestResult[]> {
  const release = await findRelease(number);
  const environment = release.targetEnvironment ?? undefined;
  const subject = aboutRelease(release);
  await requireToChange(deps.uow, actor, "release.edit", { environment }, subject);
  const items = await itemsOf(release);
  const obstacle = pullRequestObstacle(deps.scms, release, items);
  if (obstacle && !(obstacle instanceof PullRequestsPresent)) {
    throw obstacle;
  }
  const chosen = names === null ? items.filter(isWanted) : named(number, items, names);
  const settled = chosen.filter((item) => !isWanted(item)).map(settledResult);
  const repositories = [
    ...new Set(chosen.filter(isWanted).map(({ repository }) => repository)),
  ].sort();
  if (repositories.length === 0) {
    return distinct(settled);
  }
  const request: Request = { id: newId(), number, repositories };
  await deps.uow.run(async (tx) => {
    await tx.emit({
      name: "release.pull_requests_requested",
      payload: { number, request: request.id, repositories },
      actor,
      subject,
    });
    await tx.enqueue({
      name: "release.pull_requests",
      payload: { ...request },
      runAt: new Date(deps.clock.now().getTime() + FINISH_AFTER_MS),
    });
  });
  const results = await perform(deps, actor, release, request, progress);
  return distinct([...settled, ...results]).sort((a, b) => (a.repository < b.repository ? -1 : 1));
}

/**
 * Finishes a request whose process died before it could say what came of it. For the job `release.pull_requests`; does
 * nothing when the request was finished. What was opened already is found again by the provider and not opened twice.
 */
export async function finishPullRequests(
  deps: ReleaseDeps,
  actor: Actor,
  payload: Readonly<Record<string, unknown>>,
): Promise<void> {
  const request = readRequest(payload);
  const release = await findRelease(request.number);
  if (isClosed(release.status) || (await isFinished(request))) {
    return;
  }
  const items = await itemsOf(release);
  const open = new Set(items.filter(isWanted).map(({ repository }) => repository));
  const repositories = request.repositories.filter((repository) => open.has(repository));
  await perform(deps, actor, release, { ...request, repositories });
}

function readRequest({ id, number, repositories }: Readonly<Record<string, unknown>>): Request {
  if (typeof id !== "string" || typeof number !== "number" || !Array.isArray(repositories)) {
    throw new Error("a request for pull requests that nobody wrote");
  }
  return { id, number, repositories: repositories.map(String) };
}

/** Whether it was written down what became of the request. */
async function isFinished({ id, number }: Request): Promise<boolean> {
  const told = await EventRow.findAll({
    attributes: ["payload"],
    where: {
      name: "release.pull_requests_opened",
      subjectKind: "release",
      subjectId: String(number),
    },
  });
  return told.some(
    ({ payload }) =>
      typeof payload === "object" &&
      payload !== null &&
      "request" in payload &&
      payload.request === id,
  );
}

/** Asks each repository's provider, and writes down what came of it. */
async function perform(
  deps: ReleaseDeps,
  actor: Actor,
  release: ReleaseRow,
  request: Request,
  progress?: Progress,
): Promise<readonly PullRequestResult[]> {
  const { number, repositories } = request;
  const signal = AbortSignal.any([deps.stopping, AbortSignal.timeout(LONGEST_MS)]);
  const located = await locateRepositories(deps.scms, signal).catch((error: unknown) => {
    // Nobody answers: that is what came of it, and nothing is opened later, when nobody expects it.
    if (error instanceof AppError) {
      return { of: () => error };
    }
    throw error;
  });
  const queue = new PQueue({ concurrency: AT_ONCE });
  let done = 0;
  const results = await queue.addAll(
    repositories.map((repository) => async (): Promise<PullRequestResult> => {
      const result = await openOne(deps, release, located.of(repository), repository, signal);
      done += 1;
      progress?.(done, repositories.length, repository);
      return result;
    }),
  );
  if (deps.stopping.aborted) {
    // Somebody else finishes it, from what was written down before.
    throw deps.stopping.reason;
  }
  await deps.uow.run(async (tx) => {
    const transaction = tx.sequelize;
    for (const { repository, pullRequest } of results) {
      if (pullRequest !== null) {
        await ReleaseItemRow.update(
          { pullRequest },
          { where: { releaseId: release.id, repository }, transaction },
        );
      }
    }
    await tx.emit({
      name: "release.pull_requests_opened",
      payload: {
        number,
        request: request.id,
        opened: results.flatMap(({ repository, pullRequest }) =>
          pullRequest === null
            ? []
            : [{ repository, number: pullRequest.number, url: pullRequest.url }],
        ),
        failed: results.flatMap(({ repository, reason, remedy }) =>
          reason === null ? [] : [{ repository, reason, remedy: remedy ?? "" }],
        ),
      },
      actor,
      subject: aboutRelease(release),
    });
  });
  return results;
}

async function openOne(
  { logger, baseUrl }: ReleaseDeps,
  { number, sourceBranch, destinationBranch }: ReleaseRow,
  found: LocatedRepository | AppError,
  name: string,
  signal: AbortSignal,
): Promise<PullRequestResult> {
  if (found instanceof AppError) {
    return refusal(name, found.message, found.remedy);
  }
  const { scm, repository } = found;
  if (!scm.openPullRequest || sourceBranch === null || destinationBranch === null) {
    return refusal(
      name,
      `Its provider ${scm.id} has no pull requests.`,
      "Nothing is missing: it lands without one.",
    );
  }
  try {
    const pullRequest = await scm.openPullRequest(
      repository,
      {
        base: destinationBranch,
        head: sourceBranch,
        title: `Release #${number}: ${sourceBranch} → ${destinationBranch}`,
        body: `Opened on request for release ${number}: ${baseUrl()}/releases/${number}`,
      },
      signal,
    );
    return presentResult(name, cleanPullRequest(pullRequest));
  } catch (error) {
    const remedy = `Say \`open-pr ${number} ${name}\` to try again.`;
    if (signal.aborted) {
      return refusal(name, "It was not reached in time.", remedy);
    }
    if (error instanceof AppError) {
      return refusal(name, error.message, error.remedy ?? remedy);
    }
    logger.error({ err: error, repository: name }, "opening a pull request broke");
    return refusal(name, "Something broke on our side; the log has the details.", remedy);
  }
}

async function itemsOf(release: ReleaseRow): Promise<readonly ReleaseItemRow[]> {
  return ReleaseItemRow.findAll({
    attributes: { exclude: ["commits"] },
    where: { releaseId: release.id },
    order: [["service", "ASC"]],
  });
}

function named(
  number: number,
  items: readonly ReleaseItemRow[],
  names: readonly string[],
): readonly ReleaseItemRow[] {
  return [...new Set(names.flatMap((name) => itemsNamed(number, items, name)))];
}

/** It goes out, has not landed, and nobody has opened a pull request for it. */
function isWanted(item: Item): boolean {
  return (
    !item.excluded &&
    item.headSha !== null &&
    item.pullRequest?.state !== "open" &&
    !isLanded({ landedAt: item.landedAt, landedHead: item.landedHead, headSha: item.headSha })
  );
}

/** Items of older releases do not say who their provider is: then any that can may be it. */
function canOpen(scms: readonly ScmProvider[], { provider }: Item): boolean {
  return scms.some(
    (scm) =>
      scm.openPullRequest !== undefined && (scm.id === provider || (provider ?? null) === null),
  );
}

/** Of an item that wants none: the one there is, or why there will be none. */
function settledResult({ repository, pullRequest, excluded, service }: Item): PullRequestResult {
  if (pullRequest?.state === "open") {
    return presentResult(repository, pullRequest);
  }
  return excluded
    ? refusal(repository, `${service} is excluded from this release.`, `Include ${service} first.`)
    : refusal(repository, `${service} has landed already.`, undefined);
}

function presentResult(repository: RepoRef["name"], pullRequest: PullRequest): PullRequestResult {
  return { repository, pullRequest: { ...pullRequest }, reason: null, remedy: null };
}

function refusal(repository: string, reason: string, remedy: string | undefined) {
  return { repository, pullRequest: null, reason, remedy: remedy ?? null };
}

/** Services of one repository share its pull request; what was found out last counts. */
function distinct(results: readonly PullRequestResult[]): PullRequestResult[] {
  return [...new Map(results.map((result) => [result.repository, result])).values()];
}
