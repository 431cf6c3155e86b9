import type { LiveEvent } from "../../../../shared/contract/live.ts";

const RECONNECT_MS = 2_000;

type Listener = (event: LiveEvent) => void;

const listeners = new Set<Listener>();
let source: EventSource | null = null;

/**
 * Hears every fact as it is committed. One connection serves the whole page; the browser reconnects by itself and says where
 * it stopped, so that nothing is missed. Returns the way to stop.
 */
export function onLiveEvent(listener: Listener): () => void {
  listeners.add(listener);
  source ??= connect();
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) {
      source?.close();
      source = null;
    }
  };
}

function connect(): EventSource {
  const events = new EventSource("/api/v1/events");
  events.addEventListener("message", (message: MessageEvent<string>) => {
    const event = JSON.parse(message.data) as LiveEvent;
    for (const listener of listeners) {
      listener(event);
    }
  });
  events.addEventListener("error", () => {
    // After an answer other than 200, e.g. of a server that is restarting, a browser gives up for good.
    if (events.readyState === EventSource.CLOSED && source === events) {
      setTimeout(() => {
        if (source === events) {
          source = connect();
        }
      }, RECONNECT_MS);
    }
  });
  return events;
}
