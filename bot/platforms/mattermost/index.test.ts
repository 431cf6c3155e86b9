import { afterEach } from "vitest";
import type { MessageRef } from "../../chat/platform.ts";
import { platformContract } from "../../chat/testing/platform-contract.ts";
import { createCallbacks } from "./callbacks.ts";
import { slashTokensOf } from "./options.ts";
import { driveMattermost, type DrivenMattermost } from "./testing/driven-mattermost.ts";
import type { FakePost } from "./testing/fake-mattermost.ts";

const DANA = "sub-dana";
const QUINN = "sub-quinn";

/** A post as somebody reads it. */
function textOf({ message: text, props }: FakePost): string {
  const attachments: {
    title?: string;
    text?: string;
    fields?: { title: string; value: string }[];
  }[] = props["attachments"] ?? [];
  return [
    text,
    ...attachments.flatMap(({ title = "", text: body = "", fields = [] }) => [
      title,
      body,
      ...fields.map((field) => `${field.title} ${field.value}`),
    ]),
  ]
    .join("\n")
    .replace(/\\(.)/g, "$1")
    .replaceAll("\u200B", "");
}

let driven: DrivenMattermost | undefined;

afterEach(async () => {
  await driven?.dispose();
  driven = undefined;
});

async function drive(...args: Parameters<typeof driveMattermost>): Promise<DrivenMattermost> {
  driven = await driveMattermost(...args);
  driven.fake.addUser({ id: DANA, username: "dana", first_name: "Dana", last_name: "Dev" });
  driven.fake.addUser({ id: QUINN, username: "quinn" });
  driven.fake.join(driven.channelId, DANA);
  driven.fake.join(driven.channelId, QUINN);
  return driven;
}

platformContract("mattermost", async () => {
  const { fake, platform, settle, channelId, options } = await drive();
  const callbacks = createCallbacks({
    token: options.token,
    slashTokens: slashTokensOf(options),
  });
  const otherBot = fake.addUser({ id: "otherbot", username: "robot", is_bot: true });
  fake.join(channelId, otherBot.id);
  let last: FakePost | undefined;
  return {
    platform,
    mention: "@slipway ",
    channelId,
    directChannelOf: (userId) => fake.conversation(fake.bot.id, userId),
    async say(text, { userId, channelId: where, threadId = "" }) {
      last = fake.say(userId, where, text, { rootId: threadId });
      await settle();
    },
    async sayAsBot(text) {
      fake.say(fake.bot.id, channelId, text, { props: { from_bot: "true" } });
      fake.say(otherBot.id, channelId, text, { props: { from_bot: "true" } });
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
      if (values) {
        const state = callbacks.formState(
          { token, channelId, messageId: ref.messageId, rootId: ref.messageId, nonce: "n" },
          userId,
        );
        const dialog = { callback_id: "slipway", state };
        await fake.submit(userId, { userId, url: options.callback_url, dialog }, values);
        return;
      }
      const post = fake.posts.get(ref.messageId);
      const actions: { id: string; integration: { context: { token: string } } }[] =
        post?.props["attachments"].flatMap((each: { actions?: [] }) => each.actions ?? []) ?? [];
      const action = actions.find(({ integration }) => integration.context.token === token);
      await fake.press(userId, ref.messageId, action?.id ?? "");
    },
    async read(ref: MessageRef) {
      const post = fake.posts.get(ref.messageId);
      if (post) {
        const isPrivate = post.channel_id === fake.conversation(fake.bot.id, DANA);
        return { text: textOf(post), visibleTo: isPrivate ? DANA : "everyone" };
      }
      const found = fake.ephemerals.find((each) => each.post.id === ref.messageId);
      return found && { text: textOf(found.post), visibleTo: found.userId };
    },
    async remove(ref) {
      fake.removePost(ref.messageId);
    },
  };
});
