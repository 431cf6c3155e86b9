import type { StoredPost } from "../../shared/app/services.ts";
import type { EventOf, Subscriber } from "../../shared/events/events.ts";
import { readySubject, releaseSubject, type LiveCard } from "../chat/live-card.ts";
import { releaseDetail } from "./release-details.ts";
import { renderReady, renderRelease } from "./render-live.ts";
import { announcementPlaces, doAll, type SubscriberDeps } from "./subscriber-deps.ts";

const EVENTS = [
  "release.created",
  "release.refreshed",
  "release.edited",
  "release.item_excluded",
  "release.item_included",
  "release.dependencies_changed",
  "release.signed_off",
  "release.sign_off_revoked",
  "release.sign_off_outdated",
  "release.approved",
  "release.approval_lost",
  "release.rejected",
  "release.rejection_lifted",
  "release.closed",
  "release.status_changed",
  "release.item_landed",
] as const;
type Fact = EventOf<(typeof EVENTS)[number]>;

/**
 * Keeps the cards of a release in step wherever they were posted. The announcement channels get a new message when a release
 * is made and when it is ready to deploy; everything else is an edit, with details in the thread.
 */
export function createAnnounceRelease(deps: SubscriberDeps): Subscriber<(typeof EVENTS)[number]> {
  return {
    name: "chat-announce-release",
    events: EVENTS,
    async handle(event) {
      const { number } = event.payload;
      if (event.name === "release.created") {
        await announce(deps, number);
      }
      if (event.name === "release.approved") {
        await announceReady(deps, number);
      }
      await doAll([
        () => deps.posts.refresh(releaseSubject(number), () => renderRelease(deps, number)),
        () => refreshReady(deps, event),
        () => addDetail(deps, event),
      ]);
    },
  };
}

async function announce(deps: SubscriberDeps, number: number): Promise<void> {
  await doAll(
    announcementPlaces(deps).map(
      (place) => () =>
        deps.posts.keep(place, releaseSubject(number), () => renderRelease(deps, number)),
    ),
  );
}

/** A message of its own, because somebody must deploy it; posted again below after an approval that was lost. */
async function announceReady(deps: SubscriberDeps, number: number): Promise<void> {
  const { status } = await deps.services.releases.view(deps.systemActor, number);
  if (status === "pending" || status === "rejected") {
    // Approved and lost again before we came to it: there is nothing to announce.
    return;
  }
  await doAll(
    announcementPlaces(deps).map(
      (place) => () =>
        deps.posts.keep(
          place,
          readySubject(number),
          (previous) => renderReady(deps, number, previous),
          { anew: isReadyAgain },
        ),
    ),
  );
}

function isReadyAgain(previous: StoredPost, next: LiveCard): boolean {
  return next.shown["isReady"] === true && previous.shown["isReady"] !== true;
}

async function refreshReady(deps: SubscriberDeps, event: Fact): Promise<void> {
  const { number } = event.payload;
  const why = event.name === "release.approval_lost" ? event.payload.why : undefined;
  await deps.posts.refresh(
    readySubject(number),
    (previous) => renderReady(deps, number, previous, why),
    // Only this fact knows why, so it must not be merged with an edit that does not.
    { urgent: why !== undefined },
  );
}

async function addDetail(deps: SubscriberDeps, event: Fact): Promise<void> {
  const detail = releaseDetail(event);
  if (detail) {
    await deps.posts.addDetail(releaseSubject(event.payload.number), `fact-${event.seq}`, detail);
  }
}
