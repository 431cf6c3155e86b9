import { textOf, createFakePlatform } from "./fake-platform.ts";
import { platformContract } from "./platform-contract.ts";

platformContract("the fake platform", async () => {
  const platform = createFakePlatform();
  let last: Parameters<typeof platform.say> | undefined;
  let count = 0;
  return {
    platform,
    mention: "",
    channelId: "releases",
    directChannelOf: (userId) => `dm:${userId}`,
    async say(text, { userId, ...where }) {
      count += 1;
      const direct = !text.includes("they said");
      last = [text, { as: userId, ...where, direct, deliveryId: `d${count}` }];
      await platform.say(...last).catch(() => undefined);
    },
    async sayAsBot() {},
    async redeliver() {
      if (last) {
        await platform.say(...last);
      }
    },
    async press(ref, token, userId, values) {
      const message = platform.messages.find(({ id }) => id === ref.messageId);
      const item = [...(message?.content.tokens ?? [])].find(([, each]) => each === token)?.[0];
      if (message && item) {
        await platform.click(item.label, {
          as: userId,
          on: message,
          ...(values ? { values } : {}),
        });
      }
    },
    async read(ref) {
      const message = platform.messages.find(({ id }) => id === ref.messageId);
      return message && { text: textOf(message), visibleTo: message.visibleTo ?? "everyone" };
    },
    async remove(ref) {
      const message = platform.messages.find(({ id }) => id === ref.messageId);
      if (message) {
        platform.remove(message);
      }
    },
  };
});
