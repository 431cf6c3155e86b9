import type { Actor, Services } from "../../shared/app/services.ts";
import type { ChatPlatform, Place } from "../chat/platform.ts";
import type { Posts } from "../chat/posts.ts";

/**
 * What subscribers of chat need. They read it when a fact arrives, never when they are made, so it may be filled in after the
 * storage that has to know their names.
 */
export interface SubscriberDeps {
  readonly services: Services;
  readonly posts: Posts;
  readonly platforms: ReadonlyMap<string, ChatPlatform>;
  /** Cards that everybody sees are drawn for nobody in particular. */
  readonly systemActor: Actor;
}

/** The channels of `chat.announce` whose platforms are running. */
export function announcementPlaces({ services, platforms }: SubscriberDeps): readonly Place[] {
  return services.installation.announce.flatMap((entry) => {
    const separator = entry.indexOf(":");
    const platform = entry.slice(0, separator);
    const channelId = entry.slice(separator + 1);
    return separator > 0 && platforms.has(platform) ? [{ platform, channelId }] : [];
  });
}

/** Does all of it whatever fails, then throws the first failure: one dead platform keeps no other waiting. */
export async function doAll(works: readonly (() => Promise<void>)[]): Promise<void> {
  const results = await Promise.allSettled(works.map((work) => work()));
  const failure = results.find((result) => result.status === "rejected");
  if (failure) {
    throw failure.reason;
  }
}
