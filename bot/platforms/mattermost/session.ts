import type { ChatStoreServices } from "../../../shared/app/services.ts";
import { pause } from "../../../shared/lib/deadline.ts";
import type { Logger } from "../../../shared/lib/logger.ts";
import type { Timers } from "../../../shared/lib/scheduler.ts";
import { keepBeating } from "../../../shared/lib/work-loop.ts";
import { createCatchUp } from "../../chat/catch-up.ts";
import { createKeyedQueue } from "../../chat/keyed-queue.ts";
import { createPeople } from "../../chat/people-cache.ts";
import { createPositions } from "../../chat/positions.ts";
import { summarise, type Finding } from "../../chat/finding.ts";
import type { ChatPlatform, Inbound, MessageRef, Place } from "../../chat/platform.ts";
import { createMattermostApi } from "./api.ts";
import { createCallbackTaker, createReplier, type CallbackAnswer } from "./callback-taker.ts";
import { createCallbacks } from "./callbacks.ts";
import { createChannels } from "./channels.ts";
import { createConnection } from "./connection.ts";
import {
  PLATFORM_ID,
  isDirectChannel,
  readCommand,
  readPost,
  readPosted,
  toCursor,
  toPlace,
  toRef,
  toUser,
  type IncomingPost,
} from "./inbound.ts";
import { LOOK_AGAIN_MS } from "./limits.ts";
import { readMissed } from "./missed.ts";
import { slashTokensOf, type MattermostOptions } from "./options.ts";
import { createOutbound, type Outbound } from "./outbound.ts";
import { createSelfTest } from "./self-test.ts";

/** Between a start and a stop. */
export interface Session {
  readonly outbound: Outbound;
  findPlace(name: string): Promise<Place>;
  webhook(request: Parameters<NonNullable<ChatPlatform["webhook"]>>[0]): Promise<CallbackAnswer>;
  status(): ReturnType<ChatPlatform["status"]>;
  settled(): Promise<void>;
  /** Hears nothing new, waits for what runs, and resolves with the connection closed. */
  stop(): Promise<void>;
}

/** When callbacks are tried after the start. Our own server may be up only after us, so the first tries may fail. */
const SELF_TEST_PAUSES_MS = [1_000, 5_000, 30_000, 120_000];
/** What could not be handed on is read again this soon. */
const READ_AGAIN_MS = 10_000;
const REMEMBERED = 5_000;
/** How far the server's clock may be from ours. */
const CLOCKS_DIFFER_MS = 60_000;

/** Events that say that channels, or who is in them, are not what they were. */
const CHANNEL_EVENTS = new Set([
  "channel_created",
  "channel_deleted",
  "channel_restored",
  "channel_updated",
  "channel_converted",
  "user_added",
  "user_removed",
  "added_to_team",
  "leave_team",
]);

