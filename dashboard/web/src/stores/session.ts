import { computed, readonly, ref } from "vue";
import { defineStore } from "pinia";
import type { Me } from "../../../../shared/contract/me.ts";
import { getMe } from "../api/client.ts";
import { ProblemError } from "../api/problem.ts";

/** Who is signed in. Loaded once before the first page. */
export const useSessionStore = defineStore("session", () => {
  const me = ref<Me | null>(null);
  const status = ref<"idle" | "ready" | "failed">("idle");
  const isSignedIn = computed(() => me.value !== null);
  const error = ref<unknown>(null);

  return {
    me: readonly(me),
    status: readonly(status),
    error: readonly(error),
    isSignedIn,
    load,
    may,
  };

  /** Whether the person has this permission anywhere: for offering it. The server decides. */
  function may(permission: string): boolean {
    return me.value?.permissions.includes(permission) ?? false;
  }

  /** Asks the server who this is; nobody is a fine answer. */
  async function load(): Promise<void> {
    try {
      me.value = await getMe();
      status.value = "ready";
      error.value = null;
    } catch (caught) {
      me.value = null;
      if (caught instanceof ProblemError && caught.problem.status === 401) {
        status.value = "ready";
        return;
      }
      status.value = "failed";
      error.value = caught;
    }
  }
});
