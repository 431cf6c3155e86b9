import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { SocketModeReceiver, type App } from "@slack/bolt";
import { Agent, buildConnector } from "undici";
import { z } from "zod";
import type { Secret } from "../../../shared/config/secret.ts";
import { UpstreamTimeout } from "../../../shared/errors/catalog.ts";
import { pause } from "../../../shared/lib/deadline.ts";
import type { Logger } from "../../../shared/lib/logger.ts";
import type { Timers } from "../../../shared/lib/scheduler.ts";
import { SYSTEM, translate } from "./api.ts";
import {
  CLOSE_TIMEOUT_MS,
  CONNECT_TIMEOUT_MS,
  DEAF_AFTER_MS,
  FIRST_RETRY_MS,
  LONGEST_RETRY_MS,
  PONG_TIMEOUT_MS,
  REQUEST_TIMEOUT_MS,
  SERVER_PING_TIMEOUT_MS,
  SOCKETS,
  STABLE_AFTER_MS,
} from "./limits.ts";
import { createSdkLogger } from "./sdk-logger.ts";

/** Something Slack sent, and how to say that it arrived. */
export interface Delivery {
  readonly body: unknown;
  /** The first answer counts. */
  readonly ack: (answer?: object) => Promise<void>;
}

/** The sockets. They are found again by themselves until they are closed. */
export interface Connection {
  /** Resolves when the first socket is greeted. Throws what Slack says when it is not. */
  open(): Promise<void>;
  /** Resolves with every socket closed. */
  close(): Promise<void>;
  isConnected(): boolean;
  lastEventAt(): Date | undefined;
  /** How often a socket was lost that Slack did not ask us to renew. */
  reconnectCount(): number;
  /** Why there is no connection, as far as Slack said so. */
  why(): string | undefined;
}

export interface ConnectionListener {
  onDelivery(delivery: Delivery): void;
  /** For a while nobody listened: what was said meanwhile may be missing. Told before anything newer. */
  onGap(): void;
  /** Whether we are connected has changed. */
  onState(isConnected: boolean): void;
}

/** One socket between its opening and its end. */
interface Line {
  /** Resolves when greeted. */
  open(): Promise<void>;
  /** Resolves when nothing arrives on it any more, perhaps before it is closed; with true when Slack asked for that. */
  readonly ended: Promise<boolean>;
  /** Resolves with the socket closed. */
  close(): Promise<void>;
}

const Frame = z.object({ type: z.string() });

/**
 * Several sockets, because Slack renews each of them from time to time and brings presses and slash commands only once. The
 * vendor's client brings one up; opening it again is ours: its own way waits five seconds at best, hours at worst, and ends
 * the process when Slack answers with anything but an answer.
 */
