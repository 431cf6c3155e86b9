import type { ChatCursor } from "../../../shared/app/services.ts";
import { CATCH_UP_MESSAGES } from "../../chat/catch-up.ts";
import type { DiscordApi } from "./api.ts";
import { idAt, type IncomingMessage } from "./inbound.ts";
import { MAX_PAGE } from "./limits.ts";
import { refusalOf } from "./refusal.ts";

/** A channel or thread in which something may have been written. */
export interface ReadableChannel {
  readonly id: string;
  /** Of its newest message; undefined when it is not known whether there is one. */
  readonly lastMessageId: string | undefined;
  readonly direct: boolean;
}

/**
 * What was said behind the last message we know, oldest first. Ids of Discord carry their time, so there is always a place to go
 * on from. A channel the bot may not read has nothing for it.
 */
export async function readMissed(
  api: Pick<DiscordApi, "messagesAfter">,
  channel: ReadableChannel,
  from: ChatCursor | undefined,
  since: Date,
): Promise<readonly IncomingMessage[]> {
  let after = from?.messageId ?? idAt(since);
  const { lastMessageId } = channel;
  if (lastMessageId !== undefined && BigInt(lastMessageId) <= BigInt(after)) {
    return [];
  }
  const found: IncomingMessage[] = [];
  while (found.length < CATCH_UP_MESSAGES) {
    const page = await readPage(api, channel.id, after);
    found.push(...page);
    after = page.at(-1)?.id ?? after;
    if (page.length < MAX_PAGE) {
      break;
    }
  }
  return found;
}

async function readPage(
  api: Pick<DiscordApi, "messagesAfter">,
  channelId: string,
  after: string,
): Promise<readonly IncomingMessage[]> {
  try {
    return await api.messagesAfter(channelId, after);
  } catch (error) {
    const status = refusalOf(error)?.status;
    if (status === 403 || status === 404) {
      return [];
    }
    throw error;
  }
}
