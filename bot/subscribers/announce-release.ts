import type { EventOf, Subscriber } from "../../shared/events/events.ts";
import { everyOne } from "../chat/every-one.ts";
import { releaseSubject } from "../chat/live-card.ts";
import { announceReady, concernOf, refreshReady, refreshRelease } from "./release-cards.ts";
import { releaseDetail } from "./release-details.ts";
import type { SubscriberDeps } from "./subscriber-deps.ts";

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
  "deployment.requested",
  "deployment.started",
  "deployment.finished",
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
      const number = releaseOf(event);
      if (number === null) {
        return;
      }
      await announce(deps, event, number);
      const works = isOnCards(event) ? [refreshRelease, addDetail] : [addDetail];
      await everyOne(works, (work) => work(deps, number, event));
    },
  };
}

/** Null for a deployment of no release. */
function releaseOf(event: Fact): number | null {
  switch (event.name) {
    case "deployment.requested":
    case "deployment.started":
    case "deployment.finished":
      return event.payload.release;
    default:
      return event.payload.number;
  }
}

/** No card shows notes or the text about breaking changes, so reading the whole release again would change nothing. */
function isOnCards({ name }: Fact): boolean {
  return name !== "release.edited";
}

async function announce(deps: SubscriberDeps, event: Fact, number: number): Promise<void> {
  const { cards, places, render } = deps;
  switch (event.name) {
    case "release.created":
      await places.announce(concernOf(deps, number), (place) =>
        cards.keep(place, releaseSubject(number), event, () => render.release(number)),
      );
      return;
    case "release.approved":
      await announceReady(deps, number, event);
      return;
    case "release.approval_lost":
      await refreshReady(deps, number, event, event.payload.why);
      return;
    default:
      return;
  }
}

async function addDetail(deps: SubscriberDeps, number: number, event: Fact): Promise<void> {
  const detail = releaseDetail(event);
  if (detail) {
    const { posts, platform } = deps;
    await posts.addDetail(releaseSubject(number), `fact-${event.seq}`, detail, platform.id);
  }
}
