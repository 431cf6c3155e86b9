/** Runs works one after the other, in the order they were given. A work that throws does not stop the next. */
export type Queue = <T>(work: () => Promise<T>) => Promise<T>;

/** Makes an empty queue. Each result goes to whoever gave the work. */
export function createQueue(): Queue {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const next = last.then(work, work);
    last = next.catch(() => undefined);
    return next;
  };
}
