/** Runs work once for everybody who asks for the same while it runs. */
export type ShareRunning<T> = (key: string, work: () => Promise<T>) => Promise<T>;

/** The answer, or the error, goes to everybody who asked; whoever asks afterwards starts anew. */
export function createShareRunning<T>(): ShareRunning<T> {
  const running = new Map<string, Promise<T>>();
  return async (key, work) => {
    const present = running.get(key);
    if (present) {
      return present;
    }
    const started = work();
    running.set(key, started);
    try {
      return await started;
    } finally {
      running.delete(key);
    }
  };
}
