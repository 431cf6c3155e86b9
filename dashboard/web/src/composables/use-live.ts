import { onScopeDispose } from "vue";
import type { LiveEvent } from "../../../../shared/contract/live.ts";
import { onLiveEvent } from "../api/live.ts";

/**
 * Calls `onChange` when something named by `concerns` changed. A burst of facts makes one call, and never two at a time: what
 * arrives during a call makes one more afterwards.
 */
export function useLive(
  concerns: (event: LiveEvent) => boolean,
  onChange: () => Promise<void>,
): void {
  let isRunning = false;
  let isDue = false;
  const stop = onLiveEvent((event) => {
    if (concerns(event)) {
      void schedule();
    }
  });
  onScopeDispose(stop);

  async function schedule(): Promise<void> {
    isDue = true;
    if (isRunning) {
      return;
    }
    isRunning = true;
    while (isDue) {
      isDue = false;
      await onChange();
    }
    isRunning = false;
  }
}

/** Whether an event is about this thing, directly or as something related. */
export function isAbout(event: LiveEvent, kind: string, id: string): boolean {
  return [event.subject, ...event.related].some((about) => about.kind === kind && about.id === id);
}
