import type { Actor } from "../../core/actor.ts";
import { systemActor } from "../../core/actor.ts";
import type { PullRequestResult, ReleaseView } from "../../contract/release.ts";
import type { Job } from "../../db/work-queue.types.ts";
import { createShareRunning } from "../../lib/share-running.ts";
import type { ReleaseServices } from "../services.ts";
import { setDependencies } from "./change-dependencies.ts";
import { excludeItems, includeItems } from "./change-items.ts";
import { closeRelease } from "./close-release.ts";
import { createRelease } from "./create-release.ts";
import { editRelease } from "./edit-release.ts";
import { liftRejection } from "./lift-rejection.ts";
import { finishPullRequests, openPullRequests } from "./open-pull-requests.ts";
import { repositoryNames } from "./read-repositories.ts";
import { refreshOpenReleases } from "./refresh-open-releases.ts";
import { createRefreshQueue } from "./refresh-queue.ts";
import { refreshRelease, requireRefreshable } from "./refresh-release.ts";
import { rejectRelease } from "./reject-release.ts";
import type { ReleaseDeps } from "./release-deps.ts";
import { listReleases, releaseHistory, viewRelease } from "./release-queries.ts";
import { revokeSignOff } from "./revoke-sign-off.ts";
import { signOffRelease } from "./sign-off-release.ts";

/** The services, and what runs without being asked. */
export interface ReleaseModule {
  readonly services: ReleaseServices;
  /** Reads every open release again; for the scheduler, every `REFRESH_EVERY_MS`. Answers how many changed. */
  refreshOpen(signal: AbortSignal): Promise<number>;
  /** Handles the job `release.refresh`. */
  handleRefreshJob(payload: Job["payload"]): Promise<void>;
  /** Handles the job `release.pull_requests`. */
  handlePullRequestsJob(payload: Job["payload"]): Promise<void>;
  /** Names of every configured repository that can be listed now. */
  repositories(): Promise<readonly string[]>;
}

/** Wires the release use cases to what they work with. */
export function createReleaseServices(deps: ReleaseDeps): ReleaseModule {
  const queue = createRefreshQueue((number, { actor, mode, progress }) =>
    refreshRelease(deps, actor, number, mode, progress),
  );

  /** An impatient person's clicks are one click. */
  const shareClicks = createShareRunning<ReleaseView>();
  const shareOpening = createShareRunning<readonly PullRequestResult[]>();

  /** Every change answers with the release as it is afterwards. */
  async function viewAfter(actor: Actor, number: number, change: Promise<void>) {
    await change;
    return viewRelease(deps, actor, number);
  }

  return {
    services: {
      async create(actor, input, progress) {
        const number = await createRelease(deps, actor, input, progress);
        return viewRelease(deps, actor, number);
      },
      view: (actor, number) => viewRelease(deps, actor, number),
      list: (actor, query) => listReleases(deps, actor, query),
      async refresh(actor, number, progress) {
        await requireRefreshable(deps, actor, number);
        await queue.run(number, { actor, mode: "asked", progress });
        return viewRelease(deps, actor, number);
      },
      edit: (actor, number, input) =>
        viewAfter(actor, number, editRelease(deps, actor, number, input)),
      async openPullRequests(actor, number, { repositories }, progress) {
        const results = await shareOpening(
          JSON.stringify([number, actor.subject, repositories]),
          () => openPullRequests(deps, actor, number, repositories ?? null, progress),
        );
        return { release: await viewRelease(deps, actor, number), results: [...results] };
      },
      exclude: (actor, number, services, reason) =>
        viewAfter(actor, number, excludeItems(deps, actor, number, services, reason)),
      include: (actor, number, services) =>
        viewAfter(actor, number, includeItems(deps, actor, number, services)),
      setDependencies: (actor, number, service, on) =>
        viewAfter(actor, number, setDependencies(deps, actor, number, service, on)),
      signOff: (actor, number, input) =>
        shareClicks(
          JSON.stringify([number, actor.subject, actor.grants, actor.via.token, input]),
          () => viewAfter(actor, number, signOffRelease(deps, actor, number, input)),
        ),
      revokeSignOff: (actor, number, input) =>
        viewAfter(actor, number, revokeSignOff(deps, actor, number, input)),
      reject: (actor, number, reason) =>
        viewAfter(actor, number, rejectRelease(deps, actor, number, reason)),
      liftRejection: (actor, number) =>
        viewAfter(actor, number, liftRejection(deps, actor, number)),
      close: (actor, number, reason) =>
        viewAfter(actor, number, closeRelease(deps, actor, number, reason)),
      history: releaseHistory,
    },
    refreshOpen: (signal) => refreshOpenReleases({ queue, logger: deps.logger }, signal),
    async handleRefreshJob({ number }) {
      if (typeof number === "number") {
        await queue.run(number, { actor: systemActor, mode: "scheduled", mustBegin: true });
      }
    },
    handlePullRequestsJob: (payload) => finishPullRequests(deps, systemActor, payload),
    repositories: () => repositoryNames(deps),
  };
}
