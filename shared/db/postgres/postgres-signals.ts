import type { Client } from "pg";
import type { Sequelize } from "sequelize";
import { pause } from "../../lib/deadline.ts";
import { randomToken } from "../../lib/ids.ts";
import type { Logger } from "../../lib/logger.ts";
import { systemTimers, type Timers } from "../../lib/scheduler.ts";
import { TOPICS, createListeners, type Signals, type Topic } from "../signals.ts";

const CHANNEL = "slipway";
/** A server that fails over may leave the connection half open: silence is told from death by asking. */
const BEAT_MS = 10_000;
const BEAT_PATIENCE_MS = 5_000;
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 5_000;

/**
 * Signals over LISTEN and NOTIFY. A notification is part of the transaction that sends it, so it comes when what it tells of
 * can be read, or not at all. One connection of its own listens; whenever it was lost and is there again, everybody looks,
 * because anything may have been missed.
 */
export function createPostgresSignals(deps: {
  readonly sequelize: Sequelize;
  /** Makes a connection outside the pool. */
  readonly connect: () => Promise<Client>;
  readonly logger: Logger;
  readonly timers?: Timers;
}): Signals & { start(): Promise<void> } {
  const { sequelize, connect, timers = systemTimers } = deps;
  const logger = deps.logger.child({ part: "signals" });
  const { on, emit } = createListeners();
  const stopping = new AbortController();
  /** Told with each notification, so that this process need not hear its own: it was told at the commit. */
  const self = randomToken(12);
  let isConnected = false;
  let following: Promise<void> = Promise.resolve();

  return {
    on,
    emit,
    async send(topics, transaction) {
      await sequelize.query(`SELECT pg_notify($1, topic) FROM unnest($2::text[]) AS topic`, {
        bind: [CHANNEL, [...topics].map((topic) => `${self} ${topic}`)],
        transaction,
      });
    },
    get isConnected() {
      return isConnected;
    },
    /** Resolves when other processes are heard, or after the first try failed; it goes on trying. */
    start() {
      return new Promise((tried) => {
        following = follow(tried);
      });
    },
    async stop() {
      stopping.abort();
      await following;
    },
  };

  async function follow(tried: () => void): Promise<void> {
    for (
      let ms = FIRST_PAUSE_MS;
      !stopping.signal.aborted;
      ms = Math.min(ms * 2, LONGEST_PAUSE_MS)
    ) {
      try {
        await listen(() => {
          ms = FIRST_PAUSE_MS;
          tried();
        });
      } catch (error) {
        logger.warn({ err: error }, "listening to other processes failed, trying again");
      }
      isConnected = false;
      tried();
      await pause(timers, ms, stopping.signal);
    }
  }

  /** Resolves when asked to stop; rejects when the connection cannot be made or is lost. */
  async function listen(connected: () => void): Promise<void> {
    const client = await connect();
    const lost = new Promise<never>((_resolve, reject) => {
      client.on("error", reject);
      client.on("end", () => reject(new Error("the connection ended")));
    });
    // Somebody may be waiting for something else when it is lost.
    lost.catch(() => undefined);
    client.on("notification", ({ payload }) => hear(payload ?? ""));
    try {
      await Promise.race([client.query(`LISTEN ${CHANNEL}`), lost]);
      isConnected = true;
      connected();
      emit(TOPICS);
      await Promise.race([beatUntilStopped(client), lost]);
    } finally {
      client.end().catch(() => undefined);
    }
  }

  async function beatUntilStopped(client: Client): Promise<void> {
    while (!stopping.signal.aborted) {
      await pause(timers, BEAT_MS, stopping.signal);
      if (!stopping.signal.aborted) {
        await withPatience(client.query("SELECT 1"));
      }
    }
  }

  async function withPatience(answer: Promise<unknown>): Promise<void> {
    const done = new AbortController();
    const late = pause(timers, BEAT_PATIENCE_MS, done.signal).then(() => {
      if (!done.signal.aborted) {
        throw new Error("the connection does not answer");
      }
    });
    try {
      await Promise.race([answer, late]);
    } finally {
      done.abort();
      answer.catch(() => undefined);
      late.catch(() => undefined);
    }
  }

  function hear(payload: string): void {
    const [from, topic] = payload.split(" ");
    if (from !== self && isTopic(topic)) {
      emit([topic]);
    }
  }
}

function isTopic(word: string | undefined): word is Topic {
  return TOPICS.some((topic) => topic === word);
}
