import { describe, expect, it } from "vitest";
import { systemActor } from "../../core/actor.ts";
import { createRefreshQueue } from "./refresh-queue.ts";

const asked = { actor: systemActor, mode: "asked" } as const;
const scheduled = { actor: systemActor, mode: "scheduled" } as const;

/** A queue whose runs end when the test says so. */
function heldQueue() {
  const runs: {
    readonly number: number;
    readonly mode: string;
    readonly end: (changed: boolean | Error) => void;
  }[] = [];
  const queue = createRefreshQueue(
    (number, { progress, mode }) =>
      new Promise((resolve, reject) => {
        progress(0, 1, "");
        runs.push({
          number,
          mode,
          end: (changed) => (changed instanceof Error ? reject(changed) : resolve(changed)),
        });
      }),
  );
  return { queue, runs };
}

describe(createRefreshQueue.name, () => {
  it("gives the next run to all who ask while one is under way", async () => {
    const { queue, runs } = heldQueue();
    const first = queue.run(1, asked);
    const rest = [queue.run(1, asked), queue.run(1, asked)];
    expect(runs).toHaveLength(1);

    runs[0]?.end(false);
    await first;
    await Promise.resolve();
    expect(runs).toHaveLength(2);
    runs[1]?.end(true);

    expect(await Promise.all(rest)).toEqual([true, true]);
    expect(runs).toHaveLength(2);
  });

  it("does not hold one release up with another", () => {
    const { queue, runs } = heldQueue();

    void queue.run(1, asked);
    void queue.run(2, asked);

    expect(runs.map(({ number }) => number)).toEqual([1, 2]);
  });

  it("lets the schedule be content with what is under way", async () => {
    const { queue, runs } = heldQueue();
    const first = queue.run(1, asked);
    const second = queue.run(1, scheduled);

    runs[0]?.end(true);

    expect(await Promise.all([first, second])).toEqual([true, true]);
    expect(runs).toHaveLength(1);
  });

  it("begins another run for a change that the present one may have missed", async () => {
    const { queue, runs } = heldQueue();
    const first = queue.run(1, scheduled);
    const second = queue.run(1, { ...scheduled, mustBegin: true });
    const third = queue.run(1, { ...scheduled, mustBegin: true });
    runs[0]?.end(false);
    await first;
    await expect.poll(() => runs.length).toBe(2);
    runs[1]?.end(true);
    expect(await Promise.all([second, third])).toEqual([true, true]);
    expect(runs).toHaveLength(2);
  });

  it("answers a person who joins a run that was going to begin anyway", async () => {
    const { queue, runs } = heldQueue();
    void queue.run(1, scheduled);
    void queue.run(1, { ...scheduled, mustBegin: true });
    void queue.run(1, asked);
    runs[0]?.end(false);
    await expect.poll(() => runs.length).toBe(2);
    expect(runs.map(({ mode }) => mode)).toEqual(["scheduled", "asked"]);
  });

  it("runs again after a run that failed", async () => {
    const { queue, runs } = heldQueue();
    const first = queue.run(1, asked);
    const second = queue.run(1, asked);

    runs[0]?.end(new Error("no answer"));
    await expect(first).rejects.toThrow("no answer");
    await Promise.resolve();
    runs[1]?.end(true);

    expect(await second).toBe(true);
  });

  it("tells everybody of a run how far it is", async () => {
    const { queue, runs } = heldQueue();
    const told: string[] = [];
    void queue.run(1, asked);
    const rest = ["a", "b"].map((name) =>
      queue.run(1, { ...asked, progress: () => told.push(name) }),
    );

    runs[0]?.end(false);
    await expect.poll(() => runs.length).toBe(2);
    runs[1]?.end(false);
    await Promise.all(rest);

    expect(told).toEqual(["a", "b"]);
  });
});
