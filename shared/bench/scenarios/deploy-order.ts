import type * as Core from "../../core/deploy-order.ts";
import { compare, timed, type Contender } from "../measure.ts";
import { importBuilt } from "../paths.ts";
import { createRandom, shuffled } from "../random.ts";
import { atMost, type Row } from "../report.ts";
import type { Scenario } from "../scenario.ts";

const ITEMS = 10_000;
const EDGES = 50_000;
const GOAL_MS = 100;

export const deployOrderScenario: Scenario = {
  name: "deploy-order",
  title: "Deploy order",
  async run({ isQuick }) {
    const { deployOrder } = await importBuilt<typeof Core>("shared/core/deploy-order.js");
    const items = randomItems();
    const circular = withCycle(items);
    const known = new Set(items.map((item) => item.service));
    const rounds = isQuick ? 5 : 30;

    async function measure(
      what: string,
      given: readonly Core.OrderItem[],
      isCircular: boolean,
    ): Promise<Row> {
      const ours: Contender = {
        name: "Slipway",
        measure: async () => {
          const took = await timed(() => {
            const { cycle } = deployOrder(given, known);
            if ((cycle !== null) !== isCircular) {
              throw new Error("the order is wrong");
            }
          });
          return [took];
        },
      };
      const bare: Contender = {
        name: "waves alone",
        measure: async () => [await timed(() => countWaves(given))],
      };
      const [result, ...beside] = await compare([ours, bare], {
        rounds,
        headline: "median",
        warmUps: 3,
      });
      if (!result) {
        throw new Error("nothing was measured");
      }
      return {
        what,
        unit: "ms",
        ours: result,
        beside,
        goals: [atMost(result.value, GOAL_MS, `${GOAL_MS} ms`)],
      };
    }

    return [
      await measure("deploy order, 10,000 items and 50,000 edges", items, false),
      await measure("the same with one cycle, which is named", circular, true),
    ];
  },
};

/** Every item depends on earlier ones only, and nothing in its name or place says which those are. */
function randomItems(): readonly Core.OrderItem[] {
  const random = createRandom(12);
  const names = shuffled(
    Array.from({ length: ITEMS }, (_, index) => `service-${String(index).padStart(5, "0")}`),
    random,
  );
  const dependsOn = names.map(() => new Set<number>());
  for (let made = 0; made < EDGES;) {
    const later = 1 + Math.floor(random() * (ITEMS - 1));
    const earlier = Math.floor(random() * later);
    const edges = dependsOn[later];
    if (edges && !edges.has(earlier)) {
      edges.add(earlier);
      made += 1;
    }
  }
  return shuffled(
    names.map((service, index) => ({
      service,
      dependsOn: [...(dependsOn[index] ?? [])].map((on) => names[on] ?? ""),
      isExcluded: false,
    })),
    random,
  );
}

/** Adds one edge back: from something that others need to one of those. */
function withCycle(items: readonly Core.OrderItem[]): readonly Core.OrderItem[] {
  const first = items.find((item) => item.dependsOn.length > 0);
  const [on] = first?.dependsOn ?? [];
  return items.map((item) =>
    item.service === on ? { ...item, dependsOn: [...item.dependsOn, first?.service ?? ""] } : item,
  );
}

/** The lower bound: how many waves there are, without naming, sorting or explaining anything. */
function countWaves(items: readonly Core.OrderItem[]): number {
  const index = new Map(items.map((item, at) => [item.service, at]));
  const missing = new Int32Array(items.length);
  const dependents: number[][] = items.map(() => []);
  items.forEach((item, at) => {
    missing[at] = item.dependsOn.length;
    for (const on of item.dependsOn) {
      dependents[index.get(on) ?? 0]?.push(at);
    }
  });
  let ready = [...missing.keys()].filter((at) => missing[at] === 0);
  let waves = 0;
  while (ready.length > 0) {
    waves += 1;
    const next: number[] = [];
    for (const at of ready) {
      for (const dependent of dependents[at] ?? []) {
        const left = (missing[dependent] ?? 0) - 1;
        missing[dependent] = left;
        if (left === 0) {
          next.push(dependent);
        }
      }
    }
    ready = next;
  }
  return waves;
}
