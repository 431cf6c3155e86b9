import { Op } from "sequelize";
import type { LiveEvent } from "../../contract/live.ts";
import { EventRow } from "../../db/rows/event.ts";
import type { Logger } from "../../lib/logger.ts";
import { systemTimers, type Timers } from "../../lib/scheduler.ts";
import type { LiveServices } from "../services.ts";

/** Facts read at once. */
const PAGE_SIZE = 500;
/** Facts kept in memory for pages that reconnect, e.g. all of them after a restart of a proxy. */
const RECENT_LIMIT = 1_000;
/** Finds what another process wrote; this one's commits wake at once. */
const POLL_MS = 1_000;

export interface LiveTail extends LiveServices {
  /** Something was committed. Cheap; call it after every commit. */
  wake(): void;
  /** Lets all go; nobody is called back afterwards. */
  stop(): void;
}

interface Listener {
  /** Seq of the last fact told. */
  position: number;
  readonly onEvent: (event: LiveEvent) => void;
}

/**
 * Follows the log of facts for everybody who watches: each burst of commits is read once, however many listen. Reads only
 * while somebody does.
 */
export function createLiveServices(deps: {
  readonly logger: Logger;
  readonly timers?: Timers;
}): LiveTail {
  const { logger, timers = systemTimers } = deps;
  const listeners = new Set<Listener>();
  /** Every fact up to here was told to all listeners. Undefined while nobody listens. */
  let position: number | undefined;
  let recent: LiveEvent[] = [];
  let isWanted = false;
  let isReading = false;
  let isStopped = false;
  let cancelPoll: (() => void) | undefined;

  return { subscribe, lastSeq, wake, stop };

  async function subscribe(
    after: number | null,
    onEvent: (event: LiveEvent) => void,
  ): Promise<() => void> {
    const listener: Listener = { position: await startOf(after), onEvent };
    position ??= listener.position;
    await catchUp(listener);
    if (!isStopped) {
      // Whoever set it may have left in the meantime.
      position ??= listener.position;
      // No wait since the last look at the position, so nothing can fall between replay and live.
      listeners.add(listener);
      cancelPoll ??= timers.after(POLL_MS, poll);
      wake();
    }
    return () => leave(listener);
  }

  /** Nobody waits for facts beyond the end, e.g. after a backup was restored. */
  async function startOf(after: number | null): Promise<number> {
    if (after !== null && after <= (position ?? 0)) {
      return after;
    }
    const last = await lastSeq();
    return after === null ? last : Math.min(after, last);
  }

  /** Tells what happened up to the common position; beyond it the common reading goes on. */
  async function catchUp(listener: Listener): Promise<void> {
    while (!isStopped && listener.position < (position ?? 0)) {
      const first = recent[0];
      const isRemembered = first !== undefined && first.seq <= listener.position + 1;
      const events = isRemembered
        ? recent.filter((event) => event.seq > listener.position)
        : await readAfter(listener.position);
      if (events.length === 0) {
        return;
      }
      tell(listener, events);
    }
  }

  async function lastSeq(): Promise<number> {
    return (await EventRow.max<number | null, EventRow>("seq")) ?? 0;
  }

  function wake(): void {
    if (listeners.size === 0 || isStopped) {
      return;
    }
    isWanted = true;
    if (!isReading) {
      isReading = true;
      void readOn();
    }
  }

  async function readOn(): Promise<void> {
    while (isWanted && !isStopped && position !== undefined) {
      isWanted = false;
      try {
        const events = await readAfter(position);
        share(events);
        isWanted ||= events.length === PAGE_SIZE;
      } catch (error) {
        logger.error({ err: error }, "reading live events failed");
      }
    }
    isReading = false;
  }

  function share(events: readonly LiveEvent[]): void {
    const last = events.at(-1);
    if (!last) {
      return;
    }
    position = last.seq;
    recent = [...recent, ...events].slice(-RECENT_LIMIT);
    for (const listener of listeners) {
      tell(listener, events);
    }
  }

  function tell(listener: Listener, events: readonly LiveEvent[]): void {
    for (const event of events) {
      if (event.seq > listener.position) {
        listener.position = event.seq;
        try {
          listener.onEvent(event);
        } catch (error) {
          // One broken page must not keep the others waiting.
          logger.error({ err: error }, "a live listener failed and was let go");
          leave(listener);
          return;
        }
      }
    }
  }

  function poll(): void {
    cancelPoll = timers.after(POLL_MS, poll);
    wake();
  }

  function leave(listener: Listener): void {
    listeners.delete(listener);
    if (listeners.size === 0) {
      cancelPoll?.();
      cancelPoll = undefined;
      position = undefined;
      recent = [];
    }
  }

  function stop(): void {
    isStopped = true;
    cancelPoll?.();
    listeners.clear();
  }
}

async function readAfter(seq: number): Promise<LiveEvent[]> {
  const rows = await EventRow.findAll({
    attributes: ["seq", "name", "subjectKind", "subjectId", "related", "occurredAt"],
    where: { seq: { [Op.gt]: seq } },
    order: ["seq"],
    limit: PAGE_SIZE,
  });
  return rows.map((row) => ({
    seq: row.seq,
    event: row.name,
    subject: { kind: row.subjectKind, id: row.subjectId },
    related: row.related.map(({ kind, id }) => ({ kind, id })),
    at: row.occurredAt.toISOString(),
  }));
}
