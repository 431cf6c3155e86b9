/** What a scenario has started and must end, whatever happens in between. */
export interface CleanUp {
  /** Waits for what is being started, and remembers how it ends. */
  use<T>(starting: Promise<T>, end: (started: T) => unknown): Promise<T>;
}

/** Runs `work` and then ends everything it used, the latest first. One that does not end does not keep the others. */
export async function withCleanUp<T>(work: (cleanUp: CleanUp) => Promise<T>): Promise<T> {
  const ends: (() => unknown)[] = [];
  try {
    return await work({
      async use(starting, end) {
        const started = await starting;
        ends.push(() => end(started));
        return started;
      },
    });
  } finally {
    for (const end of ends.reverse()) {
      await Promise.resolve()
        .then(end)
        .catch((error: unknown) => {
          process.stderr.write(`  not ended cleanly: ${String(error)}\n`);
        });
    }
  }
}
