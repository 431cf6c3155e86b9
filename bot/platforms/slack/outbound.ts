import { createHash } from "node:crypto";
import { ChannelUnreachable, MessageNotFound } from "../../../shared/errors/catalog.ts";
import { randomToken } from "../../../shared/lib/ids.ts";
import { createKeyedQueue } from "../../chat/keyed-queue.ts";
import type { MessageRef, Outgoing, Place } from "../../chat/platform.ts";
import { isOnTheWay, type NewMessage, type PastMessage, type SlackApi } from "./api.ts";
import type { FormWindow } from "./form-window.ts";
import type { Hold } from "./hold.ts";
import { PLATFORM_ID, isDirectChannel, toPlace, toRef } from "./inbound.ts";
import { LOOKED_AT_MS } from "./limits.ts";
import { refusalOf } from "./refusal.ts";
import { renderSlackMessage } from "./render.ts";

/** Whom and where something is answered. */
export interface Asker {
  /** As Slack calls them here. */
  readonly userId: string;
  readonly channelId: string;
  /** The thread that answers belong into. */
  readonly threadTs?: string | undefined;
  /** Answers for a while, also where the bot is not a member. */
  readonly responseUrl?: string | undefined;
  /** A slash command is answered by its address, which needs no membership; the rest is answered like any message. */
  readonly isSlash?: boolean;
  /** Set for a sent form, while it can still say what is wrong. */
  readonly hold?: Hold;
  /** Set for a press that opens a form. */
  readonly window?: FormWindow;
}

/** Everything the bot says. */
export interface Outbound {
  post(place: Place, message: Outgoing): Promise<MessageRef>;
  edit(ref: MessageRef, message: Outgoing): Promise<void>;
  direct(userId: string, message: Outgoing): Promise<MessageRef>;
  /** To one person, as near to where they asked as possible. What only they see can be changed by nobody. */
  answerPrivately(asker: Asker, message: Outgoing): Promise<MessageRef | undefined>;
  answer(asker: Asker, message: Outgoing): Promise<MessageRef>;
  /** Replaces what only one person sees, by the address that came with their press. */
  replacePrivate(responseUrl: string, message: Outgoing): Promise<void>;
  /** Somebody looks at this message: what happens to it must not wait behind others. */
  isLookedAt(ts: string): void;
}

interface WaitingEdit {
  message: Outgoing;
  readonly done: Promise<void>;
}

/** Of how many conversations and messages something is remembered. */
const REMEMBERED = 5_000;
/** Tries of a message of which it is not known whether it arrived. */
const TRIES = 3;

/** The message is not there any more, or is as good as gone: what changes must be said anew. */
const GONE = new Set(["message_not_found", "edit_window_closed", "cant_update_message"]);
const NO_THREAD = new Set(["thread_not_found", "message_not_found", "cannot_reply_to_message"]);

/** Why a channel cannot be written to, and what to do. */
const UNREACHABLE: Readonly<Record<string, readonly [why: string, remedy: string]>> = {
  not_in_channel: ["I am not a member of it", "invite"],
  channel_not_found: ["there is no such channel, or I am not a member of it", "invite"],
  is_archived: ["it is archived", "Unarchive it, or use another channel."],
  restricted_action: ["not everybody may post there", "Let the app post there."],
  restricted_action_read_only_channel: ["it is read-only", "Let the app post there."],
};

