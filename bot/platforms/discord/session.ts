import type { ChatCursor, ChatStoreServices } from "../../../shared/app/services.ts";
import type { Logger } from "../../../shared/lib/logger.ts";
import type { Timers } from "../../../shared/lib/scheduler.ts";
import { createCatchUp } from "../../chat/catch-up.ts";
import { summarise, type Finding } from "../../chat/finding.ts";
import { createKeyedQueue } from "../../chat/keyed-queue.ts";
import { createPeople } from "../../chat/people-cache.ts";
import type { ChatPlatform, ChatUser, Inbound, MessageRef, Place } from "../../chat/platform.ts";
import { createPositions } from "../../chat/positions.ts";
import type { Suggestions } from "../../chat/suggestions.ts";
import { createDiscordApi } from "./api.ts";
import { createChannels } from "./channels.ts";
import { createConnection } from "./connection.ts";
import {
  IncomingChannel,
  IncomingMessage,
  PLATFORM_ID,
  RemovedMessages,
  readCommand,
  timeOf,
  toRef,
  toUser,
  type IncomingMember,
  type IncomingUser,
  type OwnNames,
} from "./inbound.ts";
import { readMissed, type ReadableChannel } from "./missed.ts";
import type { DiscordOptions } from "./options.ts";
import { createOutbound, type Outbound } from "./outbound.ts";
import { isRefused } from "./refusal.ts";
import { loadDiscord } from "./sdk.ts";
import { mayReadMessages, testDiscord } from "./self-test.ts";
import type { SlashCommand } from "./slash.ts";
import { createReplier, createTaker } from "./taker.ts";

/** Between a start and a stop. */
export interface Session {
  readonly outbound: Outbound;
  findPlace(name: string): Promise<Place>;
  status(): ReturnType<ChatPlatform["status"]>;
  settled(): Promise<void>;
  /** Hears nothing new, waits for what runs, and resolves with the socket closed. */
  stop(): Promise<void>;
}

/** What could not be handed on is read again this soon. */
const READ_AGAIN_MS = 10_000;
const READ_LATER_MS = 5 * 60_000;
const REMEMBERED = 5_000;
/** How far Discord's clock may be from ours. */
const CLOCKS_DIFFER_MS = 60_000;

/** Events that say that channels, or what the bot may do in them, are not what they were. */
const CHANNEL_EVENTS = new Set([
  "CHANNEL_CREATE",
  "CHANNEL_UPDATE",
  "CHANNEL_DELETE",
  "GUILD_ROLE_CREATE",
  "GUILD_ROLE_UPDATE",
  "GUILD_ROLE_DELETE",
]);
const THREAD_EVENTS = new Set(["THREAD_CREATE", "THREAD_UPDATE"]);

