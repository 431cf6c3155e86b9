import { Op } from "sequelize";
import type { Clock } from "../../core/ports/clock.ts";
import { ChatInboxRow } from "../../db/rows/chat-inbox.ts";
import type { Signals } from "../../db/signals.ts";
import type { Tx, UnitOfWork } from "../../db/unit-of-work.types.ts";
import { ChatNotRunning, UpstreamTimeout } from "../../errors/catalog.ts";
import { newId } from "../../lib/ids.ts";
import type { Logger } from "../../lib/logger.ts";
import { systemTimers, type Timers } from "../../lib/scheduler.ts";
import { createWorkLoop, type ClaimedWork } from "../../lib/work-loop.ts";

/** What can be left for the process that runs chat. */
export type InboxKind = "room.message" | "room.press" | `hook.${string}`;
type Json = Readonly<Record<string, unknown>>;

export interface LeftItem {
  readonly id: string;
  readonly kind: InboxKind;
  readonly payload: Json;
  readonly leftAt: Date;
}

/**
 * Carries what web processes receive to the process that runs chat, whichever that is. What is left is a row, so it outlives
 * both: a leader that dies in the middle leaves it to the next one.
 */
export interface ChatInbox {
  /** Leaves something in the transaction that makes it true. */
  leave(tx: Tx, kind: InboxKind, payloads: readonly Json[]): Promise<void>;
  /**
   * Leaves something and waits for the answer. Throws ChatNotRunning when no process runs chat, and UpstreamTimeout when the
   * answer takes longer than `timeoutMs`: nobody takes it then any more, unless somebody had begun.
   */
  ask(kind: InboxKind, payload: Json, timeoutMs: number): Promise<Json>;
  /**
   * For the process that runs chat: takes what was left, oldest first, and what comes. It is gone when `take` resolves; when it
   * rejects, or the process ends first, it stays for the next one. What `take` gives is the answer, if somebody waits.
   */
  receive(
    kinds: readonly InboxKind[],
    take: (item: LeftItem) => Promise<Json | undefined>,
  ): InboxReceiver;
}

export interface InboxReceiver {
  /** Takes nothing more. What was begun goes on. */
  stop(): void;
}

/** Read at once; the rest follows. */
const PAGE_SIZE = 200;
/** Finds what no signal told of. */
const POLL_MS = 1_000;
const ANSWER_POLL_MS = 500;

export function createChatInbox(deps: {
  readonly uow: UnitOfWork;
  readonly signals: Pick<Signals, "on">;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly timers?: Timers;
  /** Whether a process runs chat now. */
  readonly isAnybodyThere: () => Promise<boolean>;
}): ChatInbox {
  const { uow, signals, clock, timers = systemTimers } = deps;
  const logger = deps.logger.child({ part: "chat-inbox" });

  return { leave, ask, receive };

  async function leave(
    tx: Tx,
    kind: InboxKind,
    payloads: readonly Json[],
    id = newId(),
  ): Promise<void> {
    const leftAt = clock.now();
    await ChatInboxRow.bulkCreate(
      payloads.map((payload, index) => ({ id: index === 0 ? id : newId(), kind, payload, leftAt })),
      { transaction: tx.sequelize },
    );
    tx.signal("inbox");
  }

  async function ask(kind: InboxKind, payload: Json, timeoutMs: number): Promise<Json> {
    if (!(await deps.isAnybodyThere())) {
      throw new ChatNotRunning({});
    }
    const id = newId();
    await uow.run((tx) => leave(tx, kind, [payload], id));
    try {
      return await answerTo(id, timeoutMs);
    } finally {
      await uow.run((tx) => ChatInboxRow.destroy({ where: { id }, transaction: tx.sequelize }));
    }
  }

  function answerTo(id: string, timeoutMs: number): Promise<Json> {
    return new Promise<Json>((resolve, reject) => {
      const cancel = timers.after(timeoutMs, () => {
        end();
        reject(new UpstreamTimeout({ system: "The chat part", operation: "answering", timeoutMs }));
      });
      const stopListening = signals.on("answers", look);
      let cancelPoll: () => void = () => undefined;
      poll();

      function poll(): void {
        cancelPoll = timers.after(ANSWER_POLL_MS, poll);
        look();
      }

      function look(): void {
        ChatInboxRow.findOne({ where: { id } }).then(
          (row) => {
            if (row?.answer) {
              end();
              resolve(row.answer);
            }
          },
          (error: unknown) => {
            end();
            reject(error instanceof Error ? error : new Error(String(error)));
          },
        );
      }

      function end(): void {
        cancel();
        cancelPoll();
        stopListening();
      }
    });
  }

  function receive(
    kinds: readonly InboxKind[],
    take: (item: LeftItem) => Promise<Json | undefined>,
  ): InboxReceiver {
    /** Begun by this receiver, whatever became of it: whoever receives next tries again what was not finished. */
    const begun = new Set<string>();
    const loop = createWorkLoop({
      claim,
      pollMs: POLL_MS,
      timers,
      onError: (error) => logger.error({ err: error }, "reading the inbox failed"),
    });
    const stopListening = signals.on("inbox", () => loop.wake());
    loop.start();
    return {
      stop() {
        stopListening();
        void loop.stop(0);
      },
    };

    async function claim(): Promise<readonly ClaimedWork[]> {
      const rows = await ChatInboxRow.findAll({
        where: { kind: [...kinds], answer: null, id: { [Op.notIn]: [...begun] } },
        order: ["seq"],
        limit: PAGE_SIZE,
      });
      return rows.map((row) => {
        begun.add(row.id);
        const { id, payload, leftAt } = row;
        return () => deal({ id, kind: row.kind as InboxKind, payload, leftAt });
      });
    }

    /** Never rejects. */
    async function deal(item: LeftItem): Promise<void> {
      const { id, kind } = item;
      let answer: Json | undefined;
      try {
        answer = await take(item);
      } catch (error) {
        logger.warn({ err: error, kind }, "what was left for chat stays for whoever comes next");
        return;
      }
      try {
        await uow.run((tx) => settle(tx, id, answer));
      } catch (error) {
        // Taken once more at the next look; whoever takes it knows it already.
        logger.warn(
          { err: error, kind },
          "could not tell that something left for chat was dealt with",
        );
      }
      begun.delete(id);
    }
  }

  async function settle(tx: Tx, id: string, answer: Json | undefined): Promise<void> {
    const transaction = tx.sequelize;
    if (answer === undefined) {
      await ChatInboxRow.destroy({ where: { id }, transaction });
    } else {
      await ChatInboxRow.update({ answer }, { where: { id }, transaction });
      tx.signal("answers");
    }
  }
}
