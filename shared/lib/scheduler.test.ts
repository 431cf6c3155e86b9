import { describe, expect, it } from "vitest";
import { createManualClock } from "../testing/clock.ts";
import { createLogger } from "./logger.ts";
import { createScheduler } from "./scheduler.ts";

function setUp(random = 0) {
  const clock = createManualClock();
  const lines: string[] = [];
  const logger = createLogger({ destination: { write: (line) => void lines.push(line) } });
  return {
    clock,
    lines,
    scheduler: createScheduler({ logger, timers: clock, random: () => random }),
  };
}

describe(createScheduler.name, () => {
  it("runs a job once per interval", async () => {
    const { clock, scheduler } = setUp();
    let runs = 0;
    scheduler.every({ name: "count", everyMs: 1000, run: async () => void (runs += 1) });
    await clock.advance(999);
    expect(runs).toBe(0);
    await clock.advance(1);
    expect(runs).toBe(1);
    await clock.advance(3000);
    expect(runs).toBe(4);
  });

  it("adds jitter to the interval", async () => {
    const { clock, scheduler } = setUp(0.5);
    let runs = 0;
    scheduler.every({
      name: "count",
      everyMs: 1000,
      jitter: 0.2,
      run: async () => void (runs += 1),
    });
    await clock.advance(1099);
    expect(runs).toBe(0);
    await clock.advance(1);
    expect(runs).toBe(1);
  });

  it("never overlaps a job with itself, not even when asked to run it now", async () => {
    const { clock, scheduler } = setUp();
    let runs = 0;
    let open: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    scheduler.every({
      name: "slow",
      everyMs: 1000,
      run: () => {
        runs += 1;
        return gate;
      },
    });
    await clock.advance(1000);
    const joined = scheduler.runNow("slow");
    await clock.advance(5000);
    expect(runs).toBe(1);
    open();
    await joined;
    await clock.advance(1000);
    expect(runs).toBe(2);
  });

  it("logs what a job throws and runs it again", async () => {
    const { clock, scheduler, lines } = setUp();
    let runs = 0;
    scheduler.every({
      name: "broken",
      everyMs: 1000,
      run: async () => {
        runs += 1;
        throw new Error("no luck");
      },
    });
    await clock.advance(2000);
    expect(runs).toBe(2);
    expect(lines.join("")).toContain("no luck");
    await expect(scheduler.runNow("broken")).rejects.toThrow("no luck");
  });

  it("aborts and awaits what runs when it stops, and starts nothing more", async () => {
    const { clock, scheduler } = setUp();
    const log: string[] = [];
    scheduler.every({
      name: "long",
      everyMs: 1000,
      run: (signal) =>
        new Promise((resolve) => {
          log.push("started");
          signal.addEventListener("abort", () => {
            log.push("ended");
            resolve();
          });
        }),
    });
    await clock.advance(1000);
    await scheduler.stop();
    log.push("stopped");
    await clock.advance(10_000);
    await scheduler.runNow("long");
    expect(log).toEqual(["started", "ended", "stopped"]);
    expect(clock.pendingCount).toBe(0);
  });

  it("refuses two jobs of one name and an unknown name", async () => {
    const { scheduler } = setUp();
    const job = { name: "x", everyMs: 1, run: async () => undefined };
    scheduler.every(job);
    expect(() => scheduler.every(job)).toThrow('"x"');
    await expect(scheduler.runNow("y")).rejects.toThrow('"y"');
  });
});
