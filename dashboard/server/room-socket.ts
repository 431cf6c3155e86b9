import { ServerResponse, type IncomingMessage, type Server } from "node:http";
import type { Duplex } from "node:stream";
import express, { type Request, type Response } from "express";
import { WebSocket, WebSocketServer, type RawData } from "ws";
import { requireToRead } from "../../shared/app/access.ts";
import type { RoomNotice, Services } from "../../shared/app/services.ts";
import {
  RoomClientFrame,
  type RoomChannel,
  type RoomMessage,
  type RoomServerFrame,
} from "../../shared/contract/room.ts";
import type { Actor } from "../../shared/core/actor.ts";
import type { Clock } from "../../shared/core/ports/clock.ts";
import { AppError } from "../../shared/errors/app-error.ts";
import {
  InputInvalid,
  InternalFault,
  PersonInactive,
  RateLimited,
} from "../../shared/errors/catalog.ts";
import { withCorrelation } from "../../shared/lib/correlation.ts";
import type { Drainer } from "../../shared/lib/drainer.ts";
import { newId } from "../../shared/lib/ids.ts";
import type { Logger } from "../../shared/lib/logger.ts";
import { systemTimers, type Timers } from "../../shared/lib/scheduler.ts";
import { createAccessCheck } from "./access-check.ts";
import { explainInput } from "./input-wording.ts";
import { isFromOurPage } from "./middleware/csrf.ts";
import { createSessionMiddleware } from "./middleware/session.ts";
import { bearerToken, requireWriteScope } from "./request-context.ts";
import type { WebSettings } from "./web-settings.ts";

const PATH = "/room/socket";
/** Largest frame from a client, in bytes: the longest message with every character escaped. */
const LARGEST_FRAME = 1_000_000;
/** A client this far behind, in bytes, is cut off; it comes back and asks for what it missed. */
const LARGEST_BACKLOG = 4_000_000;
const HEARTBEAT_MS = 20_000;
/** How long an answer to "who may act" is good for. */
const ACCESS_KEPT_MS = 5_000;
/** Messages replayed per channel after a lost connection. */
const MOST_REPLAYED = 500;
/** Frames of one connection that may be under way at once. */
const MOST_WAITING = 1_000;
/** How long clients have to answer the goodbye. */
const GOODBYE_MS = 1_000;

/** Close codes of RFC 6455. */
const GOING_AWAY = 1001;
const POLICY = 1008;

export interface RoomSocketOptions {
  readonly services: Services;
  readonly settings: WebSettings;
  readonly clock: Clock;
  readonly timers?: Timers;
  readonly drainer: Drainer;
  readonly logger: Logger;
}

export interface RoomSockets {
  /** Says goodbye to every client (1001) and resolves when the connections are closed. */
  close(): Promise<void>;
  readonly clientCount: number;
}

/** One browser, or one script, in the room. */
interface Client {
  readonly socket: WebSocket;
  readonly check: () => Promise<Actor>;
  actor: Actor;
  checkedAt: number;
  /** Names of the channels it may read; null before its hello. */
  channels: ReadonlySet<string> | null;
  /** Names of channels that are somebody else's. */
  readonly foreign: Set<string>;
  /** Notices that wait until it is known what it may read and has missed. */
  held: RoomNotice[] | null;
  isAlive: boolean;
  /** Frames it may still send; refilled over time. */
  allowance: number;
  refilledAt: number;
  /** Set while it is asked again who this is. */
  checking: Promise<Actor> | null;
  /** Greetings and what is learnt about channels, one after the other. */
  turn: Promise<void>;
  /** Frames begun and not answered yet. */
  waiting: number;
}

