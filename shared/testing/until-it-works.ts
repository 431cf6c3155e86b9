/**
 * Tries until it works and resolves with what it gave, or throws what the last try threw. For things that happen in another
 * process, and for programs that are no tests: vitest's own `waitFor` works inside vitest only.
 */
export async function untilItWorks<T>(
  attempt: () => Promise<T>,
  options: {
    readonly timeoutMs: number;
    readonly intervalMs: number;
    /** Whether trying again is no use: then the last failure is thrown at once. */
    readonly isHopeless?: () => boolean;
  },
): Promise<T> {
  const end = performance.now() + options.timeoutMs;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (performance.now() >= end || options.isHopeless?.()) {
        throw error;
      }
    }
    await new Promise((resolve) => setTimeout(resolve, options.intervalMs));
  }
}
