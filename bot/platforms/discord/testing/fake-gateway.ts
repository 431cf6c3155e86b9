import type { WebSocket } from "ws";

/** Bits of `intents` (events/gateway#gateway-intents). */
export const INTENTS = {
  guilds: 1 << 0,
  guildMessages: 1 << 9,
  directMessages: 1 << 12,
  messageContent: 1 << 15,
} as const;

/** An event for every session that asked for it. */
export interface GatewayEvent {
  readonly name: string;
  /** Drawn for each session: some may read less. */
  readonly data: (intents: number) => unknown;
  /** Sessions without this intent do not hear of it; 0 for everybody. */
  readonly intent: number;
}

interface Session {
  readonly id: string;
  readonly intents: number;
  /** Undefined while the client is away. */
  socket: WebSocket | undefined;
  seq: number;
  /** Everything that was sent, for resuming. */
  readonly sent: { readonly seq: number; readonly frame: string }[];
}

/** The gateway of the fake, with the rules of events/gateway and topics/opcodes-and-status-codes#gateway. */
export interface FakeGateway {
  attach(socket: WebSocket): void;
  publish(event: GatewayEvent): void;
  /** Sockets break without a word; sessions can be resumed. */
  drop(): void;
  /** Sockets are closed with this code. */
  close(code: number): void;
  /** Sessions are forgotten, as after a while or on another node: nobody can resume. */
  forget(): void;
  /** Asks every client to connect again (opcode 7). */
  askToReconnect(): void;
  /** From now on sockets neither hear nor say anything, and stay open. */
  mute(): void;
  /** The next event goes out twice. */
  duplicateNext(): void;
  /** The next two events go out in the other order, numbers included. */
  swapNext(): void;
  /** Sockets are let in and never greeted. */
  stall(isStalled: boolean): void;
  /** Resolves when every client has read everything sent so far. */
  flush(): Promise<void>;
  heartbeatMs: number;
  readonly openCount: number;
  /** How clients came in: for assertions. */
  readonly logins: readonly { readonly how: "identify" | "resume"; readonly intents: number }[];
  readonly heartbeats: number;
}