export function createConnection(deps: {
  readonly apiUrl: string;
  readonly appToken: Secret;
  readonly timers: Timers;
  readonly clock: { now(): Date };
  readonly logger: Logger;
  readonly listener: ConnectionListener;
}): Connection {
  const { timers, clock, logger, listener } = deps;
  const closing = new AbortController();
  /** Those whose sockets are not closed. */
  const lines = new Set<Line>();
  const greeted = new Set<Line>();
  const running: Promise<void>[] = [];
  let heardAt: Date | undefined;
  let lost = 0;
  let why: string | undefined;

  return {
    async open() {
      listener.onGap();
      const first = createLine();
      await bringUp(first);
      running.push(keepUp(first));
      for (let more = 1; more < SOCKETS; more += 1) {
        running.push(keepUp(undefined));
      }
    },
    async close() {
      closing.abort();
      await Promise.all([...lines].map((line) => line.close()));
      await Promise.all(running);
    },
    isConnected: () => greeted.size > 0,
    lastEventAt: () => heardAt,
    reconnectCount: () => lost,
    why: () => (greeted.size > 0 ? undefined : why),
  };

  /** Throws what is wrong, as people understand it. */
  async function bringUp(line: Line): Promise<void> {
    try {
      await line.open();
    } catch (error) {
      const told = translate("opening a socket", error, "app_token");
      why = [told.message, told.remedy ?? ""].join(" ").trim();
      throw told;
    }
    const wasConnected = greeted.size > 0;
    greeted.add(line);
    why = undefined;
    if (!wasConnected) {
      listener.onState(true);
    }
  }

  /** One socket after the other, for ever. A failure is waited for longer each time, up to half a minute. */
  async function keepUp(first: Line | undefined): Promise<void> {
    let failures = 0;
    let line = first;
    while (!closing.signal.aborted) {
      const since = clock.now().getTime();
      try {
        if (!line) {
          const next = createLine();
          await bringUp(next);
          line = next;
        }
        const isRenewal = await line.ended;
        takeDown(line, isRenewal);
        const isStable = clock.now().getTime() - since >= STABLE_AFTER_MS;
        // One that is closed at once was not wanted: opening it again and again would change nothing.
        failures = isStable ? 0 : failures + 1;
      } catch (error) {
        failures += 1;
        logger.info({ err: error, failures }, "could not open a socket");
      }
      line = undefined;
      if (failures > 0) {
        await pause(timers, pauseAfter(failures), closing.signal);
      }
    }
  }

  function takeDown(line: Line, isRenewal: boolean): void {
    greeted.delete(line);
    if (!isRenewal && !closing.signal.aborted) {
      lost += 1;
    }
    if (greeted.size === 0 && !closing.signal.aborted) {
      listener.onState(false);
      // Events come again, but not for long; what came while nobody listened is looked up.
      listener.onGap();
    }
  }

  function createLine(): Line {
    const sockets = new Set<Socket | TLSSocket>();
    const agent = createAgent(sockets);
    let isRenewal = false;
    let isOver = false;
    let end: (isRenewal: boolean) => void = () => undefined;
    const ended = new Promise<boolean>((resolve) => {
      end = resolve;
    });
    const receiver = new SocketModeReceiver({
      appToken: deps.appToken.reveal(),
      logger: createSdkLogger(logger),
      autoReconnectEnabled: false,
      clientPingTimeout: PONG_TIMEOUT_MS,
      serverPingTimeout: SERVER_PING_TIMEOUT_MS,
      dispatcher: agent,
      installerOptions: {
        clientOptions: {
          slackApiUrl: deps.apiUrl,
          retryConfig: { retries: 0 },
          rejectRateLimitedCalls: true,
          timeout: REQUEST_TIMEOUT_MS,
        },
      },
    });
    // Of an app, a receiver only knows how to hand it events.
    receiver.init({ processEvent: take } as unknown as App);
    const { client } = receiver;
    client.on("ws_message", (data: unknown) => hear(String(data)));
    client.on("disconnected", () => drop());
    let cancelWatch: () => void = () => undefined;
    const line: Line = { open, ended, close };
    lines.add(line);
    return line;

    async function open(): Promise<void> {
      const waiting = new AbortController();
      const started = receiver.start().then(
        () => true,
        (error: unknown) => {
          // Closed before it was greeted, without a word.
          throw error instanceof Error ? error : new Error("the socket was closed");
        },
      );
      started.catch(() => undefined);
      try {
        const isGreeted = await Promise.race([
          started,
          pause(timers, CONNECT_TIMEOUT_MS, waiting.signal).then(() => false),
        ]);
        if (!isGreeted) {
          throw new UpstreamTimeout(
            { system: SYSTEM, operation: "opening a socket", timeoutMs: CONNECT_TIMEOUT_MS },
            { remedy: "See that WebSockets to Slack pass whatever stands between." },
          );
        }
      } catch (error) {
        drop();
        throw error;
      } finally {
        waiting.abort();
      }
      watch(0, clock.now().getTime());
    }

    async function take(event: Delivery): Promise<void> {
      listener.onDelivery({ body: event.body, ack: (answer) => event.ack(answer) });
    }

    function hear(data: string): void {
      heardAt = clock.now();
      const frame = Frame.safeParse(readJson(data));
      if (frame.data?.type === "disconnect") {
        isRenewal = true;
        finish();
        // Whether Slack says goodbye or not, the next one is opened now.
        timers.after(CLOSE_TIMEOUT_MS, drop);
      }
    }

    /** Also the vendor's client looks after its socket. This only counts what arrives, pings included. */
    function watch(seen: number, seenAt: number): void {
      cancelWatch = timers.after(DEAF_AFTER_MS / 3, () => {
        const now = clock.now();
        const bytes = [...sockets].reduce((sum, socket) => sum + socket.bytesRead, 0);
        if (bytes !== seen) {
          heardAt = now;
          watch(bytes, now.getTime());
        } else if (now.getTime() - seenAt >= DEAF_AFTER_MS) {
          logger.warn("nothing heard from slack, connecting again");
          drop();
        } else {
          watch(seen, seenAt);
        }
      });
    }

    function finish(): void {
      if (!isOver) {
        isOver = true;
        cancelWatch();
        end(isRenewal);
      }
    }

    /** Without any farewell: the other side may not be there. */
    function drop(): void {
      finish();
      if (lines.delete(line)) {
        sockets.forEach((socket) => socket.destroy());
        agent.destroy().catch(() => undefined);
        client.disconnect().catch(() => undefined);
      }
    }

    async function close(): Promise<void> {
      const waiting = new AbortController();
      await Promise.race([client.disconnect(), pause(timers, CLOSE_TIMEOUT_MS, waiting.signal)]);
      waiting.abort();
      drop();
    }
  }
}

/** Where the sockets come from, so that they can be watched and closed whatever the vendor's client does. */
function createAgent(sockets: Set<Socket | TLSSocket>): Agent {
  const connect = buildConnector({ allowH2: false, timeout: CONNECT_TIMEOUT_MS });
  return new Agent({
    connect: (options, callback) => {
      connect(options, (...result) => {
        const [, socket] = result;
        if (socket) {
          sockets.add(socket);
          socket.once("close", () => sockets.delete(socket));
        }
        callback(...result);
      });
    },
  });
}

function pauseAfter(failures: number): number {
  const ms = Math.min(FIRST_RETRY_MS * 2 ** (failures - 1), LONGEST_RETRY_MS);
  // Not all at once, when Slack comes back.
  return ms * (0.8 + 0.4 * Math.random());
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) {
      return undefined;
    }
    throw error;
  }
}
