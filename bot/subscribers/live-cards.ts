import type { LiveServices, StoredPost, ChatStoreServices } from "../../shared/app/services.ts";
import type { DomainEvent } from "../../shared/events/events.ts";
import { everyOne } from "../chat/every-one.ts";
import type { Place } from "../chat/platform.ts";
import type { KeepOptions, Posts, RenderLive } from "../chat/posts.ts";

/** What happened, by its place in the order of facts. */
export type Fact = Pick<DomainEvent, "seq">;

export interface LiveCardOptions extends KeepOptions {
  /** Draws even what a later card shows already, because the fact tells something that no view does. */
  readonly always?: boolean;
}

/**
 * Keeps the live messages of one platform in step with facts. A fact that was on record when a card was drawn needs no edit of
 * its own, so a burst of facts costs one edit, and the last one is never left out.
 */
export interface LiveCards {
  /** Posts the card in this place, or edits it where it is. */
  keep(
    place: Place,
    subject: string,
    fact: Fact,
    render: RenderLive,
    how?: LiveCardOptions,
  ): Promise<void>;
  /** Edits every message about the subject on this platform. */
  refresh(subject: string, fact: Fact, render: RenderLive, how?: LiveCardOptions): Promise<void>;
  /** Where messages about the subject stand on this platform. */
  placesOf(subject: string): Promise<readonly Place[]>;
}

/** For how many messages it is remembered what they show. Forgetting costs a look at the state, never an edit. */
const REMEMBERED = 2_000;

export function createLiveCards(deps: {
  readonly posts: Pick<Posts, "keep">;
  readonly chatStore: Pick<ChatStoreServices, "findPosts">;
  readonly live: Pick<LiveServices, "lastSeq">;
  readonly platform: string;
}): LiveCards {
  const shownUpTo = new Map<string, number>();

  return { keep, refresh, placesOf };

  async function keep(
    place: Place,
    subject: string,
    fact: Fact,
    render: RenderLive,
    { always = false, ...how }: LiveCardOptions = {},
  ): Promise<void> {
    const key = `${place.channelId}\n${subject}`;
    if (!always && fact.seq <= (shownUpTo.get(key) ?? 0)) {
      return;
    }
    let drawnAt: number | undefined;
    const draw: RenderLive = async (previous) => {
      // Asked before the state is read: the card shows at least this much.
      drawnAt = await deps.live.lastSeq();
      return render(previous);
    };
    await deps.posts.keep(place, subject, draw, how);
    // Undefined when an edit that was waiting already served this fact too; nobody knows what that one had seen.
    if (drawnAt !== undefined) {
      remember(key, drawnAt);
    }
  }

  async function refresh(
    subject: string,
    fact: Fact,
    render: RenderLive,
    how?: LiveCardOptions,
  ): Promise<void> {
    await everyOne(await placesOf(subject), (place) => keep(place, subject, fact, render, how));
  }

  async function placesOf(subject: string): Promise<readonly Place[]> {
    const stored = await deps.chatStore.findPosts(subject);
    return stored.filter(({ platform }) => platform === deps.platform).map(toPlace);
  }

  function remember(key: string, seq: number): void {
    shownUpTo.delete(key);
    shownUpTo.set(key, seq);
    for (const [oldest] of shownUpTo) {
      if (shownUpTo.size <= REMEMBERED) {
        break;
      }
      shownUpTo.delete(oldest);
    }
  }
}

function toPlace({ platform, channelId, threadId }: StoredPost): Place {
  return { platform, channelId, ...(threadId === null ? {} : { threadId }) };
}
