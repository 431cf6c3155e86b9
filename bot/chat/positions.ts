import type { ChatCursor } from "../../shared/app/services.ts";
import type { Logger } from "../../shared/lib/logger.ts";
import type { Timers } from "../../shared/lib/scheduler.ts";

/** The position before the first message of a channel that we know of; it is behind no message. */
export const NO_MESSAGE = "";

/** How far each channel has been read. Written down soon, and never further than everything before it was read too. */
export interface Positions {
  load(): Promise<void>;
  /**
   * Until the returned function is called, this message and what comes behind it counts as unread for the next process: whoever
   * dies while serving it leaves it to somebody else.
   */
  hold(message: ChatCursor): () => void;
  /** This message was looked at. */
  passed(message: ChatCursor): void;
  /**
   * From now on there may be something unread behind the present positions. They are what is written down until `isRead` says
   * for each channel that the gap is closed, however far the live stream is by then. `thereUntil` is when we surely heard
   * everything.
   */
  gap(thereUntil?: Date): void;
  /** This message was heard and could not be handed on: as `gap`, and reading goes on before it. */
  missed(message: ChatCursor): void;
  /** Where reading has to go on; undefined for a channel never read. */
  unreadFrom(channelId: string): ChatCursor | undefined;
  isRead(channelId: string): void;
  /** Every channel was tried: a channel that is new from now on has no gap. */
  gapEnds(): void;
  /** When we were there last, as far as we know: what a channel without a position is read from. */
  latest(): Date | undefined;
  /** Writes down what is not written yet. */
  save(): Promise<void>;
}

/** Positions are written down together. */
const SAVE_CURSORS_MS = 1_000;

export function createPositions(deps: {
  readonly read: () => Promise<readonly ChatCursor[]>;
  readonly write: (cursors: readonly ChatCursor[]) => Promise<void>;
  readonly timers: Timers;
  readonly logger: Logger;
}): Positions {
  /** The newest message seen in each channel. */
  const seen = new Map<string, ChatCursor>();
  /** Where gaps begin. */
  const gaps = new Map<string, ChatCursor | undefined>();
  /** What stood before messages that are being served. */
  const held = new Map<string, ChatCursor>();
  const unsaved = new Set<string>();
  /** While there is one, a channel that was never read may have begun in it. */
  let isInGap = false;
  let there: Date | undefined;
  let cancel: (() => void) | undefined;
  let saving: Promise<void> = Promise.resolve();

  return {
    async load() {
      for (const cursor of await deps.read()) {
        const known = seen.get(cursor.channelId);
        if (!known || known.sentAt < cursor.sentAt) {
          seen.set(cursor.channelId, cursor);
        }
      }
    },
    hold(message) {
      const { channelId, messageId } = message;
      const key = `${channelId}/${messageId}`;
      held.set(key, safe(channelId) ?? before(message));
      return () => {
        held.delete(key);
        saveSoon(channelId);
      };
    },
    passed({ messageId, channelId, sentAt }) {
      const known = seen.get(channelId);
      if (known && known.sentAt >= sentAt) {
        return;
      }
      if (!known && isInGap) {
        gaps.set(channelId, undefined);
      }
      seen.set(channelId, { channelId, messageId, sentAt });
      saveSoon(channelId);
    },
    gap,
    missed(message) {
      gap();
      if (!gaps.has(message.channelId)) {
        gaps.set(message.channelId, before(message));
      }
    },
    unreadFrom: (channelId) => (gaps.has(channelId) ? gaps.get(channelId) : seen.get(channelId)),
    isRead(channelId) {
      gaps.delete(channelId);
      saveSoon(channelId);
    },
    gapEnds() {
      isInGap = false;
    },
    latest() {
      const times = [...seen.keys()].map((id) =>
        (gaps.has(id) ? gaps.get(id) : seen.get(id))?.sentAt.getTime(),
      );
      const newest = Math.max(there?.getTime() ?? 0, ...times.map((time) => time ?? 0));
      return newest > 0 ? new Date(newest) : undefined;
    },
    save,
  };

  function gap(thereUntil?: Date): void {
    isInGap = true;
    there = thereUntil ?? there;
    for (const [channelId, cursor] of seen) {
      if (!gaps.has(channelId)) {
        gaps.set(channelId, cursor);
      }
    }
  }

  /** Everything before it is done with. */
  function safe(channelId: string): ChatCursor | undefined {
    if (gaps.has(channelId)) {
      return gaps.get(channelId);
    }
    // What was missed is served after what is newer, so the order in which they came says nothing.
    const [first] = [...held.values()]
      .filter((each) => each.channelId === channelId)
      .sort((a, b) => a.sentAt.getTime() - b.sentAt.getTime());
    return first ?? seen.get(channelId);
  }

  function saveSoon(channelId: string): void {
    unsaved.add(channelId);
    cancel ??= deps.timers.after(SAVE_CURSORS_MS, () => {
      save().catch((error: unknown) => {
        // The next message tries again; until then a crash would only make us read a little more.
        deps.logger.warn({ err: error }, "could not write down how far a chat was read");
      });
    });
  }

  function save(): Promise<void> {
    cancel?.();
    cancel = undefined;
    saving = saving.catch(() => undefined).then(write);
    return saving;
  }

  async function write(): Promise<void> {
    const ids = [...unsaved];
    unsaved.clear();
    const cursors = ids.flatMap((id) => safe(id) ?? []);
    try {
      await deps.write(cursors);
    } catch (error) {
      ids.forEach((id) => unsaved.add(id));
      throw error;
    }
  }
}

function before({ channelId, sentAt }: ChatCursor): ChatCursor {
  return { channelId, messageId: NO_MESSAGE, sentAt: new Date(sentAt.getTime() - 1) };
}