/** Signs in, connects, and begins to read what was missed. Throws when the server does not let us in. */
export async function startSession(deps: {
  readonly options: MattermostOptions;
  readonly chatStore: Pick<ChatStoreServices, "findCursors" | "saveCursors">;
  readonly announce: readonly string[];
  readonly take: (event: Inbound) => Promise<void>;
  /** Hears of messages of ours that somebody deleted. */
  readonly removed: (message: MessageRef) => void;
  readonly timers: Timers;
  readonly clock: { now(): Date };
  readonly logger: Logger;
}): Promise<Session> {
  const { options, chatStore, timers, clock, logger } = deps;
  const { url, token, callback_url: callbackUrl } = options;
  const api = createMattermostApi({ url, token, timers, clock });
  const account = await api.me();
  const settings = await api.settings();
  const me = { id: account.id, username: account.username };
  // User ids are unique on a server. Its id stays when its address changes.
  const workspace = String(
    settings["TelemetryId"] || settings["DiagnosticId"] || new URL(url).host,
  );
  const callbacks = createCallbacks({ token, slashTokens: slashTokensOf(options) });
  const people = createPeople({
    ask: async (userId) => toUser(await api.user(userId), workspace),
    clock,
  });
  const channels = createChannels({ api });
  const outbound = createOutbound({ api, me, callbacks, callbackUrl });
  const directChannels = new Map<string, boolean>();
  const inTurn = createKeyedQueue();
  /** What was heard and is not handed on yet. */
  const reading = new Set<Promise<void>>();
  const serving = new Set<Promise<void>>();
  /** Commands that were handed on, and where they came from. */
  const passedOn = new Map<string, "live" | "missed">();
  const stopping = new AbortController();
  let since = clock.now();
  let findings: readonly Finding[] = [];
  let acknowledgedInMs: number | undefined;

  const positions = createPositions({
    read: () => chatStore.findCursors(PLATFORM_ID),
    write: (cursors) => chatStore.saveCursors(PLATFORM_ID, cursors),
    timers,
    logger,
  });
  const catchUp = createCatchUp({
    channels: () => api.channels(),
    read: (channel, from, since) => readMissed(api, channel, from, since),
    positions,
    take: (post, channel) => passOn(post, isDirectChannel(channel.type), "missed"),
    clock,
    logger,
  });
  const connection = createConnection({
    url,
    token,
    timers,
    clock,
    logger,
    listener: {
      onEvent: ({ event, data }) => onEvent(event, data),
      onGap() {
        positions.gap();
        track(reading, readOn(), "reading what was missed failed");
      },
      onState(isConnected) {
        since = clock.now();
        const lastEventAt = connection.lastEventAt();
        if (!isConnected && lastEventAt) {
          // What happens from here on is unread, whoever reads it.
          positions.gap(new Date(lastEventAt.getTime() - CLOCKS_DIFFER_MS));
        }
        logger.info({ isConnected }, "mattermost connection changed");
      },
    },
  });
  const takeCallback = createCallbackTaker({
    callbacks,
    outbound,
    people,
    take: serve,
    isDirect,
    timers,
    clock,
    logger,
  });

  await positions.load();
  try {
    await connection.open();
  } catch (error) {
    await close();
    throw error;
  }
  since = clock.now();
  const stopLooking = keepBeating(
    async () => {
      // Nobody says so when the server drops events it could not send.
      positions.gap();
      await catchUp.run();
    },
    LOOK_AGAIN_MS,
    (error) => logger.warn({ err: error }, "could not look for missed messages"),
    timers,
  );
  void testUntilFine();

  return {
    outbound,
    findPlace: (name) => channels.find(name),
    webhook,
    status,
    settled,
    async stop() {
      stopping.abort();
      stopLooking();
      await close();
    },
  };

  async function webhook(request: Parameters<Session["webhook"]>[0]): Promise<CallbackAnswer> {
    if (stopping.signal.aborted) {
      return { status: 503, json: {} };
    }
    const arrivedAt = clock.now().getTime();
    const answer = await takeCallback(request);
    // Only answering lets the person's app stop waiting. What others send says nothing about it.
    if (answer.status === 200) {
      acknowledgedInMs = clock.now().getTime() - arrivedAt;
    }
    return answer;
  }

  function status(): ReturnType<ChatPlatform["status"]> {
    const detail = summarise(findings);
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

  async function readOn(): Promise<void> {
    await catchUp.run();
  }

  function onEvent(event: string, data: unknown): void {
    if (CHANNEL_EVENTS.has(event)) {
      channels.forget();
    }
    if (event === "user_updated" || event === "user_role_updated") {
      forgetPerson(data);
    }
    if (event === "post_deleted") {
      const post = readPost(data);
      if (post?.user_id === me.id) {
        deps.removed(toRef(post));
      }
    }
    const posted = event === "posted" ? readPosted(data) : undefined;
    if (posted) {
      const { post, direct } = posted;
      directChannels.set(post.channel_id, direct);
      track(
        reading,
        passOn(post, direct, "live"),
        "a message of mattermost could not be handed on",
      );
    }
  }

  function forgetPerson(data: unknown): void {
    if (typeof data !== "object" || data === null) {
      return;
    }
    const user: unknown = "user" in data ? data.user : data;
    const id =
      typeof user === "object" && user !== null
        ? "id" in user
          ? user.id
          : "user_id" in user
            ? user.user_id
            : undefined
        : undefined;
    if (typeof id === "string") {
      people.forget(id);
    }
  }

  /** Resolves when the post was handed on, in the order of its channel; the work on it goes on. */
  async function passOn(
    post: IncomingPost,
    direct: boolean,
    from: "live" | "missed",
  ): Promise<void> {
    await inTurn(post.channel_id, async () => {
      // The stream and the reading of what was missed overlap.
      const known = passedOn.get(post.id) ?? from;
      if (stopping.signal.aborted || known !== from) {
        return;
      }
      const text = readCommand(post, { me, direct });
      if (text !== undefined) {
        await passOnCommand(post, text, direct);
        remember(post.id, from);
      }
      positions.passed(toCursor(post));
    });
  }

  function remember(postId: string, from: "live" | "missed"): void {
    passedOn.set(postId, from);
    for (const [oldest] of passedOn) {
      if (passedOn.size <= REMEMBERED) {
        break;
      }
      passedOn.delete(oldest);
    }
  }

  async function passOnCommand(post: IncomingPost, text: string, direct: boolean): Promise<void> {
    let user;
    try {
      user = await people.find(post.user_id);
    } catch (error) {
      // Nobody may act whom we do not know. This post and what is behind it stay unread until we do.
      positions.missed(toCursor(post));
      timers.after(READ_AGAIN_MS, () => {
        if (!stopping.signal.aborted) {
          track(reading, readOn(), "reading again failed");
        }
      });
      throw error;
    }
    if (user.kind === "bot") {
      return;
    }
    const asker = {
      userId: post.user_id,
      channelId: post.channel_id,
      rootId: post.root_id,
      direct,
    };
    const event: Inbound = {
      type: "command",
      text,
      direct: true,
      user,
      place: toPlace(post),
      deliveryId: post.id,
      sentAt: new Date(post.create_at),
      reply: createReplier({ outbound, asker, source: undefined }),
    };
    const release = positions.hold(toCursor(post));
    void serve(event).finally(release);
  }

  /** Resolves when it was served, well or not. */
  async function serve(event: Inbound): Promise<void> {
    const served = deps.take(event);
    track(serving, served, "serving an event of mattermost failed");
    await served.catch(() => undefined);
  }

  async function isDirect(channelId: string): Promise<boolean> {
    if (!directChannels.has(channelId)) {
      for (const channel of await api.channels()) {
        directChannels.set(channel.id, isDirectChannel(channel.type));
      }
    }
    return directChannels.get(channelId) ?? false;
  }

  /** Callbacks fail until our own server is up; after that, what is wrong is wrong for long. */
  async function testUntilFine(): Promise<void> {
    const selfTest = createSelfTest({
      api,
      channels,
      callbacks,
      callbackUrl,
      hasSlashToken: options.slash_token !== undefined,
      announce: deps.announce,
    });
    for (let attempt = 0; !stopping.signal.aborted; attempt += 1) {
      const pauses = SELF_TEST_PAUSES_MS;
      await pause(timers, pauses[attempt] ?? LOOK_AGAIN_MS, stopping.signal);
      if (stopping.signal.aborted) {
        return;
      }
      const found = await selfTest.run();
      const bad = found.filter(({ state }) => state === "problem");
      // The first try may only be too early.
      findings = attempt === 0 && bad.length > 0 ? [] : found;
      if (bad.length === 0) {
        return;
      }
      if (attempt > 0) {
        logger.warn({ findings: bad }, "mattermost is not set up completely");
      }
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
      logger.warn({ err: error }, "could not write down how far mattermost was read");
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

function stateOf(isConnected: boolean): "connected" | "reconnecting" {
  return isConnected ? "connected" : "reconnecting";
}
