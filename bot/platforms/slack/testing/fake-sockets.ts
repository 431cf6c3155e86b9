import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { WebSocketServer, type WebSocket } from "ws";
import type { Timers } from "../../../../shared/lib/scheduler.ts";

/** Everything must be acknowledged in this time: apis/events-api. */
const ACK_DEADLINE_MS = 3_000;
/** Events come again: almost at once, after a minute, after five (apis/events-api, "Retries"). */
const EVENT_RETRIES_MS = [0, 60_000, 300_000];
/** Slack pings its connections; how often is said nowhere, seen were five to ten seconds. */
const PING_MS = 10_000;
/** Reference: apis/events-api/using-socket-mode, "Using multiple connections". */
const MOST_CONNECTIONS = 10;

export type EnvelopeType = "events_api" | "interactive" | "slash_commands";

/** What became of something that was sent. */
export interface FakeOutcome {
  /** False: the person sees a warning sign. */
  readonly isAcknowledged: boolean;
  readonly answer: Readonly<Record<string, unknown>>;
}

/** Slack's side of Socket Mode: each payload goes to one of the connections, and what is not acknowledged is lost or repeated. */
export interface FakeSockets {
  /** Connections that were greeted. */
  readonly openCount: number;
  /** Every connection there ever was. */
  readonly connects: number;
  /** Where an app may connect once: the address that apps.connections.open gives. */
  newTicket(): string;
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  deliver(type: EnvelopeType, payload: object): Promise<FakeOutcome>;
  /** Events that are still repeated count as done. */
  flush(): Promise<void>;
  /** Slack renews its connections: all of them, or the one that is so many places behind the oldest. */
  refresh(which?: number): void;
  /** Connections break without a word. */
  drop(which?: number): void;
  /** Nothing is sent or answered any more, and nothing is closed. */
  mute(): void;
  /** The next event is sent twice. */
  duplicateNext(): void;
  /** The next event is held back until after the one behind it. */
  swapNext(): void;
  /** The next event goes out to a connection that breaks at that moment. */
  loseOne(): void;
  /** Everything goes out this way instead, until it is undefined. */
  sendBy(transport: Transport | undefined): void;
  /** New connections are closed at once, with this reason. */
  refuse(reason: string | undefined): void;
  /** New connections are taken and never greeted. */
  stall(isStalled: boolean): void;
  stop(): void;
}

export type Transport = (
  type: EnvelopeType,
  payload: object,
  attempt: number,
) => Promise<FakeOutcome>;

interface Sent {
  readonly by: WebSocket;
  readonly settle: (outcome: FakeOutcome) => void;
}

