import type { ChatCursor, ChatStoreServices } from "../../../shared/app/services.ts";
import { pause } from "../../../shared/lib/deadline.ts";
import type { Logger } from "../../../shared/lib/logger.ts";
import type { Timers } from "../../../shared/lib/scheduler.ts";
import { createCatchUp } from "../../chat/catch-up.ts";
import { summarise, type Finding } from "../../chat/finding.ts";
import { createKeyedQueue } from "../../chat/keyed-queue.ts";
import { createPeople } from "../../chat/people-cache.ts";
import type { ChatPlatform, ChatUser, Inbound, MessageRef, Place } from "../../chat/platform.ts";
import { createPositions } from "../../chat/positions.ts";
import { createSlackApi } from "./api.ts";
import { createChannels } from "./channels.ts";
import { createConnection, type Connection, type Delivery } from "./connection.ts";
import {
  PLATFORM_ID,
  isDirectChannel,
  readCommand,
  readHttpBody,
  readIncoming,
  toDate,
  toPlace,
  toUser,
  type IncomingMessage,
} from "./inbound.ts";
import { ACK_DEADLINE_MS, LOOK_AGAIN_MS, READ_AGAIN_MS } from "./limits.ts";
import { readMissed } from "./missed.ts";
import type { SlackOptions } from "./options.ts";
import { createOutbound, type Asker, type Outbound } from "./outbound.ts";
import { refusalOf } from "./refusal.ts";
import { testSlack } from "./self-test.ts";
import { isSigned } from "./signature.ts";
import { createSlackReplier, createTaker } from "./taker.ts";

type Webhook = NonNullable<ChatPlatform["webhook"]>;

/** Between a start and a stop. */
export interface Session {
  readonly outbound: Outbound;
  findPlace(name: string): Promise<Place>;
  webhook(request: Parameters<Webhook>[0]): ReturnType<Webhook>;
  status(): ReturnType<ChatPlatform["status"]>;
  settled(): Promise<void>;
  /** Hears nothing new, waits for what runs, and resolves with every socket closed. */
  stop(): Promise<void>;
}

const REMEMBERED = 5_000;
/** How far Slack's clock may be from ours. */
const CLOCKS_DIFFER_MS = 60_000;

