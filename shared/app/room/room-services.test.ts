import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { RoomCard } from "../../contract/card.ts";
import type { RoomMessage } from "../../contract/room.ts";
import { systemActor, type Actor } from "../../core/actor.ts";
import { PersonRow } from "../../db/rows/person.ts";
import { RoomChannelRow } from "../../db/rows/room-channel.ts";
import { buildActor } from "../../testing/actors.ts";
import { createTestDatabase, type TestDatabase } from "../../testing/test-database.ts";
import { createChatStoreServices } from "../chat-store/chat-store-services.ts";
import type { RoomNotice, RoomServices } from "../services.ts";
import { createRoomServices } from "./room-services.ts";

const dana = buildActor("dana", ["dev"]);
const quinn = buildActor("quinn", ["qa"]);
let db: TestDatabase;
let room: RoomServices;

beforeEach(async () => {
  db = await createTestDatabase();
  room = create();
});
afterEach(async () => {
  await db.close();
});

function create(): RoomServices {
  return createRoomServices({ database: db, uow: db.uow, clock: db.clock, logger: db.logger });
}

function say(text: string, channel = "general", actor: Actor = dana, threadId?: string) {
  return room.post(actor, { channel, text, ...(threadId !== undefined && { threadId }) });
}

function answer(changes: Partial<Parameters<RoomServices["postAsBot"]>[0]> = {}) {
  return room.postAsBot({
    channel: "general",
    threadId: null,
    text: "Release #12",
    card: null,
    visibleTo: null,
    ...changes,
  });
}

async function texts(actor: Actor, channel = "general", query: object = {}): Promise<string[]> {
  const messages = await room.messages(actor, { channel, limit: 100, ...query });
  return messages.map((message) => message.text);
}

function cardWith(
  ...actions: { action: string; label: string; type?: "button" | "form" | "link" }[]
): RoomCard {
  return {
    title: "Release #12",
    tone: "info",
    blocks: [
      { type: "text", markdown: "**uat → master**" },
      {
        type: "actions",
        actions: actions.map((each) => ({
          type: "button",
          style: "default",
          url: null,
          form: null,
          ...each,
        })),
      },
    ],
  };
}

async function addPerson(actor: Actor): Promise<void> {
  await db.uow.run((tx) =>
    PersonRow.create(
      {
        subject: actor.subject,
        username: actor.username,
        name: actor.name,
        issuer: "test",
        claims: { groups: [], realmRoles: [], clientRoles: [] },
        claimsCheckedAt: db.clock.now(),
        active: true,
        createdAt: db.clock.now(),
      },
      { transaction: tx.sequelize },
    ),
  );
}

describe("channels", () => {
  it("are general, releases and the person's own with the bot", async () => {
    await say("hello", "releases");
    expect(await room.channels(dana)).toEqual([
      { name: "general", topic: "Everything and everybody", type: "public", lastSeq: 0 },
      {
        name: "releases",
        topic: "Releases that need you, and what became of them",
        type: "public",
        lastSeq: 1,
      },
      { name: "dm:dana", topic: "Dana and Slipway", type: "direct", lastSeq: 0 },
    ]);
    await room.channels(quinn);
    expect((await room.channels(dana)).map(({ name }) => name)).not.toContain("dm:quinn");
    expect((await room.channels(systemActor)).map(({ name }) => name)).toEqual([
      "general",
      "releases",
      "dm:dana",
      "dm:quinn",
    ]);
  });

  it("are made once, also by many at once and after a restart", async () => {
    const others = [create(), create(), room];
    await Promise.all(others.flatMap((each) => [each.channels(dana), each.channels(dana)]));
    expect(await RoomChannelRow.count()).toBe(3);
  });

  it("between one person and the bot are closed to everybody else", async () => {
    await say("secret", "dm:dana");
    for (const attempt of [
      () => room.messages(quinn, { channel: "dm:dana", limit: 10 }),
      () => say("hello", "dm:dana", quinn),
      () => say("hello", "nowhere"),
      () => say("hello", "dm:nobody"),
    ]) {
      await expect(attempt()).rejects.toMatchObject({ code: "room_channel.not_found" });
    }
    expect(await texts(systemActor, "dm:dana")).toEqual(["secret"]);
  });

  it("of a person can be named by the bot by username or subject, before they ever came", async () => {
    await addPerson(quinn);
    const first = await answer({ channel: "dm:sub-quinn", text: "one" });
    const second = await answer({ channel: "dm:quinn", text: "two" });
    expect([first.channel, second.channel]).toEqual(["dm:quinn", "dm:quinn"]);
    expect(await texts(quinn, "dm:quinn")).toEqual(["one", "two"]);
  });

  it("tell two people with one username apart", async () => {
    const other = { ...dana, subject: "sub-other-dana" };
    await say("first", "dm:dana", dana);
    expect((await room.channels(other)).map(({ name }) => name)).toEqual([
      "general",
      "releases",
      "dm:sub-other-dana",
    ]);
    await expect(room.messages(other, { channel: "dm:dana", limit: 10 })).rejects.toMatchObject({
      code: "room_channel.not_found",
    });
  });
});

