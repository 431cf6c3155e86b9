import type { WebSocketClient } from "@mattermost/client";
import { WebSocket } from "undici";
import { z } from "zod";
import type { Secret } from "../../../shared/config/secret.ts";
import { UpstreamTimeout } from "../../../shared/errors/catalog.ts";
import { pause } from "../../../shared/lib/deadline.ts";
import type { Logger } from "../../../shared/lib/logger.ts";
import type { Timers } from "../../../shared/lib/scheduler.ts";
import {
  CLOSE_TIMEOUT_MS,
  CONNECT_TIMEOUT_MS,
  DEAF_AFTER_MS,
  FAST_RETRIES,
  FIRST_RETRY_MS,
  LONGEST_RETRY_MS,
  PING_MS,
  RETRY_JITTER_MS,
} from "./limits.ts";
import { loadSocketClient } from "./socket-client.ts";

/** The event stream. It is found again by itself until it is closed. */
export interface Connection {
  /** Resolves when the server has greeted us. Throws UpstreamTimeout when it does not in time. */
  open(): Promise<void>;
  /** Resolves with the socket closed. */
  close(): Promise<void>;
  isConnected(): boolean;
  lastEventAt(): Date | undefined;
  reconnectCount(): number;
}

export interface ConnectionListener {
  /** An event, in the order of the server. */
  onEvent(event: { readonly event: string; readonly data: unknown }): void;
  /**
   * A new stream began: what happened between the old one and this is not in it. Told before any event of the new one, also
   * of the very first.
   */
  onGap(): void;
  /** Whether we are connected has changed. */
  onState(isConnected: boolean): void;
}

const Frame = z.looseObject({ event: z.string().optional(), status: z.string().optional() });

export function createConnection(deps: {
  readonly url: string;
  readonly token: Secret;
  readonly timers: Timers;
  readonly clock: { now(): Date };
  readonly logger: Logger;
  readonly listener: ConnectionListener;
}): Connection {
  const { timers, clock, logger, listener } = deps;
  const address = `${deps.url.replace(/^http/, "ws")}/api/v4/websocket`;
  const sockets = new Set<WebSocket>();
  const Client = loadSocketClient({
    timers,
    print: (...words) => logger.debug({ said: words.map(String).join(" ") }, "mattermost client"),
  });
  let client: WebSocketClient | undefined;
  let isOpen = false;
  let heardAt: Date | undefined;
  /** When the newest socket was begun: before anything is heard, this is what we wait from. */
  let triedAt = clock.now();
  let openings = 0;
  let cancelWatch: (() => void) | undefined;
  let greeted: (() => void) | undefined;

  return {
    open,
    close,
    isConnected: () => isOpen,
    lastEventAt: () => heardAt,
    reconnectCount: () => Math.max(0, openings - 1),
  };

  async function open(): Promise<void> {
    openings = 0;
    client = new Client({
      newWebSocketFn: begin,
      clientPingInterval: PING_MS,
      maxWebSocketFails: FAST_RETRIES,
      minWebSocketRetryTime: FIRST_RETRY_MS,
      maxWebSocketRetryTime: LONGEST_RETRY_MS,
      reconnectJitterRange: RETRY_JITTER_MS,
    });
    // Before the first connection: without it the client never learns the id of its stream, and after the first lost
    // connection it takes every event for a gap and connects again for ever.
    client.addMissedMessageListener(() => listener.onGap());
    client.addMessageListener(({ event, data }) => listener.onEvent({ event, data }));
    client.addCloseListener(() => become(false));
    const greeting = new Promise<true>((resolve) => {
      greeted = () => resolve(true);
    });
    listener.onGap();
    client.initialize(address, deps.token.reveal());
    watch();
    const waiting = new AbortController();
    const isGreeted = await Promise.race([
      greeting,
      pause(timers, CONNECT_TIMEOUT_MS, waiting.signal).then(() => false),
    ]);
    waiting.abort();
    greeted = undefined;
    if (!isGreeted) {
      throw new UpstreamTimeout(
        { system: "Mattermost", operation: "connecting", timeoutMs: CONNECT_TIMEOUT_MS },
        {
          remedy:
            "Check that chat.mattermost.url is right, and that WebSockets pass whatever stands before Mattermost.",
        },
      );
    }
  }

  /** The token goes into the request itself: a stream that is authenticated only later cannot be resumed. */
  function begin(url: string): globalThis.WebSocket {
    triedAt = clock.now();
    const socket = new WebSocket(url, {
      headers: { authorization: `Bearer ${deps.token.reveal()}` },
    });
    sockets.add(socket);
    socket.addEventListener("close", () => sockets.delete(socket));
    socket.addEventListener("message", ({ data }) => hear(socket, data));
    return socket as unknown as globalThis.WebSocket;
  }

  /** Everything that arrives is a sign of life; an answer or an event also says that we are let in. */
  function hear(socket: WebSocket, data: unknown): void {
    heardAt = clock.now();
    if (isOpen || !sockets.has(socket)) {
      return;
    }
    const frame = Frame.safeParse(JSON.parse(String(data)));
    if (frame.success && (frame.data.event !== undefined || frame.data.status === "OK")) {
      openings += 1;
      become(true);
      greeted?.();
    }
  }

  function become(next: boolean): void {
    if (isOpen !== next) {
      isOpen = next;
      listener.onState(next);
    }
  }

  /**
   * The client notices a dead connection by its pings, but not one that never came up. A socket on which nothing was heard for
   * long is left behind and a new one begun.
   */
  function watch(): void {
    cancelWatch = timers.after(DEAF_AFTER_MS / 3, () => {
      const since = Math.max(triedAt.getTime(), heardAt?.getTime() ?? 0);
      if (sockets.size > 0 && clock.now().getTime() - since >= DEAF_AFTER_MS) {
        logger.warn("nothing heard from mattermost, connecting again");
        become(false);
        for (const socket of sockets) {
          socket.close();
        }
        client?.close();
        client?.initialize(address, deps.token.reveal());
      }
      watch();
    });
  }

  async function close(): Promise<void> {
    cancelWatch?.();
    client?.close();
    client = undefined;
    isOpen = false;
    const closing = [...sockets].map(
      (socket) =>
        new Promise<void>((resolve) => {
          // Nor shall the client hear of it: it would connect again.
          socket.onclose = null;
          socket.addEventListener("close", () => resolve());
          socket.close();
        }),
    );
    if (closing.length > 0) {
      const waiting = new AbortController();
      await Promise.race([Promise.all(closing), pause(timers, CLOSE_TIMEOUT_MS, waiting.signal)]);
      waiting.abort();
    }
    sockets.clear();
  }
}
