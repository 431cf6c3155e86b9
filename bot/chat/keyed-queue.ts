import { createQueue, type Queue } from "../../shared/lib/queue.ts";

/** Runs works of one key one after the other, and works of different keys side by side. */
export type KeyedQueue = <T>(key: string, work: () => Promise<T>) => Promise<T>;

/** Makes an empty queue; keys that nobody uses any more take no memory. */
export function createKeyedQueue(): KeyedQueue {
  const queues = new Map<string, { readonly inTurn: Queue; waiting: number }>();
  return async (key, work) => {
    const queue = queues.get(key) ?? { inTurn: createQueue(), waiting: 0 };
    queues.set(key, queue);
    queue.waiting += 1;
    try {
      return await queue.inTurn(work);
    } finally {
      queue.waiting -= 1;
      if (queue.waiting === 0) {
        queues.delete(key);
      }
    }
  };
}
