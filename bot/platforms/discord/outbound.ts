import { createHash } from "node:crypto";
import { ChannelUnreachable, MessageNotFound } from "../../../shared/errors/catalog.ts";
import { randomToken } from "../../../shared/lib/ids.ts";
import { createKeyedQueue } from "../../chat/keyed-queue.ts";
import type { MessageRef, Outgoing, Place } from "../../chat/platform.ts";
import type { DiscordApi } from "./api.ts";
import { PLATFORM_ID, channelOf, toRef } from "./inbound.ts";
import { MAX_NONCE_LENGTH, REFUSED_FOR_MS } from "./limits.ts";
import { isRefused, refusalOf } from "./refusal.ts";
import { renderDiscordMessage } from "./render.ts";

/** Everything the bot says by itself, with its own token: it can be changed for ever, other than answers to interactions. */
export interface Outbound {
  /** Throws ChannelUnreachable when the bot may not write there. */
  post(place: Place, message: Outgoing): Promise<MessageRef>;
  edit(ref: MessageRef, message: Outgoing): Promise<void>;
  direct(userId: string, message: Outgoing): Promise<MessageRef>;
}

/** Of how many threads it is remembered that they are there. */
const MOST_REMEMBERED = 5_000;

interface WaitingEdit {
  message: Outgoing;
  readonly done: Promise<void>;
}