describe("messages", () => {
  it("show who said what, when", async () => {
    const message = await say("@slipway help");
    expect(message).toEqual({
      id: message.id,
      seq: 1,
      channel: "general",
      threadId: null,
      author: { subject: "sub-dana", username: "dana", name: "Dana", bot: false },
      text: "@slipway help",
      card: null,
      actions: [],
      ephemeral: false,
      replyCount: 0,
      createdAt: "2026-11-25T12:00:00.000Z",
      editedAt: null,
    });
    expect(await room.message(quinn, message.id)).toEqual(message);
    expect(await room.messages(quinn, { channel: "general", limit: 10 })).toEqual([message]);
  });

  it("come latest last, after a seq, and at most as many as asked", async () => {
    for (const text of ["a", "b", "c", "d"]) {
      await say(text);
    }
    await say("elsewhere", "releases");
    expect(await texts(dana)).toEqual(["a", "b", "c", "d"]);
    expect(await texts(dana, "general", { limit: 2 })).toEqual(["c", "d"]);
    expect(await texts(dana, "general", { after: 2 })).toEqual(["c", "d"]);
    expect(await texts(dana, "general", { after: 1, limit: 1 })).toEqual(["d"]);
    expect(await texts(dana, "general", { after: 4 })).toEqual([]);
  });

  it("are kept across a restart", async () => {
    await say("hello");
    room = create();
    expect(await texts(dana)).toEqual(["hello"]);
  });

  it.each([
    ["a\u0000b\u0007c", "abc"],
    ["safe\u202Eevil\u2066", "safeevil"],
    ["zero\u200Bwidth", "zerowidth"],
    ["two\r\nlines", "two\nlines"],
    ["it's `; DROP TABLE room_messages; --", "it's `; DROP TABLE room_messages; --"],
    ["$1 :name ?", "$1 :name ?"],
    ["👩‍🚀 done".normalize(), "👩🚀 done"],
  ])("of %j keep %j", async (text, expected) => {
    expect((await say(text)).text).toBe(expected);
    expect(await texts(dana)).toEqual([expected]);
  });

  it.each([
    ["", "input.invalid"],
    [" \u200B\n", "input.invalid"],
    ["x".repeat(100_001), "input.too_large"],
  ])("that say nothing or too much are refused", async (text, code) => {
    await expect(say(text)).rejects.toMatchObject({ code });
    expect(await texts(dana)).toEqual([]);
  });

  it("cannot be written by a token that may only read, because the bot obeys them", async () => {
    const reader: Actor = {
      ...dana,
      via: { platform: "api", token: { id: "t", scopes: ["read"] } },
    };
    await expect(say("@slipway approve 12 as dev", "general", reader)).rejects.toMatchObject({
      code: "permission.denied",
    });
    expect(await texts(reader)).toEqual([]);
  });

  it("may all be as long as is allowed at once", async () => {
    const long = "it's long ".repeat(10_000).trimEnd();
    const sent = await Promise.all(Array.from({ length: 40 }, () => say(long)));
    expect(sent.every((message) => message.text === long)).toBe(true);
    expect((await texts(dana)).filter((text) => text === long)).toHaveLength(40);
  });

  it("are closed to whoever may not use the room", async () => {
    const nobody = buildActor("nobody", []);
    for (const attempt of [
      () => room.channels(nobody),
      () => room.messages(nobody, { channel: "general", limit: 1 }),
      () => say("hello", "general", nobody),
    ]) {
      await expect(attempt()).rejects.toMatchObject({ code: "permission.denied" });
    }
  });

  it("of which many come at once all arrive once, told in the order of their seq", async () => {
    const told: number[] = [];
    room.listen((notice) => {
      if (notice.type === "message") {
        told.push(notice.message.seq);
      }
    });
    const sent = await Promise.all(
      Array.from({ length: 300 }, (_, index) =>
        index % 2 === 0 ? say(`person ${index}`) : answer({ text: `bot ${index}` }),
      ),
    );
    expect(told).toEqual(Array.from({ length: 300 }, (_, index) => index + 1));
    expect(new Set(sent.map((message) => message.id)).size).toBe(300);
    const stored = await room.messages(dana, { channel: "general", limit: 500 });
    const bySeq = new Map(sent.map((message) => [message.seq, message.text]));
    expect(stored.map((message) => message.text)).toEqual(
      stored.map((message) => bySeq.get(message.seq)),
    );
  });
});

