import { effectScope, type EffectScope } from "vue";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { useEvery } from "./use-every.ts";

let scope: EffectScope;
let calls: number;
let visibility: DocumentVisibilityState;
let finish: () => void;

beforeEach(() => {
  vi.useFakeTimers();
  visibility = "visible";
  vi.spyOn(document, "visibilityState", "get").mockImplementation(() => visibility);
  calls = 0;
  scope = effectScope();
  scope.run(() =>
    useEvery(5_000, () => {
      calls += 1;
      return new Promise<void>((resolve) => {
        finish = resolve;
      });
    }),
  );
});
afterEach(() => {
  scope.stop();
  vi.useRealTimers();
  vi.restoreAllMocks();
});

describe(useEvery.name, () => {
  it("calls again when the time is over, and never while the last call is running", async () => {
    await vi.advanceTimersByTimeAsync(15_000);
    expect(calls).toBe(1);

    finish();
    await vi.advanceTimersByTimeAsync(5_000);
    expect(calls).toBe(2);
  });

  it("rests while nobody looks, and catches up when somebody comes back", async () => {
    visibility = "hidden";
    await vi.advanceTimersByTimeAsync(60_000);
    expect(calls).toBe(0);

    visibility = "visible";
    document.dispatchEvent(new Event("visibilitychange"));
    expect(calls).toBe(1);
  });

  it("ends with the page", async () => {
    scope.stop();
    await vi.advanceTimersByTimeAsync(60_000);
    document.dispatchEvent(new Event("visibilitychange"));
    expect(calls).toBe(0);
  });
});
