import type * as Commands from "../../../bot/commands/index.ts";
import { importBuilt, importPeer } from "../paths.ts";
import { serveRounds } from "./serve-rounds.ts";

/** What is used of Hubot; it has no types. */
interface HubotModule {
  readonly Adapter: new (robot: unknown) => object;
  readonly Robot: new (adapter: unknown, httpd: boolean, name: string) => Robot;
  readonly TextMessage: new (user: unknown, text: string, id: string) => unknown;
  readonly User: new (id: string, options: { name: string; room: string }) => unknown;
}

interface Robot {
  readonly logger: { level: string };
  readonly commands: {
    register(spec: {
      id: string;
      description: string;
      args: Record<string, unknown>;
      confirm: "never";
      handler: () => Promise<string>;
    }): void;
    unregister(id: string): void;
    parse(text: string): unknown;
  };
  setupCommandListeners(): void;
  respond(
    pattern: RegExp,
    answer: (response: {
      readonly message: { finish(): void };
      reply(text: string): Promise<unknown>;
    }) => Promise<void>,
  ): void;
  receive(message: unknown): Promise<unknown>;
}

const { commands } = await importBuilt<typeof Commands>("bot/commands/index.js");
const { Adapter, Robot, TextMessage, User } = await importPeer<HubotModule>("hubot.mjs");

let answers = 0;
class CountingAdapter extends Adapter {
  async send(): Promise<void> {
    answers += 1;
  }

  async reply(): Promise<void> {
    answers += 1;
  }
}
const robot = new Robot(new CountingAdapter(undefined), false, "slipway");
robot.logger.level = "silent";
const user = new User("bench", { name: "bench", room: "general" });
let count = 0;

if (process.argv[2] === "listeners") {
  registerListeners();
  serveRounds(answer);
} else {
  registerInBus();
  serveRounds(process.argv[2] === "parse" ? parseOnly : answer);
}

/** Says something to it with its name in front, as in a channel. */
async function answer(text: string): Promise<void> {
  count += 1;
  const before = answers;
  await robot.receive(new TextMessage(user, `@slipway ${text}`, String(count)));
  if (answers !== before + 1) {
    throw new Error(`Hubot did not answer "${text}" once`);
  }
}

function parseOnly(text: string): void {
  if (robot.commands.parse(text) === null) {
    throw new Error(`Hubot did not understand "${text}"`);
  }
}

/** The usual way: one pattern per command, each tried in turn until one fits. */
function registerListeners(): void {
  for (const { phrase } of commands) {
    robot.respond(new RegExp(`${phrase}(?![\\w-])\\s*(.*)`, "i"), async (response) => {
      // Without this every other pattern is tried too.
      response.message.finish();
      await response.reply(phrase);
    });
  }
}

/** The newer way: looked up by the first word. Listening for it is what Hubot's own start does. */
function registerInBus(): void {
  robot.commands.unregister("help");
  robot.setupCommandListeners();
  for (const { phrase, summary } of commands) {
    robot.commands.register({
      id: phrase,
      description: summary,
      args: {},
      confirm: "never",
      handler: async () => phrase,
    });
  }
}
