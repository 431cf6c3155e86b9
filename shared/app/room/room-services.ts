import { Op, QueryTypes, UniqueConstraintError } from "sequelize";
import type { RoomCard } from "../../contract/card.ts";
import type { RoomMessage } from "../../contract/room.ts";
import { originOf, systemActor, type Actor, type Origin } from "../../core/actor.ts";
import type { Clock } from "../../core/ports/clock.ts";
import type { Database } from "../../db/connect.ts";
import { ChatActionRow } from "../../db/rows/chat-action.ts";
import { RoomMessageRow } from "../../db/rows/room-message.ts";
import { createSharedWork } from "../../db/shared-work.ts";
import type { Tx, UnitOfWork } from "../../db/unit-of-work.types.ts";
import {
  ActionExpired,
  InputInvalid,
  InputTooLarge,
  MessageNotFound,
  PermissionDenied,
} from "../../errors/catalog.ts";
import { idOfKey, newId } from "../../lib/ids.ts";
import type { Logger } from "../../lib/logger.ts";
import { cleanLines } from "../../lib/text.ts";
import { requireToRead } from "../access.ts";
import type { RoomServices } from "../services.ts";
import { countReplies, visibleTo } from "./count-replies.ts";
import { actionsOf, presentRoomMessage } from "./present-room-message.ts";
import { createRoomChannels, type Channel } from "./room-channels.ts";
import type { RoomExchange } from "./room-exchange.ts";
import { createRoomWithin } from "./room-within.ts";

/** Longest message, in characters. */
const TEXT_LIMIT = 100_000;
/** How many messages of a channel are read again for a bot that begins to attend. */
const CATCH_UP_MESSAGES = 100;
/** Beginnings of threads remembered, so that an answer needs no look at the database. */
const KNOWN_ROOTS = 2_000;

type NewMessage = Pick<
  RoomMessageRow,
  | "channel"
  | "threadId"
  | "authorSubject"
  | "authorUsername"
  | "authorName"
  | "bot"
  | "text"
  | "card"
  | "visibleTo"
> & {
  /** Decides the id; a new one without it. */
  readonly id?: string | undefined;
};
interface Said {
  readonly message: NewMessage;
  /** Told to whoever listens, not kept with the message. */
  readonly origin: Origin;
}

