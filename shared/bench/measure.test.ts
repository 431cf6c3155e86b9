import { describe, expect, it } from "vitest";
import { compare, distributionOf } from "./measure.ts";

describe(distributionOf.name, () => {
  it.each([
    { samples: [3], median: 3, p95: 3, p99: 3, max: 3 },
    { samples: [4, 1, 3, 2], median: 2.5, p95: 4, p99: 4, max: 4 },
    { samples: upTo(100), median: 50.5, p95: 95, p99: 99, max: 100 },
  ])("of $samples.length numbers", ({ samples, ...expected }) => {
    expect(distributionOf(samples)).toMatchObject(expected);
  });

  it("refuses to sum up nothing", () => {
    expect(() => distributionOf([])).toThrow("nothing was measured");
  });
});

describe(compare.name, () => {
  it("takes turns, changes the order every round, and forgets the warm-up", async () => {
    const order: string[] = [];
    const contender = (name: string) => ({
      name,
      measure: async () => {
        order.push(name);
        return [order.length];
      },
    });
    const results = await compare([contender("ours"), contender("peer")], {
      rounds: 2,
      headline: "max",
    });
    expect(order).toEqual(["peer", "ours", "ours", "peer", "peer", "ours"]);
    expect(results.map(({ name, value, rounds }) => ({ name, value, rounds }))).toEqual([
      { name: "ours", value: 6, rounds: 2 },
      { name: "peer", value: 5, rounds: 2 },
    ]);
  });
});

function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index + 1);
}
