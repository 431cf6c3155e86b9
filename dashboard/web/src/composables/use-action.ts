import { readonly, ref, type Ref } from "vue";
import { toShownError, type ShownError } from "../api/problem.ts";

export interface Action<A extends unknown[]> {
  readonly run: (...args: A) => Promise<boolean>;
  readonly running: Readonly<Ref<boolean>>;
  readonly error: Readonly<Ref<ShownError | null>>;
}

/** Runs something that changes state: one at a time (a double click does it once), with its error kept for showing. */
export function useAction<A extends unknown[]>(work: (...args: A) => Promise<unknown>): Action<A> {
  const running = ref(false);
  const error = ref<ShownError | null>(null);
  return { run, running: readonly(running), error: readonly(error) };

  async function run(...args: A): Promise<boolean> {
    if (running.value) {
      return false;
    }
    running.value = true;
    error.value = null;
    try {
      await work(...args);
      return true;
    } catch (caught) {
      error.value = toShownError(caught);
      return false;
    } finally {
      running.value = false;
    }
  }
}
