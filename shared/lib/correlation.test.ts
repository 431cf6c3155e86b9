import { describe, expect, it } from "vitest";
import { correlationId, withCorrelation } from "./correlation.ts";

describe(withCorrelation.name, () => {
  it("is seen by everything awaited, and by nothing else", async () => {
    const seen = await Promise.all(
      ["a", "b"].map((id) =>
        withCorrelation(id, async () => {
          await Promise.resolve();
          return [correlationId(), withCorrelation(`${id}.inner`, correlationId), correlationId()];
        }),
      ),
    );
    expect(seen).toEqual([
      ["a", "a.inner", "a"],
      ["b", "b.inner", "b"],
    ]);
    expect(correlationId()).toBeNull();
  });
});
