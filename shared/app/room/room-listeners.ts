import type { Logger } from "../../lib/logger.ts";
import type { RoomNotice, RoomServices } from "../services.ts";

/** Everybody in this process who watches the room. */
export interface RoomListeners {
  listen: RoomServices["listen"];
  tell(notice: RoomNotice): void;
}

export function createRoomListeners(logger: Logger): RoomListeners {
  const listeners = new Set<(notice: RoomNotice) => void>();
  return {
    listen(onNotice) {
      listeners.add(onNotice);
      return () => {
        listeners.delete(onNotice);
      };
    },
    tell(notice) {
      for (const listener of listeners) {
        try {
          listener(notice);
        } catch (error) {
          // One broken listener must not keep the others from hearing.
          logger.error({ err: error }, "a listener of the room failed");
        }
      }
    },
  };
}
