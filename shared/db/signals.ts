import type { Transaction } from "sequelize";

/**
 * What a commit may have brought. A signal is only a wake-up and carries nothing: whoever hears it looks into the tables, and
 * also looks from time to time by itself, so that a lost one costs time and never a fact.
 *
 * - `facts`: events were appended.
 * - `jobs`: background work was enqueued.
 * - `room`: the room has new or changed messages.
 * - `inbox`: something was left for the process that runs chat.
 * - `answers`: something that was left was answered.
 * - `leases`: a lease was given back.
 */
export const TOPICS = ["facts", "jobs", "room", "inbox", "answers", "leases"] as const;
export type Topic = (typeof TOPICS)[number];

/** Wakes whoever waits, in this process and in every other one on the same database. */
export interface Signals {
  /** Calls back after each commit that brought the topic; now and then also when nothing was brought. */
  on(topic: Topic, hear: () => void): () => void;
  /** Ties the topics to a transaction: other processes hear of them when it commits, and only then. */
  send(topics: ReadonlySet<Topic>, transaction: Transaction): Promise<void>;
  /** Tells this process, after the commit. */
  emit(topics: Iterable<Topic>): void;
  /** Whether other processes are heard at present. */
  readonly isConnected: boolean;
  stop(): Promise<void>;
}

/** Who listens in this process. */
export interface Listeners {
  on: Signals["on"];
  emit: Signals["emit"];
}

export function createListeners(): Listeners {
  const listeners = new Map<Topic, Set<() => void>>(TOPICS.map((topic) => [topic, new Set()]));
  return {
    on(topic, hear) {
      // An object of its own, so that the same function may listen twice.
      const listener = () => hear();
      listeners.get(topic)?.add(listener);
      return () => {
        listeners.get(topic)?.delete(listener);
      };
    },
    emit(topics) {
      for (const topic of topics) {
        listeners.get(topic)?.forEach((hear) => hear());
      }
    },
  };
}

/** Signals where one process has the database for itself. */
export function createLocalSignals(): Signals {
  const { on, emit } = createListeners();
  return { on, emit, isConnected: true, send: async () => undefined, stop: async () => undefined };
}
