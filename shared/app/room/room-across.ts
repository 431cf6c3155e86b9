import { AsyncLocalStorage } from "node:async_hooks";
import { Op, QueryTypes } from "sequelize";
import { systemActor, type Origin } from "../../core/actor.ts";
import type { Database } from "../../db/connect.ts";
import { RoomMessageRow } from "../../db/rows/room-message.ts";
import type { Signals } from "../../db/signals.ts";
import type { UnitOfWork } from "../../db/unit-of-work.types.ts";
import { ChatNotRunning } from "../../errors/catalog.ts";
import type { Logger } from "../../lib/logger.ts";
import { systemTimers, type Timers } from "../../lib/scheduler.ts";
import type { ChatInbox, LeftItem } from "../chat-inbox/chat-inbox.ts";
import type { RoomBot, RoomPress } from "../services.ts";
import { countReplies } from "./count-replies.ts";
import { presentRoomMessage } from "./present-room-message.ts";
import type { RoomExchange } from "./room-exchange.ts";
import { createRoomListeners } from "./room-listeners.ts";

/** Counts messages and edits; whoever counts on keeps others waiting until the commit, so the count is in the order of commits. */
const COUNTER = "room";
const PAGE_SIZE = 200;
/** Finds what no signal told of. */
const POLL_MS = 1_000;

/** How far the room was told. */
interface Position {
  /** The last change that was told. */
  change: number;
  /** The last message that was told. */
  seq: number;
  /** The last message that was told when the present round of pages began, and what was told since. */
  base: number;
  readonly told: Set<number>;
}

/**
 * Where pages and bot may be in different processes: everybody reads on in the table, woken by signals, so nothing is missed
 * and nothing told twice, whatever becomes of a signal or a connection. What people say and press is left in the inbox of the
 * process that runs chat.
 */
export function createRoomAcross(deps: {
  readonly database: Database;
  readonly uow: UnitOfWork;
  readonly signals: Pick<Signals, "on">;
  readonly inbox: ChatInbox;
  readonly logger: Logger;
  readonly timers?: Timers;
  /** Whether a process runs chat now. */
  readonly isAnybodyThere: () => Promise<boolean>;
}): RoomExchange & { stop(): void } {
  const { database, uow, signals, inbox, timers = systemTimers } = deps;
  const logger = deps.logger.child({ part: "room" });
  const listeners = createRoomListeners(logger);
  let position: Position | undefined;
  let isFollowed = false;
  let isWanted = false;
  let isReading = false;
  let isStopped = false;
  let cancelPoll: (() => void) | undefined;
  const stopHearing = signals.on("room", wake);

  return {
    async takeTurn(tx, count) {
      const [row] = await database.sequelize.query<{ value: number }>(
        `INSERT INTO sequences (name, value) VALUES ($1, $2)
        ON CONFLICT (name) DO UPDATE SET value = sequences.value + excluded.value
        RETURNING value`,
        { bind: [COUNTER, count], type: QueryTypes.SELECT, transaction: tx.sequelize },
      );
      if (!row) {
        throw new Error("the room gave no number");
      }
      return row.value;
    },
    tell(tx) {
      tx.signal("room");
    },
    async handMessages(tx, said) {
      await inbox.leave(
        tx,
        "room.message",
        said.map(({ message, origin }) => ({ message: message.id, origin })),
      );
    },
    async handPress(press) {
      if (!(await deps.isAnybodyThere())) {
        throw new ChatNotRunning({});
      }
      await uow.run((tx) => inbox.leave(tx, "room.press", [toJson(press)]));
    },
    listen(onNotice) {
      const stop = listeners.listen(onNotice);
      // Followed from the first listener on, for good: whoever comes later hears what comes later.
      isFollowed = true;
      wake();
      cancelPoll ??= timers.after(POLL_MS, poll);
      return stop;
    },
    attend(bot) {
      // What wakes the inbox comes from anywhere; what the bot does belongs to whoever attends.
      const inContext = AsyncLocalStorage.snapshot();
      const receiver = inContext(() =>
        inbox.receive(["room.message", "room.press"], (item) => inContext(() => give(bot, item))),
      );
      return () => receiver.stop();
    },
    stop() {
      isStopped = true;
      stopHearing();
      cancelPoll?.();
    },
  };

  function poll(): void {
    cancelPoll = timers.after(POLL_MS, poll);
    wake();
  }

  function wake(): void {
    if (!isFollowed || isStopped) {
      return;
    }
    isWanted = true;
    if (!isReading) {
      isReading = true;
      void readOn();
    }
  }

  async function readOn(): Promise<void> {
    while (isWanted && !isStopped) {
      isWanted = false;
      try {
        // Nobody waits for what was before anybody listened.
        position ??= await end();
        await tellOn(position);
      } catch (error) {
        logger.error({ err: error }, "reading the room failed");
      }
    }
    isReading = false;
  }

  async function end(): Promise<Position> {
    const [row] = await database.sequelize.query<{ change: number | null; seq: number | null }>(
      "SELECT MAX(change) AS change, MAX(seq) AS seq FROM room_messages",
      { type: QueryTypes.SELECT },
    );
    const seq = row?.seq ?? 0;
    return { change: row?.change ?? 0, seq, base: seq, told: new Set() };
  }

  /**
   * Tells every change after a position and moves it. A message that nobody was told of is new, even if it was edited before it
   * was read; pages follow each other until one is not full, because a message may move from a page that was not read yet to a
   * later one.
   */
  async function tellOn(at: Position): Promise<void> {
    for (;;) {
      const rows = await RoomMessageRow.findAll({
        where: { change: { [Op.gt]: at.change } },
        order: ["change"],
        limit: PAGE_SIZE,
      });
      const edited = rows.filter((row) => row.editedAt !== null && row.threadId === null);
      const replies = await countReplies(
        systemActor,
        edited.map(({ id }) => id),
      );
      for (const row of rows) {
        const isNew = row.seq > at.base && !at.told.has(row.seq);
        at.told.add(row.seq);
        at.change = row.change ?? at.change;
        at.seq = Math.max(at.seq, row.seq);
        listeners.tell({
          type: isNew ? "message" : "edited",
          message: presentRoomMessage(row, replies.get(row.id) ?? 0),
          visibleTo: row.visibleTo,
        });
      }
      if (rows.length < PAGE_SIZE) {
        at.base = at.seq;
        at.told.clear();
        return;
      }
    }
  }
}

/** What was left names the message; what it says is in its row. */
async function give(bot: RoomBot, { id, kind, payload, leftAt }: LeftItem): Promise<undefined> {
  const { message: messageId, origin } = payload as { message: string; origin: Origin };
  const row = await RoomMessageRow.findOne({ where: { id: messageId } });
  if (!row) {
    return;
  }
  const message = presentRoomMessage(row, 0);
  if (kind === "room.message") {
    await bot.hear(message, origin);
  } else {
    const { person, action, values } = payload as Pick<RoomPress, "person" | "action" | "values">;
    const press = { person, origin, message, action, values, deliveryId: id, at: leftAt };
    await bot.press(press, () => undefined);
  }
}

function toJson({ person, origin, message, action, values }: RoomPress) {
  return { person, origin, message: message.id, action, values };
}
