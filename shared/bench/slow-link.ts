import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";

/** A network between us and a server: everything arrives later than it was sent. */
export interface SlowLink {
  /** Where the server is reached through it. */
  readonly url: string;
  stop(): Promise<void>;
}

/** Puts `delayMs` on each direction of every TCP connection to the server at `url`, in order. */
export async function startSlowLink(url: string, delayMs: number): Promise<SlowLink> {
  const { hostname, port } = new URL(url);
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(Number(port), hostname);
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.setNoDelay(true);
      socket.once("close", () => sockets.delete(socket));
    }
    delay(near, far, delayMs);
    delay(far, near, delayMs);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const near = new URL(url);
  near.port = String((server.address() as AddressInfo).port);
  return {
    url: near.href.replace(/\/$/, ""),
    async stop() {
      sockets.forEach((socket) => socket.destroy());
      server.close();
      await once(server, "close");
    },
  };
}

/** Timers of one length fire in the order they were set, so bytes keep theirs. */
function delay(from: Socket, to: Socket, delayMs: number): void {
  from.on("data", (chunk: Buffer) => setTimeout(() => to.write(chunk), delayMs));
  from.on("end", () => setTimeout(() => to.end(), delayMs));
  from.on("error", () => to.destroy());
  from.on("close", () => setTimeout(() => to.destroy(), delayMs));
}
