import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { WebSocketServer, type WebSocket } from "ws";
import { RoomClientFrame, type RoomMessage, type RoomServerFrame } from "../../contract/room.ts";
import { newId } from "../../lib/ids.ts";

/** A message somebody posted, and how its sender and everybody else hear of what came of it. */
export interface StubPost {
  readonly message: RoomMessage;
  /** Shows a message to everybody, as the room does. */
  readonly show: (message: RoomMessage) => void;
  /** Tells the sender that the message was taken. */
  readonly confirm: () => void;
}

export interface StubRoom {
  /** The answer of the bot to a message. */
  answer(to: RoomMessage, text: string): RoomMessage;
}

/**
 * Serves the room's frames over a WebSocket on loopback and tells the port to the process that forked this one, with which it
 * ends. Everything behind the socket is `take`'s business, so that whatever is compared has the same socket in front.
 */
export async function serveStubRoom(
  take: (post: StubPost, room: StubRoom) => void,
): Promise<StubRoom> {
  let seq = 0;
  /** Those who said hello: they hear everything. */
  const listeners = new Set<WebSocket>();
  const room: StubRoom = {
    answer: (to, text) => ({ ...build(to.channel, text, true), threadId: to.threadId }),
  };
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0 });
  server.on("connection", (socket) => {
    socket.on("close", () => listeners.delete(socket));
    socket.on("message", (data: Buffer) => {
      const frame = RoomClientFrame.parse(JSON.parse(data.toString("utf8")));
      if (frame.type === "hello") {
        listeners.add(socket);
        send(socket, { type: "welcome", channels: [] });
      } else if (frame.type === "post") {
        const message = {
          ...build(frame.channel, frame.text, false),
          threadId: frame.threadId ?? null,
        };
        const confirm = () => send(socket, { type: "ok", ref: frame.ref, messageId: message.id });
        take({ message, show, confirm }, room);
      }
    });
  });
  await once(server, "listening");
  process.once("disconnect", () => process.exit(0));
  process.send?.({ port: (server.address() as AddressInfo).port });
  return room;

  function build(channel: string, text: string, bot: boolean): RoomMessage {
    seq += 1;
    const name = bot ? "slipway" : "dana";
    return {
      id: newId(),
      seq,
      channel,
      threadId: null,
      author: { subject: name, username: name, name, bot },
      text,
      card: null,
      actions: [],
      ephemeral: false,
      replyCount: 0,
      createdAt: new Date().toISOString(),
      editedAt: null,
    };
  }

  function show(message: RoomMessage): void {
    const frame = JSON.stringify({ type: "message", message } satisfies RoomServerFrame);
    listeners.forEach((socket) => socket.send(frame));
  }

  function send(socket: WebSocket, frame: RoomServerFrame): void {
    socket.send(JSON.stringify(frame));
  }
}
