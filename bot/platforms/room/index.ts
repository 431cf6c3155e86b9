import type { RoomPress, RoomServices } from "../../../shared/app/services.ts";
import type { RoomMessage } from "../../../shared/contract/room.ts";
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
import { CATCH_UP_MS } from "./limits.ts";
import { renderRoomForm, renderRoomMessage, type RoomContent } from "./render.ts";

type Take = (event: Inbound) => Promise<void>;

export interface RoomPlatformDeps {
  readonly room: RoomServices;
  readonly clock: { now(): Date };
}

/**
 * The bot's side of the embedded room. There is no connection that could be lost: what people say is stored, and is heard by
 * whichever process attends, now or after a restart.
 */
export function createRoomPlatform(deps: RoomPlatformDeps): ChatPlatform {
  const { room, clock } = deps;
  const running = new Set<Promise<void>>();
  let leave: (() => void) | undefined;
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
      leave = room.attend({
        hear: (message, origin) => track(onMessage(message, origin, take)),
        press: (press, taken) => track(onPress(press, taken, take)),
      });
      since = clock.now();
    },
    async stop() {
      leave?.();
      leave = undefined;
      since = clock.now();
      while (running.size > 0) {
        await Promise.allSettled([...running]);
      }
    },
    status: () => ({ state: leave ? "connected" : "stopped", since }),
    post: (place, message) => post(place, message, null),
    async edit(ref, message) {
      await room.editAsBot(ref.messageId, renderRoomMessage(message));
    },
    direct: (userId, message) =>
      post({ platform: PLATFORM_ID, channelId: `${DIRECT_PREFIX}${userId}` }, message, null),
  };

  async function onMessage(
    message: RoomMessage,
    origin: NonNullable<ChatUser["origin"]>,
    take: Take,
  ): Promise<void> {
    const text = readCommand(message, null);
    const sentAt = new Date(message.createdAt);
    const isRecent = sentAt.getTime() >= clock.now().getTime() - CATCH_UP_MS;
    if (text === undefined || !isRecent) {
      return;
    }
    const place = toPlace(message);
    await take({
      type: "command",
      text,
      direct: true,
      user: toUser(message.author, origin),
      place,
      deliveryId: message.id,
      sentAt,
      reply: replierTo(place, message.author.subject, undefined, message.id),
    });
  }

  /** `taken` is called as soon as the press is acknowledged; the work goes on. */
  async function onPress(press: RoomPress, taken: () => void, take: Take): Promise<void> {
    const { person, origin, message, action, values, deliveryId } = press;
    const place = toPlace(message);
    const replier = replierTo(place, person.subject, message, deliveryId);
    const event: Inbound = {
      type: "action",
      token: action,
      message: toRef(message),
      values,
      user: toUser(person, origin),
      place,
      deliveryId,
      sentAt: press.at,
      reply: {
        ...replier,
        async acknowledge() {
          taken();
        },
        async openForm(form, token) {
          await replier.openForm(form, token);
          taken();
        },
      },
    };
    await take(event);
  }

  /** A press on a message is answered below it: in its thread for all, right beside it for one. */
  function replierTo(
    place: Place,
    userId: string,
    source: RoomMessage | undefined,
    deliveryId: string,
  ): Replier {
    const threadId = source ? threadBelow(source) : place.threadId;
    return {
      async acknowledge() {},
      async openForm(form, token) {
        const content = renderRoomForm(form, token);
        await store(place, content, visibleOnlyTo(place, userId), `${deliveryId}\nform`);
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

  /** `stop` waits for it. */
  function track(work: Promise<void>): Promise<void> {
    running.add(work);
    const forget = () => running.delete(work);
    work.then(forget, forget);
    return work;
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
