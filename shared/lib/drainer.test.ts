import { describe, expect, it } from "vitest";
import { createDrainer } from "./drainer.ts";

describe(createDrainer.name, () => {
  it("refuses new operations while draining and ends when the last one ends", async () => {
    const drainer = createDrainer(() => new Error("restarting"));
    const first = drainer.startOperation();
    const second = drainer.startOperation();

    const drained = drainer.drain(60_000);
    expect(drainer.isDraining).toBe(true);
    expect(() => drainer.startOperation()).toThrow("restarting");

    first();
    first();
    expect(drainer.operationCount).toBe(1);
    second();
    await expect(drained).resolves.toBe(true);
  });

  it("ends at once when nothing runs", async () => {
    await expect(createDrainer(() => new Error("no")).drain(0)).resolves.toBe(true);
  });

  it("says so when something did not end in time", async () => {
    const drainer = createDrainer(() => new Error("no"));
    const done = drainer.startOperation();
    await expect(drainer.drain(1)).resolves.toBe(false);
    done();
    await expect(drainer.drain(1)).resolves.toBe(true);
  });
});
