import { afterEach, describe, expect, it, vi } from "vitest";
import { createLogger } from "../../../shared/lib/logger.ts";
import type { FormSpec } from "../../chat/card.ts";
import type { Inbound, MessageRef } from "../../chat/platform.ts";
import { message, platformContract } from "../../chat/testing/platform-contract.ts";
import { commands } from "../../commands/index.ts";
import { customId } from "./inbound.ts";
import { checkDiscord } from "./index.ts";
import { driveDiscord, type DrivenDiscord } from "./testing/driven-discord.ts";
import { PERMISSIONS, textOf, type FakeMessage, type FakeUser } from "./testing/fake-discord.ts";

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

/** Starts the platform; `serve` is what is done with each event. */
async function listen(
  serve: (event: Inbound) => Promise<void> = async () => undefined,
  platform = driven?.platform,
): Promise<Inbound[]> {
  const inbox: Inbound[] = [];
  await platform?.start(async (event) => {
    inbox.push(event);
    await serve(event);
  });
  await driven?.settle();
  return inbox;
}

function answering(visibility: "everyone" | "only-you" = "everyone") {
  return async (event: Inbound) => {
    await event.reply.acknowledge();
    await event.reply.send({ ...message("text"), visibility });
  };
}

function textsOf(inbox: readonly Inbound[]): readonly string[] {
  return inbox.map((event) => (event.type === "command" ? event.text : event.type));
}

function place(threadId?: string) {
  const { channelId = "" } = driven ?? {};
  return { platform: "discord", channelId, ...(threadId === undefined ? {} : { threadId }) };
}

/** What the bot says in a channel, as Dana sees it. */
function said(channelId = driven?.channelId ?? ""): readonly FakeMessage[] {
  const { fake } = driven ?? {};
  return (fake?.seenBy(dana.id, channelId) ?? []).filter(
    ({ author }) => author.id === fake?.bot.id,
  );
}

