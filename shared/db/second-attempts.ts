/**
 * How often something is done before its caller hears of a fault that may pass. With the pauses between, a restart of the
 * database of about two seconds is not noticed; whoever can wait longer asks again.
 */
export const MOST_ATTEMPTS = 5;

const FIRST_PAUSE_MS = 50;

/** Waits before the next attempt: longer each time, and not the same for all processes that lost the same database. */
export function pauseAfter(attempts: number): Promise<void> {
  const longest = FIRST_PAUSE_MS * 3 ** (attempts - 1);
  return new Promise((done) => setTimeout(done, longest * (0.5 + Math.random() / 2)));
}
