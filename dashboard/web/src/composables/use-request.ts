import { onScopeDispose, readonly, ref, shallowRef, type Ref } from "vue";
import { toShownError, type ShownError } from "../api/problem.ts";

export interface Request<T> {
  readonly data: Readonly<Ref<T | null>>;
  readonly status: Readonly<Ref<"loading" | "ready" | "failed">>;
  readonly error: Readonly<Ref<ShownError | null>>;
  /** Loads again; what is shown stays until the answer is there. */
  readonly reload: () => Promise<void>;
  /** Shows a newer state that an action's answer brought. */
  readonly put: (value: T) => void;
}

/** Loads once now, aborts when the page goes away, and of two loads only the last one counts. */
export function useRequest<T>(load: (signal: AbortSignal) => Promise<T>): Request<T> {
  const data = shallowRef<T | null>(null);
  const status = ref<"loading" | "ready" | "failed">("loading");
  const error = ref<ShownError | null>(null);
  let running: AbortController | null = null;

  onScopeDispose(() => running?.abort());
  void reload();
  return { data, status: readonly(status), error: readonly(error), reload, put };

  async function reload(): Promise<void> {
    running?.abort();
    const mine = new AbortController();
    running = mine;
    if (data.value === null) {
      status.value = "loading";
    }
    try {
      const loaded = await load(mine.signal);
      if (running === mine) {
        put(loaded);
      }
    } catch (caught) {
      if (running === mine && !mine.signal.aborted) {
        error.value = toShownError(caught);
        status.value = "failed";
      }
    }
  }

  function put(value: T): void {
    data.value = value;
    status.value = "ready";
    error.value = null;
  }
}
