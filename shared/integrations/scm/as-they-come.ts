/**
 * Gives results in the order they become known. A promise that is rejected ends the sequence with its reason, when its turn
 * comes.
 */
export async function* asTheyCome<T>(work: readonly Promise<T>[]): AsyncGenerator<T> {
  const settled: Promise<T>[] = [];
  let wake: (() => void) | undefined;
  for (const promise of work) {
    const settle = () => {
      settled.push(promise);
      wake?.();
    };
    promise.then(settle, settle);
  }
  for (let given = 0; given < work.length; given += 1) {
    if (settled.length <= given) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    const next = settled[given];
    if (next !== undefined) {
      yield await next;
    }
  }
}
