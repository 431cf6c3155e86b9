import { fork } from "node:child_process";
import { once } from "node:events";
import type * as Commands from "../../../bot/commands/index.ts";
import { compare, type Contender } from "../measure.ts";
import { importBuilt, inProject } from "../paths.ts";
import { atLeast, type Row } from "../report.ts";
import type { Scenario } from "../scenario.ts";
import type { RoundAnswer, RoundOrder } from "../stubs/serve-rounds.ts";

export const parseAndRouteScenario: Scenario = {
  name: "parse-and-route",
  title: "Parsing and routing in process",
  async run({ isQuick }) {
    const { commands } = await importBuilt<typeof Commands>("bot/commands/index.js");
    const messages = commands.flatMap(({ examples }) => examples);
    const rounds = isQuick ? 3 : 10;
    const order = { messages, repeat: isQuick ? 20 : 300 };
    const about = `${commands.length} commands, ${messages.length} different messages`;
    const routed = await measure(order, rounds, [
      ["Slipway", "router", "route"],
      ["Hubot", "hubot", "listeners"],
      ["Hubot's command bus", "hubot", "bus"],
    ]);
    const parsed = await measure(order, rounds, [
      ["Slipway", "router", "parse"],
      ["Hubot's command bus", "hubot", "parse"],
    ]);
    return [
      {
        ...routed,
        what: `message in, answer out, nothing stored (${about})`,
        goals: routed.beside
          .filter(({ name }) => name === "Hubot")
          .map(({ name, value }) => atLeast(routed.ours.value, value, name)),
      },
      {
        ...parsed,
        what: "finding the command alone; ours reads and checks its arguments too",
        goals: [],
      },
    ];
  },
};

/** Each in a process of its own, because what one of them switches on (async hooks) would slow the others. */
async function measure(
  order: RoundOrder,
  rounds: number,
  processes: readonly (readonly [name: string, file: string, mode: string])[],
): Promise<Pick<Row, "unit" | "ours" | "beside">> {
  const running = await Promise.all(
    processes.map(async ([name, file, mode]) => ({ name, ...(await start(file, mode)) })),
  );
  const contenders = running.map(({ name, serve }): Contender => ({
    name,
    measure: async () => [await serve(order)],
  }));
  try {
    const options = { rounds, headline: "median", warmUps: 3 } as const;
    const [ours, ...beside] = await compare(contenders, options);
    if (!ours) {
      throw new Error("nothing was measured");
    }
    return { unit: "per second", ours, beside };
  } finally {
    await Promise.all(running.map(({ stop }) => stop()));
  }
}

async function start(file: string, mode: string) {
  const child = fork(inProject(`shared/bench/stubs/${file}-process.ts`), [mode], {
    execArgv: ["--import", "tsx"],
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  const ended = once(child, "exit");
  const message = async (): Promise<unknown> => {
    const [told] = (await Promise.race([
      once(child, "message"),
      ended.then(() => {
        throw new Error(`${file} ended`);
      }),
    ])) as unknown[];
    return told;
  };
  await message();
  return {
    serve: async (order: RoundOrder): Promise<number> => {
      const answered = message();
      child.send(order);
      return ((await answered) as RoundAnswer).perSecond;
    },
    stop: async (): Promise<void> => {
      child.disconnect();
      await ended;
    },
  };
}
