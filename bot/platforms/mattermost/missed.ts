import type { ChatCursor } from "../../../shared/app/services.ts";
import { CATCH_UP_MESSAGES } from "../../chat/catch-up.ts";
import type { Channel, MattermostApi } from "./api.ts";
import type { IncomingPost } from "./inbound.ts";
import { MAX_PAGE } from "./limits.ts";

type Api = Pick<MattermostApi, "postsAfter" | "postsSince">;

/** Posts behind the last one we know, oldest first. Where the server knows it no longer, by time. */
export async function readMissed(
  api: Api,
  channel: Channel,
  from: ChatCursor | undefined,
  since: Date,
): Promise<readonly IncomingPost[]> {
  if (channel.last_post_at <= since.getTime()) {
    return [];
  }
  const after = from ? await readAfter(api, channel.id, from) : [];
  return after.length > 0
    ? after
    : (await api.postsSince(channel.id, since)).filter(
        // It also gives old posts that were changed since.
        ({ create_at }) => create_at > since.getTime(),
      );
}

async function readAfter(
  api: Api,
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
