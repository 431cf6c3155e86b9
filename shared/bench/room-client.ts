import { once } from "node:events";
import { WebSocket } from "ws";
import type { RoomClientFrame, RoomServerFrame } from "../contract/room.ts";

/** One end of the room's socket. */
export interface RoomClient {
  send(frame: RoomClientFrame): void;
  /** Called with every frame that arrives from now on. */
  onFrame(take: (frame: RoomServerFrame) => void): void;
  close(): Promise<void>;
}

/**
 * Connects. Who `listens` says hello and hears everything; others hear only what answers their own frames. `token` is an API
 * token; stubs need none.
 */
export async function connectRoom(
  url: string,
  { token, listens }: { readonly token?: string | undefined; readonly listens: boolean },
): Promise<RoomClient> {
  const socket = new WebSocket(url, {
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
    perMessageDeflate: false,
  });
  const takers: ((frame: RoomServerFrame) => void)[] = [];
  await once(socket, "open");
  socket.on("message", (data: Buffer) => {
    // The edge where types meet the wire: the server's own contract.
    const frame = JSON.parse(data.toString("utf8")) as RoomServerFrame;
    takers.forEach((take) => take(frame));
  });
  const client: RoomClient = {
    send: (frame) => socket.send(JSON.stringify(frame)),
    onFrame: (take) => {
      takers.push(take);
    },
    async close() {
      const closed = once(socket, "close");
      socket.close();
      await closed;
    },
  };
  if (!listens) {
    return client;
  }
  const welcome = new Promise<void>((done) => {
    client.onFrame((frame) => {
      if (frame.type === "welcome") {
        done();
      }
    });
  });
  client.send({ type: "hello" });
  await welcome;
  return client;
}
