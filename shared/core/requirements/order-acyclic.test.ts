import { describe, expect, it } from "vitest";
import { buildDeployFacts, buildDeployItem } from "../testing/build-facts.ts";
import { orderAcyclic } from "./order-acyclic.ts";

describe(orderAcyclic.id, () => {
  it("is met by an order, and passes its notes on", () => {
    const items = [buildDeployItem({ service: "api", dependsOn: ["gone"] })];
    expect(orderAcyclic.check(buildDeployFacts({ items }))).toEqual({
      state: "met",
      notes: [expect.stringContaining("gone")],
    });
  });

  it("prints the circle and how to break it", () => {
    const items = [
      buildDeployItem({ service: "a", dependsOn: ["b"] }),
      buildDeployItem({ service: "b", dependsOn: ["a"] }),
    ];
    expect(orderAcyclic.check(buildDeployFacts({ items }))).toEqual({
      state: "unmet",
      refusals: [
        {
          ok: false,
          code: "order.cyclic",
          reason: "The services depend on each other in a circle: a → b → a.",
          remedy:
            "Take one of them out, for example b from what a depends on: `depends 12 a on <the others>`.",
        },
      ],
    });
  });
});
