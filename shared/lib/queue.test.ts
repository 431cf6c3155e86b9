import { describe, expect, it } from "vitest";
import { createQueue } from "./queue.ts";

describe(createQueue.name, () => {
  it("runs one work at a time, in order, and outlives a failing one", async () => {
    const inTurn = createQueue();
    const log: string[] = [];
    const results = await Promise.allSettled(
      [1, 2, 3].map((n) =>
        inTurn(async () => {
          log.push(`start ${n}`);
          await new Promise((resolve) => setImmediate(resolve));
          log.push(`end ${n}`);
          if (n === 2) {
            throw new Error("two");
          }
          return n;
        }),
      ),
    );
    expect(log).toEqual(["start 1", "end 1", "start 2", "end 2", "start 3", "end 3"]);
    expect(results.map((r) => r.status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
  });
});