/** The embedded room. Everybody who listens hears of a message after its commit, in the order of commits. */
export function createRoomServices(deps: {
  readonly database: Database;
  readonly uow: UnitOfWork;
  readonly clock: Clock;
  readonly logger: Logger;
  /** How others hear of it; they are all in this process by default. */
  readonly exchange?: RoomExchange;
}): RoomServices {
  const { database, uow, clock, logger, exchange = createRoomWithin({ logger }) } = deps;
  const channels = createRoomChannels({ uow, clock });
  /** Id of a message that begins a thread, and its channel. */
  const roots = new Map<string, string>();
  // People and bot talk at once; what is said in the same instant is one statement.
  const store = createSharedWork(uow, insert);

  return {
    async channels(actor) {
      requireToRead(actor, "room.use");
      const visible = await channels.visibleTo(actor);
      const last = await lastSeqs();
      return visible.map(({ name, topic, type }) => ({
        name,
        topic,
        type,
        lastSeq: last.get(name) ?? 0,
      }));
    },

    async messages(actor, { channel, after, limit }) {
      requireToRead(actor, "room.use");
      const { name } = await channels.find(actor, channel);
      const rows = await RoomMessageRow.findAll({
        where: {
          channel: name,
          ...(after !== undefined && { seq: { [Op.gt]: after } }),
          ...visibleTo(actor),
        },
        order: [["seq", "DESC"]],
        limit,
      });
      const counts = await countReplies(
        actor,
        rows.filter((row) => row.threadId === null).map((row) => row.id),
      );
      return rows.reverse().map((row) => presentRoomMessage(row, counts.get(row.id) ?? 0));
    },

    async message(actor, id) {
      requireToRead(actor, "room.use");
      const row = await findVisible(actor, id);
      const counts = await countReplies(actor, [id]);
      return presentRoomMessage(row, counts.get(id) ?? 0);
    },

    async post(actor, { channel, text, threadId = null }) {
      authorizeToSpeak(actor);
      const { name } = await channels.find(actor, channel);
      const said = readText(text);
      await requireRoot(actor, threadId, name);
      const message: NewMessage = {
        channel: name,
        threadId,
        authorSubject: actor.subject,
        authorUsername: actor.username,
        authorName: actor.name,
        bot: false,
        text: said,
        card: null,
        visibleTo: null,
      };
      return keep({ message, origin: originOf(actor.via) });
    },

    async press(actor, messageId, { action, values = {} }) {
      authorizeToSpeak(actor);
      const row = await findVisible(actor, messageId);
      const pressable = actionsOf(row.card).filter((each) => each.type !== "link");
      const pressed =
        pressable.find((each) => each.action === action) ??
        pressable.find((each) => each.label === action);
      if (!pressed && !(await wasOnMessage(messageId, action))) {
        throw new ActionExpired({});
      }
      await exchange.handPress({
        person: { subject: actor.subject, name: actor.name },
        origin: originOf(actor.via),
        message: presentRoomMessage(row, 0),
        action: pressed?.action ?? action,
        values: Object.fromEntries(
          Object.entries(values).map(([name, value]) => [name, cleanLines(value, TEXT_LIMIT)]),
        ),
        deliveryId: newId(),
        at: clock.now(),
      });
    },

    async postAsBot({ channel, threadId, text, card, visibleTo: reader, key }) {
      const id = key === undefined ? undefined : idOfKey(key);
      const said = cleanLines(text, TEXT_LIMIT);
      const change = (known: string) => uow.run((tx) => edit(tx, known, said, card));
      if (id !== undefined && (await RoomMessageRow.count({ where: { id, bot: true } })) > 0) {
        return change(id);
      }
      const { name } = await channels.find(systemActor, channel);
      await requireRoot(systemActor, threadId, name);
      const message: NewMessage = {
        id,
        channel: name,
        threadId,
        authorSubject: systemActor.subject,
        authorUsername: systemActor.username,
        // What people call it by, as on every chat platform.
        authorName: systemActor.username,
        bot: true,
        text: said,
        card,
        visibleTo: reader,
      };
      try {
        return await keep({ message, origin: {} });
      } catch (error) {
        // Another process has said it at the same moment.
        if (id !== undefined && error instanceof UniqueConstraintError) {
          return change(id);
        }
        throw error;
      }
    },

    editAsBot: (id, { text, card }) =>
      uow.run((tx) => edit(tx, id, cleanLines(text, TEXT_LIMIT), card)),

    listen: (onNotice) => exchange.listen(onNotice),
    attend: (bot) => exchange.attend(bot, readRecent),
  };

  /** Stores with whatever else is said in this instant, or alone when that fails for the sake of one of them. */
  async function keep(said: Said): Promise<RoomMessage> {
    try {
      return await store(said);
    } catch (error) {
      if (!(error instanceof UniqueConstraintError)) {
        throw error;
      }
      const [message] = await uow.run((tx) => insert(tx, [said]));
      if (!message) {
        throw error;
      }
      return message;
    }
  }

  async function insert(tx: Tx, said: readonly Said[]): Promise<readonly RoomMessage[]> {
    const createdAt = clock.now();
    const last = await exchange.takeTurn(tx, said.length);
    const rows = await RoomMessageRow.bulkCreate(
      said.map(({ message: { id = newId(), ...message } }, index) => ({
        ...message,
        id,
        createdAt,
        editedAt: null,
        change: last === null ? null : last - said.length + 1 + index,
      })),
      { transaction: tx.sequelize },
    );
    const messages = rows.map((row) => {
      const message = presentRoomMessage(row, 0);
      exchange.tell(tx, { type: "message", message, visibleTo: row.visibleTo });
      tx.afterCommit(() => {
        if (row.threadId === null && row.visibleTo === null) {
          rememberRoot(row.id, row.channel);
        }
      });
      return message;
    });
    const fromPeople = messages.flatMap((message, index) =>
      message.author.bot ? [] : [{ message, origin: said[index]?.origin ?? {} }],
    );
    if (fromPeople.length > 0) {
      await exchange.handMessages(tx, fromPeople);
    }
    return messages;
  }

  async function edit(
    tx: Tx,
    id: string,
    text: string,
    card: RoomCard | null,
  ): Promise<RoomMessage> {
    const transaction = tx.sequelize;
    const change = await exchange.takeTurn(tx, 1);
    const row = await RoomMessageRow.findOne({ where: { id, bot: true }, transaction });
    if (!row) {
      throw new MessageNotFound({ message: id });
    }
    await row.update({ text, card, editedAt: clock.now(), change }, { transaction });
    const counts = await countReplies(systemActor, row.threadId === null ? [id] : [], transaction);
    const message = presentRoomMessage(row, counts.get(id) ?? 0);
    exchange.tell(tx, { type: "edited", message, visibleTo: row.visibleTo });
    return message;
  }

  /** The latest of every channel, for a bot that may have missed some. */
  async function readRecent(): Promise<readonly RoomMessage[]> {
    const open = await channels.visibleTo(systemActor);
    const pages = await Promise.all(
      open.map(({ name }) =>
        RoomMessageRow.findAll({
          where: { channel: name, bot: false },
          order: [["seq", "DESC"]],
          limit: CATCH_UP_MESSAGES,
        }),
      ),
    );
    return pages
      .flat()
      .sort((a, b) => a.seq - b.seq)
      .map((row) => presentRoomMessage(row, 0));
  }

  /**
   * Whether this button stood on an earlier edition of the message: somebody pressed it while the card changed under their
   * finger. The bot knows what it meant, and answers with how things stand.
   */
  async function wasOnMessage(messageId: string, token: string): Promise<boolean> {
    return (await ChatActionRow.count({ where: { token, messageId } })) > 0;
  }

  async function findVisible(actor: Actor, id: string): Promise<RoomMessageRow> {
    const row = await RoomMessageRow.findOne({ where: { id, ...visibleTo(actor) } });
    if (!row || !(await channels.canRead(actor, row.channel))) {
      throw new MessageNotFound({ message: id });
    }
    return row;
  }

  /** An answer belongs to a message of the channel itself, one the author can see. */
  async function requireRoot(
    actor: Actor,
    threadId: string | null,
    channel: Channel["name"],
  ): Promise<void> {
    if (threadId === null || roots.get(threadId) === channel) {
      return;
    }
    const root = await RoomMessageRow.findOne({
      attributes: ["threadId", "visibleTo"],
      where: { id: threadId, channel, ...visibleTo(actor) },
    });
    if (!root) {
      throw new MessageNotFound({ message: threadId });
    }
    if (root.threadId !== null) {
      throw new InputInvalid({
        problems: [
          { pointer: "/threadId", message: "names an answer; name the message it answers" },
        ],
      });
    }
    if (root.visibleTo === null) {
      rememberRoot(threadId, channel);
    }
  }

  function rememberRoot(id: string, channel: string): void {
    const [oldest] = roots.keys();
    if (roots.size >= KNOWN_ROOTS && oldest !== undefined) {
      roots.delete(oldest);
    }
    roots.set(id, channel);
  }

  /** One look into the index per channel. */
  async function lastSeqs(): Promise<ReadonlyMap<string, number>> {
    const rows = await database.sequelize.query<{ name: string; last: number | null }>(
      `SELECT c.name AS name,
        (SELECT MAX(m.seq) FROM room_messages m WHERE m.channel = c.name) AS last
      FROM room_channels c`,
      { type: QueryTypes.SELECT },
    );
    return new Map(rows.map((row) => [row.name, row.last ?? 0]));
  }
}

/**
 * What is said to the bot is done with all rights of the person, so a token that may only read may not speak. Throws
 * PermissionDenied.
 */
function authorizeToSpeak(actor: Actor): void {
  requireToRead(actor, "room.use");
  if (actor.via.token && !actor.via.token.scopes.includes("write")) {
    throw new PermissionDenied(
      { permission: "room.use", reason: "This API token may only read." },
      { remedy: "Use a token with the scope `write`." },
    );
  }
}

function readText(text: string): string {
  if (text.length > TEXT_LIMIT) {
    throw new InputTooLarge({ what: "The message", limit: TEXT_LIMIT, unit: "characters" });
  }
  const said = cleanLines(text, TEXT_LIMIT);
  if (said.trim() === "") {
    throw new InputInvalid({ problems: [{ pointer: "/text", message: "write something" }] });
  }
  return said;
}
