/** A conversation with many independent lanes: what is asked in one does not wait for another. */
export interface Conversation {
  readonly lanes: number;
  /** Asks something in a lane and resolves when it was answered. */
  ask(lane: number): Promise<void>;
}

/** As fast as answers come, one question per lane at a time. Resolves with answers per second. */
export async function sustained(conversation: Conversation, milliseconds: number): Promise<number> {
  const start = performance.now();
  const end = start + milliseconds;
  let answered = 0;
  let last = start;
  await Promise.all(
    Array.from({ length: conversation.lanes }, async (_, lane) => {
      while (performance.now() < end) {
        await conversation.ask(lane);
        answered += 1;
        last = performance.now();
      }
    }),
  );
  return (answered * 1_000) / (last - start);
}

/**
 * At a fixed pace, whether or not answers keep up. Resolves with how long each answer took, counted from when its question was
 * due: a server that stalls cannot hide it by slowing the asking.
 */
export async function paced(
  conversation: Conversation,
  options: { readonly perSecond: number; readonly milliseconds: number },
): Promise<readonly number[]> {
  const count = Math.round((options.perSecond * options.milliseconds) / 1_000);
  const start = performance.now();
  const took: number[] = [];
  const asked: Promise<void>[] = [];
  for (let index = 0; index < count; index += 1) {
    const due = start + (index * 1_000) / options.perSecond;
    const wait = due - performance.now();
    if (wait > 0) {
      await new Promise((resolve) => setTimeout(resolve, wait));
    }
    const from = Math.min(due, performance.now());
    asked.push(
      conversation.ask(index % conversation.lanes).then(() => {
        took.push(performance.now() - from);
      }),
    );
  }
  await Promise.all(asked);
  return took;
}
