import {
  createConnection,
  createServer,
  type AddressInfo,
  type Server,
  type Socket,
} from "node:net";

/** What happens to the next COMMIT that passes: it never arrives, or it arrives and its answer does not. */
export type CommitFate = "lost on the way" | "answer lost";

/** Stands between Slipway and a PostgreSQL server, like the name or address that moves in a failover. */
export interface PostgresProxy {
  /** `url` of a server, led through this. */
  through(url: string): string;
  /** Connections made from now on lead there. */
  leadTo(port: number): void;
  /** Breaks the connection of the next COMMIT. Resolves when that has happened, before anybody can connect again. */
  breakCommit(fate: CommitFate): Promise<void>;
  /** Lets nobody in until the given function is called; they wait. */
  hold(): () => void;
  close(): Promise<void>;
}

export async function startPostgresProxy(target: number): Promise<PostgresProxy> {
  let port = target;
  let plan: { readonly fate: CommitFate; readonly done: () => void } | undefined;
  let gate: Promise<void> = Promise.resolve();
  const sockets = new Set<Socket>();
  const server: Server = createServer((client) => {
    track(client);
    client.pause();
    void gate.then(() => connect(client));
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const own = (server.address() as AddressInfo).port;

  return {
    through(url) {
      const changed = new URL(url);
      changed.port = String(own);
      return changed.href;
    },
    leadTo(next) {
      port = next;
    },
    breakCommit: (fate) =>
      new Promise((done) => {
        plan = { fate, done };
      }),
    hold() {
      let open: () => void = () => undefined;
      gate = new Promise((resolve) => {
        open = resolve;
      });
      return open;
    },
    async close() {
      sockets.forEach((socket) => socket.destroy());
      await new Promise((done) => server.close(done));
    },
  };

  function connect(client: Socket): void {
    const upstream = createConnection(port, "127.0.0.1");
    track(upstream);
    const cut = () => {
      client.destroy();
      upstream.destroy();
    };
    let swallowing: (() => void) | undefined;
    client.on("data", (chunk) => {
      const fate = plan && chunk.includes("COMMIT\0") ? plan : undefined;
      if (fate) {
        plan = undefined;
        if (fate.fate === "lost on the way") {
          cut();
          fate.done();
          return;
        }
        swallowing = fate.done;
      }
      upstream.write(chunk);
    });
    upstream.on("data", (chunk) => {
      if (swallowing) {
        cut();
        swallowing();
      } else {
        client.write(chunk);
      }
    });
    client.on("close", cut);
    upstream.on("close", cut);
    client.resume();
  }

  function track(socket: Socket): void {
    sockets.add(socket);
    socket.on("error", () => undefined);
    socket.on("close", () => sockets.delete(socket));
  }
}
