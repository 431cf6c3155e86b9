import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  checkDependency,
  cycleText,
  deployOrder,
  reverseWaves,
  wavesFor,
  type OrderItem,
} from "./deploy-order.ts";

function item(service: string, dependsOn: readonly string[] = [], isExcluded = false): OrderItem {
  return { service, dependsOn, isExcluded };
}

function services(items: readonly OrderItem[]): ReadonlySet<string> {
  return new Set(items.map(({ service }) => service));
}

describe(deployOrder.name, () => {
  it.each<[string, OrderItem[], string[][]]>([
    ["nothing", [], []],
    ["independent services, by name", [item("b"), item("a")], [["a", "b"]]],
    ["a chain", [item("c", ["b"]), item("b", ["a"]), item("a")], [["a"], ["b"], ["c"]]],
    [
      "a diamond",
      [
        item("top", ["left", "right"]),
        item("left", ["base"]),
        item("right", ["base"]),
        item("base"),
      ],
      [["base"], ["left", "right"], ["top"]],
    ],
    ["the same dependency twice", [item("b", ["a", "a"]), item("a")], [["a"], ["b"]]],
    ["an excluded service", [item("b", ["a"]), item("a", [], true)], [["b"]]],
    ["a cycle through an excluded service", [item("b", ["a"]), item("a", ["b"], true)], [["b"]]],
  ])("puts %s in waves", (_, items, waves) => {
    const order = deployOrder(items, services(items));
    expect(order.waves.map((wave) => wave.services)).toEqual(waves);
    expect(order.waves.map((wave) => wave.number)).toEqual(waves.map((_wave, index) => index + 1));
    expect(order.cycle).toBeNull();
  });

  it("says what became of dependencies outside the release", () => {
    const items = [item("api", ["auth", "billing", "gone"]), item("auth", [], true)];
    const order = deployOrder(items, new Set(["api", "auth", "billing"]));
    expect(order.notes.map(({ on, level, kind }) => [on, level, kind])).toEqual([
      ["auth", "warning", "excluded"],
      ["billing", "note", "outside"],
      ["gone", "warning", "unknown"],
    ]);
    expect(order.notes.map((note) => note.text).join(" ")).toContain("api depends on billing");
  });

  it.each<[string, OrderItem[], string]>([
    ["two services", [item("a", ["b"]), item("b", ["a"])], "a → b → a"],
    ["itself", [item("a", ["a"])], "a → a"],
    [
      "a long circle",
      [item("a", ["b"]), item("b", ["c"]), item("c", ["a"]), item("x", ["a"])],
      "a → b → c → a",
    ],
    [
      "a circle that only later services lead to",
      [item("a", ["p"]), item("p", ["q"]), item("q", ["p"])],
      "p → q → p",
    ],
    [
      "the shorter of two circles that meet",
      [item("a", ["b", "d"]), item("b", ["c"]), item("c", ["a"]), item("d", ["a"])],
      "a → d → a",
    ],
  ])("reports %s", (_, items, text) => {
    const order = deployOrder(items, services(items));
    expect(cycleText(order.cycle ?? [])).toBe(text);
    expect(order.waves).toEqual([]);
  });

  const graph = fc
    .integer({ min: 1, max: 12 })
    .chain((size) =>
      fc.array(
        fc.record({ edges: fc.array(fc.nat(size - 1), { maxLength: 3 }), out: fc.boolean() }),
        {
          minLength: size,
          maxLength: size,
        },
      ),
    )
    .map((nodes) =>
      nodes.map(({ edges, out }, index) =>
        item(
          `s${index}`,
          edges.map((edge) => `s${edge}`),
          out && index % 4 === 0,
        ),
      ),
    );

  it("puts everything after what it depends on, or shows a real cycle", () => {
    fc.assert(
      fc.property(graph, (items) => {
        const order = deployOrder(items, services(items));
        const included = new Map(
          items.filter((i) => !i.isExcluded).map((i) => [i.service, i.dependsOn] as const),
        );
        if (order.cycle) {
          const { cycle } = order;
          expect(cycle.length).toBeGreaterThan(1);
          expect(cycle.at(0)).toBe(cycle.at(-1));
          expect(new Set(cycle).size).toBe(cycle.length - 1);
          cycle.slice(0, -1).forEach((service, index) => {
            expect(included.get(service)).toContain(cycle[index + 1]);
          });
          return;
        }
        const waveOf = new Map(
          order.waves.flatMap((wave) => wave.services.map((s) => [s, wave.number] as const)),
        );
        expect([...waveOf.keys()].sort()).toEqual([...included.keys()].sort());
        for (const [service, dependsOn] of included) {
          const before = dependsOn.flatMap((on) => waveOf.get(on) ?? []);
          // Neither too early nor later than needed.
          expect(waveOf.get(service)).toBe(Math.max(0, ...before) + 1);
        }
      }),
      { numRuns: 500 },
    );
  });

  it("gives the same order whatever the items' order", () => {
    fc.assert(
      fc.property(
        graph.chain((items) =>
          fc.tuple(fc.constant(items), fc.shuffledSubarray(items, { minLength: items.length })),
        ),
        ([items, shuffled]) => {
          expect(deployOrder(shuffled, services(items))).toEqual(
            deployOrder(items, services(items)),
          );
        },
      ),
    );
  });

  it("copes with 10,000 services and 50,000 dependencies, also when they form one huge circle", () => {
    const size = 10_000;
    const items = Array.from({ length: size }, (_, index) =>
      item(
        `s${index}`,
        [1, 7, 31, 127, 1_009].filter((step) => step <= index).map((step) => `s${index - step}`),
      ),
    );
    expect(deployOrder(items, services(items)).waves).toHaveLength(size);

    const circle = items.map((_, index) => item(`s${index}`, [`s${(index + 1) % size}`]));
    expect(deployOrder(circle, services(circle)).cycle).toHaveLength(size + 1);
  });
});

