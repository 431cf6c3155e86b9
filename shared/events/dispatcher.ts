import type { Clock } from "../core/ports/clock.ts";
import { afterFailure, isOurFault } from "../db/after-failure.ts";
import type { ClaimedDelivery, EventDeliveries } from "../db/event-deliveries.ts";
import { withCorrelation } from "../lib/correlation.ts";
import type { Logger } from "../lib/logger.ts";
import { systemTimers, type Timers } from "../lib/scheduler.ts";
import { createWorkLoop, keepBeating, type ClaimedWork } from "../lib/work-loop.ts";
import type { Subscriber } from "./events.ts";

/** Brings every fact to every subscriber that wants it, at least once. */
export interface Dispatcher {
  /** Something was committed. Cheap; call it after every commit. */
  wake(): void;
  start(): void;
  /** Takes no more deliveries and waits for those under way; after `timeoutMs` they are aborted and delivered again later. */
  stop(timeoutMs: number): Promise<void>;
  /** Delivers everything that is due, and what becomes due by that, then resolves. For tests and for a quiet start. */
  runOnce(): Promise<void>;
}

export interface DispatcherOptions {
  readonly deliveries: EventDeliveries;
  /** Those this process delivers to. */
  readonly subscribers: readonly Subscriber[];
  /** Names of those that other processes deliver to. */
  readonly elsewhere?: readonly string[];
  /** What taking and delivering is wrapped in, such as a fence. */
  readonly within?: <T>(work: () => T) => T;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly timers?: Timers;
  /** How many facts one subscriber may handle at once; 4 by default. Facts about one subject never overlap. */
  readonly concurrency?: number;
}

/** How long a delivery belongs to a process that has stopped beating, e.g. because it was killed. */
const LEASE_MS = 30_000;
const BEAT_MS = LEASE_MS / 3;
/** A subscriber that has not answered by now is told to stop and tried again. */
const HANDLE_TIMEOUT_MS = 60_000;
/** Finds what no wake-up told of: retries that fall due, leases that ended, facts of other processes. */
const POLL_MS = 1_000;

/**
 * Each subscriber has slots of its own, so a slow one delays nobody else. The kind of the error it throws decides whether a
 * delivery is tried again or dead (see afterFailure); dead ones stay in the table with their error.
 */
export function createDispatcher(options: DispatcherOptions): Dispatcher {
  const { deliveries, subscribers, clock, timers = systemTimers, concurrency = 4 } = options;
  const { elsewhere = [], within = (work) => work() } = options;
  const logger = options.logger.child({ part: "dispatcher" });
  const byName = new Map(subscribers.map((subscriber) => [subscriber.name, subscriber]));
  if (byName.size < subscribers.length) {
    throw new Error("two subscribers have the same name, under which deliveries are stored");
  }
  const running = new Map(subscribers.map((subscriber) => [subscriber.name, 0]));
  let hasBuriedOrphans = false;
  const loop = createWorkLoop({
    claim: () => within(claim),
    pollMs: POLL_MS,
    timers,
    onError: (error) => logger.error({ err: error }, "claiming deliveries failed"),
  });

  return {
    wake: () => loop.wake(),
    start: () => loop.start(),
    runOnce: () => loop.runDue(),
    async stop(timeoutMs) {
      if (!(await loop.stop(timeoutMs))) {
        logger.warn("stopped before every delivery ended");
      }
    },
  };

  async function claim(): Promise<readonly ClaimedWork[]> {
    if (!hasBuriedOrphans) {
      const count = await deliveries.buryOrphans([...byName.keys(), ...elsewhere]);
      hasBuriedOrphans = true;
      if (count > 0) {
        logger.warn({ count }, "buried deliveries to subscribers that no longer exist");
      }
    }
    const slots = new Map([...running].map(([name, count]) => [name, concurrency - count]));
    const claimed = await deliveries.claim(slots, leaseEnd());
    return claimed.map((delivery) => {
      count(delivery.subscriber, 1);
      return () => within(() => deliver(delivery)).finally(() => count(delivery.subscriber, -1));
    });
  }

  /** Never rejects: what cannot be settled is delivered again when its lease ends. */
  async function deliver(delivery: ClaimedDelivery): Promise<void> {
    const { event, subscriber } = delivery;
    const fields = { subscriber, event: event.name, seq: event.seq };
    const stopBeating = keepBeating(
      () => deliveries.extendLease(delivery, leaseEnd()),
      BEAT_MS,
      (error) => logger.warn({ err: error, ...fields }, "extending a lease failed"),
      timers,
    );
    const failure = await withCorrelation(event.correlationId, () => handle(delivery));
    stopBeating();
    try {
      await settle(delivery, failure);
    } catch (error) {
      logger.error({ err: error, ...fields }, "settling a delivery failed");
    }
  }

  /** Returns what the subscriber threw, wrapped so that even a thrown undefined is noticed. */
  async function handle({
    event,
    subscriber,
  }: ClaimedDelivery): Promise<{ readonly error: unknown } | undefined> {
    const timeout = new AbortController();
    const cancel = timers.after(HANDLE_TIMEOUT_MS, () =>
      timeout.abort(new Error(`${subscriber} took longer than ${HANDLE_TIMEOUT_MS / 1000} s`)),
    );
    try {
      const signal = AbortSignal.any([loop.signal, timeout.signal]);
      await byName.get(subscriber)?.handle(event, signal);
      return undefined;
    } catch (error) {
      return { error: timeout.signal.aborted ? timeout.signal.reason : error };
    } finally {
      cancel();
    }
  }

  async function settle(
    delivery: ClaimedDelivery,
    failure: { readonly error: unknown } | undefined,
  ): Promise<void> {
    if (!failure) {
      await deliveries.markDone(delivery);
      return;
    }
    if (loop.signal.aborted) {
      await deliveries.release(delivery);
      return;
    }
    const { attempts, event, subscriber } = delivery;
    const { error } = failure;
    const next = afterFailure(error, attempts, clock.now());
    const fields = { err: error, subscriber, event: event.name, seq: event.seq, attempts };
    if (next.then === "bury") {
      logger.error(fields, "delivery is dead");
      await deliveries.bury(delivery, next.error);
    } else {
      logger[isOurFault(error) ? "error" : "warn"](fields, "delivery failed and will be repeated");
      await deliveries.retryAt(delivery, next.at, next.error);
    }
  }

  function count(subscriber: string, change: number): void {
    running.set(subscriber, (running.get(subscriber) ?? 0) + change);
  }

  function leaseEnd(): Date {
    return new Date(clock.now().getTime() + LEASE_MS);
  }
}

const KEEP_DONE_MS = 7 * 24 * 60 * 60_000;

/** Forgets what was delivered more than seven days ago; the facts themselves stay. For the scheduler. */
export async function pruneDeliveries(deps: {
  readonly deliveries: EventDeliveries;
  readonly clock: Clock;
}): Promise<number> {
  return deps.deliveries.removeDoneBefore(new Date(deps.clock.now().getTime() - KEEP_DONE_MS));
}
