import type { Actor, Services } from "../../shared/app/services.ts";
import type { LiveRenderer } from "../cards/render-live.ts";
import type { Addresses } from "../chat/addresses.ts";
import type { ChatPlatform } from "../chat/platform.ts";
import type { Posts } from "../chat/posts.ts";
import type { AnnouncementPlaces } from "./announcement-places.ts";
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
  readonly platform: Pick<ChatPlatform, "id" | "features">;
  readonly addresses: Addresses;
  /** Channels of this platform where everybody hears of what happens. */
  readonly places: AnnouncementPlaces;
  /** Cards that everybody sees are drawn for nobody in particular. */
  readonly systemActor: Actor;
}
