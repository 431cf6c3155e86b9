/** What a round asks for and what it answers, between the process that measures and the one that is measured. */
export interface RoundOrder {
  readonly messages: readonly string[];
  readonly repeat: number;
}
export interface RoundAnswer {
  readonly perSecond: number;
}

/** Serves rounds of messages in this process until the one that forked it goes. Whatever `serve` throws ends it. */
export function serveRounds(serve: (text: string) => unknown): void {
  process.on("message", (order: RoundOrder) => {
    void runRound(serve, order).then((answer) => process.send?.(answer));
  });
  process.once("disconnect", () => process.exit(0));
  process.send?.({ isReady: true });
}

async function runRound(
  serve: (text: string) => unknown,
  { messages, repeat }: RoundOrder,
): Promise<RoundAnswer> {
  const start = performance.now();
  for (let round = 0; round < repeat; round += 1) {
    for (const text of messages) {
      const served = serve(text);
      if (served instanceof Promise) {
        await served;
      }
    }
  }
  return { perSecond: (messages.length * repeat * 1_000) / (performance.now() - start) };
}
