import type { Actor, RoomServices } from "../../../shared/app/services.ts";
import type { RoomMessage } from "../../../shared/contract/room.ts";
import { AppError } from "../../../shared/errors/app-error.ts";
import { ActionExpired } from "../../../shared/errors/catalog.ts";
import type { Logger } from "../../../shared/lib/logger.ts";
import type {
  ChatPlatform,
  ChatUser,
  Inbound,
  Outgoing,
  Place,
  Replier,
} from "../../chat/platform.ts";
import {
  DIRECT_PREFIX,
  PLATFORM_ID,
  isDirect,
  readCommand,
  toPlace,
  toRef,
  toUser,
} from "./inbound.ts";
import { CATCH_UP_MESSAGES, CATCH_UP_MS } from "./limits.ts";
import { renderRoomForm, renderRoomMessage, type RoomContent } from "./render.ts";

type Take = (event: Inbound) => Promise<void>;
type Press = Parameters<Parameters<RoomServices["onPress"]>[0]>[0];

export interface RoomPlatformDeps {
  readonly room: RoomServices;
  /** Reads channels after a restart. */
  readonly systemActor: Actor;
  readonly logger: Logger;
  readonly clock: { now(): Date };
}

/**
 * The bot's side of the embedded room. There is no connection that could be lost: the room is in the same process, and what
 * people said while the process was down is looked at again when it starts.
 */
export function createRoomPlatform(deps: RoomPlatformDeps): ChatPlatform {
  const { room, logger, clock } = deps;
  const running = new Set<Promise<void>>();
  let stopListening: (() => void) | undefined;
  let since = clock.now();

  return {
    id: PLATFORM_ID,
    features: {
      ephemeral: true,
      edit: true,
      threads: true,
      tables: true,
      usersAreSubjects: true,
      editIntervalMs: 250,
    },
    async start(take) {
      const stopPresses = room.onPress((press) => onPress(press, take));
      const stopNotices = room.listen((notice) => {
        if (notice.type === "message") {
          onMessage(notice.message, notice.visibleTo, take, notice.origin);
        }
      });
      stopListening = () => {
        stopPresses();
        stopNotices();
      };
      since = clock.now();
      track(catchUp(take));
    },
    async stop() {
      stopListening?.();
      stopListening = undefined;
      since = clock.now();
      while (running.size > 0) {
        await Promise.allSettled([...running]);
      }
    },
    status: () => ({ state: stopListening ? "connected" : "stopped", since }),
    post: (place, message) => post(place, message, null),
    async edit(ref, message) {
      await room.editAsBot(ref.messageId, renderRoomMessage(message));
    },
    direct: (userId, message) =>
      post({ platform: PLATFORM_ID, channelId: `${DIRECT_PREFIX}${userId}` }, message, null),
  };

  function onMessage(
    message: RoomMessage,
    visibleTo: string | null,
    take: Take,
    origin?: ChatUser["origin"],
  ): void {
    const text = readCommand(message, visibleTo);
    if (text === undefined) {
      return;
    }
    const place = toPlace(message);
    const event: Inbound = {
      type: "command",
      text,
      direct: true,
      user: toUser(message.author, origin),
      place,
      deliveryId: message.id,
      sentAt: new Date(message.createdAt),
      reply: replierTo(place, message.author.subject, undefined),
    };
    track(take(event));
  }

  /** Resolves as soon as the press is acknowledged; the work goes on. */
  async function onPress(press: Press, take: Take): Promise<void> {
    if (!stopListening) {
      throw new ActionExpired({});
    }
    const { actor, message, action, values, deliveryId } = press;
    const place = toPlace(message);
    const replier = replierTo(place, actor.subject, message);
    await new Promise<void>((resolve) => {
      const event: Inbound = {
        type: "action",
        token: action,
        message: toRef(message),
        values,
        user: toUser(actor, press.origin),
        place,
        deliveryId,
        sentAt: clock.now(),
        reply: {
          ...replier,
          async acknowledge() {
            resolve();
          },
          async openForm(form, token) {
            await replier.openForm(form, token);
            resolve();
          },
        },
      };
      track(take(event).finally(resolve));
    });
  }

  /** A press on a message is answered below it: in its thread for all, right beside it for one. */
  function replierTo(place: Place, userId: string, source: RoomMessage | undefined): Replier {
    const threadId = source ? threadBelow(source) : place.threadId;
    return {
      async acknowledge() {},
      async openForm(form, token) {
        const content = renderRoomForm(form, token);
        await store(place, content, visibleOnlyTo(place, userId), undefined);
      },
      async send(message) {
        return message.visibility === "only-you"
          ? post(place, message, visibleOnlyTo(place, userId))
          : post({ ...place, ...(threadId === undefined ? {} : { threadId }) }, message, null);
      },
      async replaceSource(message) {
        if (source) {
          await room.editAsBot(source.id, renderRoomMessage(message));
        }
      },
    };
  }

  async function post(place: Place, message: Outgoing, visibleTo: string | null) {
    return store(place, renderRoomMessage(message), visibleTo, message.key);
  }

  async function store(
    place: Place,
    content: RoomContent,
    visibleTo: string | null,
    key: string | undefined,
  ) {
    const { channelId: channel, threadId = null } = place;
    return toRef(await room.postAsBot({ channel, threadId, visibleTo, key, ...content }));
  }

  /** What was said while nobody listened. Whatever was served already is recognised by its delivery id. */
  async function catchUp(take: Take): Promise<void> {
    const after = clock.now().getTime() - CATCH_UP_MS;
    for (const channel of await room.channels(deps.systemActor)) {
      const query = { channel: channel.name, limit: CATCH_UP_MESSAGES };
      for (const message of await room.messages(deps.systemActor, query)) {
        if (new Date(message.createdAt).getTime() >= after) {
          onMessage(message, null, take);
        }
      }
    }
  }

  function track(work: Promise<void>): void {
    const settled = work
      .catch((error: unknown) => {
        const level = error instanceof AppError ? "warn" : "error";
        logger[level]({ err: error, platform: PLATFORM_ID }, "serving a room message failed");
      })
      .finally(() => running.delete(settled));
    running.add(settled);
  }
}

/** The thread in which everybody can read the answer to a press: nobody else sees the thread of a private message. */
function threadBelow({ id, threadId, ephemeral }: RoomMessage): string | undefined {
  return threadId ?? (ephemeral ? undefined : id);
}

/** In a conversation with one person everything is private already, and can be kept. */
function visibleOnlyTo(place: Place, userId: string): string | null {
  return isDirect(place.channelId) ? null : userId;
}
