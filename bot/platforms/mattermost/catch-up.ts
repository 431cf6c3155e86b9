import type { ChatCursor } from "../../../shared/app/services.ts";
import type { Logger } from "../../../shared/lib/logger.ts";
import type { Channel, MattermostApi } from "./api.ts";
import { isDirectChannel, type IncomingPost } from "./inbound.ts";
import { CATCH_UP_MESSAGES, CATCH_UP_MS, FIRST_LOOK_BACK_MS, MAX_PAGE } from "./limits.ts";
import { NO_POST, type Positions } from "./positions.ts";

/** Reads what was written while nobody listened, channel by channel, oldest first. */
export interface CatchUp {
  /** Resolves when every channel was tried. One that cannot be read is tried again next time. */
  run(): Promise<void>;
}

export function createCatchUp(deps: {
  readonly api: Pick<MattermostApi, "channels" | "postsAfter" | "postsSince">;
  readonly positions: Positions;
  /** Takes a post as if it had just arrived; resolves when it was handed on. */
  readonly take: (post: IncomingPost, direct: boolean) => Promise<void>;
  readonly clock: { now(): Date };
  readonly logger: Logger;
}): CatchUp {
  const { api, positions, clock, logger } = deps;
  let running: Promise<void> | undefined;
  let isWanted = false;

  return {
    run() {
      isWanted = true;
      running ??= runWanted().finally(() => {
        running = undefined;
      });
      return running;
    },
  };

  /** A gap that opens while another one is being closed is read after it. */
  async function runWanted(): Promise<void> {
    while (isWanted) {
      isWanted = false;
      // Before any channel is read: reading one moves on what the others are measured by.
      const lastThere = positions.latest();
      for (const channel of await api.channels()) {
        try {
          await readChannel(channel, lastThere);
        } catch (error) {
          logger.warn({ err: error, channel: channel.id }, "could not read what was missed");
        }
      }
      if (!isWanted) {
        positions.gapEnds();
      }
    }
  }

  async function readChannel(channel: Channel, lastThere: Date | undefined): Promise<void> {
    const from = positions.unreadFrom(channel.id);
    const oldest = new Date(clock.now().getTime() - CATCH_UP_MS);
    const firstLook = new Date(clock.now().getTime() - FIRST_LOOK_BACK_MS);
    const since = later(from?.sentAt ?? lastThere ?? firstLook, oldest);
    if (channel.last_post_at > since.getTime()) {
      const missed = await readPosts(channel, from, since);
      for (const post of missed) {
        await deps.take(post, isDirectChannel(channel.type));
      }
      if (missed.length > 0) {
        logger.info({ channel: channel.id, posts: missed.length }, "read what was missed");
      }
    }
    positions.isRead(channel.id);
  }

  /** Behind the last post we know. Where the server knows it no longer, by time. */
  async function readPosts(
    channel: Channel,
    from: ChatCursor | undefined,
    since: Date,
  ): Promise<readonly IncomingPost[]> {
    const isKnown = from && from.messageId !== NO_POST && from.sentAt >= since;
    const after = isKnown ? await readAfter(channel.id, from) : [];
    const found =
      after.length > 0
        ? after
        : (await api.postsSince(channel.id, since)).filter(
            // It also gives old posts that were changed since.
            ({ create_at }) => create_at > since.getTime(),
          );
    return found.slice(-CATCH_UP_MESSAGES);
  }

  async function readAfter(
    channelId: string,
    { messageId }: ChatCursor,
  ): Promise<readonly IncomingPost[]> {
    const found: IncomingPost[] = [];
    for (let page = 0; found.length < CATCH_UP_MESSAGES; page += 1) {
      const posts = await api.postsAfter(channelId, messageId, page);
      found.push(...posts);
      if (posts.length < MAX_PAGE) {
        break;
      }
    }
    return found;
  }
}

function later(a: Date, b: Date): Date {
  return a > b ? a : b;
}
