import type { Actor, Services } from "../../shared/app/services.ts";
import type { Subscriber } from "../../shared/events/events.ts";
import { pause } from "../../shared/lib/deadline.ts";
import type { Drainer } from "../../shared/lib/drainer.ts";
import type { Logger } from "../../shared/lib/logger.ts";
import { createScheduler, systemTimers, type Timers } from "../../shared/lib/scheduler.ts";
import { offersFor } from "../cards/error-offers.ts";
import { createLiveRenderer } from "../cards/render-live.ts";
import { createActionTokens } from "../chat/action-tokens.ts";
import { createAddresses } from "../chat/addresses.ts";
import { createActors } from "../chat/actors.ts";
import {
  deploymentSubject,
  outcomeSubject,
  readySubject,
  releaseSubject,
  type LiveCard,
} from "../chat/live-card.ts";
import type { ChatPlatform, Inbound, MessageRef } from "../chat/platform.ts";
import { createPosts, type Posts } from "../chat/posts.ts";
import { createRouter } from "../chat/router.ts";
import { actions, commands } from "../commands/index.ts";
import { createDigests } from "./digests.ts";
import { createChatSubscribers } from "../subscribers/index.ts";
import { isReadyAgain } from "../subscribers/release-cards.ts";

export interface ChatDeps {
  readonly services: Services;
  /** Those of the configuration; each id once. */
  readonly platforms: readonly ChatPlatform[];
  /** Cards that everybody sees are drawn for nobody in particular. */
  readonly systemActor: Actor;
  readonly drainer: Drainer;
  readonly logger: Logger;
  /** Delivers now what these subscribers wait to try again: the platform they write to is back. */
  readonly deliverNow?: (subscribers: readonly string[]) => Promise<void>;
  readonly clock?: { now(): Date };
  readonly timers?: Timers;
}

/** How one platform is, for readiness. */
export interface PlatformStatus {
  readonly platform: string;
  readonly state: "starting" | "connected" | "reconnecting" | "failed" | "stopped";
  readonly since: Date;
  /** A few words; null when there is nothing to say. */
  readonly detail: string | null;
  readonly lastEventAt: Date | null;
  /** How often it was lost and found again. */
  readonly reconnects: number;
  /** How long the newest event waited for its acknowledgement; null before the first one. */
  readonly acknowledgedInMs: number | null;
}

export interface ChatService {
  readonly name: "chat";
  readonly posts: Posts;
  /** Readers of facts. Give them to the dispatcher, and to the unit of work, before `start`: people may speak from then on. */
  readonly subscribers: readonly Subscriber[];
  /** The newest card of a subject such as `release/12`; undefined when nothing is known by it. */
  renderLive(subject: string): Promise<LiveCard | undefined>;
  /**
   * Connects every platform side by side and resolves when each has been tried, or has taken too long to wait for. One that
   * does not come up is tried again, after pauses that grow to a minute, while the others serve. Never throws.
   */
  start(): Promise<void>;
  /**
   * Draws the cards of everything open or recent again, as happens by itself from time to time, for what was missed while a platform was away longer than facts are repeated.
   * Cards that are up to date cost no edit.
   */
  refreshCards(signal: AbortSignal): Promise<void>;
  /** Hears nothing new, lets what runs end and shows every last state, for at most `timeoutMs`; then disconnects. Never throws. */
  stop(timeoutMs?: number): Promise<void>;
  status(): readonly PlatformStatus[];
}

interface Connection {
  readonly platform: ChatPlatform;
  state: "starting" | "started" | "failed" | "stopped";
  since: Date;
  why: string | null;
  /** As far as the watch has seen; null before it looked for the first time. */
  isUp: boolean | null;
  /** As far as the watch has seen. */
  reconnects: number;
  lastEventAt: Date | null;
  acknowledgedInMs: number | null;
}

/** A platform that hangs while it starts does not keep the process from becoming ready. */
const START_PATIENCE_MS = 5_000;
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 60_000;
const STOP_TIMEOUT_MS = 3_000;
/** A connection that does not close is left to the end of the process. */
const DISCONNECT_TIMEOUT_MS = 2_000;
const REFRESH_MS = 10 * 60_000;
/** How late a digest may be. */
const DIGESTS_MS = 5 * 60_000;
/** How soon it is noticed that a platform is back. */
const WATCH_MS = 1_000;
/** How many open and how many recent things get their cards renewed; what is older moves on with its next fact. */
const OPEN_LIMIT = 200;
const RECENT_LIMIT = 30;