/** Adds `/room/socket` to a server. Other upgrades are refused. */
export function attachSockets(server: Server, options: RoomSocketOptions): RoomSockets {
  const { services, settings, clock, timers = systemTimers, drainer, logger } = options;
  const session = createSessionMiddleware({ sessions: services.sessions, clock, settings });
  const app = express().set("trust proxy", settings.trustProxy);
  const wss = new WebSocketServer({
    noServer: true,
    maxPayload: LARGEST_FRAME,
    clientTracking: false,
    perMessageDeflate: false,
  });
  const clients = new Set<Client>();
  const stopListening = services.room.listen((notice) => {
    for (const client of clients) {
      hear(client, notice);
    }
  });
  let cancelHeartbeat = timers.after(HEARTBEAT_MS, beat);
  let closing = false;

  server.on("upgrade", onUpgrade);
  return {
    get clientCount() {
      return clients.size;
    },
    close,
  };

  function onUpgrade(req: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on("error", (error) => logger.debug({ err: error }, "room connection failed"));
    if (new URL(req.url ?? "/", "http://slipway").pathname !== PATH) {
      refuse(socket, 404, "There is nothing here.");
      return;
    }
    if (closing) {
      refuse(socket, 503, "Slipway is restarting.");
      return;
    }
    // A page of another site could open this socket with the person's cookie; only its Origin tells.
    if (!isFromOurPage(req, settings)) {
      refuse(socket, 403, "This page may not connect.");
      return;
    }
    admit(req).then(
      (admitted) => wss.handleUpgrade(req, socket, head, (ws) => welcome(ws, admitted)),
      (error: unknown) => {
        const known = error instanceof AppError ? error : new InternalFault({ reference: newId() });
        logger[known.kind === "internal" ? "error" : "debug"](
          { err: error },
          "room connection refused",
        );
        refuse(socket, STATUS_OF_REFUSAL[known.kind] ?? 500, known.message);
      },
    );
  }

  async function admit(
    upgrade: IncomingMessage,
  ): Promise<{ readonly actor: Actor; readonly check: () => Promise<Actor> }> {
    // The upgrade does not pass through Express, whose request knows about proxies and sessions.
    const req = Object.setPrototypeOf(upgrade, app.request) as Request;
    if (bearerToken(req.headers.authorization) === undefined) {
      await readSession(req);
    }
    const known = createAccessCheck(req, services, "room");
    const check = async () => {
      const actor = await known();
      requireToRead(actor, "room.use");
      return actor;
    };
    return { actor: await check(), check };
  }

  /** Express's session middleware, with an answer that nobody sends. */
  function readSession(req: Request): Promise<void> {
    return new Promise((resolve, reject) => {
      session(req, new ServerResponse(req) as Response, (error: unknown) => {
        if (error) {
          reject(error instanceof Error ? error : new Error("the session store failed"));
        } else {
          resolve();
        }
      });
    });
  }

  function welcome(
    socket: WebSocket,
    { actor, check }: { readonly actor: Actor; readonly check: () => Promise<Actor> },
  ): void {
    const now = clock.now().getTime();
    const client: Client = {
      socket,
      check,
      actor,
      checkedAt: now,
      checking: null,
      channels: null,
      foreign: new Set(),
      held: null,
      isAlive: true,
      allowance: burst(),
      refilledAt: now,
      turn: Promise.resolve(),
      waiting: 0,
    };
    clients.add(client);
    socket.on("close", () => clients.delete(client));
    socket.on("error", (error) => logger.debug({ err: error }, "room connection failed"));
    socket.on("pong", () => {
      client.isAlive = true;
    });
    socket.on("message", (data, isBinary) => onFrame(client, data, isBinary));
  }

  function onFrame(client: Client, data: RawData, isBinary: boolean): void {
    client.isAlive = true;
    if (client.waiting >= MOST_WAITING) {
      client.socket.close(POLICY, "too many frames at once");
      return;
    }
    client.waiting += 1;
    // Begun in the order they came, and not waited for: what many say at once is stored at once.
    withCorrelation(newId(), () => serve(client, data, isBinary))
      .catch((error: unknown) => {
        logger.error({ err: error }, "serving a room connection failed");
        client.socket.terminate();
      })
      .finally(() => {
        client.waiting -= 1;
      });
  }

  async function serve(client: Client, data: RawData, isBinary: boolean): Promise<void> {
    let ref: string | null = null;
    try {
      const frame = readFrame(data, isBinary);
      ref = "ref" in frame ? frame.ref : null;
      spend(client);
      await answer(client, frame);
    } catch (error) {
      const known = error instanceof AppError && error.kind !== "internal" ? error : fault(error);
      send(client, {
        type: "error",
        ref,
        code: known.code,
        message: known.message,
        remedy: known.remedy ?? null,
      });
      if (known instanceof PersonInactive || known.kind === "unauthenticated") {
        client.socket.close(POLICY, "access ended");
      }
    }
  }

  async function answer(client: Client, frame: RoomClientFrame): Promise<void> {
    switch (frame.type) {
      case "ping":
        send(client, { type: "pong" });
        return;
      case "hello":
        await inTurn(client, () => greet(client, frame.after ?? {}));
        return;
      case "post": {
        const { channel, text, threadId } = frame;
        const message = await changing(async () =>
          services.room.post(await writerNow(client), { channel, text, threadId }),
        );
        send(client, { type: "ok", ref: frame.ref, messageId: message.id });
        return;
      }
      case "press": {
        const { messageId, action, values } = frame;
        await changing(async () =>
          services.room.press(await writerNow(client), messageId, { action, values }),
        );
        send(client, { type: "ok", ref: frame.ref, messageId: null });
        return;
      }
    }
  }

  /** Tells the channels, then what was missed in them, then everything that happens. */
  async function greet(client: Client, after: Readonly<Record<string, number>>): Promise<void> {
    client.held ??= [];
    const told = new Map<string, number>();
    try {
      const actor = await actorNow(client);
      const channels = await services.room.channels(actor);
      client.channels = namesOf(channels);
      send(client, { type: "welcome", channels: [...channels] });
      for (const { name } of channels) {
        const seen = after[name];
        if (seen !== undefined) {
          told.set(name, await replay(client, actor, name, seen));
        }
      }
    } finally {
      tellHeld(client, told);
    }
  }

  /** What changes what a client may hear happens in turn, so that nothing is told twice or in the wrong order. */
  function inTurn(client: Client, work: () => Promise<void>): Promise<void> {
    const next = client.turn.then(work);
    client.turn = next.catch(() => undefined);
    return next;
  }

  /** Tells what waited, except messages up to the seq each channel was told to already. */
  function tellHeld(client: Client, told: ReadonlyMap<string, number>): void {
    const held = client.held ?? [];
    client.held = null;
    for (const notice of held) {
      const isTold =
        notice.type === "message" && notice.message.seq <= (told.get(notice.message.channel) ?? -1);
      if (!isTold) {
        tell(client, notice);
      }
    }
  }

  /** Sends the messages since `seen`, and those before it that were edited in the meantime. Returns the last seq sent. */
  async function replay(
    client: Client,
    actor: Actor,
    channel: string,
    seen: number,
  ): Promise<number> {
    const [missed, latest] = await Promise.all([
      services.room.messages(actor, { channel, after: seen, limit: MOST_REPLAYED }),
      services.room.messages(actor, { channel, limit: 100 }),
    ]);
    for (const message of latest) {
      if (message.seq <= seen && message.editedAt !== null) {
        send(client, { type: "edited", message });
      }
    }
    let last = seen;
    for (const message of missed) {
      if (message.seq > seen) {
        send(client, { type: "message", message });
        last = Math.max(last, message.seq);
      }
    }
    return last;
  }

  function hear(client: Client, notice: RoomNotice): void {
    const channel = notice.type === "removed" ? notice.channel : notice.message.channel;
    if (client.held) {
      client.held.push(notice);
    } else if (client.channels?.has(channel)) {
      tell(client, notice);
    } else if (client.channels && !client.foreign.has(channel)) {
      client.held = [notice];
      void inTurn(client, () => learnChannels(client, channel));
    }
  }

  /** A channel made since the client's hello is either open to it or somebody else's. */
  async function learnChannels(client: Client, channel: string): Promise<void> {
    try {
      client.channels = namesOf(await services.room.channels(client.actor));
      if (!client.channels.has(channel)) {
        client.foreign.add(channel);
      }
    } catch (error) {
      logger.warn({ err: error }, "reading the channels of a room client failed");
    }
    tellHeld(client, new Map());
  }

  function tell(client: Client, notice: RoomNotice): void {
    if (notice.type === "removed") {
      if (client.channels?.has(notice.channel)) {
        send(client, notice);
      }
      return;
    }
    const { message, visibleTo } = notice;
    const isForThem =
      client.channels?.has(message.channel) &&
      (visibleTo === null || visibleTo === client.actor.subject);
    if (isForThem) {
      send(client, frameFor(notice.type, message));
    }
  }

  function send(client: Client, frame: RoomServerFrame): void {
    if (client.socket.readyState !== WebSocket.OPEN) {
      return;
    }
    client.socket.send(JSON.stringify(frame));
    if (client.socket.bufferedAmount > LARGEST_BACKLOG) {
      logger.info({ backlog: client.socket.bufferedAmount }, "slow room client cut off");
      client.socket.terminate();
    }
  }

  /** Who acts, asked again when the last answer is more than a few seconds old. */
  async function actorNow(client: Client): Promise<Actor> {
    if (clock.now().getTime() - client.checkedAt < ACCESS_KEPT_MS) {
      return client.actor;
    }
    client.checking ??= recheck(client).finally(() => {
      client.checking = null;
    });
    return client.checking;
  }

  async function recheck(client: Client): Promise<Actor> {
    const askedAt = clock.now().getTime();
    client.actor = await client.check();
    client.checkedAt = askedAt;
    return client.actor;
  }

  async function writerNow(client: Client): Promise<Actor> {
    const actor = await actorNow(client);
    requireWriteScope(actor, "room.use");
    return actor;
  }

  /** Changes are finished before the process stops, and refused once it does. */
  async function changing<T>(work: () => Promise<T>): Promise<T> {
    const end = drainer.startOperation();
    try {
      return await work();
    } finally {
      end();
    }
  }

  function burst(): number {
    return settings.rateLimit.perSecond * 2;
  }

  /** Each frame costs one; the allowance comes back at the configured rate. */
  function spend(client: Client): void {
    const now = clock.now().getTime();
    const earned = ((now - client.refilledAt) / 1_000) * settings.rateLimit.perSecond;
    client.allowance = Math.min(burst(), client.allowance + earned);
    client.refilledAt = now;
    if (client.allowance < 1) {
      throw new RateLimited({ retryAfterMs: 1_000 });
    }
    client.allowance -= 1;
  }

  /** Ends connections whose other side is gone and those of people who lost access. */
  function beat(): void {
    for (const client of clients) {
      if (!client.isAlive) {
        client.socket.terminate();
        continue;
      }
      client.isAlive = false;
      client.socket.ping();
      endUnlessAllowed(client);
    }
    cancelHeartbeat = timers.after(HEARTBEAT_MS, beat);
  }

  function endUnlessAllowed(client: Client): void {
    recheck(client).catch((error: unknown) => {
      if (isLostAccess(error)) {
        logger.info({ err: error }, "room client may not stay");
        client.socket.close(POLICY, "access ended");
      }
    });
  }

  async function close(): Promise<void> {
    closing = true;
    server.off("upgrade", onUpgrade);
    stopListening();
    cancelHeartbeat();
    const open = [...clients];
    const gone = Promise.all(
      open.map(
        ({ socket }) =>
          new Promise<void>((resolve) => {
            socket.once("close", () => resolve());
          }),
      ),
    );
    for (const { socket } of open) {
      socket.close(GOING_AWAY, "Slipway is restarting");
    }
    const cancel = timers.after(GOODBYE_MS, () => {
      for (const { socket } of open) {
        socket.terminate();
      }
    });
    await gone;
    cancel();
    wss.close();
  }

  function fault(error: unknown): AppError {
    const reference = newId();
    logger.error({ err: error, reference }, "serving a room frame failed");
    return new InternalFault({ reference }, { cause: error });
  }
}

