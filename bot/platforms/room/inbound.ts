import type { RoomMessage } from "../../../shared/contract/room.ts";
import type { ChatUser, MessageRef, Place } from "../../chat/platform.ts";

export const PLATFORM_ID = "room";

/** Channels between one person and the bot; the rest of the name is the person's subject. */
export const DIRECT_PREFIX = "dm:";

/** How people call the bot at the start of a message. */
const CALL = /^(?:[@/]slipway(?=[\s:,!]|$)|slipway[:,])[\s:,!]*/i;

/** What people paste along with a mention without seeing it. */
const LEADING_INVISIBLE = /^[\s\u200B-\u200F\u202A-\u202E\u2060-\u206F\uFEFF]+/;

/** What a person asks the bot, without the mention; undefined when the message is not for the bot. */
export function readCommand(message: RoomMessage, visibleTo: string | null): string | undefined {
  if (message.author.bot || message.ephemeral || visibleTo !== null) {
    return undefined;
  }
  const text = message.text.replace(LEADING_INVISIBLE, "");
  const call = CALL.exec(text);
  if (call) {
    return text.slice(call[0].length);
  }
  return isDirect(message.channel) ? text : undefined;
}

/** Whether only one person and the bot read this channel. */
export function isDirect(channel: string): boolean {
  return channel.startsWith(DIRECT_PREFIX);
}

export function toUser(
  author: { readonly subject: string; readonly name: string },
  origin: ChatUser["origin"] = {},
): ChatUser {
  return {
    platform: PLATFORM_ID,
    workspace: "",
    userId: author.subject,
    displayName: author.name,
    origin,
  };
}

/** Where a message stands: answers to a message in a thread stay in that thread. */
export function toPlace(message: RoomMessage): Place {
  const place = { platform: PLATFORM_ID, channelId: message.channel };
  return message.threadId === null ? place : { ...place, threadId: message.threadId };
}

export function toRef(message: RoomMessage): MessageRef {
  return { ...toPlace(message), messageId: message.id };
}