/** Signs in, connects, and begins to read what was missed. Throws when Discord does not let us in. */
export async function startSession(deps: {
  readonly options: DiscordOptions;
  readonly chatStore: Pick<ChatStoreServices, "findCursors" | "saveCursors">;
  readonly announce: readonly string[];
  readonly slash: SlashCommand;
  readonly suggestions: Suggestions;
  readonly take: (event: Inbound) => Promise<void>;
  /** Hears of messages that somebody deleted. */
  readonly removed: (message: MessageRef) => void;
  readonly timers: Timers;
  readonly clock: { now(): Date };
  readonly logger: Logger;
}): Promise<Session> {
  const { options, chatStore, slash, timers, clock, logger } = deps;
  const { token, application_id: applicationId, guild_id: guildId, api_url: apiUrl } = options;
  const { GatewayIntentBits: intents } = loadDiscord();
  const api = createDiscordApi({ apiUrl, applicationId, guildId, token, logger });
  const { me, reads } = await signIn();
  const people = createPeople({ ask: whoIsMember, clock });
  const channels = createChannels({ api, guildId, clock });
  const outbound = createOutbound({ api, clock });
  const inTurn = createKeyedQueue();
  /** What was heard and is not handed on yet. */
  const reading = new Set<Promise<void>>();
  const serving = new Set<Promise<void>>();
  /** Commands that were handed on, and where they came from. */
  const passedOn = new Map<string, "live" | "missed">();
  /** Conversations that something was said in: Discord lists them to no bot. */
  const conversations = new Set<string>();
  const stopping = new AbortController();
  let since = clock.now();
  let found: readonly Finding[] = [];
  let acknowledgedInMs: number | undefined;

  const positions = createPositions({
    read: () => chatStore.findCursors(PLATFORM_ID),
    write: (cursors) => chatStore.saveCursors(PLATFORM_ID, cursors),
    timers,
    logger,
  });
  const catchUp = createCatchUp({
    channels: readableChannels,
    read: (channel, from, oldest) => readMissed(api, channel, from, oldest),
    positions,
    take: (message, { direct }) => passOn(message, direct, "missed"),
    clock,
    logger,
  });
  const taker = createTaker({
    api,
    applicationId,
    guildId,
    slash,
    suggestions: deps.suggestions,
    outbound,
    channels,
    whoIs,
    serve,
    acknowledged(tookMs) {
      acknowledgedInMs = tookMs;
    },
    timers,
    clock,
    logger,
  });
  const connection = createConnection({
    rest: api.rest,
    token,
    intents:
      intents.Guilds |
      intents.GuildMessages |
      intents.DirectMessages |
      (reads ? intents.MessageContent : 0),
    optionalIntents: intents.MessageContent,
    timers,
    clock,
    logger,
    listener: {
      onEvent: ({ name, data }) => onEvent(name, data),
      onGap: () => positions.gap(),
      onState(isConnected) {
        since = clock.now();
        const lastEventAt = connection.lastEventAt();
        if (!isConnected && lastEventAt) {
          // What happens from here on is unread, whoever reads it.
          positions.gap(new Date(lastEventAt.getTime() - CLOCKS_DIFFER_MS));
        } else if (isConnected) {
          track(reading, readOn(), "reading what was missed failed");
        }
        logger.info({ isConnected }, "discord connection changed");
      },
    },
  });

  for (const { channelId } of await chatStore.findCursors(PLATFORM_ID)) {
    conversations.add(channelId);
  }
  await positions.load();
  try {
    await connection.open();
  } catch (error) {
    await close();
    throw error;
  }
  since = clock.now();
  track(reading, test(), "could not look whether discord is set up");

  return {
    outbound,
    findPlace: (name) => channels.find(name),
    status,
    settled,
    async stop() {
      stopping.abort();
      await close();
    },
  };

  async function signIn(): Promise<{ readonly me: OwnNames; readonly reads: boolean }> {
    try {
      const [account, application, roles] = await Promise.all([
        api.me(),
        api.application(),
        api.roles(),
      ]);
      const roleId = roles.find(({ tags }) => tags?.bot_id === account.id)?.id;
      return {
        me: { id: account.id, username: account.username, roleId },
        reads: mayReadMessages(application),
      };
    } catch (error) {
      api.close();
      throw error;
    }
  }

  /** What could not be read is tried again after a while. */
  async function readOn(): Promise<void> {
    let isWhole = false;
    try {
      isWhole = await catchUp.run();
    } finally {
      if (!isWhole && !stopping.signal.aborted) {
        timers.after(READ_LATER_MS, () => {
          if (!stopping.signal.aborted) {
            track(reading, readOn(), "reading what was missed failed");
          }
        });
      }
    }
  }

  function status(): ReturnType<ChatPlatform["status"]> {
    const failure = connection.failure();
    const detail = failure
      ? [failure.message, failure.remedy ?? ""].join(" ").trim()
      : summarise(found);
    const lastEventAt = connection.lastEventAt();
    return {
      state: stopping.signal.aborted ? "stopped" : stateOf(connection.isConnected()),
      since,
      ...(detail === undefined ? {} : { detail }),
      ...(lastEventAt === undefined ? {} : { lastEventAt }),
      ...(acknowledgedInMs === undefined ? {} : { acknowledgedInMs }),
      reconnectCount: connection.reconnectCount(),
    };
  }

  function onEvent(name: string, data: unknown): void {
    if (stopping.signal.aborted) {
      return;
    }
    if (name === "INTERACTION_CREATE") {
      // Without anything before it: three seconds have been running since somebody pressed.
      track(reading, taker.take(data), "an interaction of discord could not be handed on");
      return;
    }
    if (CHANNEL_EVENTS.has(name)) {
      channels.forget();
    }
    if (THREAD_EVENTS.has(name)) {
      const thread = IncomingChannel.safeParse(data);
      if (thread.success) {
        channels.learn(thread.data);
      }
    }
    if (name === "MESSAGE_DELETE" || name === "MESSAGE_DELETE_BULK") {
      track(reading, tellRemoved(data), "a deleted message of discord could not be told");
      return;
    }
    const message = name === "MESSAGE_CREATE" ? IncomingMessage.safeParse(data) : undefined;
    if (message?.success && (message.data.guild_id ?? guildId) === guildId) {
      track(
        reading,
        passOn(message.data, !message.data.guild_id, "live"),
        "a message of discord could not be handed on",
      );
    }
  }

  async function tellRemoved(data: unknown): Promise<void> {
    const gone = RemovedMessages.safeParse(data);
    if (!gone.success || (gone.data.guild_id ?? guildId) !== guildId) {
      return;
    }
    const { id, ids, channel_id: channelId } = gone.data;
    const place = (await placeOf(channelId))?.place;
    for (const messageId of id === undefined ? ids : [id, ...ids]) {
      if (place) {
        deps.removed(toRef(place, messageId));
      }
    }
  }

  /** Those of the server, its threads, and the conversations we know of. */
  async function readableChannels(): Promise<readonly ReadableChannel[]> {
    const [own, threads] = await Promise.all([api.channels(), api.threads()]);
    threads.forEach((thread) => channels.learn(thread));
    const inServer = [...own, ...threads]
      // What never had a message has no such field: voice, categories, empty channels.
      .filter(({ last_message_id: last }) => last)
      .map(({ id, last_message_id: last }) => ({
        id,
        lastMessageId: last ?? undefined,
        direct: false,
      }));
    const known = new Set([...own, ...threads].map(({ id }) => id));
    const others: ReadableChannel[] = [];
    for (const id of [...conversations].filter((each) => !known.has(each))) {
      const place = await placeOf(id);
      if (place?.direct) {
        others.push({ id, lastMessageId: undefined, direct: true });
      } else {
        // Gone, or an archived thread: whoever writes there opens it again.
        conversations.delete(id);
      }
    }
    return [...inServer, ...others];
  }

  /** Undefined for a channel that is gone, or that we may not see. */
  async function placeOf(
    channelId: string,
  ): Promise<{ readonly place: Place; readonly direct: boolean } | undefined> {
    try {
      return await channels.placeOf(channelId);
    } catch (error) {
      if (isRefused(error, "unknownChannel", "missingAccess", "missingPermissions")) {
        return undefined;
      }
      throw error;
    }
  }

  /** Resolves when the message was handed on, in the order of its channel; the work on it goes on. */
  async function passOn(
    message: IncomingMessage,
    direct: boolean,
    from: "live" | "missed",
  ): Promise<void> {
    await inTurn(message.channel_id, async () => {
      // The stream and the reading of what was missed overlap.
      const known = passedOn.get(message.id) ?? from;
      if (stopping.signal.aborted || known !== from) {
        return;
      }
      if (direct) {
        conversations.add(message.channel_id);
      }
      const cursor: ChatCursor = {
        channelId: message.channel_id,
        messageId: message.id,
        sentAt: timeOf(message.id),
      };
      const text = readCommand(message, { me, direct });
      if (text !== undefined) {
        await passOnCommand(message, cursor, text);
        remember(message.id, from);
      }
      positions.passed(cursor);
    });
  }

  function remember(messageId: string, from: "live" | "missed"): void {
    passedOn.set(messageId, from);
    for (const [oldest] of passedOn) {
      if (passedOn.size <= REMEMBERED) {
        break;
      }
      passedOn.delete(oldest);
    }
  }

  async function passOnCommand(
    message: IncomingMessage,
    cursor: ChatCursor,
    text: string,
  ): Promise<void> {
    let user: ChatUser;
    let place: Place | undefined;
    try {
      user = await whoIs(message.author, message.member);
      place = (await placeOf(message.channel_id))?.place;
    } catch (error) {
      // Nobody may act whom we do not know. This message and what is behind it stay unread until we do.
      positions.missed(cursor);
      timers.after(READ_AGAIN_MS, () => {
        if (!stopping.signal.aborted) {
          track(reading, readOn(), "reading again failed");
        }
      });
      throw error;
    }
    if (user.kind === "bot" || !place) {
      return;
    }
    const event: Inbound = {
      type: "command",
      text,
      direct: true,
      user,
      place,
      deliveryId: message.id,
      sentAt: cursor.sentAt,
      reply: createReplier({ outbound, place, userId: user.userId }),
    };
    const release = positions.hold(cursor);
    serve(event, async () => release());
  }

  /** `member` is told along with what somebody does in the server; in a conversation it has to be asked. */
  async function whoIs(user: IncomingUser, member: IncomingMember | undefined): Promise<ChatUser> {
    return member ? toUser(user, member, guildId) : people.find(user.id);
  }

  async function whoIsMember(userId: string): Promise<ChatUser> {
    try {
      const member = await api.member(userId);
      return toUser(member.user ?? nobody(userId), member, guildId);
    } catch (error) {
      if (isRefused(error, "unknownMember", "unknownUser")) {
        // Not in our server, or not any more.
        return toUser(nobody(userId), undefined, guildId);
      }
      throw error;
    }
  }

  /** `finish` is called when it was served, well or not. */
  function serve(event: Inbound, finish: () => Promise<void>): void {
    const served = stopping.signal.aborted ? Promise.resolve() : deps.take(event);
    track(serving, served.finally(finish), "serving an event of discord failed");
  }

  async function test(): Promise<void> {
    found = await testDiscord({
      api,
      channels,
      applicationId,
      guildId,
      slash,
      announce: deps.announce,
    });
    const bad = found.filter(({ state }) => state === "problem");
    if (bad.length > 0) {
      logger.warn({ findings: bad }, "discord is not set up completely");
    }
  }

  async function settled(): Promise<void> {
    while (reading.size > 0) {
      await Promise.allSettled([...reading]);
    }
  }

  async function close(): Promise<void> {
    stopping.abort();
    await connection.close();
    await settled();
    while (serving.size > 0) {
      await Promise.allSettled([...serving]);
    }
    try {
      await positions.save();
    } catch (error) {
      logger.warn({ err: error }, "could not write down how far discord was read");
    }
    api.close();
  }

  function track(set: Set<Promise<void>>, work: Promise<void>, failure: string): void {
    const settledWork = work
      .catch((error: unknown) => {
        logger.warn({ err: error }, failure);
      })
      .finally(() => set.delete(settledWork));
    set.add(settledWork);
  }
}

function nobody(userId: string): IncomingUser {
  return { id: userId, username: userId, bot: false, system: false };
}

function stateOf(isConnected: boolean): "connected" | "reconnecting" {
  return isConnected ? "connected" : "reconnecting";
}
