import { describe, expect, it, vi } from "vitest";
import { createManualClock } from "../testing/clock.ts";
import { createWorkLoop, keepBeating } from "./work-loop.ts";

function setUp(works: (() => Promise<void>)[][] = []) {
  const clock = createManualClock();
  const onError = vi.fn();
  const claim = vi.fn(async () => works.shift() ?? []);
  const loop = createWorkLoop({ claim, pollMs: 1_000, onError, timers: clock });
  return { clock, onError, claim, loop };
}

describe(createWorkLoop.name, () => {
  it("does nothing before it is started", async () => {
    const { clock, claim, loop } = setUp();
    loop.wake();
    await clock.advance(5_000);
    expect(claim).not.toHaveBeenCalled();
  });

  it("looks at the start, when woken and at every poll", async () => {
    const { clock, claim, loop } = setUp();
    loop.start();
    await clock.advance(0);
    expect(claim).toHaveBeenCalledTimes(1);
    loop.wake();
    await clock.advance(0);
    expect(claim).toHaveBeenCalledTimes(2);
    await clock.advance(3_000);
    expect(claim).toHaveBeenCalledTimes(5);
    await loop.stop(0);
  });

  it("looks again when something ended", async () => {
    const { clock, claim, loop } = setUp([[() => Promise.resolve()]]);
    loop.start();
    await clock.advance(0);
    expect(claim).toHaveBeenCalledTimes(2);
    await loop.stop(0);
  });

  it("does not lose a wake-up that comes while it looks", async () => {
    const { clock, claim, loop } = setUp();
    claim.mockImplementationOnce(async () => {
      loop.wake();
      loop.wake();
      return [];
    });
    loop.start();
    await clock.advance(0);
    expect(claim).toHaveBeenCalledTimes(2);
    await loop.stop(0);
  });

  it("says why a claim failed and goes on", async () => {
    const { clock, claim, loop, onError } = setUp();
    claim.mockRejectedValueOnce(new Error("disk"));
    loop.start();
    await clock.advance(1_000);
    expect(onError).toHaveBeenCalledExactlyOnceWith(new Error("disk"));
    expect(claim).toHaveBeenCalledTimes(2);
    await loop.stop(0);
  });

  it("stops when what runs has ended, and takes nothing more", async () => {
    let end: () => void = () => undefined;
    const { clock, claim, loop } = setUp([
      [
        () =>
          new Promise<void>((resolve) => {
            end = resolve;
          }),
      ],
    ]);
    loop.start();
    await clock.advance(0);
    const stopped = loop.stop(10_000);
    end();
    expect(await stopped).toBe(true);
    await clock.advance(10_000);
    expect(claim).toHaveBeenCalledTimes(1);
    expect(loop.signal.aborted).toBe(false);
  });

  it("aborts what does not end in time", async () => {
    const { clock, loop } = setUp([[() => new Promise<void>(() => undefined)]]);
    loop.start();
    await clock.advance(0);
    const stopped = loop.stop(10_000);
    await clock.advance(9_999);
    expect(loop.signal.aborted).toBe(false);
    await clock.advance(1);
    expect(await stopped).toBe(false);
    expect(loop.signal.aborted).toBe(true);
  });

  it("runs everything due, and what becomes due by that", async () => {
    const done: number[] = [];
    const work = (n: number) => async () => {
      await Promise.resolve();
      done.push(n);
    };
    const { loop } = setUp([[work(1), work(2)], [], [work(3)]]);
    await loop.runDue();
    expect(done).toEqual([1, 2, 3]);
  });
});

describe(keepBeating.name, () => {
  it("beats until told to stop, whatever a beat throws", async () => {
    const clock = createManualClock();
    const onError = vi.fn();
    const beat = vi.fn(async () => {
      throw new Error("busy");
    });
    const stop = keepBeating(beat, 100, onError, clock);
    await clock.advance(350);
    expect(beat).toHaveBeenCalledTimes(3);
    expect(onError).toHaveBeenCalledTimes(3);
    stop();
    await clock.advance(1_000);
    expect(beat).toHaveBeenCalledTimes(3);
    expect(clock.pendingCount).toBe(0);
  });
});