/** Wires the chat side together without connecting to anything. */
export function createChat(deps: ChatDeps): ChatService {
  const { services, systemActor, timers = systemTimers } = deps;
  const clock = deps.clock ?? { now: () => new Date() };
  const logger = deps.logger.child({ part: "chat" });
  const platforms = new Map(deps.platforms.map((platform) => [platform.id, platform]));
  const { chatStore } = services;
  const render = createLiveRenderer(services, systemActor);
  const tokens = createActionTokens({ chatStore, clock });
  const posts = createPosts({ chatStore, platforms, tokens, logger, clock, timers });
  const renderLive = (subject: string) => render.bySubject(subject);
  const router = createRouter({
    services,
    commands,
    actions,
    platforms,
    actors: createActors({ people: services.people, platforms }),
    tokens,
    posts,
    drainer: deps.drainer,
    logger,
    clock,
    timers,
    renderLive,
    offers: offersFor,
  });
  const connections = deps.platforms.map((platform): Connection => {
    return {
      platform,
      state: "stopped",
      since: clock.now(),
      why: null,
      isUp: null,
      reconnects: 0,
      lastEventAt: null,
      acknowledgedInMs: null,
    };
  });
  const scheduler = createScheduler({ logger, timers });
  const serving = new Set<Promise<void>>();
  const stopping = new AbortController();
  let connecting: readonly Promise<void>[] = [];

  const addresses = createAddresses({ notifications: services.notifications, platforms, clock });
  const subscribers = createChatSubscribers({
    services,
    posts,
    platforms,
    addresses,
    systemActor,
  });
  const digests = createDigests({ services, posts, addresses, systemActor, clock, logger });

  warnAboutUnknownPlaces();
  return {
    name: "chat",
    posts,
    subscribers,
    renderLive,
    start,
    refreshCards,
    stop,
    status: () => connections.map(toStatus),
  };

  async function start(): Promise<void> {
    scheduler.every({ name: "chat.refresh", everyMs: REFRESH_MS, run: refreshCards });
    scheduler.every({
      name: "chat.digests",
      everyMs: DIGESTS_MS,
      run: (signal) => digests.run(signal),
    });
    scheduler.every({ name: "chat.watch", everyMs: WATCH_MS, jitter: 0, run: watch });
    const first = connections.map((connection) => {
      const tried = tryToConnect(connection);
      return { tried, done: tried.then(() => keepTrying(connection)) };
    });
    connecting = first.map(({ done }) => done);
    await atMost(START_PATIENCE_MS, Promise.all(first.map(({ tried }) => tried)));
  }

  async function keepTrying(connection: Connection): Promise<void> {
    for (let ms = FIRST_PAUSE_MS; connection.state === "failed"; ms = longer(ms)) {
      await pause(timers, ms, stopping.signal);
      if (stopping.signal.aborted) {
        return;
      }
      await tryToConnect(connection);
    }
  }

  async function tryToConnect(connection: Connection): Promise<void> {
    const { platform } = connection;
    if (connection.state !== "failed") {
      become(connection, "starting", null);
    }
    try {
      await platform.start(
        (event) => take(connection, event),
        (message) => void restore(message),
      );
      become(connection, "started", null);
      logger.info({ platform: platform.id }, "connected to chat");
    } catch (error) {
      become(connection, "failed", error instanceof Error ? error.message : String(error));
      logger.warn({ err: error, platform: platform.id }, "could not connect to chat, trying again");
      await disconnect(platform);
    }
    if (stopping.signal.aborted) {
      await disconnect(platform);
    }
  }

  /** Platforms that deliver again what nobody took do so at their next start. */
  async function take(connection: Connection, event: Inbound): Promise<void> {
    if (stopping.signal.aborted) {
      return;
    }
    const served = router.handle(measured(connection, event)).finally(() => serving.delete(served));
    serving.add(served);
    await served;
  }

  async function restore(message: MessageRef): Promise<void> {
    if (stopping.signal.aborted) {
      return;
    }
    try {
      await posts.restore(message, (subject, previous) => render.bySubject(subject, previous));
    } catch (error) {
      // Its next change posts it again.
      logger.warn(
        { err: error, platform: message.platform },
        "could not post a deleted card again",
      );
    }
  }

  /** Notes how long it takes until the person's app stops waiting. */
  function measured(connection: Connection, event: Inbound): Inbound {
    const arrivedAt = clock.now();
    connection.lastEventAt = arrivedAt;
    let isTaken = false;
    const noteOnce = () => {
      if (!isTaken) {
        isTaken = true;
        connection.acknowledgedInMs = clock.now().getTime() - arrivedAt.getTime();
      }
    };
    const { reply } = event;
    return {
      ...event,
      reply: {
        acknowledge: () => reply.acknowledge().then(noteOnce),
        openForm: (form, token) => reply.openForm(form, token).then(noteOnce),
        send: (message) => reply.send(message),
        replaceSource: (message) => reply.replaceSource(message),
      },
    };
  }

  async function stop(timeoutMs = STOP_TIMEOUT_MS): Promise<void> {
    stopping.abort();
    const isQuiet = await atMost(timeoutMs, finish());
    if (!isQuiet) {
      logger.warn({ running: serving.size }, "stopped before every message was answered");
    }
    await Promise.all(connections.map(({ platform }) => disconnect(platform)));
    connections.forEach((connection) => become(connection, "stopped", null));
  }

  async function finish(): Promise<void> {
    while (serving.size > 0) {
      await Promise.allSettled([...serving]);
    }
    await posts.flush();
    await Promise.allSettled([scheduler.stop(), ...connecting]);
  }

  async function disconnect(platform: ChatPlatform): Promise<void> {
    try {
      await atMost(DISCONNECT_TIMEOUT_MS, platform.stop());
    } catch (error) {
      logger.warn({ err: error, platform: platform.id }, "could not disconnect from chat");
    }
  }

  /** Whoever is back is told what was missed at once, instead of when its next try falls due. */
  async function watch(signal: AbortSignal): Promise<void> {
    const back = connections.filter((connection) => {
      const wasUp = connection.isUp;
      connection.isUp = toStatus(connection).state === "connected";
      return connection.isUp && wasUp === false;
    });
    for (const connection of back) {
      const { platform } = connection;
      connection.reconnects += 1;
      logger.info({ platform: platform.id }, "chat is back, telling what was missed");
    }
    // Side by side: one that is back for a moment only keeps nobody else waiting.
    await Promise.all(back.map(({ platform }) => tellWhatWasMissed(platform.id, signal)));
  }

  async function tellWhatWasMissed(platform: string, signal: AbortSignal): Promise<void> {
    await deps.deliverNow?.(namesOf(platform));
    await refreshOn(platform, await liveSubjects(), signal);
  }

  function namesOf(platform: string): readonly string[] {
    return subscribers.map(({ name }) => name).filter((name) => name.endsWith(`@${platform}`));
  }

  async function refreshCards(signal: AbortSignal): Promise<void> {
    const subjects = await liveSubjects();
    // Whoever is away is brought up to date when it is back.
    const there = connections.filter((connection) => toStatus(connection).state === "connected");
    await Promise.all(there.map(({ platform }) => refreshOn(platform.id, subjects, signal)));
  }

  async function refreshOn(
    platform: string,
    subjects: ReadonlySet<string>,
    signal: AbortSignal,
  ): Promise<void> {
    for (const subject of subjects) {
      if (signal.aborted || stopping.signal.aborted) {
        return;
      }
      try {
        await refreshCard(subject, platform);
      } catch (error) {
        // The next one may be in a channel that takes it.
        logger.warn({ err: error, subject, platform }, "could not renew a card");
      }
    }
  }

  /** What is open, and what was until a while ago: its last state must not be missing either. */
  async function liveSubjects(): Promise<ReadonlySet<string>> {
    const open = { limit: OPEN_LIMIT, offset: 0 };
    const recent = { limit: RECENT_LIMIT, offset: 0 };
    const { releases, deployments } = services;
    const pages = await Promise.all([
      releases.list(systemActor, { ...open, status: "open" }),
      releases.list(systemActor, recent),
    ]);
    const runs = await Promise.all([
      deployments.list(systemActor, { ...open, status: "active" }),
      deployments.list(systemActor, recent),
    ]);
    return new Set([
      ...pages
        .flatMap(({ items }) => items)
        .flatMap(({ number }) => [releaseSubject(number), readySubject(number)]),
      ...runs
        .flatMap(({ items }) => items)
        .flatMap(({ number }) => [deploymentSubject(number), outcomeSubject(number)]),
    ]);
  }

  async function refreshCard(subject: string, platform: string): Promise<void> {
    await posts.refresh(
      subject,
      async (previous) => {
        const live = await render.bySubject(subject, previous);
        if (!live) {
          throw new Error(`nobody knows how to draw ${subject}`);
        }
        return live;
      },
      { anew: isReadyAgain, platform },
    );
  }

  function toStatus(connection: Connection): PlatformStatus {
    const { platform, state, since, why, reconnects, lastEventAt, acknowledgedInMs } = connection;
    const link = { platform: platform.id, reconnects, lastEventAt, acknowledgedInMs };
    if (state !== "started") {
      return { ...link, state, since, detail: why };
    }
    const own = platform.status();
    return {
      platform: platform.id,
      state: own.state,
      since: own.since,
      detail: own.detail ?? null,
      lastEventAt: own.lastEventAt ?? lastEventAt,
      reconnects: own.reconnectCount ?? reconnects,
      acknowledgedInMs: own.acknowledgedInMs ?? acknowledgedInMs,
    };
  }

  function become(connection: Connection, state: Connection["state"], why: string | null): void {
    if (connection.state !== state) {
      connection.state = state;
      connection.since = clock.now();
    }
    connection.why = why;
  }

  function warnAboutUnknownPlaces(): void {
    const unknown = services.installation.announce.filter(
      (place) => !platforms.has(place.split(":")[0] ?? ""),
    );
    if (unknown.length > 0) {
      logger.warn({ places: unknown }, "nobody announces to a platform that is not configured");
    }
  }

  /** False when the time was over first. */
  async function atMost(ms: number, work: Promise<unknown>): Promise<boolean> {
    const waiting = new AbortController();
    const isDone = await Promise.race([
      work.then(() => true),
      pause(timers, ms, waiting.signal).then(() => false),
    ]);
    waiting.abort();
    return isDone;
  }
}

/** Wires the chat side together and connects it. See `createChat` for subscribers that must be known before people speak. */
export async function startChat(deps: ChatDeps): Promise<ChatService> {
  const chat = createChat(deps);
  await chat.start();
  return chat;
}

function longer(ms: number): number {
  return Math.min(ms * 2, LONGEST_PAUSE_MS);
}
