import type { Actor, Services } from "../../shared/app/services.ts";
import type { Subscriber } from "../../shared/events/events.ts";
import { untilAborted } from "../../shared/lib/deadline.ts";
import { createLiveRenderer } from "../cards/render-live.ts";
import type { Addresses } from "../chat/addresses.ts";
import type { ChatPlatform } from "../chat/platform.ts";
import type { Posts } from "../chat/posts.ts";
import { createAnnounceAccount } from "./announce-account.ts";
import { createAnnounceDeployment } from "./announce-deployment.ts";
import { createAnnounceEnvironment } from "./announce-environment.ts";
import { createAnnounceRelease } from "./announce-release.ts";
import { createAnnounceSignOff } from "./announce-sign-off.ts";
import { createLiveCards } from "./live-cards.ts";
import { createAnnouncementPlaces } from "./announcement-places.ts";
import type { SubscriberDeps } from "./subscriber-deps.ts";

/** Everything that turns facts into messages, one per file. */
const announcers: readonly ((deps: SubscriberDeps) => Subscriber)[] = [
  createAnnounceRelease,
  createAnnounceSignOff,
  createAnnounceDeployment,
  createAnnounceEnvironment,
  createAnnounceAccount,
];

/**
 * The subscribers of chat: one per announcer and platform, named `<announcer>@<platform>`. Facts come at least once; each
 * reader is idempotent.
 */
export function createChatSubscribers(deps: {
  readonly services: Services;
  readonly posts: Posts;
  readonly platforms: ReadonlyMap<string, ChatPlatform>;
  readonly addresses: Addresses;
  readonly systemActor: Actor;
}): readonly Subscriber[] {
  const { services, posts, platforms, addresses, systemActor } = deps;
  const render = createLiveRenderer(services, systemActor);
  return [...platforms.values()].flatMap((platform) => {
    const { chatStore, live, installation } = services;
    const own: SubscriberDeps = {
      services,
      posts,
      cards: createLiveCards({ posts, chatStore, live, platform: platform.id }),
      render,
      platform,
      addresses,
      places: createAnnouncementPlaces({
        announcements: installation.announcements,
        platform,
        catalog: services.catalog,
        systemActor,
      }),
      systemActor,
    };
    return announcers.map((create): Subscriber => {
      const subscriber = create(own);
      return {
        name: `${subscriber.name}@${platform.id}`,
        events: subscriber.events,
        // A platform that never answers must not keep its facts for ever.
        handle: (event, signal) => untilAborted(subscriber.handle(event, signal), signal),
      };
    });
  });
}