export function createFakeSockets(timers: Timers): FakeSockets {
  const server = new WebSocketServer({ noServer: true });
  const tickets = new Set<string>();
  const connections: WebSocket[] = [];
  /** Those that something is sent to. */
  const greeted: WebSocket[] = [];
  const muted = new Set<WebSocket>();
  const sent = new Map<string, Sent>();
  const waiting = new Set<Promise<unknown>>();
  let count = 0;
  let connects = 0;
  let next = 0;
  let isStalled = false;
  let isDoubled = false;
  let isLost = false;
  let held: (() => void) | undefined;
  let isHolding = false;
  let refusal: string | undefined;
  let transport: Transport | undefined;
  let cancelPing: () => void = () => undefined;
  ping();

  return {
    get openCount() {
      return greeted.length;
    },
    get connects() {
      return connects;
    },
    newTicket() {
      count += 1;
      const ticket = `ticket${String(count)}`;
      tickets.add(ticket);
      return ticket;
    },
    upgrade(request, socket, head) {
      const ticket = new URL(request.url ?? "", "http://fake").searchParams.get("ticket") ?? "";
      // Each address works once.
      if (!tickets.delete(ticket)) {
        socket.end("HTTP/1.1 401 Unauthorized\r\n\r\n");
        return;
      }
      server.handleUpgrade(request, socket, head, attach);
    },
    deliver(type, payload) {
      const done = type === "events_api" ? event(payload) : once(type, payload);
      const settled = done.finally(() => waiting.delete(settled));
      waiting.add(settled);
      return done;
    },
    async flush() {
      while (waiting.size > 0) {
        await Promise.race([...waiting]);
      }
    },
    refresh(which) {
      chosen(which).forEach((connection) => {
        tell(connection, { type: "disconnect", reason: "refresh_requested", debug_info: {} });
      });
    },
    drop: (which) => chosen(which).forEach((connection) => connection.terminate()),
    mute() {
      connections.forEach((connection) => {
        muted.add(connection);
        connection.pause();
      });
    },
    duplicateNext: () => {
      isDoubled = true;
    },
    swapNext: () => {
      isHolding = true;
    },
    loseOne: () => {
      isLost = true;
    },
    sendBy: (other) => {
      transport = other;
    },
    refuse: (reason) => {
      refusal = reason;
    },
    stall: (stalled) => {
      isStalled = stalled;
    },
    stop() {
      cancelPing();
      connections.forEach((connection) => connection.terminate());
      server.close();
    },
  };

  function ping(): void {
    cancelPing = timers.after(PING_MS, () => {
      connections.filter((connection) => !muted.has(connection)).forEach((each) => each.ping());
      ping();
    });
  }

  function chosen(which: number | undefined): readonly WebSocket[] {
    return which === undefined ? [...connections] : greeted.slice(which, which + 1);
  }

  function attach(connection: WebSocket): void {
    connects += 1;
    connections.push(connection);
    connection.on("close", () => {
      connections.splice(connections.indexOf(connection), 1);
      if (greeted.includes(connection)) {
        greeted.splice(greeted.indexOf(connection), 1);
      }
      muted.delete(connection);
      for (const [id, { by, settle }] of sent) {
        if (by === connection) {
          sent.delete(id);
          settle(LOST);
        }
      }
    });
    connection.on("message", (data: Buffer) => {
      const { envelope_id: id, payload } = JSON.parse(data.toString()) as {
        envelope_id: string;
        payload?: Record<string, unknown>;
      };
      const answered = sent.get(id);
      sent.delete(id);
      answered?.settle({ isAcknowledged: true, answer: payload ?? {} });
    });
    if (isStalled) {
      return;
    }
    if (refusal !== undefined || connections.length > MOST_CONNECTIONS) {
      // apis/events-api/using-socket-mode, "Disconnect"; node-slack-sdk#1654.
      const reason = refusal ?? "too_many_websockets";
      tell(connection, { type: "disconnect", reason });
      return;
    }
    greeted.push(connection);
    tell(connection, {
      type: "hello",
      num_connections: greeted.length,
      connection_info: { app_id: "A0FAKE" },
      debug_info: { host: "fake", approximate_connection_time: 3_600 },
    });
  }

  function tell(connection: WebSocket, frame: object): void {
    if (!muted.has(connection)) {
      connection.send(JSON.stringify(frame));
    }
  }

  /** Presses, sent forms and slash commands are sent once. */
  async function once(type: EnvelopeType, payload: object, attempt = 0): Promise<FakeOutcome> {
    if (transport) {
      return transport(type, payload, attempt);
    }
    const connection = greeted[next % Math.max(1, greeted.length)];
    next += 1;
    if (!connection) {
      return LOST;
    }
    count += 1;
    const id = `envelope${String(count)}`;
    const outcome = new Promise<FakeOutcome>((resolve) => {
      const cancel = timers.after(ACK_DEADLINE_MS, () => {
        sent.delete(id);
        resolve(LOST);
      });
      sent.set(id, {
        by: connection,
        settle(result) {
          cancel();
          resolve(result);
        },
      });
    });
    tell(connection, {
      type,
      envelope_id: id,
      payload,
      accepts_response_payload: type !== "events_api",
      ...(attempt > 0 ? { retry_attempt: attempt, retry_reason: "timeout" } : {}),
    });
    return outcome;
  }

  async function event(payload: object): Promise<FakeOutcome> {
    if (isLost) {
      isLost = false;
      chosen(undefined).forEach((connection) => connection.terminate());
    }
    const isFirst = isHolding;
    isHolding = false;
    if (isFirst) {
      await new Promise<void>((resolve) => {
        held = resolve;
      });
    }
    const outcome = once("events_api", payload);
    if (isDoubled) {
      isDoubled = false;
      await once("events_api", payload, 1);
    }
    const first = await outcome;
    held?.();
    held = undefined;
    if (!first.isAcknowledged) {
      repeat(payload, 0);
    }
    return first;
  }

  function repeat(payload: object, attempt: number): void {
    const ms = EVENT_RETRIES_MS[attempt];
    if (ms === undefined) {
      return;
    }
    timers.after(ms, () => {
      const done = once("events_api", payload, attempt + 1).then((outcome) => {
        if (!outcome.isAcknowledged) {
          repeat(payload, attempt + 1);
        }
      });
      const settled = done.finally(() => waiting.delete(settled));
      waiting.add(settled);
    });
  }
}

const LOST: FakeOutcome = { isAcknowledged: false, answer: {} };
