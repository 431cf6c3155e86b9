import type { ChatCursor } from "../../shared/app/services.ts";
import type { Logger } from "../../shared/lib/logger.ts";
import { NO_MESSAGE, type Positions } from "./positions.ts";

/** Messages older than this are left alone, however long we were away. */
const CATCH_UP_MS = 24 * 3_600_000;
/** How far the very first start looks back. */
const FIRST_LOOK_BACK_MS = 10 * 60_000;
/** Most messages of a channel that are read again. */
export const CATCH_UP_MESSAGES = 1_000;

/** Reads what was written while nobody listened, channel by channel, oldest first. */
export interface CatchUp {
  /** Resolves when every channel was tried; with false when one could not be read, and is tried again next time. */
  run(): Promise<boolean>;
}

export function createCatchUp<Channel extends { readonly id: string }, Message>(deps: {
  /** Those the bot is in. */
  readonly channels: () => Promise<readonly Channel[]>;
  /** What stands behind the last message we know, oldest first; where that is gone or unknown, what was written `since`. */
  readonly read: (
    channel: Channel,
    from: ChatCursor | undefined,
    since: Date,
  ) => Promise<readonly Message[]>;
  readonly positions: Positions;
  /** Takes a message as if it had just arrived; resolves when it was handed on. */
  readonly take: (message: Message, channel: Channel) => Promise<void>;
  readonly clock: { now(): Date };
  readonly logger: Logger;
}): CatchUp {
  const { positions, clock, logger } = deps;
  let running: Promise<boolean> | undefined;
  let isWanted = false;

  return {
    run() {
      isWanted = true;
      running ??= runWanted().finally(() => {
        running = undefined;
      });
      return running;
    },
  };

  /** A gap that opens while another one is being closed is read after it. */
  async function runWanted(): Promise<boolean> {
    let isWhole = true;
    while (isWanted) {
      isWanted = false;
      isWhole = true;
      // Before any channel is read: reading one moves on what the others are measured by.
      const lastThere = positions.latest();
      for (const channel of await deps.channels()) {
        try {
          await readChannel(channel, lastThere);
        } catch (error) {
          isWhole = false;
          logger.warn({ err: error, channel: channel.id }, "could not read what was missed");
        }
      }
      if (!isWanted) {
        positions.gapEnds();
      }
    }
    return isWhole;
  }

  async function readChannel(channel: Channel, lastThere: Date | undefined): Promise<void> {
    const from = positions.unreadFrom(channel.id);
    const oldest = new Date(clock.now().getTime() - CATCH_UP_MS);
    const firstLook = new Date(clock.now().getTime() - FIRST_LOOK_BACK_MS);
    const since = later(from?.sentAt ?? lastThere ?? firstLook, oldest);
    const isKnown = from !== undefined && from.messageId !== NO_MESSAGE && from.sentAt >= since;
    const found = await deps.read(channel, isKnown ? from : undefined, since);
    const missed = found.slice(-CATCH_UP_MESSAGES);
    for (const message of missed) {
      await deps.take(message, channel);
    }
    if (missed.length > 0) {
      logger.info({ channel: channel.id, messages: missed.length }, "read what was missed");
    }
    positions.isRead(channel.id);
  }
}

function later(a: Date, b: Date): Date {
  return a > b ? a : b;
}
