import { MessageNotFound } from "../../../shared/errors/catalog.ts";
import type { ActionItem, FormSpec } from "../card.ts";
import { cardToText } from "../card-to-text.ts";
import type { ChatPlatform, Inbound, MessageRef, Outgoing, Place, Replier } from "../platform.ts";

/** A message as the fake platform keeps it. */
export interface FakeMessage {
  readonly id: string;
  readonly channelId: string;
  readonly threadId: string | undefined;
  /** The only person who sees it; undefined when everybody does. */
  readonly visibleTo: string | undefined;
  content: Outgoing;
  /** How often it was edited. */
  edits: number;
}

export interface Speaker {
  /** User id; in this platform the subject of the sign-in. */
  readonly as: string;
  readonly channelId?: string;
  readonly threadId?: string;
  readonly deliveryId?: string;
  readonly sentAt?: Date;
  readonly direct?: boolean;
}

/** A chat in memory that behaves as the contract wants. People are its user ids. */
export interface FakePlatform extends ChatPlatform {
  readonly messages: readonly FakeMessage[];
  /** Forms that were opened, newest last. */
  readonly forms: readonly { readonly form: FormSpec; readonly token: string }[];
  /** Says something to the bot and waits for it to be served. */
  say(text: string, speaker: Speaker): Promise<void>;
  /** Presses the newest button or form with this label and waits for it to be served. */
  click(
    label: string,
    speaker: Speaker & {
      readonly on?: FakeMessage;
      readonly values?: Readonly<Record<string, string>>;
    },
  ): Promise<void>;
  /** The newest message, optionally the newest whose text has these words. */
  last(words?: string): FakeMessage;
  remove(message: FakeMessage): void;
  /** From now on everything sent throws this; undefined makes it work again. */
  breakWith(error: Error | undefined): void;
}

/** The words of a message as somebody reads them. */
export function textOf(message: FakeMessage): string {
  return cardToText(message.content.card);
}

export function createFakePlatform(
  options: {
    readonly id?: string;
    readonly now?: () => Date;
    readonly editIntervalMs?: number;
    /** False: people are known by linked accounts only. */
    readonly usersAreSubjects?: boolean;
  } = {},
): FakePlatform {
  const { id = "fake", now = () => new Date() } = options;
  const messages: FakeMessage[] = [];
  const forms: { form: FormSpec; token: string }[] = [];
  let take: ((event: Inbound) => Promise<void>) | undefined;
  let count = 0;
  let broken: Error | undefined;
  let since = now();

  return {
    id,
    features: {
      ephemeral: true,
      edit: true,
      threads: true,
      tables: true,
      usersAreSubjects: options.usersAreSubjects ?? true,
      editIntervalMs: options.editIntervalMs ?? 0,
    },
    messages,
    forms,
    async start(onInbound) {
      take = onInbound;
      since = now();
    },
    async stop() {
      take = undefined;
      since = now();
    },
    status: () => ({ state: take ? "connected" : "stopped", since }),
    post: async (place, message) => add(place, message, undefined),
    edit: async (ref, message) => change(ref.messageId, message),
    direct: async (userId, message) =>
      add({ platform: id, channelId: `dm:${userId}` }, message, undefined),
    async say(text, speaker) {
      const { as, channelId = "releases", threadId } = speaker;
      const place = { platform: id, channelId, ...(threadId === undefined ? {} : { threadId }) };
      await take?.({
        type: "command",
        text,
        direct: speaker.direct ?? true,
        ...inbound(place, speaker),
        reply: replier(place, as, undefined),
      });
    },
    async click(label, speaker) {
      const { message, token } = findButton(label, speaker.on);
      const place = toPlace(message);
      await take?.({
        type: "action",
        token,
        message: { ...place, messageId: message.id },
        values: speaker.values ?? {},
        ...inbound(place, speaker),
        reply: replier(place, speaker.as, message),
      });
    },
    last(words = "") {
      const found = messages.filter((message) => textOf(message).includes(words)).at(-1);
      if (!found) {
        throw new Error(
          `no message says "${words}"; there is:\n${messages.map(textOf).join("\n---\n")}`,
        );
      }
      return found;
    },
    remove(message) {
      messages.splice(messages.indexOf(message), 1);
    },
    breakWith(error) {
      broken = error;
    },
  };

  function inbound(place: Place, speaker: Speaker) {
    count += 1;
    return {
      user: { platform: id, workspace: "", userId: speaker.as, displayName: speaker.as },
      place,
      deliveryId: speaker.deliveryId ?? `delivery-${count}`,
      sentAt: speaker.sentAt ?? now(),
    };
  }

  function replier(place: Place, userId: string, source: FakeMessage | undefined): Replier {
    return {
      async acknowledge() {},
      async openForm(form, token) {
        forms.push({ form, token });
      },
      async send(message) {
        const isPrivate = message.visibility === "only-you";
        const threadId = source && !isPrivate ? (source.threadId ?? source.id) : place.threadId;
        const where = { ...place, ...(threadId === undefined ? {} : { threadId }) };
        return add(where, message, isPrivate ? userId : undefined);
      },
      async replaceSource(message) {
        if (source) {
          change(source.id, message);
        }
      },
    };
  }

  function add(place: Place, content: Outgoing, visibleTo: string | undefined): MessageRef {
    failWhenBroken();
    const posted = messages.find(
      // What everybody sees is looked for only when there may be something to find, as on most platforms.
      ({ content: { key } }) =>
        (content.repeated === true || visibleTo !== undefined) &&
        key !== undefined &&
        key === content.key,
    );
    if (posted) {
      change(posted.id, content);
      return toPlacedRef(posted);
    }
    count += 1;
    const { channelId, threadId } = place;
    messages.push({ id: `message-${count}`, channelId, threadId, visibleTo, content, edits: 0 });
    return { ...place, messageId: `message-${count}` };
  }

  function toPlacedRef(message: FakeMessage): MessageRef {
    return { ...toPlace(message), messageId: message.id };
  }

  function change(messageId: string, content: Outgoing): void {
    failWhenBroken();
    const message = messages.find((each) => each.id === messageId);
    if (!message) {
      throw new MessageNotFound({ message: messageId });
    }
    message.content = content;
    message.edits += 1;
  }

  function failWhenBroken(): void {
    if (broken) {
      throw broken;
    }
  }

  function findButton(label: string, on: FakeMessage | undefined) {
    for (const message of on ? [on] : [...messages].reverse()) {
      for (const [item, token] of message.content.tokens) {
        if (labelOf(item) === label) {
          return { message, token };
        }
      }
    }
    throw new Error(`no button is called "${label}"`);
  }

  function toPlace(message: FakeMessage): Place {
    const { channelId, threadId } = message;
    return { platform: id, channelId, ...(threadId === undefined ? {} : { threadId }) };
  }
}

function labelOf(item: ActionItem): string {
  return item.label;
}
