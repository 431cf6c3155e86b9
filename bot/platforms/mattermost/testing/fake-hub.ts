import type { IncomingMessage } from "node:http";
import type { WebSocket } from "ws";

/** Events a connection keeps for a client that is away, and events it can send again (channels/app/platform/web_conn.go). */
const SEND_QUEUE = 256;
const DEAD_QUEUE = 128;

interface HubEvent {
  readonly event: string;
  readonly data: unknown;
  readonly channelId: string;
}

interface HubConnection {
  id: string;
  readonly userId: string;
  /** Undefined while the client is away. */
  socket: WebSocket | undefined;
  seq: number;
  dead: { readonly seq: number; readonly event: HubEvent }[];
  queue: HubEvent[];
}

/** The event streams of the fake server, with the rules of server/channels/app/platform/{web_conn,web_hub}.go. */
export interface FakeHub {
  /** Takes a socket whose upgrade request carried this token or none. */
  attach(socket: WebSocket, request: IncomingMessage, userOf: (token: string) => string): void;
  publish(event: HubEvent, to: (userId: string) => boolean): void;
  /** Sockets break; the streams wait for their clients. */
  drop(): void;
  /** Every stream is forgotten, as after a restart or on another node. */
  forget(): void;
  /** From now on sockets neither hear nor say anything, and stay open. */
  mute(): void;
  /** The next event goes out twice. */
  duplicateNext(): void;
  /** The next two events go out in the other order. */
  swapNext(): void;
  /** An event gets lost on the way: its number is missing. */
  loseOne(): void;
  /** Resolves when every client has read everything sent so far. */
  flush(): Promise<void>;
  readonly openCount: number;
  /** How often a client connected, and with what: for assertions about resuming. */
  readonly connects: readonly { readonly resumed: boolean; readonly query: URLSearchParams }[];
}

export function createFakeHub(newId: () => string): FakeHub {
  const connections = new Map<string, HubConnection>();
  const muted = new WeakSet<WebSocket>();
  const sockets = new Set<WebSocket>();
  const connects: { resumed: boolean; query: URLSearchParams }[] = [];
  let isDuplicating = false;
  let swapping: HubEvent[] | undefined;

  return {
    attach,
    publish,
    drop: () => sockets.forEach((socket) => socket.terminate()),
    forget() {
      connections.clear();
      sockets.forEach((socket) => socket.terminate());
    },
    mute: () => sockets.forEach((socket) => muted.add(socket)),
    duplicateNext() {
      isDuplicating = true;
    },
    swapNext() {
      swapping = [];
    },
    loseOne() {
      for (const connection of connections.values()) {
        connection.seq += 1;
      }
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
    connects,
  };

  function attach(
    socket: WebSocket,
    request: IncomingMessage,
    userOf: (token: string) => string,
  ): void {
    sockets.add(socket);
    const query = new URL(request.url ?? "", "http://fake").searchParams;
    const header = /^bearer (.+)$/i.exec(request.headers.authorization ?? "")?.[1] ?? "";
    let userId = header === "" ? "" : userOf(header);
    let own: HubConnection | undefined;
    if (userId !== "") {
      own = register(socket, userId, query);
    }
    socket.on("message", (data) => {
      if (muted.has(socket)) {
        return;
      }
      const message = JSON.parse((data as Buffer).toString()) as {
        action: string;
        seq: number;
        data?: { token?: string };
      };
      if (message.action === "authentication_challenge") {
        // Who is let in already is not asked again (wsapi/websocket_handler.go).
        if (userId !== "") {
          return;
        }
        userId = userOf(message.data?.token ?? "");
        if (userId === "") {
          socket.close();
          return;
        }
        // Too late to resume: the stream was made when the request came, without a session (api4/websocket.go).
        own = register(socket, userId, new URLSearchParams());
      }
      const reply =
        userId === ""
          ? { status: "FAIL", error: { message: "not authenticated" }, seq_reply: message.seq }
          : { status: "OK", data: { text: "pong" }, seq_reply: message.seq };
      socket.send(JSON.stringify(reply));
    });
    socket.on("close", () => {
      sockets.delete(socket);
      if (own?.socket === socket) {
        own.socket = undefined;
      }
    });
  }

  function register(socket: WebSocket, userId: string, query: URLSearchParams): HubConnection {
    const wanted = query.get("connection_id") ?? "";
    const known = connections.get(wanted);
    if (wanted === "" || known?.userId !== userId) {
      connects.push({ resumed: false, query });
      return begin(socket, userId);
    }
    const seq = Number(query.get("sequence_number"));
    known.socket = socket;
    const at = known.dead.findIndex((entry) => entry.seq === seq);
    const isLossless = known.dead.at(-1)?.seq === seq - 1 || known.dead.length === 0;
    if (at < 0 && !isLossless) {
      // What is missing cannot be sent again: a new stream begins.
      connections.delete(known.id);
      connects.push({ resumed: false, query });
      const fresh = begin(socket, userId);
      known.queue.forEach((event) => write(fresh, event));
      return fresh;
    }
    connects.push({ resumed: true, query });
    const again = at < 0 ? [] : known.dead.splice(at);
    known.seq = seq;
    again.forEach(({ event }) => write(known, event));
    known.queue.splice(0).forEach((event) => write(known, event));
    return known;
  }

  function begin(socket: WebSocket, userId: string): HubConnection {
    const connection: HubConnection = {
      id: newId(),
      userId,
      socket,
      seq: 0,
      dead: [],
      queue: [],
    };
    connections.set(connection.id, connection);
    write(connection, {
      event: "hello",
      data: { connection_id: connection.id, server_version: "11.1.0" },
      channelId: "",
    });
    return connection;
  }

  function publish(event: HubEvent, to: (userId: string) => boolean): void {
    if (swapping) {
      swapping.push(event);
      if (swapping.length < 2) {
        return;
      }
      const both = swapping.reverse();
      swapping = undefined;
      both.forEach((each) => publish(each, to));
      return;
    }
    const times = isDuplicating ? 2 : 1;
    isDuplicating = false;
    for (const connection of [...connections.values()].filter(({ userId }) => to(userId))) {
      for (let time = 0; time < times; time += 1) {
        deliver(connection, event);
      }
    }
  }

  function deliver(connection: HubConnection, event: HubEvent): void {
    if (connection.socket) {
      write(connection, event);
    } else if (connection.queue.length < SEND_QUEUE) {
      connection.queue.push(event);
    } else {
      // A client that is away for so long is given up.
      connections.delete(connection.id);
    }
  }

  function write(connection: HubConnection, event: HubEvent): void {
    const { seq, socket } = connection;
    connection.seq += 1;
    connection.dead.push({ seq, event });
    connection.dead.splice(0, connection.dead.length - DEAD_QUEUE);
    if (socket && !muted.has(socket)) {
      socket.send(
        JSON.stringify({
          event: event.event,
          data: event.data,
          broadcast: { channel_id: event.channelId },
          seq,
        }),
      );
    }
  }
}
