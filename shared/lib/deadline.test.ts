import { describe, expect, it, vi } from "vitest";
import { createManualClock } from "../testing/clock.ts";
import { pause, startDeadline, untilAborted } from "./deadline.ts";

describe(startDeadline.name, () => {
  it("aborts when its time is over", async () => {
    const clock = createManualClock();
    const deadline = startDeadline(clock, 1_000);
    await clock.advance(999);
    expect(deadline).toMatchObject({ isOver: false, signal: { aborted: false } });
    await clock.advance(1);
    expect(deadline).toMatchObject({ isOver: true, signal: { aborted: true } });
  });

  it("tells its own end from that of a parent", () => {
    const parent = new AbortController();
    const deadline = startDeadline(createManualClock(), 1_000, [parent.signal]);
    parent.abort("cancelled");
    expect(deadline.signal.aborted).toBe(true);
    expect(deadline.isOver).toBe(false);
  });

  it("leaves no timer behind", () => {
    const clock = createManualClock();
    startDeadline(clock, 1_000).end();
    expect(clock.pendingCount).toBe(0);
  });
});

describe(pause.name, () => {
  it("lets any number wait for one signal without a warning", async () => {
    const clock = createManualClock();
    const { signal } = new AbortController();
    const warned = vi.fn();
    process.on("warning", warned);
    const pauses = Array.from({ length: 50 }, () => pause(clock, 1_000, signal));
    const works = pauses.map((each) => untilAborted(each, signal));
    // Warnings come after everything that was to be done at once.
    await new Promise((resolve) => setImmediate(resolve));
    await clock.advance(1_000);
    await Promise.all(works);
    process.off("warning", warned);
    expect(warned).not.toHaveBeenCalled();
  });

  it("ends with the time, or early when aborted, and leaves no timer", async () => {
    const clock = createManualClock();
    const stop = new AbortController();
    let ended = 0;
    const first = pause(clock, 500, stop.signal).then(() => (ended += 1));
    await clock.advance(500);
    await first;
    const second = pause(clock, 500, stop.signal).then(() => (ended += 1));
    stop.abort();
    await second;
    await pause(clock, 500, stop.signal);
    expect(ended).toBe(2);
    expect(clock.pendingCount).toBe(0);
  });
});

describe(untilAborted.name, () => {
  it("gives the result of work that ends", async () => {
    const { signal } = new AbortController();
    await expect(untilAborted(Promise.resolve(1), signal)).resolves.toBe(1);
    await expect(untilAborted(Promise.reject(new Error("no")), signal)).rejects.toThrow("no");
  });

  it("does not wait for work that does not listen", async () => {
    const stop = new AbortController();
    const waiting = untilAborted(new Promise(() => undefined), stop.signal);
    stop.abort(new Error("enough"));
    await expect(waiting).rejects.toThrow("enough");
    const late = untilAborted(Promise.reject(new Error("swallowed")), stop.signal);
    await expect(late).rejects.toThrow("enough");
  });
});