export function createOutbound(deps: {
  readonly api: SlackApi;
  readonly me: { readonly id: string; readonly username: string };
  readonly clock: { now(): Date };
}): Outbound {
  const { api, me, clock } = deps;
  const inTurn = createKeyedQueue();
  /** Edits that have not been sent: whoever comes now replaces them. */
  const waiting = new Map<string, WaitingEdit>();
  const conversations = new Map<string, string>();
  const lookedAt = new Map<string, number>();

  return { post, edit, direct, answerPrivately, answer, replacePrivate, isLookedAt };

  async function post(place: Place, message: Outgoing): Promise<MessageRef> {
    // Every message carries a mark of its own, so that it can be looked for when nobody knows whether it arrived.
    const mark = `m-${message.key === undefined ? randomToken(22) : hash(message.key)}`;
    if (message.key !== undefined && message.repeated) {
      const earlier = await findAgain(place, mark);
      if (earlier) {
        await edit(earlier, message);
        return earlier;
      }
    }
    const content = renderSlackMessage(message, mark);
    const { channelId, threadId: threadTs } = place;
    for (let left = TRIES - 1; ; left -= 1) {
      try {
        return await create({ ...content, channelId, threadTs });
      } catch (error) {
        if (!isOnTheWay(error)) {
          throw error;
        }
        // Perhaps only the answer got lost. Whoever cannot tell must not say it twice.
        const found = await findAgain(place, mark).catch(() => null);
        if (found) {
          return found;
        }
        if (found === null || left <= 0) {
          throw error;
        }
      }
    }
  }

  async function create(wanted: NewMessage): Promise<MessageRef> {
    try {
      const { channelId, ts } = await api.post(wanted);
      isLookedAt(ts);
      return toRef(channelId, ts, wanted.threadTs);
    } catch (error) {
      const code = refusalOf(error)?.code ?? "";
      if (wanted.threadTs !== undefined && NO_THREAD.has(code)) {
        return create({ ...wanted, threadTs: undefined });
      }
      throw explain(error);
    }
  }

  function explain(error: unknown): unknown {
    const [why, remedy] = UNREACHABLE[refusalOf(error)?.code ?? ""] ?? [];
    return why === undefined
      ? error
      : new ChannelUnreachable(
          { platform: PLATFORM_ID, channel: "that channel", why },
          {
            cause: error,
            ...(remedy === undefined
              ? {}
              : {
                  remedy: remedy === "invite" ? `Say \`/invite @${me.username}\` there.` : remedy,
                }),
          },
        );
  }

  /** Undefined when it is not there. Null when nobody may look. */
  async function findAgain(
    { channelId, threadId }: Place,
    mark: string,
  ): Promise<MessageRef | undefined | null> {
    let latest: readonly PastMessage[];
    try {
      latest = await api.latest(channelId, threadId);
    } catch (error) {
      if (refusalOf(error)) {
        return null;
      }
      throw error;
    }
    const found = latest.find(({ blocks }) => blocks?.some(({ block_id }) => block_id === mark));
    return found && toRef(channelId, found.ts, threadId);
  }

  /** Only the newest of several edits that wait is sent; each waits for its own message only. */
  function edit(ref: MessageRef, message: Outgoing): Promise<void> {
    const key = `${ref.channelId}/${ref.messageId}`;
    const pending = waiting.get(key);
    if (pending) {
      pending.message = message;
      return pending.done;
    }
    const own: WaitingEdit = { message, done: inTurn(key, () => replace(key, ref, own)) };
    waiting.set(key, own);
    return own.done;
  }

  async function replace(key: string, ref: MessageRef, own: WaitingEdit): Promise<void> {
    const { channelId, messageId: ts } = ref;
    const until = lookedAt.get(ts) ?? 0;
    try {
      await api.update({ channelId, ts, isLookedAt: until > clock.now().getTime() }, () => {
        // From here on it is on its way: whoever comes now is another edit.
        forget();
        return renderSlackMessage(own.message);
      });
    } catch (error) {
      if (GONE.has(refusalOf(error)?.code ?? "")) {
        throw new MessageNotFound({ message: ts }, { cause: error });
      }
      throw explain(error);
    } finally {
      forget();
    }

    function forget(): void {
      if (waiting.get(key) === own) {
        waiting.delete(key);
      }
    }
  }

  async function direct(userId: string, message: Outgoing): Promise<MessageRef> {
    const channelId = conversations.get(userId) ?? (await api.conversation(userId));
    if (conversations.size >= REMEMBERED) {
      conversations.clear();
    }
    conversations.set(userId, channelId);
    return post({ platform: PLATFORM_ID, channelId }, message);
  }

  async function answerPrivately(asker: Asker, message: Outgoing): Promise<MessageRef | undefined> {
    const { userId, channelId, threadTs, responseUrl, isSlash = false } = asker;
    if (asker.hold?.tell(message.card) || (await asker.window?.tell(message.card))) {
      return undefined;
    }
    // A slash command may come from a conversation that is not ours.
    if (isDirectChannel(channelId) && !isSlash) {
      return post(toPlace(channelId, threadTs), message);
    }
    const content = renderSlackMessage(message);
    const ways = [
      () => api.whisper(userId, { ...content, channelId, threadTs }),
      ...(responseUrl === undefined
        ? []
        : [() => api.respond(responseUrl, { ...content, replace: false, threadTs })]),
    ];
    for (const way of isSlash ? ways.reverse() : ways) {
      try {
        await way();
        return undefined;
      } catch (error) {
        if (!refusalOf(error)) {
          throw error;
        }
        // Not a member, or used up: there is another way.
      }
    }
    return direct(userId, message);
  }

  async function answer(asker: Asker, message: Outgoing): Promise<MessageRef> {
    return post(toPlace(asker.channelId, asker.threadTs), message);
  }

  async function replacePrivate(responseUrl: string, message: Outgoing): Promise<void> {
    await api.respond(responseUrl, { ...renderSlackMessage(message), replace: true });
  }

  function isLookedAt(ts: string): void {
    for (const [oldest] of lookedAt) {
      if (lookedAt.size < REMEMBERED) {
        break;
      }
      lookedAt.delete(oldest);
    }
    lookedAt.delete(ts);
    lookedAt.set(ts, clock.now().getTime() + LOOKED_AT_MS);
  }
}

function hash(key: string): string {
  return createHash("sha256").update(key).digest("hex").slice(0, 32);
}