describe("threads", () => {
  it("belong to a message of the same channel and count their answers", async () => {
    const root = await say("question");
    const reply = await say("first", "general", quinn, root.id);
    await answer({ threadId: root.id, text: "second" });
    expect(reply.threadId).toBe(root.id);
    expect((await room.message(dana, root.id)).replyCount).toBe(2);
    const [shown] = await room.messages(dana, { channel: "general", limit: 10 });
    expect(shown?.replyCount).toBe(2);
    expect(await texts(dana)).toEqual(["question", "first", "second"]);
  });

  it("cannot begin at an answer, elsewhere, or nowhere", async () => {
    const root = await say("question");
    const reply = await say("answer", "general", dana, root.id);
    room = create();
    await expect(say("x", "general", dana, reply.id)).rejects.toMatchObject({
      code: "input.invalid",
    });
    await expect(say("x", "releases", dana, root.id)).rejects.toMatchObject({
      code: "room_message.not_found",
    });
    await expect(say("x", "general", dana, "no-such-id")).rejects.toMatchObject({
      code: "room_message.not_found",
    });
    expect((await say("x", "general", dana, root.id)).threadId).toBe(root.id);
  });

  it("cannot begin at a message that only somebody else sees", async () => {
    const hidden = await answer({ visibleTo: quinn.subject });
    await expect(say("x", "general", dana, hidden.id)).rejects.toMatchObject({
      code: "room_message.not_found",
    });
  });
});

describe("what the bot says", () => {
  it("can be for one reader only", async () => {
    const notices: RoomNotice[] = [];
    room.listen((notice) => notices.push(notice));
    const hidden = await answer({ text: "only for you", visibleTo: dana.subject });
    expect(hidden.ephemeral).toBe(true);
    expect(notices).toEqual([{ type: "message", message: hidden, visibleTo: dana.subject }]);
    expect(await texts(dana)).toEqual(["only for you"]);
    expect(await texts(quinn)).toEqual([]);
    await expect(room.message(quinn, hidden.id)).rejects.toMatchObject({
      code: "room_message.not_found",
    });
  });

  it("can be changed, and everybody hears of it", async () => {
    const notices: RoomNotice[] = [];
    const message = await answer({ card: cardWith({ action: "t1", label: "Approve" }) });
    await say("nice", "general", quinn, message.id);
    room.listen((notice) => notices.push(notice));
    await db.clock.advance(1_000);
    const edited = await room.editAsBot(message.id, { text: "Release #12 approved", card: null });
    expect(edited).toEqual({
      ...message,
      text: "Release #12 approved",
      card: null,
      actions: [],
      replyCount: 1,
      editedAt: "2026-11-25T12:00:01.000Z",
    });
    expect(notices).toEqual([{ type: "edited", message: edited, visibleTo: null }]);
    expect(await room.message(dana, message.id)).toEqual(edited);
  });

  it("is the same message when it is said again under the same key", async () => {
    const posted = await answer({ text: "pending", key: "release/12 in general" });
    const again = await answer({ text: "approved", key: "release/12 in general" });
    await answer({ text: "another", key: "release/13 in general" });

    expect(again.id).toBe(posted.id);
    expect(await texts(dana)).toEqual(["approved", "another"]);
  });

  it("is all that the bot can change", async () => {
    const message = await say("mine");
    for (const id of [message.id, "no-such-id"]) {
      await expect(room.editAsBot(id, { text: "changed", card: null })).rejects.toMatchObject({
        code: "room_message.not_found",
      });
    }
  });

  it("keeps its card as it was, and lists what can be pressed", async () => {
    const card = cardWith({ action: "t1", label: "Approve" }, { action: "t2", label: "Refresh" });
    const message = await answer({ card });
    const stored = await room.message(dana, message.id);
    expect(stored.card).toEqual(card);
    expect(stored.actions.map((each) => each.label)).toEqual(["Approve", "Refresh"]);
  });
});

