import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { MessageRef } from "../../chat/platform.ts";
import { platformContract } from "../../chat/testing/platform-contract.ts";
import { driveSlack, type DrivenSlack } from "./testing/driven-slack.ts";
import { buttonsOf, textOf } from "./testing/fake-rules.ts";
import type { FakeMessage } from "./testing/fake-slack.ts";

const DANA = "sub-dana";
const QUINN = "sub-quinn";

let driven: DrivenSlack | undefined;

afterEach(async () => {
  await driven?.dispose();
  driven = undefined;
});

async function drive(...args: Parameters<typeof driveSlack>): Promise<DrivenSlack> {
  driven = await driveSlack(...args);
  driven.fake.addUser({ id: DANA, name: "dana", real_name: "Dana Dev" });
  driven.fake.addUser({ id: QUINN, name: "quinn" });
  driven.fake.join(driven.channelId, DANA);
  driven.fake.join(driven.channelId, QUINN);
  return driven;
}

describe.each([
  ["by socket", false],
  ["by HTTP", true],
])("%s", (_how, http) => {
  platformContract("slack", async () => {
    const { fake, platform, settle, channelId } = await drive({ http });
    const otherBot = fake.addUser({ id: "U0ROBOT", is_bot: true });
    fake.join(channelId, otherBot.id);
    let last: FakeMessage | undefined;
    return {
      platform,
      mention: `<@${fake.bot.id}> `,
      channelId,
      directChannelOf: (userId) => fake.conversation(userId),
      async say(text, { userId, channelId: where, threadId }) {
        last = fake.say(userId, where, text, { threadTs: threadId });
        await settle();
      },
      async sayAsBot(text) {
        fake.say(fake.bot.id, channelId, text, { botId: "B0BOT" });
        fake.say(otherBot.id, channelId, text, { botId: "B0ROBOT", subtype: "bot_message" });
        fake.say(otherBot.id, channelId, text);
        await settle();
      },
      async redeliver() {
        if (last) {
          fake.repeat(last);
        }
        await settle();
      },
      async press(ref, token, userId, values) {
        const message = fake.find(ref.channelId, ref.messageId);
        const button = message && buttonsOf(message).find(({ value }) => value === token);
        if (!message || !button) {
          throw new Error("there is no such button");
        }
        if (!values) {
          await fake.press(userId, message, button.action_id);
          await settle();
          return;
        }
        const metadata = { token, channel: ref.channelId, message: ref.messageId, nonce: "n" };
        await fake.sendForm(userId, JSON.stringify(metadata), values);
        await settle();
      },
      async read(ref: MessageRef) {
        const message = fake.find(ref.channelId, ref.messageId);
        if (message) {
          const isPrivate = message.channel === fake.conversation(DANA);
          return { text: textOf(message), visibleTo: isPrivate ? DANA : "everyone" };
        }
        const found = fake.privates.find(({ ts }) => ts === ref.messageId);
        return found && { text: textOf(found), visibleTo: found.userId };
      },
      async remove(ref) {
        fake.remove(ref.channelId, ref.messageId);
      },
    };
  });
});

describe("unused", () => {
  beforeEach(() => undefined);
  it("x", () => {
    expect(vi).toBeDefined();
    expect(QUINN).toBeDefined();
  });
});
