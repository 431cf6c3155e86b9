import { afterEach } from "vitest";
import type { MessageRef } from "../../chat/platform.ts";
import { platformContract } from "../../chat/testing/platform-contract.ts";
import { customId } from "./inbound.ts";
import { driveDiscord, type DrivenDiscord } from "./testing/driven-discord.ts";
import { textOf, type FakeMessage, type FakeUser } from "./testing/fake-discord.ts";

let driven: DrivenDiscord | undefined;
let dana: FakeUser;
let quinn: FakeUser;

afterEach(async () => {
  await driven?.dispose();
  driven = undefined;
});

async function drive(...args: Parameters<typeof driveDiscord>): Promise<DrivenDiscord> {
  driven = await driveDiscord(...args);
  const { fake } = driven;
  dana = fake.addUser({ username: "dana" });
  quinn = fake.addUser({ username: "quinn" });
  fake.join(dana.id, { nick: "Dana Dev" });
  fake.join(quinn.id);
  return driven;
}

platformContract("discord", async () => {
  const { fake, platform, settle, channelId } = await drive();
  const otherBot = fake.addUser({ username: "robot", bot: true });
  fake.join(otherBot.id);
  let last: FakeMessage | undefined;
  return {
    platform,
    userId: dana.id,
    mention: `<@${fake.bot.id}> `,
    channelId,
    directChannelOf: (userId) => fake.conversation(userId),
    async say(text, { userId, channelId: where, threadId }) {
      last = fake.say(userId, where, text, threadId === undefined ? {} : { threadId });
      await settle();
    },
    async sayAsBot(text) {
      fake.say(fake.bot.id, channelId, text);
      fake.say(otherBot.id, channelId, text);
      fake.say(dana.id, channelId, text, { webhookId: "600000000000000001" });
      await settle();
    },
    async redeliver() {
      if (last) {
        fake.repeat(last);
      }
      await settle();
    },
    async press(ref, token, userId, values) {
      const { messageId } = ref;
      const used = values
        ? fake.submit(userId, { customId: customId("sent", token), messageId }, values)
        : fake.press(userId, messageId, customId("action", token));
      await used.answered;
      await settle();
    },
    async read(ref: MessageRef) {
      const message = fake.messages.get(ref.messageId);
      if (!message || message.gone) {
        return undefined;
      }
      const isPrivate = message.channel_id === fake.conversation(dana.id);
      const visibleTo = isPrivate ? dana.id : (message.visibleTo ?? "everyone");
      return { text: textOf(message), visibleTo };
    },
    async remove(ref) {
      fake.removeMessage(ref.messageId);
    },
  };
});
