import type { RoomMessage } from "../../contract/room.ts";
import type { Origin } from "../../core/actor.ts";
import { ChatNotRunning } from "../../errors/catalog.ts";
import type { Logger } from "../../lib/logger.ts";
import type { RoomBot } from "../services.ts";
import type { RoomExchange } from "./room-exchange.ts";
import { createRoomListeners } from "./room-listeners.ts";

/**
 * Where pages and bot are in one process: everybody hears of a message right after its commit, in the order of commits. What
 * people said while no bot attended is read again when one begins to.
 */
export function createRoomWithin(deps: { readonly logger: Logger }): RoomExchange {
  const { logger } = deps;
  const listeners = createRoomListeners(logger);
  let attending: RoomBot | undefined;

  return {
    takeTurn: async () => null,
    tell(tx, notice) {
      tx.afterCommit(() => listeners.tell(notice));
    },
    async handMessages(tx, said) {
      tx.afterCommit(() => {
        for (const { message, origin } of said) {
          hear(message, origin);
        }
      });
    },
    async handPress(press) {
      const bot = attending;
      if (!bot) {
        throw new ChatNotRunning({});
      }
      await new Promise<void>((taken, failed) => {
        bot.press(press, taken).then(taken, failed);
      });
    },
    listen: listeners.listen,
    attend(bot, recent) {
      attending = bot;
      recent().then(
        (messages) => {
          if (attending === bot) {
            messages.forEach((message) => hear(message, {}));
          }
        },
        (error: unknown) => logger.warn({ err: error }, "reading what was missed failed"),
      );
      return () => {
        if (attending === bot) {
          attending = undefined;
        }
      };
    },
  };

  function hear(message: RoomMessage, origin: Origin): void {
    attending?.hear(message, origin).catch((error: unknown) => {
      logger.warn({ err: error }, "the bot could not take a message");
    });
  }
}
