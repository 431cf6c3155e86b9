import type { Actor, Services } from "../../shared/app/services.ts";
import type { LiveRenderer } from "../cards/render-live.ts";
import { everyOne } from "../chat/every-one.ts";
import type { ChatPlatform, Place } from "../chat/platform.ts";
import type { Posts } from "../chat/posts.ts";
import type { LiveCards } from "./live-cards.ts";

/**
 * What subscribers of chat need. Each writes to one platform: which facts it has heard, in which order, and when it is told
 * again are kept for each subscriber by itself, so a dead platform delays no other one.
 */
export interface SubscriberDeps {
  readonly services: Services;
  readonly posts: Posts;
  readonly cards: LiveCards;
  readonly render: LiveRenderer;
  readonly platform: Pick<ChatPlatform, "id" | "features" | "findPlace">;
  /** Channels of this platform where everybody hears of what happens. */
  readonly places: readonly AnnouncementPlace[];
  /** Cards that everybody sees are drawn for nobody in particular. */
  readonly systemActor: Actor;
}

/** A channel of `chat.announce`. People write its name; only the platform knows which place that is. */
export interface AnnouncementPlace {
  readonly name: string;
  /** Throws when the platform cannot tell, so that the fact is told again later. */
  find(): Promise<Place>;
}

/** The channels of one platform among `chat.announce`, e.g. `room:releases`. */
export function announcementPlaces(
  announce: readonly string[],
  platform: Pick<ChatPlatform, "id" | "findPlace">,
): readonly AnnouncementPlace[] {
  return announce
    .filter((entry) => entry.startsWith(`${platform.id}:`))
    .map((entry) => entry.slice(platform.id.length + 1))
    .filter((name) => name !== "")
    .map((name) => ({
      name,
      find: async () =>
        (await platform.findPlace?.(name)) ?? { platform: platform.id, channelId: name },
    }));
}

/** Does it in every announcement channel. One that cannot be found keeps none of the others waiting. */
export async function announceIn(
  places: readonly AnnouncementPlace[],
  work: (place: Place) => Promise<void>,
): Promise<void> {
  await everyOne(places, async (place) => work(await place.find()));
}
