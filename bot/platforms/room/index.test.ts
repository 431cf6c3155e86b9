import { describe, expect, it } from "vitest";
import { createManualClock } from "../../../shared/testing/clock.ts";
import type { Inbound } from "../../chat/platform.ts";
import { message, platformContract } from "../../chat/testing/platform-contract.ts";
import { dana, samplePeople } from "../../chat/testing/sample-people.ts";
import { createRoomPlatform } from "./index.ts";
import { createFakeRoom } from "./testing/fake-room.ts";

const place = { platform: "room", channelId: "releases" };

function setUp() {
  const clock = createManualClock();
  const room = createFakeRoom(clock);
  return { clock, room, platform: createRoomPlatform({ room, clock }) };
}

function personOf(userId: string) {
  return samplePeople.find((person) => person.subject === userId) ?? dana;
}

platformContract("room", async () => {
  const { room, platform } = setUp();
  return {
    platform,
    mention: "@slipway ",
    channelId: "releases",
    directChannelOf: (userId) => `dm:${userId}`,
    async say(text, { userId, channelId, threadId }) {
      const thread = threadId === undefined ? {} : { threadId };
      await room.post(personOf(userId), { channel: channelId, text, ...thread });
    },
    async sayAsBot(text) {
      await room.postAsBot({
        channel: "releases",
        threadId: null,
        text,
        card: null,
        visibleTo: null,
      });
    },
    async redeliver() {
      room.repeatLast();
    },
    press: (ref, action, userId, values) =>
      room.press(personOf(userId), ref.messageId, { action, ...(values ? { values } : {}) }),
    async read(ref) {
      const entry = room.stored.find((each) => each.message.id === ref.messageId);
      return entry && { text: entry.message.text, visibleTo: entry.visibleTo ?? "everyone" };
    },
    async remove(ref) {
      room.remove(ref.messageId);
    },
  };
});

describe(createRoomPlatform.name, () => {
  it("resolves a press as soon as it is acknowledged, while the work goes on", async () => {
    const { room, platform } = setUp();
    let finish: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => {
      finish = resolve;
    });
    await platform.start(async (event) => {
      await event.reply.acknowledge();
      await gate;
      await event.reply.send(message("note"));
    });
    const sent = message("actions");
    const ref = await platform.post(place, sent);
    await room.press(dana, ref.messageId, { action: [...sent.tokens.values()][0] ?? "" });
    expect(room.stored).toHaveLength(1);
    finish();
    await platform.stop();
    expect(room.stored.at(-1)?.message).toMatchObject({ threadId: ref.messageId });
  });

  it("answers a press on a private message where everybody can read it", async () => {
    const { room, platform } = setUp();
    await platform.start(async (event) => {
      await event.reply.send(
        event.type === "command"
          ? { ...message("actions"), visibility: "only-you" }
          : message("text"),
      );
    });
    await room.post(dana, { channel: "releases", text: "@slipway reject 12" });
    await new Promise((resolve) => setImmediate(resolve));
    const question = room.stored.at(-1)?.message;
    await room.press(dana, question?.id ?? "", { action: question?.actions[0]?.action ?? "" });
    await platform.stop();
    expect(room.stored.at(-1)).toMatchObject({ visibleTo: null, message: { threadId: null } });
  });

  it("opens a form as a private message that can be sent", async () => {
    const { room, platform } = setUp();
    await platform.start((event) =>
      event.reply.openForm(
        {
          title: "Why?",
          fields: [{ name: "reason", label: "Why", type: "text" }],
          submit: { action: "a.b", payload: 1 },
        },
        "formtoken",
      ),
    );
    const sent = message("actions");
    const ref = await platform.post(place, sent);
    await room.press(dana, ref.messageId, { action: [...sent.tokens.values()][1] ?? "" });
    expect(room.stored.at(-1)).toMatchObject({
      visibleTo: dana.subject,
      message: { actions: [{ action: "formtoken", type: "form", form: { title: "Why?" } }] },
    });
  });

  it("keeps private answers in a conversation, where everything is private", async () => {
    const { room, platform } = setUp();
    await platform.start(async (event) => {
      await event.reply.send({ ...message("text"), visibility: "only-you" });
    });
    await room.post(dana, { channel: "dm:sub-dana", text: "whoami" });
    await platform.stop();
    expect(room.stored.at(-1)).toMatchObject({ visibleTo: null, message: { ephemeral: false } });
  });

  it("serves what was said in the last minutes before a start", async () => {
    const { clock, room, platform } = setUp();
    await room.post(dana, { channel: "releases", text: "@slipway too old" });
    clock.set(new Date(clock.now().getTime() + 11 * 60_000));
    await room.post(dana, { channel: "releases", text: "@slipway help" });
    await room.post(dana, { channel: "releases", text: "chatter" });
    const inbox: Inbound[] = [];
    await platform.start(async (event) => {
      inbox.push(event);
    });
    await platform.stop();
    expect(inbox).toMatchObject([{ text: "help", deliveryId: room.stored[1]?.message.id }]);
  });

  it("takes no press once it is stopped", async () => {
    const { room, platform } = setUp();
    await platform.start(async () => undefined);
    const sent = message("actions");
    const ref = await platform.post(place, sent);
    await platform.stop();
    const action = [...sent.tokens.values()][0] ?? "";
    await expect(room.press(dana, ref.messageId, { action })).rejects.toThrow("not running");
  });
});
