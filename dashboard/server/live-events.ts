import type { ServerResponse } from "node:http";
import type { LiveServices } from "../../shared/app/services.ts";
import { AppError } from "../../shared/errors/app-error.ts";
import type { LiveEvent } from "../../shared/contract/live.ts";
import type { Logger } from "../../shared/lib/logger.ts";
import { systemTimers, type Timers } from "../../shared/lib/scheduler.ts";

/** How often an idle stream shows that it is alive; proxies cut silent ones after 30 to 60 s. */
const HEARTBEAT_MS = 15_000;

/** How many heartbeats pass between two checks whether the person may still listen. */
const HEARTBEATS_PER_CHECK = 2;

/** A client this far behind, in bytes not yet taken by its connection, is cut off; it resumes when it comes back. */
const LARGEST_BACKLOG = 512 * 1024;

/** Events kept for clients that come back after a short interruption. */
const KEPT_EVENTS = 2_000;

/** How long a browser waits before it comes back, in milliseconds. */
const RETRY_MS = 2_000;

export interface LiveEvents {
  /**
   * Streams what happens to one client as server-sent events until either side ends. With `after` (a seq) it begins with
   * everything that happened since. `recheck` is asked twice a minute; when it refuses, the stream ends.
   */
  stream(res: ServerResponse, after: number | null, recheck: () => Promise<unknown>): Promise<void>;
  /** Ends every stream; clients come back by themselves. */
  close(): void;
  readonly clientCount: number;
}

interface Client {
  readonly res: ServerResponse;
  readonly recheck: () => Promise<unknown>;
  /** The last seq this client was given. */
  seq: number;
  /** Set while the client is being told what it missed: its events come from a subscription of its own. */
  stopCatchUp: (() => void) | null;
  catchingUp: boolean;
  ended: boolean;
}

/** One subscription serves every client; each event is written out once and sent to all. */
export function createLiveEvents(deps: {
  readonly live: LiveServices;
  readonly logger: Logger;
  readonly timers?: Timers;
}): LiveEvents {
  const { live, logger, timers = systemTimers } = deps;
  const clients = new Set<Client>();
  /** The latest events, oldest first. */
  let recent: { readonly seq: number; readonly frame: string }[] = [];
  /** Every event after this seq is in `recent`. */
  let recentFrom = 0;
  let seq = 0;
  let upstream: Promise<() => void> | null = null;
  let closed = false;
  let beats = 0;
  let cancelBeat: (() => void) | null = null;

  return {
    get clientCount() {
      return clients.size;
    },
    stream,
    close,
  };

  async function stream(
    res: ServerResponse,
    after: number | null,
    recheck: () => Promise<unknown>,
  ): Promise<void> {
    await listenUpstream();
    const client: Client = {
      res,
      recheck,
      seq: 0,
      stopCatchUp: null,
      catchingUp: false,
      ended: closed,
    };
    res.on("close", () => forget(client));
    res.writeHead(200, {
      "Content-Type": "text/event-stream; charset=utf-8",
      "Cache-Control": "no-store, no-transform",
      "X-Accel-Buffering": "no",
    });
    // An id without data reaches no listener, but from now on the browser resumes from it.
    client.seq = after === null ? seq : Math.min(after, seq);
    send(client, `retry: ${RETRY_MS}\nid: ${client.seq}\n\n`);
    if (client.ended) {
      res.end();
      return;
    }
    clients.add(client);
    beatWhileNeeded();
    if (client.seq < recentFrom) {
      await catchUp(client);
    } else {
      for (const event of recent) {
        give(client, event.seq, event.frame);
      }
    }
  }

  function close(): void {
    closed = true;
    cancelBeat?.();
    for (const client of [...clients]) {
      forget(client);
      client.res.end();
    }
    upstream
      ?.then((stop) => stop())
      .catch((error: unknown) => logger.warn({ err: error }, "ending live events failed"));
  }

  function listenUpstream(): Promise<() => void> {
    upstream ??= start().catch((error: unknown) => {
      upstream = null;
      throw error;
    });
    return upstream;
  }

  async function start(): Promise<() => void> {
    seq = await live.lastSeq();
    recentFrom = seq;
    recent = [];
    return live.subscribe(seq, onEvent);
  }

  function onEvent(event: LiveEvent): void {
    if (event.seq <= seq) {
      return;
    }
    seq = event.seq;
    const frame = toFrame(event);
    recent.push({ seq, frame });
    if (recent.length > KEPT_EVENTS * 2) {
      recent = recent.slice(-KEPT_EVENTS);
      recentFrom = (recent[0]?.seq ?? seq + 1) - 1;
    }
    for (const client of clients) {
      if (!client.catchingUp) {
        give(client, seq, frame);
      }
    }
  }

  /** Tells a client what happened before `recent` begins, until it has reached the others. */
  async function catchUp(client: Client): Promise<void> {
    client.catchingUp = true;
    const stop = await live.subscribe(client.seq, (event) => {
      if (!client.catchingUp) {
        return;
      }
      give(client, event.seq, toFrame(event));
      if (client.seq >= seq) {
        finishCatchUp(client);
      }
    });
    // The client may have arrived, or left, while the subscription was being made.
    if (client.catchingUp && !client.ended && client.seq < seq) {
      client.stopCatchUp = stop;
      return;
    }
    client.catchingUp = false;
    stop();
  }

  function finishCatchUp(client: Client): void {
    client.catchingUp = false;
    client.stopCatchUp?.();
    client.stopCatchUp = null;
  }

  function give(client: Client, eventSeq: number, frame: string): void {
    if (eventSeq > client.seq) {
      client.seq = eventSeq;
      send(client, frame);
    }
  }

  function send(client: Client, text: string): void {
    if (client.ended) {
      return;
    }
    client.res.write(text);
    if (client.res.writableLength > LARGEST_BACKLOG) {
      logger.info({ backlog: client.res.writableLength }, "slow live client cut off");
      forget(client);
      client.res.destroy();
    }
  }

  function forget(client: Client): void {
    client.ended = true;
    clients.delete(client);
    finishCatchUp(client);
    if (clients.size === 0) {
      cancelBeat?.();
      cancelBeat = null;
    }
  }

  function beatWhileNeeded(): void {
    cancelBeat ??= timers.after(HEARTBEAT_MS, () => {
      cancelBeat = null;
      beats += 1;
      for (const client of [...clients]) {
        send(client, ": still here\n\n");
        if (beats % HEARTBEATS_PER_CHECK === 0) {
          endUnlessAllowed(client);
        }
      }
      if (clients.size > 0) {
        beatWhileNeeded();
      }
    });
  }

  function endUnlessAllowed(client: Client): void {
    client.recheck().catch((error: unknown) => {
      if (error instanceof AppError && error.kind === "upstream") {
        // Nobody can tell whether they may: what they do is refused, what they hear (ids only) goes on.
        return;
      }
      logger.info({ err: error }, "live client may not listen any longer");
      forget(client);
      client.res.end();
    });
  }
}

function toFrame(event: LiveEvent): string {
  return `id: ${event.seq}\ndata: ${JSON.stringify(event)}\n\n`;
}