/** Signs in, connects, and begins to read what was missed. Throws when Slack does not let us in. */
export async function startSession(deps: {
  readonly options: SlackOptions;
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
  const { api_url: apiUrl, bot_token: token, app_token: appToken } = options;
  const api = createSlackApi({ apiUrl, token, timers, clock, logger });
  const account = await api.whoAmI();
  const me = { id: account.userId, username: account.username };
  const people = createPeople({
    ask: async (userId) => toUser(await api.user(userId), account.home),
    clock,
  });
  const channels = createChannels({ api, username: me.username });
  const outbound = createOutbound({ api, me, clock });
  const inTurn = createKeyedQueue();
  /** What was heard and is not handed on yet. */
  const reading = new Set<Promise<void>>();
  const serving = new Set<Promise<void>>();
  /** What was missed and is being looked up. */
  const catchingUp = new Set<Promise<void>>();
  /** Commands that were handed on, and where they came from. */
  const passedOn = new Map<string, "live" | "missed">();
  const stopping = new AbortController();
  let since = clock.now();
  let lastHttpAt: Date | undefined;
  let acknowledgedInMs: number | undefined;
  let found: readonly Finding[] = [];
  let lookAgain: () => void = () => undefined;

  const positions = createPositions({
    read: () => chatStore.findCursors(PLATFORM_ID),
    write: (cursors) => chatStore.saveCursors(PLATFORM_ID, cursors),
    timers,
    logger,
  });
  const catchUp = createCatchUp({
    channels: () => api.channels(),
    read: ({ id }, from, oldest) => readAgain(id, from, oldest),
    positions,
    take: (message, { id }) => passOn(message, id, "missed"),
    clock,
    logger,
  });
  const deliver = createTaker({
    api,
    outbound,
    people,
    ours: account.home,
    take: serve,
    onMessage: ({ message, channelId }) =>
      track(
        reading,
        passOn(message, channelId, "live"),
        "a message of slack could not be handed on",
      ),
    onRemoved({ message, userId }) {
      if (userId === me.id) {
        deps.removed(message);
      }
    },
    onAcknowledged(ms) {
      acknowledgedInMs = ms;
    },
    onChannelsChanged() {
      channels.forget();
      lookAgain();
    },
    timers,
    clock,
    logger,
  });
  const connection = appToken && connect(appToken);

  await positions.load();
  if (connection) {
    try {
      await connection.open();
    } catch (error) {
      await close();
      throw error;
    }
  } else {
    onGap();
  }
  since = clock.now();
  void testUntilFine();

  return {
    outbound,
    findPlace: (name) => channels.find(name),
    webhook,
    status,
    settled,
    async stop() {
      stopping.abort();
      await close();
    },
  };

  function connect(secret: NonNullable<typeof appToken>): Connection {
    const made = createConnection({
      apiUrl,
      appToken: secret,
      timers,
      clock,
      logger,
      listener: {
        onDelivery,
        onGap,
        onState(isConnected) {
          since = clock.now();
          const lastEventAt = made.lastEventAt();
          if (!isConnected && lastEventAt) {
            // What happens from here on is unread, whoever reads it.
            positions.gap(new Date(lastEventAt.getTime() - CLOCKS_DIFFER_MS));
          } else if (isConnected) {
            readOn();
          }
          logger.info({ isConnected }, "slack connection changed");
        },
      },
    });
    return made;
  }

  function onDelivery(delivery: Delivery): void {
    if (!stopping.signal.aborted) {
      track(reading, deliver(delivery), "something of slack could not be handed on");
    }
  }

  function onGap(): void {
    positions.gap();
    if (!connection) {
      readOn();
    }
  }

  function readOn(): void {
    track(catchingUp, readMissedOnes(), "reading what was missed failed");
  }

  async function readMissedOnes(): Promise<void> {
    let isWhole = false;
    try {
      isWhole = await catchUp.run();
    } finally {
      if (!isWhole) {
        readLater(LOOK_AGAIN_MS);
      }
    }
  }

  function readLater(ms: number): void {
    timers.after(ms, () => {
      if (!stopping.signal.aborted) {
        readOn();
      }
    });
  }

  async function readAgain(
    channelId: string,
    from: ChatCursor | undefined,
    oldest: Date,
  ): Promise<readonly IncomingMessage[]> {
    try {
      return await readMissed(api, channelId, from, oldest);
    } catch (error) {
      // Nobody is obliged to let us. Slack itself brings events again for some minutes.
      if (refusalOf(error)?.code === "missing_scope") {
        return [];
      }
      throw error;
    }
  }

  function status(): ReturnType<ChatPlatform["status"]> {
    const detail = connection?.why() ?? summarise(found);
    const lastEventAt = connection ? connection.lastEventAt() : lastHttpAt;
    return {
      state: stopping.signal.aborted ? "stopped" : stateNow(),
      since,
      ...(detail === undefined ? {} : { detail }),
      ...(lastEventAt === undefined ? {} : { lastEventAt }),
      ...(acknowledgedInMs === undefined ? {} : { acknowledgedInMs }),
      reconnectCount: connection?.reconnectCount() ?? 0,
    };
  }

  /** By HTTP there is nothing to be connected to. */
  function stateNow(): "connected" | "reconnecting" {
    return (connection?.isConnected() ?? true) ? "connected" : "reconnecting";
  }

  async function webhook(request: Parameters<Webhook>[0]): ReturnType<Webhook> {
    if (stopping.signal.aborted) {
      return { status: 503, json: undefined };
    }
    const { signing_secret: secret } = options;
    if (!secret || !isSigned(request, secret, clock.now())) {
      logger.warn("refused a request that slack did not sign");
      return { status: 401, json: undefined };
    }
    const body = readHttpBody(request.headers["content-type"], request.body);
    if (readIncoming(body) === undefined) {
      return { status: 400, json: undefined };
    }
    lastHttpAt = clock.now();
    const waiting = new AbortController();
    const answer = new Promise<object | undefined>((resolve) => {
      onDelivery({
        body,
        ack: async (given) => {
          resolve(given);
        },
      });
    });
    const json = await Promise.race([
      answer,
      pause(timers, ACK_DEADLINE_MS, waiting.signal).then(() => undefined),
    ]);
    waiting.abort();
    return { status: 200, json };
  }

  /** Resolves when the message was handed on, in the order of its channel; the work on it goes on. */
  async function passOn(
    message: IncomingMessage,
    channelId: string,
    from: "live" | "missed",
  ): Promise<void> {
    await inTurn(channelId, async () => {
      // Events and the reading of what was missed overlap.
      const key = `${channelId}-${message.ts}`;
      const known = passedOn.get(key) ?? from;
      if (stopping.signal.aborted || known !== from) {
        return;
      }
      const cursor: ChatCursor = { channelId, messageId: message.ts, sentAt: toDate(message.ts) };
      const text = readCommand(message, { me, direct: isDirectChannel(channelId) });
      if (text !== undefined && message.user !== undefined) {
        await passOnCommand({ ...message, user: message.user }, cursor, text);
        remember(key, from);
      }
      positions.passed(cursor);
    });
  }

  function remember(key: string, from: "live" | "missed"): void {
    passedOn.set(key, from);
    for (const [oldest] of passedOn) {
      if (passedOn.size <= REMEMBERED) {
        break;
      }
      passedOn.delete(oldest);
    }
  }

  async function passOnCommand(
    message: IncomingMessage & { readonly user: string },
    cursor: ChatCursor,
    text: string,
  ): Promise<void> {
    const { ts, thread_ts: threadTs, user: userId } = message;
    const { channelId } = cursor;
    let user: ChatUser;
    try {
      user = await people.find(userId);
    } catch (error) {
      // Nobody may act whom we do not know. This message and what is behind it stay unread until we do.
      positions.missed(cursor);
      readLater(READ_AGAIN_MS);
      throw error;
    }
    if (user.kind === "bot") {
      return;
    }
    const thread = threadTs === ts ? undefined : threadTs;
    const asker: Asker = { userId, channelId, threadTs: thread };
    const event: Inbound = {
      type: "command",
      text,
      direct: true,
      user,
      place: toPlace(channelId, thread),
      // Slack gives the same message several event ids: when it comes again, and for a mention in a conversation.
      deliveryId: `${channelId}-${ts}`,
      sentAt: cursor.sentAt,
      reply: createSlackReplier({ outbound, asker }),
    };
    const release = positions.hold(cursor);
    void serve(event).finally(release);
  }

  /** Resolves when it was served, well or not. */
  async function serve(event: Inbound): Promise<void> {
    const served = deps.take(event);
    track(serving, served, "serving an event of slack failed");
    await served.catch(() => undefined);
  }

  /** What is wrong stays wrong until somebody does something, in Slack or to the app. */
  async function testUntilFine(): Promise<void> {
    while (!stopping.signal.aborted) {
      try {
        found = await test();
      } catch (error) {
        logger.warn({ err: error }, "could not look whether slack is set up");
      }
      const bad = found.filter(({ state }) => state === "problem");
      if (bad.length === 0) {
        return;
      }
      logger.warn({ findings: bad }, "slack is not set up completely");
      const waiting = new AbortController();
      lookAgain = () => waiting.abort();
      await pause(timers, LOOK_AGAIN_MS, AbortSignal.any([waiting.signal, stopping.signal]));
    }
  }

  async function test(): Promise<readonly Finding[]> {
    const { announce } = deps;
    return testSlack({ api, channels, account: await api.whoAmI(), announce, appToken });
  }

  async function settled(): Promise<void> {
    while (reading.size + catchingUp.size > 0) {
      await Promise.allSettled([...reading, ...catchingUp]);
    }
  }

  async function close(): Promise<void> {
    stopping.abort();
    await connection?.close();
    while (reading.size + serving.size > 0) {
      await Promise.allSettled([...reading, ...serving]);
    }
    try {
      await positions.save();
    } catch (error) {
      logger.warn({ err: error }, "could not write down how far slack was read");
    }
    // Looking up may wait for the end of a rate limit; nobody waits for that.
    api.close();
    await settled();
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
