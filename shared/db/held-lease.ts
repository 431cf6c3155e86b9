import { pause } from "../lib/deadline.ts";
import type { Logger } from "../lib/logger.ts";
import { systemTimers, type Timers } from "../lib/scheduler.ts";
import { keepBeating } from "../lib/work-loop.ts";
import { LEASE_MS } from "./leadership.ts";
import type { HeldLease, Leases } from "./leases.ts";
import type { Signals } from "./signals.ts";

const BEAT_MS = LEASE_MS / 4;
/** Finds what no signal told of. */
const TRY_MS = 250;

/** Runs a work while no other process runs one of the same name; waits while one does. */
export type Exclusive = <T>(name: string, work: () => Promise<T>) => Promise<T>;

/** Takes turns by leases. A process that dies in its turn keeps others waiting no longer than a lease lasts. */
export function createExclusive(deps: {
  readonly leases: Leases;
  readonly signals: Pick<Signals, "on">;
  readonly logger: Logger;
  readonly timers?: Timers;
}): Exclusive {
  const { signals, timers = systemTimers } = deps;
  return async (name, work) => {
    for (;;) {
      const held = await holdLease(deps, name);
      if (held) {
        try {
          return await work();
        } finally {
          await held.release();
        }
      }
      const change = new AbortController();
      const stopListening = signals.on("leases", () => change.abort());
      await pause(timers, TRY_MS, change.signal);
      stopListening();
    }
  };
}

/** Takes a lease and keeps it until it is given back; null when another process has it. */
export async function holdLease(
  deps: { readonly leases: Leases; readonly logger: Logger; readonly timers?: Timers },
  name: string,
): Promise<{ release(): Promise<void> } | null> {
  const { leases, logger, timers } = deps;
  const lease = await leases.take(name, LEASE_MS);
  if (!lease) {
    return null;
  }
  const fields = { lease: name };
  const stopBeating = keepBeating(
    () => extend(lease),
    BEAT_MS,
    (error) => logger.warn({ err: error, ...fields }, "extending a lease failed"),
    timers,
  );
  return {
    async release() {
      stopBeating();
      await leases.release(lease);
    },
  };

  async function extend(held: HeldLease): Promise<void> {
    if (!(await leases.extend(held, LEASE_MS))) {
      logger.warn(fields, "a lease was lost");
    }
  }
}
