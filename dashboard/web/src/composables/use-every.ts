import { onScopeDispose } from "vue";

/**
 * Calls `run` again and again while the page is looked at, for what the server tells no facts about. At once when somebody comes
 * back to the page; never two at a time.
 */
export function useEvery(everyMs: number, run: () => Promise<void>): void {
  let isRunning = false;
  const timer = setInterval(() => void call(), everyMs);
  const onVisible = (): void => void call();
  document.addEventListener("visibilitychange", onVisible);
  onScopeDispose(() => {
    clearInterval(timer);
    document.removeEventListener("visibilitychange", onVisible);
  });

  async function call(): Promise<void> {
    if (isRunning || document.visibilityState === "hidden") {
      return;
    }
    isRunning = true;
    try {
      await run();
    } finally {
      isRunning = false;
    }
  }
}
