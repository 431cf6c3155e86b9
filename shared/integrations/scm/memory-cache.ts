import type { CachedAnswer, HttpCache } from "../../core/ports/http-cache.ts";

/** Keeps the answers used last, and forgets them with the process. */
export function createMemoryCache(mostEntries = 2000): HttpCache {
  const answers = new Map<string, CachedAnswer>();
  return {
    async get(key) {
      const found = answers.get(key);
      if (found !== undefined) {
        answers.delete(key);
        answers.set(key, found);
      }
      return found ?? null;
    },
    async put(key, answer) {
      answers.delete(key);
      answers.set(key, answer);
      const [oldest] = answers.keys();
      if (answers.size > mostEntries && oldest !== undefined) {
        answers.delete(oldest);
      }
    },
  };
}
