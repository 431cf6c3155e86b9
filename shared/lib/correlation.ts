import { AsyncLocalStorage } from "node:async_hooks";

const storage = new AsyncLocalStorage<string>();

/**
 * Runs `work` under a correlation id (a delivery or request id, born at the edge). Everything it awaits sees the same
 * id, so that one action can be followed through logs, events and outgoing requests.
 */
export function withCorrelation<T>(id: string, work: () => T): T {
  return storage.run(id, work);
}

/** The id of the action being served; null outside any (start-up, timers). */
export function correlationId(): string | null {
  return storage.getStore() ?? null;
}
