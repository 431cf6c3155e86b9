import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from "vitest";
import type { Actor } from "../../core/actor.ts";
import { RoomMessageRow } from "../../db/rows/room-message.ts";
import { createManualClock } from "../../testing/clock.ts";
import { describeWith } from "../../testing/needs.ts";
import { hasPostgres, startPostgres, type PostgresCluster } from "../../testing/postgres.ts";
import { joinDatabase, type TestMember } from "../../testing/shared-database.ts";
import { createChatInbox, type ChatInbox } from "../chat-inbox/chat-inbox.ts";
import type { RoomBot, RoomNotice, RoomServices } from "../services.ts";
import { createRoomAcross } from "./room-across.ts";
import { createRoomServices } from "./room-services.ts";

const dana: Actor = {
  kind: "person",
  subject: "sub-dana",
  username: "dana",
  name: "Dana",
  email: null,
  grants: [{ role: "viewer" }],
  via: { platform: "room", ip: "10.0.0.7" },
};

/** One process with the room in it. */
interface Site {
  readonly member: TestMember;
  readonly room: RoomServices;
  readonly inbox: ChatInbox;
  /** What is told here, as `new: text` or `edited: text`. */
  readonly told: string[];
  close(): Promise<void>;
}

describeWith("PostgreSQL", hasPostgres)("the room over several processes", () => {
  let cluster: PostgresCluster;
  let web: Site;
  let otherWeb: Site;
  let chat: Site;
  let isLed: boolean;
  let count = 0;
  let url: string;

  beforeAll(async () => {
    cluster = await startPostgres();
  });
  afterAll(() => cluster.remove());
  beforeEach(async () => {
    isLed = true;
    count += 1;
    await cluster.createDatabase(`room_${count}`);
    url = cluster.url(`room_${count}`);
    web = await join();
    otherWeb = await join();
    chat = await join();
  });
  afterEach(async () => {
    await Promise.all([web, otherWeb, chat].map((site) => site.close()));
  });

  async function join(): Promise<Site> {
    const member = await joinDatabase(url);
    const { database, uow, signals, logger } = member;
    const clock = { now: () => new Date() };
    const isAnybodyThere = async () => isLed;
    const inbox = createChatInbox({ uow, signals, clock, logger, isAnybodyThere });
    const exchange = createRoomAcross({ database, uow, signals, inbox, logger, isAnybodyThere });
    const room = createRoomServices({ database, uow, clock, logger, exchange });
    const told: string[] = [];
    room.listen((notice: RoomNotice) => {
      if (notice.type !== "removed") {
        told.push(`${notice.type === "message" ? "new" : "edited"}: ${notice.message.text}`);
      }
    });
    return {
      member,
      room,
      inbox,
      told,
      async close() {
        exchange.stop();
        await member.close();
      },
    };
  }

  function botThatHears(heard: unknown[], changes: Partial<RoomBot> = {}): RoomBot {
    return {
      async hear(message, origin) {
        heard.push([message.text, origin]);
      },
      async press({ person, action, values }) {
        heard.push([person.name, action, values]);
      },
      ...changes,
    };
  }

  const say = (site: Site, text: string) => site.room.post(dana, { channel: "general", text });
  const answer = (site: Site, text: string) =>
    site.room.postAsBot({ channel: "general", threadId: null, text, card: null, visibleTo: null });

  it("tells every process each message once, in one order, whichever stored it", async () => {
    const texts = Array.from({ length: 40 }, (_, n) => `message ${n}`);
    await Promise.all(texts.map((text, n) => say([web, otherWeb, chat][n % 3] ?? web, text)));
    const rows = await RoomMessageRow.findAll({ order: ["seq"] });
    const inOrder = rows.map((row) => `new: ${row.text}`);
    for (const site of [web, otherWeb, chat]) {
      await vi.waitFor(() => expect(site.told).toEqual(inOrder));
    }
    expect(new Set(inOrder).size).toBe(40);
  });

  it("tells edits after the message, and a message edited before anybody read it as new", async () => {
    const message = await answer(chat, "one");
    await vi.waitFor(() => expect(web.told).toEqual(["new: one"]));
    await chat.room.editAsBot(message.id, { text: "two", card: null });
    await vi.waitFor(() => expect(web.told).toEqual(["new: one", "edited: two"]));

    // Nobody reads while nothing wakes them: what happens meanwhile is read at once.
    const silent = createManualClock();
    const member = await joinDatabase(url, { timers: silent });
    const signals = { on: () => () => undefined };
    const parts = { ...member, signals, timers: silent, clock: silent };
    const isAnybodyThere = async () => true;
    const inbox = createChatInbox({ ...parts, isAnybodyThere });
    const exchange = createRoomAcross({ ...parts, inbox, isAnybodyThere });
    const told: string[] = [];
    exchange.listen((notice) => {
      if (notice.type !== "removed") {
        told.push(`${notice.type}: ${notice.message.text}`);
      }
    });
    await silent.advance(0);
    await vi.waitFor(async () => {
      await silent.advance(1_000);
      await answer(chat, "ping");
      await silent.advance(1_000);
      expect(told.at(-1)).toBe("message: ping");
    });
    told.length = 0;
    const early = await answer(chat, "three");
    await chat.room.editAsBot(early.id, { text: "four", card: null });
    await chat.room.editAsBot(message.id, { text: "five", card: null });
    await vi.waitFor(async () => {
      await silent.advance(1_000);
      expect(told.slice(-2)).toEqual(["message: four", "edited: five"]);
    });
    exchange.stop();
    await member.close();
  });

  it("misses nothing while its connection to the others is lost", async () => {
    await say(web, "before");
    await vi.waitFor(() => expect(otherWeb.told).toEqual(["new: before"]));
    await cluster.query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query = 'LISTEN slipway'",
    );
    await say(web, "during");
    await say(web, "after");
    await vi.waitFor(() =>
      expect(otherWeb.told).toEqual(["new: before", "new: during", "new: after"]),
    );
  });

  it("hands what people say and press to the bot in another process, with the device", async () => {
    const heard: unknown[] = [];
    const leave = chat.room.attend(botThatHears(heard));
    const card = {
      title: "Card",
      tone: "info",
      blocks: [
        {
          type: "actions",
          actions: [{ type: "button", label: "Approve", action: "t1", style: null }],
        },
      ],
    } as unknown as Parameters<RoomServices["postAsBot"]>[0]["card"];
    const message = await chat.room.postAsBot({
      channel: "general",
      threadId: null,
      text: "card",
      card,
      visibleTo: null,
    });
    await say(web, "@slipway help");
    await otherWeb.room.press(dana, message.id, { action: "t1", values: { why: "because" } });
    await vi.waitFor(() =>
      expect(heard).toEqual([
        ["@slipway help", { ip: "10.0.0.7" }],
        ["Dana", "t1", { why: "because" }],
      ]),
    );
    leave();
  });

  it("keeps what was said while no bot attended, and gives it to the first that does", async () => {
    await say(web, "@slipway one");
    await say(otherWeb, "@slipway two");
    const heard: unknown[] = [];
    const leave = chat.room.attend(botThatHears(heard));
    await vi.waitFor(() => expect(heard).toHaveLength(2));
    leave();
    await vi.waitFor(async () =>
      expect(await cluster.query("SELECT 1 FROM chat_inbox", [], `room_${count}`)).toEqual([]),
    );
  });

  it("gives what a bot had begun and not ended to the next one, under the same id", async () => {
    const ids: string[] = [];
    let reached: () => void = () => undefined;
    const isReached = new Promise<void>((resolve) => {
      reached = resolve;
    });
    chat.room.attend(
      botThatHears([], {
        hear(message) {
          ids.push(message.id);
          reached();
          return new Promise(() => undefined);
        },
      }),
    );
    const message = await say(web, "@slipway deploy 1");
    await isReached;
    await chat.close();
    chat = await join();
    const leave = chat.room.attend(
      botThatHears([], {
        async hear({ id }) {
          ids.push(id);
        },
      }),
    );
    await vi.waitFor(() => expect(ids).toEqual([message.id, message.id]));
    leave();
  });

  it("keeps what a bot refused because it was stopping", async () => {
    const leave = chat.room.attend(
      botThatHears([], { hear: () => Promise.reject(new Error("stopping")) }),
    );
    await say(web, "@slipway help");
    leave();
    const heard: unknown[] = [];
    const next = chat.room.attend(botThatHears(heard));
    await vi.waitFor(() => expect(heard).toHaveLength(1));
    next();
  });

  it("says that nobody answers only when nobody runs chat", async () => {
    const heard: unknown[] = [];
    const message = await answer(chat, "card");
    await RoomMessageRow.update(
      {
        card: {
          title: "Card",
          tone: "info",
          blocks: [{ type: "actions", actions: [{ type: "button", label: "Go", action: "t1" }] }],
        } as never,
      },
      { where: { id: message.id } },
    );
    isLed = false;
    await expect(web.room.press(dana, message.id, { action: "t1" })).rejects.toMatchObject({
      code: "chat.not_running",
    });
    await expect(web.inbox.ask("hook.slack", {}, 50)).rejects.toMatchObject({
      code: "chat.not_running",
    });
    isLed = true;
    await web.room.press(dana, message.id, { action: "t1" });
    const leave = chat.room.attend(botThatHears(heard));
    await vi.waitFor(() => expect(heard).toEqual([["Dana", "t1", {}]]));
    leave();
  });

  it("brings the answer to a request back to the process that has it, or says that it is late", async () => {
    const receiver = chat.inbox.receive(["hook.slack"], async ({ payload }) => ({
      status: 200,
      json: { echo: payload["body"] },
    }));
    expect(await web.inbox.ask("hook.slack", { body: "hello" }, 2_500)).toEqual({
      status: 200,
      json: { echo: "hello" },
    });
    receiver.stop();
    await expect(web.inbox.ask("hook.slack", { body: "hello" }, 50)).rejects.toMatchObject({
      kind: "timeout",
    });
    expect(await cluster.query("SELECT 1 FROM chat_inbox", [], `room_${count}`)).toEqual([]);
  });
});
