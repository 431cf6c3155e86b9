import type { StoredPost } from "../../shared/app/services.ts";
import type { EventOf, Subscriber } from "../../shared/events/events.ts";
import { resumedWords, unlockedWords, type Gone } from "../cards/environment-live.ts";
import { everyOne } from "../chat/every-one.ts";
import { environmentSubject, type LiveCard } from "../chat/live-card.ts";
import { refreshRelease } from "./release-cards.ts";
import type { SubscriberDeps } from "./subscriber-deps.ts";

const EVENTS = [
  "environment.locked",
  "environment.unlocked",
  "environment.held",
  "environment.resumed",
  "deployment.requested",
  "deployment.finished",
] as const;

type EnvironmentEvent = EventOf<(typeof EVENTS)[number]>;

/** Open releases of one environment whose cards are renewed, newest first. */
const RELEASES_SHOWN = 100;

/**
 * Tells the announcement channels in one short message when an environment is locked, unlocked, held or resumed, and renews
 * the cards of the releases that wait for it: whether they can be deployed now depends on that.
 */
export function createAnnounceEnvironment(
  deps: SubscriberDeps,
): Subscriber<(typeof EVENTS)[number]> {
  const { services, cards, render, places, systemActor } = deps;

  return {
    name: "chat-announce-environment",
    events: EVENTS,
    async handle(event) {
      const { environment } = event.payload;
      if (event.name !== "deployment.requested" && event.name !== "deployment.finished") {
        await tell(event, environment);
      }
      const waiting = await services.releases.list(systemActor, {
        status: "open",
        environment,
        limit: RELEASES_SHOWN,
        offset: 0,
      });
      await everyOne(waiting.items, ({ number }) => refreshRelease(deps, number, event));
    },
  };

  async function tell(event: EnvironmentEvent, environment: string): Promise<void> {
    const subject = environmentSubject(environment);
    const draw = () => render.environment(environment, goneBy(event));
    const concern = async () => ({ environment, services: [] });
    await places.announce(concern, (place) =>
      cards.keep(place, subject, event, draw, { anew: hasChanged, always: true }),
    );
    await cards.refresh(subject, event, draw);
  }
}

/** Another lock or hold than the message tells of, or none any more: a transition, so a new message. */
function hasChanged(previous: StoredPost, next: LiveCard): boolean {
  return (["lock", "hold"] as const).some(
    (obstacle) => (previous.shown[obstacle] ?? null) !== next.shown[obstacle],
  );
}

/** An obstacle that stands tells itself who put it there and why. */
function goneBy(event: EnvironmentEvent): Gone {
  switch (event.name) {
    case "environment.unlocked":
      return { lock: unlockedWords(event.payload.why) };
    case "environment.resumed":
      return { hold: resumedWords(event.actor.name) };
    default:
      return {};
  }
}
