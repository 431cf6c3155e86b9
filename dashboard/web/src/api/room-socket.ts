import { ref, readonly, type Ref } from "vue";
import type { RoomClientFrame, RoomServerFrame } from "../../../../shared/contract/room.ts";

/** The connection of the Room page: reconnects by itself and asks for what it missed. */
export interface RoomSocket {
  readonly connected: Readonly<Ref<boolean>>;
  /** Resolves when the server took it; rejects with the server's sentence. */
  readonly send: (frame: PostFrame | PressFrame) => Promise<string | null>;
  readonly close: () => void;
}
type PostFrame = Omit<Extract<RoomClientFrame, { type: "post" }>, "ref">;
type PressFrame = Omit<Extract<RoomClientFrame, { type: "press" }>, "ref">;

interface Waiting {
  resolve(messageId: string | null): void;
  reject(error: Error): void;
}

/** `seen` tells the newest message known per channel, `onFrame` takes everything but answers. */
export function connectRoom(
  seen: () => Record<string, number>,
  onFrame: (frame: RoomServerFrame) => void,
): RoomSocket {
  const connected = ref(false);
  const waiting = new Map<string, Waiting>();
  const unsent: string[] = [];
  let socket: WebSocket | null = null;
  let closed = false;
  let attempt = 0;
  let counter = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  open();
  return { connected: readonly(connected), send, close };

  function open(): void {
    const url = new URL("/room/socket", location.href);
    url.protocol = url.protocol.replace("http", "ws");
    socket = new WebSocket(url);
    socket.addEventListener("open", () => {
      attempt = 0;
      connected.value = true;
      socket?.send(JSON.stringify({ type: "hello", after: seen() } satisfies RoomClientFrame));
      for (const text of unsent.splice(0)) {
        socket?.send(text);
      }
    });
    socket.addEventListener("message", (message: MessageEvent<string>) => {
      take(JSON.parse(message.data) as RoomServerFrame);
    });
    socket.addEventListener("close", () => {
      connected.value = false;
      for (const [, entry] of waiting) {
        entry.reject(new Error("The connection was lost before the room answered."));
      }
      waiting.clear();
      unsent.length = 0;
      if (!closed) {
        attempt += 1;
        timer = setTimeout(open, Math.min(10_000, 250 * 2 ** attempt));
      }
    });
  }

  function take(frame: RoomServerFrame): void {
    if (frame.type === "ok") {
      waiting.get(frame.ref)?.resolve(frame.messageId);
      waiting.delete(frame.ref);
      return;
    }
    if (frame.type === "error" && frame.ref !== null) {
      const text = frame.remedy === null ? frame.message : `${frame.message} ${frame.remedy}`;
      waiting.get(frame.ref)?.reject(new Error(text));
      waiting.delete(frame.ref);
      return;
    }
    onFrame(frame);
  }

  function send(frame: PostFrame | PressFrame): Promise<string | null> {
    counter += 1;
    const name = `r${String(counter)}`;
    const text = JSON.stringify({ ...frame, ref: name });
    return new Promise((resolve, reject) => {
      if (socket?.readyState === WebSocket.OPEN) {
        waiting.set(name, { resolve, reject });
        socket.send(text);
      } else if (attempt === 0 && !closed) {
        // The page has just opened: what is said meanwhile goes out with the connection.
        waiting.set(name, { resolve, reject });
        unsent.push(text);
      } else {
        reject(new Error("Not connected to the room. It reconnects by itself; try again then."));
      }
    });
  }

  function close(): void {
    closed = true;
    clearTimeout(timer);
    socket?.close();
  }
}
