import type * as ActionTokens from "../../../bot/chat/action-tokens.ts";
import type * as CardBuilders from "../../../bot/chat/card-builders.ts";
import type { Command } from "../../../bot/chat/command.ts";
import type * as ParseCommand from "../../../bot/chat/parse-command.ts";
import type { Replier } from "../../../bot/chat/platform.ts";
import type * as Posts from "../../../bot/chat/posts.ts";
import type * as Router from "../../../bot/chat/router.ts";
import { createFakeChatStore } from "../../../bot/chat/testing/fake-chat-store.ts";
import { createFakeServices } from "../../../bot/chat/testing/fake-services.ts";
import type * as Commands from "../../../bot/commands/index.ts";
import type { Actor } from "../../core/actor.ts";
import { createDrainer } from "../../lib/drainer.ts";
import { createLogger } from "../../lib/logger.ts";
import { importBuilt } from "../paths.ts";
import { serveRounds } from "./serve-rounds.ts";

const CHANNEL = { platform: "bench", channelId: "general" };
const USER = { platform: "bench", workspace: "", userId: "bench", displayName: "Bench" };
const REPLIER: Replier = {
  acknowledge: nothing,
  openForm: nothing,
  replaceSource: nothing,
  async send(message) {
    answered = message.card.title;
    return { ...CHANNEL, messageId: "1" };
  },
};
let answered = "";

const { commands } = await importBuilt<typeof Commands>("bot/commands/index.js");
serveRounds(process.argv[2] === "parse" ? await parseOnly() : await route());

async function parseOnly(): Promise<(text: string) => void> {
  const { createCommandParser } = await importBuilt<typeof ParseCommand>(
    "bot/chat/parse-command.js",
  );
  const parser = createCommandParser(commands);
  return (said) => {
    if (parser.parse(said, true).type !== "command") {
      throw new Error(`"${said}" was not understood`);
    }
  };
}

/** The whole way of a message: acknowledged, deduplicated, attributed, allowed, run, answered; storage is a map. */
async function route(): Promise<(text: string) => Promise<void>> {
  const { createRouter } = await importBuilt<typeof Router>("bot/chat/router.js");
  const { createPosts } = await importBuilt<typeof Posts>("bot/chat/posts.js");
  const { createActionTokens } = await importBuilt<typeof ActionTokens>(
    "bot/chat/action-tokens.js",
  );
  const { card, text } = await importBuilt<typeof CardBuilders>("bot/chat/card-builders.js");
  const everyRole: Actor = {
    kind: "person",
    subject: "bench",
    username: "bench",
    name: "Bench",
    email: null,
    grants: ["dev", "qa", "operator", "admin"].map((role) => ({ role })),
    via: { platform: CHANNEL.platform },
  };
  // Nothing is stored: what is measured is the way of a message, not the store.
  const chatStore = { ...createFakeChatStore(), takeDelivery: async () => "new" as const };
  const services = { ...createFakeServices(), chatStore };
  const clock = { now: () => new Date() };
  const logger = createLogger({ level: "silent" });
  const platforms = new Map<string, never>();
  const tokens = createActionTokens({ chatStore, clock });
  const router = createRouter({
    services,
    commands: commands.map((command): Command => ({
      ...command,
      run: async () => ({ card: card("Done", "success", text(command.phrase)) }),
    })),
    actions: [],
    platforms,
    actors: { actorOf: async () => everyRole },
    tokens,
    posts: createPosts({ chatStore, platforms, tokens, logger, clock }),
    drainer: createDrainer(() => new Error("stopping")),
    logger,
    clock,
    renderLive: async () => undefined,
  });
  return async (said) => {
    answered = "";
    // As lean as it can be, so that what is measured is the router and not this.
    await router.handle({
      type: "command",
      text: said,
      direct: true,
      user: USER,
      place: CHANNEL,
      deliveryId: "1",
      sentAt: new Date(),
      reply: REPLIER,
    });
    if (answered !== "Done") {
      throw new Error(`"${said}" was answered with "${answered}"`);
    }
  };
}

async function nothing(): Promise<void> {}