describe("answering an interaction", () => {
  it("says that it is on it before anything else, also where it has to look somebody up", async () => {
    const { fake, platform, settle } = await drive();
    const inbox = await listen();
    const sent = message("actions");
    const { messageId } = await platform.direct(dana.id, sent);
    const looking = fake.holdNext(/^GET .*\/members\//);

    const pressed = fake.press(dana.id, messageId, "a:tokenactions0");

    expect(await pressed.answered).toEqual({ type: 6 });
    await looking.arrived;
    expect(inbox).toEqual([]);
    looking.release();
    await settle();
    expect(inbox).toMatchObject([{ type: "action", user: { userId: dana.id, kind: "person" } }]);
  });

  it("puts a private answer where it said that it thinks, and another one below", async () => {
    const { fake, channelId } = await drive();
    await listen(async (event) => {
      await answering("only-you")(event);
      await answering("only-you")(event);
    });

    const asked = fake.slash(dana.id, channelId, ["whoami"]);

    await vi.waitFor(() => expect(said()).toHaveLength(2));
    expect(said().map(({ visibleTo }) => visibleTo)).toEqual([dana.id, dana.id]);
    expect(asked.thinking).toBe(false);
    expect(await asked.answered).toMatchObject({ type: 5, data: { flags: 64 } });
  });

  it("stops thinking when the answer is for everybody", async () => {
    const { fake, channelId } = await drive();
    await listen(answering());

    const asked = fake.slash(dana.id, channelId, ["whoami"]);

    await vi.waitFor(() => expect(said()).toMatchObject([{ visibleTo: undefined }]));
    await vi.waitFor(() => expect(asked.thinking).toBe(false));
  });

  it("answers a press below the message it was on, in one thread however often", async () => {
    const { fake, platform, settle } = await drive();
    await listen(answering());
    const ref = await platform.post(place(), message("actions"));
    for (const user of [dana, quinn]) {
      await fake.press(user.id, ref.messageId, "a:tokenactions0").answered;
    }
    await settle();

    await vi.waitFor(() => expect(said(ref.messageId)).toHaveLength(2));
    expect(fake.requests.filter((line) => /\/threads$/.test(line))).toHaveLength(1);
  });

  it("goes on when somebody else has started the thread meanwhile", async () => {
    const { fake, platform, channelId } = await drive();
    await listen();
    const ref = await platform.post(place(), message("text"));
    const starting = fake.holdNext(/\/threads$/);
    const posting = platform.post(place(ref.messageId), message("note"));
    await starting.arrived;
    fake.say(dana.id, channelId, "first", { threadId: ref.messageId });
    starting.release();

    expect(await posting).toMatchObject({ channelId, threadId: ref.messageId });
  });

  it("begins a thread again that somebody deleted", async () => {
    const { fake, platform } = await drive();
    await listen();
    const ref = await platform.post(place(), message("text"));
    await platform.post(place(ref.messageId), message("note"));
    fake.removeChannel(ref.messageId);

    expect(await platform.post(place(ref.messageId), message("note"))).toMatchObject({
      threadId: ref.messageId,
    });
    expect(fake.requests.filter((line) => /\/threads$/.test(line))).toHaveLength(2);
  });

  it("refers to the message where there can be no thread", async () => {
    const { fake, platform } = await drive();
    await listen();
    const ref = await platform.direct(dana.id, message("text"));
    const below = { platform: "discord", channelId: ref.channelId, threadId: ref.messageId };

    const answer = await platform.post(below, message("note"));

    expect(answer.threadId).toBeUndefined();
    expect(fake.messages.get(answer.messageId)?.replyTo).toBe(ref.messageId);
  });

  it("opens a form as the first answer", async () => {
    const { fake, platform } = await drive();
    const form = formOf("actions");
    await listen((event) => event.reply.openForm(form, "formtoken"));
    const ref = await platform.post(place(), message("actions"));

    const pressed = fake.press(dana.id, ref.messageId, "f:tokenactions1");

    expect(await pressed.answered).toMatchObject({ type: 9, data: { custom_id: "s:formtoken" } });
  });

  it("offers a form again that it was too slow to open", async () => {
    const { fake, platform, clock, settle } = await drive();
    let open: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    await listen(async (event) => {
      await gate;
      await event.reply.openForm(formOf("actions"), "formtoken");
    });
    const ref = await platform.post(place(), message("actions"));
    const pressed = fake.press(dana.id, ref.messageId, "f:tokenactions1");
    await settle();

    await clock.advance(2_300);

    expect(await pressed.answered).toEqual({ type: 6 });
    open();
    await vi.waitFor(() =>
      expect(said().find(({ visibleTo }) => visibleTo === dana.id)?.components).toMatchObject([
        { components: [{ label: "Reject release #12", custom_id: "f:formtoken" }] },
      ]),
    );
  });

  it("does what was asked though Discord took no answer in time, and says so another way", async () => {
    const { fake, channelId, clock, settle } = await drive();
    const inbox = await listen(answering("only-you"));
    const answering3 = fake.holdNext(/\/callback$/);
    fake.slash(dana.id, channelId, ["whoami"]);
    await answering3.arrived;
    await clock.advance(3_100);
    answering3.release();
    await settle();

    await vi.waitFor(() => expect(said(fake.conversation(dana.id))).toHaveLength(1));
    expect(textsOf(inbox)).toEqual(["whoami"]);
  });

  it("answers by other ways, and still edits, when more than fifteen minutes have passed", async () => {
    const { fake, platform, channelId, clock, settle } = await drive();
    const inbox = await listen((event) => event.reply.acknowledge());
    fake.slash(dana.id, channelId, ["deploys", "deploy"], { release: "12" });
    await settle();
    await vi.waitFor(() => expect(inbox).toHaveLength(1));
    const [event] = inbox;
    const ref = await event?.reply.send(message("text"));
    clock.set(new Date(clock.now().getTime() + 16 * 60_000));

    await platform.edit(ref as MessageRef, message("note"));
    await event?.reply.send({ ...message("text"), visibility: "only-you" });

    expect(said().map(textOf)).toEqual([expect.stringContaining("Note")]);
    expect(said(fake.conversation(dana.id))).toHaveLength(1);
    expect(fake.invalidRequests).toEqual([]);
  });

  it("tells who asked when it may not speak in the channel, and does not go on trying", async () => {
    const { fake, platform, channelId } = await drive();
    fake.deny(channelId, PERMISSIONS.sendMessages);
    await listen(answering());

    fake.slash(dana.id, channelId, ["whoami"]);

    await vi.waitFor(() => expect(said()).toMatchObject([{ visibleTo: dana.id }]));
    for (let time = 0; time < 3; time += 1) {
      await expect(platform.post(place(), message("text"))).rejects.toThrow(/I may not/);
    }
    expect(fake.invalidRequests).toHaveLength(1);
  });

  it("does nothing for people of another server", async () => {
    const { fake, channelId, settle } = await drive();
    const inbox = await listen();

    const asked = fake.slash(dana.id, channelId, ["whoami"], {}, "700000000000000001");
    fake.say(dana.id, channelId, `<@${fake.bot.id}> help`, { guildId: "700000000000000001" });

    expect(await asked.answered).toMatchObject({ type: 4, data: { flags: 64 } });
    await settle();
    expect(inbox).toEqual([]);
  });

  it("gives the same interaction the same delivery id", async () => {
    const { fake, channelId, settle } = await drive();
    const inbox = await listen();
    const asked = fake.slash(dana.id, channelId, ["whoami"]);
    await settle();
    fake.repeatInteraction(asked);
    await settle();
    await vi.waitFor(() => expect(inbox).toHaveLength(2));
    expect(inbox[1]?.deliveryId).toBe(inbox[0]?.deliveryId);
    expect(inbox[0]?.sentAt).toEqual(driven?.clock.now());
  });

  it("suggests what fits, and nothing when that takes too long", async () => {
    const { fake, channelId, suggested, clock } = await drive();
    await listen();
    suggested.set("number", [{ label: "#12 uat → master", value: "12" }]);
    const path = ["sign-off", "approve"];
    const typing = fake.type(dana.id, channelId, path, "release", "1");
    expect(await typing.answered).toEqual({
      type: 8,
      data: { choices: [{ name: "#12 uat → master", value: "12" }] },
    });

    suggested.set("role", new Promise(() => undefined));
    const late = fake.type(dana.id, channelId, path, "role", "d");
    await vi.waitFor(async () => {
      await clock.advance(500);
      expect(late.answer).toBeDefined();
    });
    expect(await late.answered).toEqual({ type: 8, data: { choices: [] } });
  });
});

describe("listening to Discord", () => {
  /** Resolves when the platform is connected by another socket than before. */
  async function reconnected(count: number): Promise<void> {
    await vi.waitFor(
      () => {
        expect(driven?.platform.status().state).toBe("connected");
        expect(driven?.fake.gateway.logins).toHaveLength(count);
      },
      { timeout: 10_000, interval: 20 },
    );
    await driven?.settle();
  }

  it("resumes after a lost connection, and hears once what was said meanwhile", async () => {
    const { fake, channelId, platform } = await drive();
    const inbox = await listen();
    fake.say(dana.id, channelId, `<@${fake.bot.id}> one`);
    await driven?.settle();
    fake.gateway.drop();
    fake.say(dana.id, channelId, `<@${fake.bot.id}> two`);

    await reconnected(2);

    expect(fake.gateway.logins.map(({ how }) => how)).toEqual(["identify", "resume"]);
    await vi.waitFor(() => expect(textsOf(inbox)).toEqual(["one", "two"]));
    expect(platform.status()).toMatchObject({ reconnectCount: 1 });
  });

  it("reads again what was said when its session is gone: in channels, threads and conversations", async () => {
    const { fake, channelId, platform } = await drive();
    const inbox = await listen();
    const conversation = fake.conversation(dana.id);
    fake.say(dana.id, conversation, "zero");
    const root = await platform.post(place(), message("text"));
    fake.say(quinn.id, channelId, "chatter", { threadId: root.messageId });
    await driven?.settle();
    fake.gateway.forget();
    fake.say(dana.id, channelId, `<@${fake.bot.id}> one`);
    fake.say(dana.id, channelId, "nothing for the bot");
    fake.say(dana.id, root.messageId, `<@${fake.bot.id}> two`);
    fake.say(dana.id, conversation, "three");

    await reconnected(2);

    await vi.waitFor(() =>
      expect([...textsOf(inbox)].sort()).toEqual(["one", "three", "two", "zero"]),
    );
    expect(inbox.find((event) => event.type === "command" && event.text === "two")?.place).toEqual(
      place(root.messageId),
    );
    expect(fake.gateway.logins.map(({ how }) => how)).toEqual(["identify", "identify"]);
  });

  it("hears once what was said while another process was dead", async () => {
    const { fake, channelId, platform, another, settle } = await drive();
    await listen();
    fake.say(dana.id, channelId, `<@${fake.bot.id}> one`);
    await settle();
    await platform.stop();
    fake.say(dana.id, channelId, `<@${fake.bot.id}> two`);

    const inbox = await listen(undefined, another());

    await vi.waitFor(() => expect(textsOf(inbox)).toEqual(["two"]));
  });

  it("connects again when it is asked to", async () => {
    const { fake } = await drive();
    await listen();
    fake.gateway.askToReconnect();
    await reconnected(2);
    expect(fake.gateway.logins.at(-1)?.how).toBe("resume");
  });

  it("beats, and notices by it that nobody listens any more", async () => {
    const { fake, channelId } = await drive();
    fake.gateway.heartbeatMs = 40;
    const inbox = await listen();
    await vi.waitFor(() => expect(fake.gateway.heartbeats).toBeGreaterThan(2));
    expect(fake.gateway.logins).toHaveLength(1);

    fake.gateway.mute();
    fake.say(dana.id, channelId, `<@${fake.bot.id}> one`);

    await reconnected(2);
    await vi.waitFor(() => expect(textsOf(inbox)).toEqual(["one"]));
  });

  it("takes events that come twice or in another order", async () => {
    const { fake, channelId, settle } = await drive();
    const inbox = await listen();
    fake.gateway.swapNext();
    fake.say(dana.id, channelId, `<@${fake.bot.id}> one`);
    fake.say(dana.id, channelId, `<@${fake.bot.id}> two`);
    fake.gateway.duplicateNext();
    fake.say(dana.id, channelId, `<@${fake.bot.id}> three`);
    await settle();

    expect(textsOf(inbox)).toEqual(["two", "one", "three", "three"]);
    expect(new Set(inbox.map(({ deliveryId }) => deliveryId)).size).toBe(3);
  });

  it("leaves a connection on which nothing was heard for long", async () => {
    const { fake, clock } = await drive();
    await listen();
    fake.gateway.mute();
    await clock.advance(150_000);
    await reconnected(2);
    expect(fake.gateway.logins.at(-1)?.how).toBe("resume");
  });

  it("gives up a start that nobody greets, and leaves nothing behind that connects later", async () => {
    const { fake, platform, clock, another } = await drive();
    fake.gateway.stall(true);
    let why: unknown;
    void listen().catch((error: unknown) => {
      why = error;
    });
    await vi.waitFor(() => expect(fake.gateway.openCount).toBe(1));
    await vi.waitFor(async () => {
      await clock.advance(7_000);
      expect(String(why)).toMatch(/connecting within 20 s/);
    });
    expect(platform.status().state).toBe("stopped");
    await vi.waitFor(() => expect(fake.gateway.openCount).toBe(0));
    fake.gateway.stall(false);

    await listen(undefined, another());
    // The vendor's client waits half a second before it connects again, as the one that was left would.
    fake.gateway.drop();
    await vi.waitFor(() => expect(fake.gateway.logins).toHaveLength(2), { timeout: 5_000 });
    await driven?.settle();
    expect(fake.gateway.openCount).toBe(1);
    expect(fake.gateway.logins.map(({ how }) => how)).toEqual(["identify", "resume"]);
  });

  it("asks nothing any more once its token was reset", async () => {
    const { fake, platform, clock } = await drive();
    await listen();
    fake.revokeToken();
    fake.gateway.drop();
    await vi.waitFor(
      () => expect(platform.status().detail).toMatch(/token is wrong or was reset.*Reset Token/),
      { timeout: 5_000 },
    );
    await expect(platform.post(place(), message("text"))).rejects.toThrow(/token is wrong/);
    const asked = fake.requests.length;

    await expect(platform.post(place(), message("text"))).rejects.toThrow(/token is wrong/);
    await clock.advance(10 * 60_000);

    expect(fake.requests).toHaveLength(asked);
    expect(fake.gateway.openCount).toBe(0);
    expect(platform.status().state).toBe("reconnecting");
  });

  it("does not start with a wrong token, and says what to do", async () => {
    const { fake } = await drive();
    fake.revokeToken();
    await expect(listen()).rejects.toMatchObject({
      message: expect.stringMatching(/token is wrong/),
      remedy: expect.stringMatching(/Developer Portal/),
    });
  });

  it("hears its name without a mention only where it may read messages", async () => {
    const { fake, channelId, settle, another, platform } = await drive();
    const inbox = await listen();
    fake.say(dana.id, channelId, "@slipway one");
    fake.say(dana.id, channelId, `<@&${fake.botRoleId}> two`);
    fake.say(dana.id, channelId, `<@${fake.bot.id}> three`);
    await settle();
    expect(textsOf(inbox)).toEqual(["three"]);
    await platform.stop();

    fake.grantMessageContent(true);
    const granted = await listen(undefined, another());
    fake.say(dana.id, channelId, "@slipway four");
    fake.say(dana.id, channelId, `<@&${fake.botRoleId}> five`);
    await settle();
    expect(textsOf(granted).slice(-2)).toEqual(["four", "five"]);
  });

  it("goes on without the right to read messages when Discord takes it back", async () => {
    const { fake, channelId, settle } = await drive();
    fake.grantMessageContent(true);
    const asking = fake.holdNext(/^GET \/gateway\/bot$/);
    const starting = listen();
    await asking.arrived;
    fake.grantMessageContent(false);
    asking.release();
    const inbox = await starting;
    fake.say(dana.id, channelId, `<@${fake.bot.id}> one`);
    await settle();
    expect(textsOf(inbox)).toEqual(["one"]);
  });

  it("tells which message somebody deleted, in a channel and in a thread", async () => {
    const { fake, platform, settle } = await drive();
    const removed: MessageRef[] = [];
    await platform.start(
      async () => undefined,
      (ref) => removed.push(ref),
    );
    const root = await platform.post(place(), message("text"));
    const detail = await platform.post(place(root.messageId), message("note"));
    fake.removeMessage(detail.messageId);
    fake.removeMessage(root.messageId);
    await settle();

    expect(removed).toEqual([detail, root]);
  });

  it("says how long a press waited for its first answer", async () => {
    const { fake, platform, clock, channelId } = await drive();
    await listen();
    const first = fake.holdNext(/\/callback$/);
    fake.slash(dana.id, channelId, ["whoami"]);
    await first.arrived;
    await clock.advance(150);
    first.release();

    await vi.waitFor(() => expect(platform.status()).toMatchObject({ acknowledgedInMs: 150 }));
  });

  it("reads later what it could not read at once", async () => {
    const { fake, channelId, clock, settle } = await drive();
    const inbox = await listen();
    fake.failNext(4, 503, /^GET .*\/messages$/);
    fake.gateway.forget();
    fake.say(dana.id, channelId, `<@${fake.bot.id}> one`);
    await reconnected(2);
    expect(inbox).toEqual([]);

    await clock.advance(5 * 60_000);
    await settle();
    await vi.waitFor(() => expect(textsOf(inbox)).toEqual(["one"]));
  });

  it("knows whoever left the server for a stranger", async () => {
    const { fake, settle } = await drive();
    const inbox = await listen();
    fake.leave(quinn.id);
    fake.say(quinn.id, fake.conversation(quinn.id), "deploy 12");
    await settle();
    expect(inbox).toMatchObject([{ user: { userId: quinn.id, kind: "guest" } }]);
  });

  it("reads a message again whose writer could not be looked up", async () => {
    const { fake, settle, clock } = await drive();
    const inbox = await listen();
    const conversation = fake.conversation(dana.id);
    fake.failNext(4, 503, /^GET .*\/members\//);
    fake.say(dana.id, conversation, "one");
    await settle();
    expect(inbox).toEqual([]);

    await clock.advance(10_000);
    await settle();
    await vi.waitFor(() => expect(textsOf(inbox)).toEqual(["one"]));
  });
});

describe("speaking in Discord", () => {
  it("keeps within the limits it is told, in order, without being refused once", async () => {
    const { fake, platform } = await drive();
    fake.bucket.windowMs = 120;
    await listen();
    const titles = Array.from({ length: 12 }, (_, index) => `Card ${String(index)}`);

    await Promise.all(
      titles.map((title) =>
        platform.post(place(), { card: { title, tone: "info", blocks: [] }, tokens: new Map() }),
      ),
    );

    expect(said().map(textOf)).toEqual(titles);
    expect(fake.invalidRequests).toEqual([]);
  });

  it("waits for the end of a short rate limit, and says when it would take too long", async () => {
    const { fake, platform } = await drive();
    await listen();
    fake.limitNext(1, 0.05, /^POST .*\/messages$/);
    await platform.post(place(), message("text"));
    expect(said()).toHaveLength(1);

    fake.limitNext(1, 60, /^POST .*\/messages$/);
    await expect(platform.post(place(), message("text"))).rejects.toMatchObject({
      data: { retryAfterMs: expect.any(Number) },
    });
  });

  it("answers a press at once while its edits wait for the global limit", async () => {
    const { fake, platform } = await drive();
    await listen();
    const ref = await platform.post(place(), message("actions"));
    fake.limitNext(1, 0.8, /^PATCH/, { global: true });
    const editing = platform.edit(ref, message("actions"));
    await vi.waitFor(() => expect(fake.invalidRequests).toHaveLength(1));

    const pressed = fake.press(dana.id, ref.messageId, "a:tokenactions0");

    expect(await pressed.answered).toEqual({ type: 6 });
    expect(fake.messages.get(ref.messageId)?.edits).toBe(0);
    await editing;
    expect(fake.messages.get(ref.messageId)?.edits).toBe(1);
  });

  it("sends only the newest of several edits that wait, and never drops the last", async () => {
    const { fake, platform } = await drive();
    await listen();
    const ref = await platform.post(place(), message("text"));
    const first = fake.holdNext(/^PATCH/);
    const edits = [platform.edit(ref, message("fields"))];
    await first.arrived;
    edits.push(
      ...["table", "note", "actions"].map((sample) => platform.edit(ref, message(sample))),
    );
    first.release();
    await Promise.all(edits);

    expect(fake.messages.get(ref.messageId)?.edits).toBe(2);
    expect(said().map(textOf)).toEqual(["Actions"]);
  });

  it("posts once what it has to send twice", async () => {
    const { fake, platform } = await drive();
    await listen();
    fake.failNext(1, 502, /^POST .*\/messages$/);
    const first = await platform.post(place(), { ...message("text"), key: "release/12" });
    const again = await platform.post(place(), { ...message("text"), key: "release/12" });
    expect(again).toEqual(first);
    expect(said()).toHaveLength(1);
  });

  it("takes over what somebody posted who died before they could say so", async () => {
    const { platform, another } = await drive();
    await listen();
    const first = await platform.post(place(), { ...message("text"), key: "release/12" });
    await platform.stop();
    const next = another();
    await listen(undefined, next);

    const again = await next.post(place(), {
      ...message("note"),
      key: "release/12",
      repeated: true,
    });

    expect(again).toEqual(first);
    expect(said().map(textOf)).toEqual([expect.stringContaining("Note")]);
  });

  it("edits in a thread that was archived meanwhile", async () => {
    const { fake, platform } = await drive();
    await listen();
    const root = await platform.post(place(), message("text"));
    const ref = await platform.post(place(root.messageId), message("text"));
    fake.archive(root.messageId);
    await platform.edit(ref, message("note"));
    expect(fake.messages.get(ref.messageId)).toMatchObject({ edits: 1 });
  });

  it("says why it cannot write to somebody who takes no messages", async () => {
    const { fake, platform } = await drive();
    await listen();
    fake.blockDirectMessages(dana.id);
    await expect(platform.direct(dana.id, message("text"))).rejects.toMatchObject({
      message: expect.stringMatching(/they take no direct messages/),
      remedy: expect.stringMatching(/Privacy Settings/),
    });
  });

  it("notifies nobody", async () => {
    const { fake, platform } = await drive();
    await listen();
    await platform.post(place(), message("overflow"));
    expect(fake.pings).toEqual([]);
  });
});

describe("finding out what is wrong", () => {
  it.each([
    ["releases", undefined],
    ["#releases", undefined],
    ["ops/alerts", undefined],
    ["alerts", /there are several: "discord:ops\/alerts", "discord:alerts"/],
    ["nowhere", /there is no such text channel/],
    ["voice", /there is no such text channel/],
    ["secret", /I lack View Channel/],
    ["plain", /I lack Embed Links and Create Public Threads/],
  ])("finds the channel %s", async (name, why) => {
    const { fake, platform } = await drive();
    const ops = fake.addChannel("ops", { type: 4 });
    fake.addChannel("alerts", { parentId: ops });
    fake.addChannel("alerts");
    fake.addChannel("voice", { type: 2 });
    fake.deny(fake.addChannel("secret"), PERMISSIONS.viewChannel);
    fake.deny(fake.addChannel("plain"), PERMISSIONS.embedLinks | PERMISSIONS.createPublicThreads);
    await listen();
    const finding = platform.findPlace?.(name);
    if (why) {
      await expect(finding).rejects.toThrow(why);
    } else {
      expect(await finding).toMatchObject({ platform: "discord" });
    }
  });

  it("says in its state which setting to change", async () => {
    const { fake, platform, settle } = await drive({ announce: ["secret"] });
    fake.deny(fake.addChannel("secret"), PERMISSIONS.viewChannel);
    await listen();
    await settle();
    await vi.waitFor(() =>
      expect(platform.status().detail).toMatch(/secret.*View Channel.*Permissions/),
    );
  });

  it("tries everything for the command-line, and takes no event meanwhile", async () => {
    const { fake, options, clock, settle, channelId } = await drive();
    const inbox = await listen();
    const found = await checkDiscord(options, {
      announce: ["releases", "nowhere"],
      commands,
      logger: createLogger({ level: "silent" }),
      clock,
      timers: clock,
      signal: new AbortController().signal,
    });
    expect(found.map(({ state, what }) => [state, what])).toEqual([
      ["ok", "Signed in as slipway."],
      ["ok", "Hears /slipway, mentions and direct messages, which is all it needs."],
      ["ok", "The command /slipway is there."],
      ["ok", "Can announce in releases."],
      ["problem", expect.stringMatching(/nowhere/)],
      ["ok", "Messages and presses arrive by the gateway."],
    ]);
    fake.say(dana.id, channelId, `<@${fake.bot.id}> one`);
    await settle();
    expect(textsOf(inbox)).toEqual(["one"]);
  });

  it.each([
    [
      "of another application",
      { application_id: "700000000000000001" },
      /belongs to the application/,
    ],
    ["of a server it is not in", { guild_id: "700000000000000002" }, /is not in the server/],
  ])("says that the configuration is %s", async (_, change, what) => {
    const { options, clock } = await drive();
    const found = await checkDiscord(
      { ...options, ...change },
      {
        announce: [],
        commands,
        logger: createLogger({ level: "silent" }),
        clock,
        timers: clock,
        signal: new AbortController().signal,
      },
    );
    expect(found).toEqual([
      { state: "problem", what: expect.stringMatching(what), remedy: expect.any(String) },
    ]);
  });
});

function formOf(sample: string): FormSpec {
  const [form] = [...message(sample).tokens.keys()].flatMap((item) =>
    item.type === "form" ? [item.form] : [],
  );
  if (!form) {
    throw new Error(`${sample} has no form`);
  }
  return form;
}
