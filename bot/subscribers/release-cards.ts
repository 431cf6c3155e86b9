import type { StoredPost } from "../../shared/app/services.ts";
import type { ReleaseView } from "../../shared/contract/release.ts";
import { whyShown } from "../cards/render-live.ts";
import { everyOne } from "../chat/every-one.ts";
import { readySubject, releaseSubject, type LiveCard } from "../chat/live-card.ts";
import type { Fact } from "./live-cards.ts";
import type { Concern } from "./announcement-places.ts";
import type { SubscriberDeps } from "./subscriber-deps.ts";

/** A release that is ready again is announced below: edits notify nobody, and somebody has to press Deploy. */
export function isReadyAgain(previous: StoredPost, next: LiveCard): boolean {
  return next.shown["isReady"] === true && previous.shown["isReady"] !== true;
}

/** What a release concerns: its target, and what it would bring there. */
export function concernOf(
  { services, systemActor }: SubscriberDeps,
  number: number,
): () => Promise<Concern> {
  return async () => toConcern(await services.releases.view(systemActor, number));
}

function toConcern({ targetEnvironment, items }: ReleaseView): Concern {
  const services = items.filter(({ excluded }) => !excluded).map(({ service }) => service);
  return { environment: targetEnvironment, services };
}

/** A message of its own, because somebody must deploy it. */
export async function announceReady(
  deps: SubscriberDeps,
  number: number,
  fact: Fact,
): Promise<void> {
  const { services, cards, render, places, systemActor } = deps;
  const release = await services.releases.view(systemActor, number);
  const { status } = release;
  if (status === "pending" || status === "rejected" || status === "cancelled") {
    // Approved and lost again before we came to it: there is nothing to announce.
    return;
  }
  await places.announce(
    async () => toConcern(release),
    (place) =>
      cards.keep(
        place,
        readySubject(number),
        fact,
        (previous) => render.ready(number, whyShown(previous)),
        { anew: isReadyAgain },
      ),
  );
}

/** Edits the announcement. `lost` is why approval was lost, which only that fact knows. */
export async function refreshReady(
  { cards, render }: SubscriberDeps,
  number: number,
  fact: Fact,
  lost?: string,
): Promise<void> {
  await cards.refresh(
    readySubject(number),
    fact,
    (previous) => render.ready(number, lost ?? whyShown(previous)),
    { anew: isReadyAgain, always: lost !== undefined },
  );
}

/** Edits the card of a release and the announcement that it is ready, wherever they stand on this platform. */
export async function refreshRelease(
  deps: SubscriberDeps,
  number: number,
  fact: Fact,
): Promise<void> {
  const { cards, render } = deps;
  await everyOne(
    [
      () => cards.refresh(releaseSubject(number), fact, () => render.release(number)),
      () => refreshReady(deps, number, fact),
    ],
    (refresh) => refresh(),
  );
}
