import { onScopeDispose, readonly, ref, type Ref } from "vue";

/** The current time, moving on its own so that "2 min ago" stays true. */
export function useNow(everyMs = 15_000): Readonly<Ref<number>> {
  const now = ref(Date.now());
  const timer = setInterval(() => {
    now.value = Date.now();
  }, everyMs);
  onScopeDispose(() => clearInterval(timer));
  return readonly(now);
}