const STATUS_OF_REFUSAL: Readonly<Partial<Record<AppError["kind"], number>>> = {
  unauthenticated: 401,
  forbidden: 403,
  upstream: 502,
};

/** While nobody can tell (the identity provider is away), access is not lost. */
function isLostAccess(error: unknown): boolean {
  return (
    !(error instanceof AppError) || error.kind === "unauthenticated" || error.kind === "forbidden"
  );
}

function namesOf(channels: readonly RoomChannel[]): ReadonlySet<string> {
  return new Set(channels.map(({ name }) => name));
}

function frameFor(type: "message" | "edited", message: RoomMessage): RoomServerFrame {
  return { type, message };
}

/** Throws InputInvalid for anything that is not a frame of the contract. */
function readFrame(data: RawData, isBinary: boolean): RoomClientFrame {
  if (isBinary) {
    throw new InputInvalid({ problems: [{ pointer: "", message: "send JSON text" }] });
  }
  const frame = parseJson(data);
  const parsed = RoomClientFrame.safeParse(frame);
  if (parsed.success) {
    return parsed.data;
  }
  throw new InputInvalid({ problems: explainInput(frame, parsed.error.issues).slice(0, 1) });
}

function parseJson(data: RawData): unknown {
  try {
    return JSON.parse(Buffer.isBuffer(data) ? data.toString("utf8") : "");
  } catch (error) {
    throw new InputInvalid(
      { problems: [{ pointer: "", message: "the frame is not valid JSON" }] },
      { cause: error },
    );
  }
}

/** Answers an upgrade that is not made, in words, and hangs up. */
function refuse(socket: Duplex, status: number, words: string): void {
  socket.end(
    `HTTP/1.1 ${status} Refused\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: ${Buffer.byteLength(words)}\r\n\r\n${words}`,
  );
}