export function createOutbound(deps: {
  readonly api: DiscordApi;
  readonly clock: { now(): Date };
}): Outbound {
  const { api, clock } = deps;
  const inTurn = createKeyedQueue();
  /** Edits that have not been sent: whoever comes now replaces them. */
  const waiting = new Map<string, WaitingEdit>();
  const conversations = new Map<string, string>();
  /** Threads that are known to be there. */
  const threads = new Set<string>();
  /** Channels that refused us lately, and until when they are not asked again. */
  const refusing = new Map<string, number>();

  return { post, edit, direct };

  async function post(place: Place, message: Outgoing): Promise<MessageRef> {
    const made = await create(place, message);
    if (message.repeated) {
      // It may be the one that somebody posted before they died, with buttons nobody knows any more.
      await edit(made, message);
    }
    return made;
  }

  async function create(place: Place, message: Outgoing): Promise<MessageRef> {
    const content = renderDiscordMessage(message);
    // The same message for as long as Discord knows, also when the request is sent again on the way.
    const nonce = message.key === undefined ? randomToken(MAX_NONCE_LENGTH) : hash(message.key);
    const { channelId, threadId } = place;
    if (threadId !== undefined) {
      const made = await postInThread({ ...place, threadId }, message, nonce);
      if (made) {
        return made;
      }
    }
    return whereAllowed(channelId, async () => {
      const made = await api.createMessage(channelId, content, nonce, threadId);
      return toRef({ platform: PLATFORM_ID, channelId }, made.id);
    });
  }

  /** Undefined where there can be no thread. One that was deleted is begun again. */
  async function postInThread(
    place: Place & { readonly threadId: string },
    message: Outgoing,
    nonce: string,
  ): Promise<MessageRef | undefined> {
    const { threadId } = place;
    for (let isAgain = false; ; isAgain = true) {
      if (!(await inTurn(threadId, () => openThread(place, message)))) {
        return undefined;
      }
      try {
        return await whereAllowed(threadId, async () => {
          const made = await api.createMessage(threadId, renderDiscordMessage(message), nonce);
          return toRef(place, made.id);
        });
      } catch (error) {
        threads.delete(threadId);
        const isGone = error instanceof Error && isRefused(error.cause, "unknownChannel");
        if (isAgain || !isGone) {
          throw error;
        }
      }
    }
  }

  /**
   * Sees that there is a thread, which has the id of the message it was begun below. False where there can be none
   * (conversations, threads, missing rights): what is said then refers to the message.
   */
  async function openThread(
    { channelId, threadId }: Place & { readonly threadId: string },
    message: Outgoing,
  ): Promise<boolean> {
    if (threads.has(threadId)) {
      return true;
    }
    try {
      await api.channel(threadId);
    } catch (error) {
      if (!isRefused(error, "unknownChannel", "missingAccess")) {
        throw error;
      }
      if (!(await startThread(channelId, threadId, message.card.title))) {
        return false;
      }
    }
    if (threads.size >= MOST_REMEMBERED) {
      threads.clear();
    }
    threads.add(threadId);
    return true;
  }

  async function startThread(channelId: string, messageId: string, name: string): Promise<boolean> {
    try {
      await api.startThread(channelId, messageId, name);
      return true;
    } catch (error) {
      if (isRefused(error, "threadExists")) {
        return true;
      }
      if (refusalOf(error)) {
        return false;
      }
      throw error;
    }
  }

  /** Only the newest of several edits that wait is sent. Those of a channel take turns, as Discord's limit does. */
  function edit(ref: MessageRef, message: Outgoing): Promise<void> {
    const pending = waiting.get(ref.messageId);
    if (pending) {
      pending.message = message;
      return pending.done;
    }
    const own: WaitingEdit = { message, done: inTurn(channelOf(ref), () => replace(ref, own)) };
    waiting.set(ref.messageId, own);
    return own.done;
  }

  async function replace(ref: MessageRef, own: WaitingEdit): Promise<void> {
    // From here on it is on its way: whoever comes now is another edit.
    waiting.delete(ref.messageId);
    const channelId = channelOf(ref);
    await whereAllowed(channelId, async () => {
      const replaceIt = () =>
        api.replaceMessage(channelId, ref.messageId, renderDiscordMessage(own.message));
      try {
        await replaceIt().catch(async (error: unknown) => {
          if (!isRefused(error, "threadArchived")) {
            throw error;
          }
          // After a week of silence. Writing there would open it again, an edit does not.
          await api.reopenThread(channelId);
          await replaceIt();
        });
      } catch (error) {
        if (isRefused(error, "unknownMessage", "unknownChannel")) {
          throw new MessageNotFound({ message: ref.messageId }, { cause: error });
        }
        throw error;
      }
    });
  }

  async function direct(userId: string, message: Outgoing): Promise<MessageRef> {
    const channelId = conversations.get(userId) ?? (await api.directChannel(userId)).id;
    conversations.set(userId, channelId);
    return post({ platform: PLATFORM_ID, channelId }, message);
  }

  /** Does it, unless the channel refused us a moment ago: Discord locks out who goes on trying. */
  async function whereAllowed<T>(channelId: string, work: () => Promise<T>): Promise<T> {
    if ((refusing.get(channelId) ?? 0) > clock.now().getTime()) {
      throw unreachable(undefined);
    }
    try {
      const done = await work();
      refusing.delete(channelId);
      return done;
    } catch (error) {
      if (refusalOf(error)?.status === 403) {
        refusing.set(channelId, clock.now().getTime() + REFUSED_FOR_MS);
        throw unreachable(error);
      }
      if (isRefused(error, "unknownChannel")) {
        throw unreachable(error);
      }
      throw error;
    }
  }
}

function unreachable(cause: unknown): Error {
  const isPerson = isRefused(cause, "cannotWriteTo");
  return new ChannelUnreachable(
    {
      platform: PLATFORM_ID,
      channel: isPerson ? "this person" : "that channel",
      why: isPerson ? "they take no direct messages" : "I may not",
    },
    {
      cause,
      remedy: isPerson
        ? "Allow direct messages from members: Privacy Settings of the server."
        : "Allow the bot's role View Channel, Send Messages, Embed Links, Read Message History, Create Public Threads and Send Messages in Threads there.",
    },
  );
}

function hash(key: string): string {
  return createHash("sha256").update(key).digest("base64url").slice(0, MAX_NONCE_LENGTH);
}
