/** Does all of it whatever fails, then throws the first failure, so that it is tried again. */
export async function everyOne<T>(
  things: readonly T[],
  work: (thing: T) => Promise<void>,
): Promise<void> {
  const results = await Promise.allSettled(things.map(work));
  const failure = results.find((result) => result.status === "rejected");
  if (failure) {
    throw failure.reason;
  }
}