describe("listening", () => {
  it("ends when asked, and one listener that fails does not stop the others", async () => {
    const heard: string[] = [];
    room.listen(() => {
      throw new Error("broken");
    });
    const stop = room.listen((notice) => {
      if (notice.type !== "removed") {
        heard.push(notice.message.text);
      }
    });
    await say("one");
    stop();
    await say("two");
    expect(heard).toEqual(["one"]);
  });
});

describe("attending", () => {
  it("hears what was said before, then what is said, in order, with the device it came from", async () => {
    await say("one");
    await answer({ text: "of the bot itself" });
    const heard: [string, object][] = [];
    const leave = room.attend({
      async hear({ text }, origin) {
        heard.push([text, origin]);
      },
      press: () => Promise.resolve(),
    });
    await vi.waitFor(() => expect(heard).toHaveLength(1));
    const { via } = dana;
    await room.post(
      { ...dana, via: { ...via, ip: "10.0.0.7" } },
      { channel: "general", text: "two" },
    );
    leave();
    await say("three");
    expect(heard).toEqual([
      ["one", {}],
      ["two", { ip: "10.0.0.7" }],
    ]);
  });
});

describe("pressing", () => {
  const card = cardWith(
    { action: "t1", label: "Approve as Dev" },
    { action: "t2", label: "Reject", type: "form" },
    { action: "t3", label: "Open dashboard", type: "link" },
  );
  let message: RoomMessage;
  let presses: { action: string; values: object; by: string; deliveryId: string }[];

  beforeEach(async () => {
    message = await answer({ card });
    presses = [];
    room.attend({
      hear: () => Promise.resolve(),
      async press({ action, values, person, deliveryId }) {
        presses.push({ action, values, by: person.name, deliveryId });
      },
    });
  });

  it("reaches the bot by token or by label, each time as a new delivery", async () => {
    await room.press(dana, message.id, { action: "t1" });
    await room.press(quinn, message.id, { action: "Approve as Dev" });
    await room.press(dana, message.id, { action: "t2", values: { reason: "no\u202Et" } });
    expect(presses.map(({ action, values, by }) => [action, values, by])).toEqual([
      ["t1", {}, dana.name],
      ["t1", {}, quinn.name],
      ["t2", { reason: "not" }, dana.name],
    ]);
    expect(new Set(presses.map(({ deliveryId }) => deliveryId)).size).toBe(3);
  });

  it.each(["t9", "approve as dev", "t3", "Open dashboard", ""])(
    "%j, which is no button, is refused",
    async (action) => {
      await expect(room.press(dana, message.id, { action })).rejects.toMatchObject({
        code: "action.expired",
      });
      expect(presses).toEqual([]);
    },
  );

  it("a button that the card had until a moment ago reaches the bot, which tells how things stand", async () => {
    const chatStore = createChatStoreServices({ uow: db.uow, clock: db.clock, taker: "test" });
    const expiresAt = new Date(db.clock.now().getTime() + 60_000);
    const stored = { action: "release.sign_off", payload: {}, platform: "room", expiresAt };
    await chatStore.saveActions([
      { ...stored, token: "t1" },
      { ...stored, token: "elsewhere" },
    ]);
    await chatStore.bindActions(["t1"], { channelId: "releases", messageId: message.id });
    await chatStore.bindActions(["elsewhere"], { channelId: "releases", messageId: "other" });
    await room.editAsBot(message.id, { text: "done", card: null });
    await room.press(dana, message.id, { action: "t1" });
    expect(presses.map(({ action }) => action)).toEqual(["t1"]);
    await expect(room.press(dana, message.id, { action: "elsewhere" })).rejects.toMatchObject({
      code: "action.expired",
    });
  });

  it("what was never a button of the message is refused after an edit too", async () => {
    await room.editAsBot(message.id, { text: "done", card: null });
    await expect(room.press(dana, message.id, { action: "t1" })).rejects.toMatchObject({
      code: "action.expired",
    });
  });

  it("what one cannot see is refused", async () => {
    const hidden = await answer({ card, visibleTo: quinn.subject });
    await expect(room.press(dana, hidden.id, { action: "t1" })).rejects.toMatchObject({
      code: "room_message.not_found",
    });
    await addPerson(quinn);
    const direct = await answer({ card, channel: "dm:quinn" });
    await expect(room.press(dana, direct.id, { action: "t1" })).rejects.toMatchObject({
      code: "room_message.not_found",
    });
  });

  it("says that nobody is there when the bot is not", async () => {
    const leave = room.attend({ hear: () => Promise.resolve(), press: () => Promise.resolve() });
    leave();
    await expect(room.press(dana, message.id, { action: "t1" })).rejects.toMatchObject({
      code: "chat.not_running",
    });
  });
});
