import type { RoomMessage } from "../../contract/room.ts";
import type { Origin } from "../../core/actor.ts";
import type { Tx } from "../../db/unit-of-work.types.ts";
import type { RoomBot, RoomNotice, RoomPress } from "../services.ts";

/**
 * How what happens in the room reaches those who watch it and the bot that answers. Two ways: everybody is in this process, or
 * pages and bot are in different ones.
 */
export interface RoomExchange {
  /**
   * In the transaction, before `count` messages are written or changed: from here on they are numbered in the order of commits.
   * Answers with the last of the numbers for `RoomMessageRow.change`; null where nobody needs them.
   */
  takeTurn(tx: Tx, count: number): Promise<number | null>;
  /** In the transaction that wrote a message. People's own reach the bot too. */
  tell(tx: Tx, notice: Extract<RoomNotice, { readonly message: RoomMessage }>): void;
  /** In the transaction that stored what people said. */
  handMessages(
    tx: Tx,
    said: readonly { readonly message: RoomMessage; readonly origin: Origin }[],
  ): Promise<void>;
  /** Resolves when the bot has taken it, or certainly will. Throws ChatNotRunning when there is nobody who could. */
  handPress(press: RoomPress): Promise<void>;
  listen(onNotice: (notice: RoomNotice) => void): () => void;
  /** `recent` reads what was said lately. */
  attend(bot: RoomBot, recent: () => Promise<readonly RoomMessage[]>): () => void;
}
