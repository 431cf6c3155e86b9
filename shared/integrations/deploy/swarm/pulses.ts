import { pause } from "../../../lib/deadline.ts";
import type { Timers } from "../../../lib/scheduler.ts";
import type { Engine } from "./engine.ts";
import type { SwarmEvent } from "./swarm-state.ts";

/** Tells that something happened, for those who would otherwise only look now and then. */
export interface Pulses {
  /** Returns how to stop listening. Nothing is asked of the engine while nobody listens. */
  listen(listener: (event: SwarmEvent) => void): () => void;
}

/** After a gap anything may have happened. */
const ANYTHING: SwarmEvent = { serviceId: null, serviceName: null };

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 15_000;
/** A connection that died without a word looks like a quiet Swarm: it is made anew now and then. */
const RENEW_MS = 5 * 60_000;

/** One stream of events for everybody, opened again whenever it ends. */
export function createPulses(engine: Pick<Engine, "events">, timers: Timers): Pulses {
  const listeners = new Set<(event: SwarmEvent) => void>();
  let streaming: AbortController | undefined;

  return {
    listen(listener) {
      listeners.add(listener);
      if (!streaming) {
        streaming = new AbortController();
        void stream(streaming.signal);
      }
      return () => {
        listeners.delete(listener);
        if (listeners.size === 0) {
          streaming?.abort();
          streaming = undefined;
        }
      };
    },
  };

  async function stream(signal: AbortSignal): Promise<void> {
    for (let wait = FIRST_PAUSE_MS; !signal.aborted; wait = Math.min(wait * 2, LONGEST_PAUSE_MS)) {
      const renewal = new AbortController();
      const cancel = timers.after(RENEW_MS, () => renewal.abort(new Error("renewed")));
      try {
        await engine.events(
          (event) => {
            wait = FIRST_PAUSE_MS;
            tell(event);
          },
          AbortSignal.any([signal, renewal.signal]),
        );
      } catch {
        // Whoever waits for events looks by himself, too, and says what is wrong.
      } finally {
        cancel();
      }
      await pause(timers, wait, signal);
      if (!signal.aborted) {
        tell(ANYTHING);
      }
    }
  }

  function tell(event: SwarmEvent): void {
    for (const listener of listeners) {
      listener(event);
    }
  }
}