export function createFakeGateway(options: {
  readonly newId: () => string;
  readonly isToken: (token: string) => boolean;
  /** Privileged intents the application was not granted. */
  readonly refusedIntents: () => number;
  readonly url: () => string;
  readonly ready: () => Readonly<Record<string, unknown>>;
  /** What follows READY. */
  readonly guild: () => unknown;
}): FakeGateway {
  const sessions = new Map<string, Session>();
  const sockets = new Set<WebSocket>();
  const muted = new WeakSet<WebSocket>();
  const logins: { how: "identify" | "resume"; intents: number }[] = [];
  let heartbeats = 0;
  let isDuplicating = false;
  let swapping: GatewayEvent[] | undefined;
  let isStalled = false;

  return {
    attach,
    publish,
    heartbeatMs: 41_250,
    drop: () => sockets.forEach((socket) => socket.terminate()),
    close: (code) => sockets.forEach((socket) => socket.close(code)),
    forget() {
      sessions.clear();
      sockets.forEach((socket) => socket.terminate());
    },
    askToReconnect: () => sockets.forEach((socket) => write(socket, { op: 7, d: null })),
    mute: () => sockets.forEach((socket) => muted.add(socket)),
    duplicateNext() {
      isDuplicating = true;
    },
    swapNext() {
      swapping = [];
    },
    stall(stalled) {
      isStalled = stalled;
    },
    async flush() {
      await Promise.all(
        [...sockets]
          .filter((socket) => socket.readyState === socket.OPEN && !muted.has(socket))
          .map(
            (socket) =>
              new Promise<void>((resolve) => {
                socket.once("pong", () => resolve());
                socket.once("close", () => resolve());
                socket.ping();
              }),
          ),
      );
    },
    get openCount() {
      return sockets.size;
    },
    logins,
    get heartbeats() {
      return heartbeats;
    },
  };

  function attach(this: FakeGateway, socket: WebSocket): void {
    sockets.add(socket);
    let own: Session | undefined;
    socket.on("close", () => {
      sockets.delete(socket);
      if (own?.socket === socket) {
        own.socket = undefined;
      }
    });
    if (!isStalled) {
      write(socket, { op: 10, d: { heartbeat_interval: this.heartbeatMs } });
    }
    socket.on("message", (data) => {
      if (muted.has(socket)) {
        return;
      }
      const frame = JSON.parse((data as Buffer).toString("utf8")) as {
        op: number;
        d: Record<string, unknown>;
      };
      switch (frame.op) {
        case 1:
          heartbeats += 1;
          write(socket, { op: 11 });
          return;
        case 2:
          own = identify(socket, own, frame.d);
          return;
        case 6:
          own = resume(socket, frame.d) ?? own;
          return;
        default:
          // "You sent an invalid opcode", or something before identifying.
          socket.close(own ? 4001 : 4003);
      }
    });
  }

  function identify(
    socket: WebSocket,
    known: Session | undefined,
    { token, intents }: Record<string, unknown>,
  ): Session | undefined {
    const wanted = Number(intents);
    if (known) {
      socket.close(4005);
      return known;
    }
    if (!options.isToken(String(token))) {
      socket.close(4004, "Authentication failed.");
      return undefined;
    }
    if ((wanted & options.refusedIntents()) !== 0) {
      socket.close(4014, "Disallowed intent(s).");
      return undefined;
    }
    logins.push({ how: "identify", intents: wanted });
    const session: Session = {
      id: options.newId(),
      intents: wanted,
      socket,
      seq: 0,
      sent: [],
    };
    sessions.set(session.id, session);
    dispatch(session, "READY", {
      ...options.ready(),
      v: 10,
      session_id: session.id,
      resume_gateway_url: options.url(),
      shard: [0, 1],
    });
    dispatch(session, "GUILD_CREATE", options.guild());
    return session;
  }

  /** Replays what was missed, or says that the session is gone (opcode 9). */
  function resume(
    socket: WebSocket,
    { token, session_id: id, seq }: Record<string, unknown>,
  ): Session | undefined {
    const session = sessions.get(String(id));
    if (!options.isToken(String(token))) {
      socket.close(4004, "Authentication failed.");
      return undefined;
    }
    if (!session) {
      write(socket, { op: 9, d: false });
      return undefined;
    }
    if (Number(seq) > session.seq) {
      socket.close(4007, "Invalid seq.");
      return undefined;
    }
    logins.push({ how: "resume", intents: session.intents });
    session.socket = socket;
    for (const { frame } of session.sent.filter((each) => each.seq > Number(seq))) {
      send(socket, frame);
    }
    dispatch(session, "RESUMED", {});
    return session;
  }

  function publish(event: GatewayEvent): void {
    if (swapping) {
      swapping.push(event);
      if (swapping.length < 2) {
        return;
      }
      const both = swapping.reverse();
      swapping = undefined;
      both.forEach(publish);
      return;
    }
    const times = isDuplicating ? 2 : 1;
    isDuplicating = false;
    for (const session of sessions.values()) {
      for (let time = 0; time < times; time += 1) {
        if (event.intent === 0 || (session.intents & event.intent) !== 0) {
          dispatch(session, event.name, event.data(session.intents));
        }
      }
    }
  }

  function dispatch(session: Session, name: string, data: unknown): void {
    session.seq += 1;
    const frame = JSON.stringify({ op: 0, t: name, s: session.seq, d: data });
    session.sent.push({ seq: session.seq, frame });
    if (session.socket) {
      send(session.socket, frame);
    }
  }

  function write(socket: WebSocket, frame: object): void {
    send(socket, JSON.stringify({ s: null, t: null, ...frame }));
  }

  function send(socket: WebSocket, frame: string): void {
    if (!muted.has(socket) && socket.readyState === socket.OPEN) {
      socket.send(frame);
    }
  }
}