describe(reverseWaves.name, () => {
  it("turns the order round and keeps the numbers", () => {
    const waves = [
      { number: 1, services: ["a"] },
      { number: 2, services: ["b", "c"] },
    ];
    expect(reverseWaves(waves)).toEqual([waves[1], waves[0]]);
  });
});

describe(wavesFor.name, () => {
  const waves = [
    { number: 1, services: ["a", "b"] },
    { number: 2, services: ["c"] },
    { number: 3, services: ["d", "e"] },
  ];

  it.each<[string, readonly string[] | null, number | null, [number, string[]][]]>([
    [
      "everything",
      null,
      null,
      [
        [1, ["a", "b"]],
        [2, ["c"]],
        [3, ["d", "e"]],
      ],
    ],
    [
      "the named services",
      ["b", "e"],
      null,
      [
        [1, ["b"]],
        [3, ["e"]],
      ],
    ],
    [
      "from a wave on",
      null,
      2,
      [
        [2, ["c"]],
        [3, ["d", "e"]],
      ],
    ],
    ["both", ["a", "d"], 2, [[3, ["d"]]]],
    ["nothing that exists", ["z"], null, []],
    ["a wave too late", null, 4, []],
  ])("keeps %s", (_, only, fromWave, expected) => {
    expect(wavesFor(waves, { only, fromWave }).map((w) => [w.number, w.services])).toEqual(
      expected,
    );
  });
});

describe(checkDependency.name, () => {
  const known = ["auth-service", "api-gateway"];

  it("takes a known service", () => {
    expect(checkDependency("api-gateway", "auth-service", known)).toEqual({ ok: true });
  });

  it.each([
    ["itself", "auth-service", "auth-service", "dependency.self", "another service"],
    ["a misspelt one", "api-gateway", "auht-service", "dependency.unknown", "auth-service"],
    ["an unknown one", "api-gateway", "zzz", "dependency.unknown", "spelling"],
  ])("refuses %s", (_, service, on, code, remedy) => {
    expect(checkDependency(service, on, known)).toMatchObject({
      ok: false,
      code,
      remedy: expect.stringContaining(remedy),
    });
  });
});
