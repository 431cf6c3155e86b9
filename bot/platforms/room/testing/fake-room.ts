import type { Actor, RoomBot, RoomNotice, RoomServices } from "../../../../shared/app/services.ts";
import type { RoomCard } from "../../../../shared/contract/card.ts";
import type { RoomMessage } from "../../../../shared/contract/room.ts";
import {
  ActionExpired,
  ChatNotRunning,
  MessageNotFound,
} from "../../../../shared/errors/catalog.ts";

/** The room in memory, with the same promises as the stored one. */
export interface FakeRoom extends RoomServices {
  readonly stored: readonly { message: RoomMessage; readonly visibleTo: string | null }[];
  remove(id: string): void;
  /** Lets the bot hear the last message again. */
  repeatLast(): void;
}

export function createFakeRoom(clock: { now(): Date }): FakeRoom {
  const stored: { message: RoomMessage; visibleTo: string | null }[] = [];
  const listeners = new Set<(notice: RoomNotice) => void>();
  let bot: RoomBot | undefined;
  let count = 0;
  /** Keys of messages, and their ids. */
  const keys = new Map<string, string>();

  return {
    stored,
    async channels() {
      const names = new Set(stored.map(({ message }) => message.channel));
      return [...names].map((name) => ({ name, topic: "", type: "public", lastSeq: count }));
    },
    async messages(actor, { channel, limit }) {
      return stored
        .filter(({ message, visibleTo }) => message.channel === channel && sees(actor, visibleTo))
        .map(({ message }) => message)
        .slice(-limit);
    },
    message: async (_, id) => find(id).message,
    async post(actor, { channel, text, threadId }) {
      const author = {
        subject: actor.subject,
        username: actor.username,
        name: actor.name,
        bot: false,
      };
      return add({ author, channel, text, threadId: threadId ?? null, card: null }, null);
    },
    async press(actor, messageId, { action, values = {} }) {
      const { message } = find(messageId);
      if (!message.actions.some((each) => each.action === action)) {
        throw new ActionExpired({});
      }
      const attending = bot;
      if (!attending) {
        throw new ChatNotRunning({});
      }
      count += 1;
      const press = {
        person: { subject: actor.subject, name: actor.name },
        origin: {},
        message,
        action,
        values,
        deliveryId: `press-${count}`,
        at: clock.now(),
      };
      await new Promise<void>((taken, failed) => {
        attending.press(press, taken).then(taken, failed);
      });
    },
    async postAsBot({ channel, threadId, text, card, visibleTo, key }) {
      const known = key === undefined ? undefined : keys.get(key);
      if (known !== undefined) {
        return edit(known, { text, card });
      }
      const author = { subject: "slipway", username: "slipway", name: "Slipway", bot: true };
      const message = add({ author, channel, text, threadId, card }, visibleTo);
      if (key !== undefined) {
        keys.set(key, message.id);
      }
      return message;
    },
    editAsBot: async (id, content) => edit(id, content),
    listen(onNotice) {
      listeners.add(onNotice);
      return () => listeners.delete(onNotice);
    },
    attend(attending) {
      bot = attending;
      stored.forEach(({ message }) => hear(message));
      return () => {
        bot = undefined;
      };
    },
    remove(id) {
      stored.splice(stored.indexOf(find(id)), 1);
    },
    repeatLast() {
      const last = stored.at(-1);
      if (last) {
        hear(last.message);
      }
    },
  };

  function add(
    content: Pick<RoomMessage, "author" | "channel" | "text" | "threadId" | "card">,
    visibleTo: string | null,
  ): RoomMessage {
    count += 1;
    const message: RoomMessage = {
      ...content,
      id: `message-${count}`,
      seq: count,
      actions: actionsOf(content.card),
      ephemeral: visibleTo !== null,
      replyCount: 0,
      createdAt: clock.now().toISOString(),
      editedAt: null,
    };
    stored.push({ message, visibleTo });
    tell({ type: "message", message, visibleTo });
    hear(message);
    return message;
  }

  function hear(message: RoomMessage): void {
    if (!message.author.bot) {
      void bot?.hear(message, {});
    }
  }

  function edit(id: string, { text, card }: Pick<RoomMessage, "text" | "card">): RoomMessage {
    const entry = find(id);
    entry.message = {
      ...entry.message,
      text,
      card,
      actions: actionsOf(card),
      editedAt: clock.now().toISOString(),
    };
    tell({ type: "edited", message: entry.message, visibleTo: entry.visibleTo });
    return entry.message;
  }

  function find(id: string) {
    const entry = stored.find(({ message }) => message.id === id);
    if (!entry) {
      throw new MessageNotFound({ message: id });
    }
    return entry;
  }

  function tell(notice: RoomNotice): void {
    listeners.forEach((onNotice) => {
      onNotice(notice);
    });
  }
}

function actionsOf(card: RoomCard | null): RoomMessage["actions"] {
  return (card?.blocks ?? []).flatMap((block) => (block.type === "actions" ? block.actions : []));
}

function sees(actor: Actor, visibleTo: string | null): boolean {
  return visibleTo === null || visibleTo === actor.subject;
}
