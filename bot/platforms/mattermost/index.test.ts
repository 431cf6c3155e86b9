import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { MessageNotFound } from "../../../shared/errors/catalog.ts";
import { pressableItems } from "../../chat/card-to-text.ts";
import type { Card, FormSpec } from "../../chat/card.ts";
import type { Inbound, MessageRef, Outgoing } from "../../chat/platform.ts";
import { message, platformContract } from "../../chat/testing/platform-contract.ts";
import { createCallbacks } from "./callbacks.ts";
import { checkMattermost, createMattermostPlatform } from "./index.ts";
import { slashTokensOf } from "./options.ts";
import { driveMattermost, type DrivenMattermost } from "./testing/driven-mattermost.ts";
import type { FakePost } from "./testing/fake-mattermost.ts";
import { actionsOf, textOf } from "./testing/fake-rules.ts";

const DANA = "sub-dana";
const QUINN = "sub-quinn";

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
        const place = { channelId, messageId: ref.messageId, rootId: ref.messageId };
        const state = callbacks.formState({ token, ...place, nonce: "n" }, userId);
        const dialog = { callback_id: "slipway", title: "", introduction_text: "", elements: [] };
        const open = { userId, url: options.callback_url, dialog: { ...dialog, state } };
        await fake.submit(userId, open, values);
        return;
      }
      const post = fake.posts.get(ref.messageId);
      const action = (post ? actionsOf(post) : []).find(
        ({ integration }) => integration?.context["token"] === token,
      );
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

describe("listening to Mattermost", () => {
  let inbox: Inbound[];

  beforeEach(() => {
    inbox = [];
  });

  /** Starts the platform, taking everything into the inbox. */
  async function listen(platform = driven?.platform): Promise<void> {
    await platform?.start(async (event) => {
      inbox.push(event);
    });
    await driven?.settle();
  }

  function texts(): readonly string[] {
    return inbox.map((event) => (event.type === "command" ? event.text : event.type));
  }

  /** Lets time pass until the connection is there again. */
  async function reconnected({ clock, fake, settle, platform }: DrivenMattermost): Promise<void> {
    await vi.waitFor(
      async () => {
        await clock.advance(1_000);
        await new Promise((resolve) => setTimeout(resolve, 5));
        expect(platform.status().state).toBe("connected");
        expect(fake.hub.openCount).toBe(1);
      },
      { timeout: 20_000, interval: 10 },
    );
    await settle();
  }

  it("resumes the stream after a dropped connection: nothing is lost, nothing comes twice", async () => {
    const own = await drive();
    await listen();
    const { fake, channelId } = own;
    fake.say(DANA, channelId, "@slipway before");
    await own.settle();

    fake.hub.drop();
    await vi.waitFor(() => expect(own.platform.status().state).toBe("reconnecting"));
    fake.say(DANA, channelId, "@slipway meanwhile");
    await reconnected(own);
    fake.say(DANA, channelId, "@slipway after");
    await own.settle();

    expect(texts()).toEqual(["before", "meanwhile", "after"]);
    expect(fake.hub.connects.at(-1)).toMatchObject({ resumed: true });
    expect(own.platform.status()).toMatchObject({ reconnectCount: 1 });
  });

  it.each([
    ["was restarted", (own: DrivenMattermost) => own.fake.hub.forget()],
    [
      "sent more than it keeps for a client that is away",
      (own: DrivenMattermost) => {
        own.fake.hub.drop();
      },
    ],
  ])("reads again what was said when the server %s", async (_what, lose) => {
    const own = await drive();
    await listen();
    const { fake, channelId } = own;
    fake.say(DANA, channelId, "@slipway before");
    await own.settle();

    lose(own);
    await vi.waitFor(() => expect(own.platform.status().state).toBe("reconnecting"));
    for (let n = 0; n < 300; n += 1) {
      fake.say(QUINN, channelId, `chatter ${String(n)}`);
    }
    fake.say(DANA, channelId, "@slipway meanwhile");
    await reconnected(own);
    fake.say(DANA, channelId, "@slipway after");
    await own.settle();

    expect(texts()).toEqual(["before", "meanwhile", "after"]);
    expect(fake.hub.connects.at(-1)).toMatchObject({ resumed: false });
  });

  it("hears the first word of a conversation that began while it was away", async () => {
    const own = await drive();
    await listen();
    const { fake } = own;
    fake.hub.forget();
    await vi.waitFor(() => expect(own.platform.status().state).toBe("reconnecting"));
    fake.say(QUINN, fake.conversation(fake.bot.id, QUINN), "help");
    await reconnected(own);

    expect(inbox).toMatchObject([{ text: "help", user: { userId: QUINN } }]);
  });

  it("finds an event that got lost on the way", async () => {
    const own = await drive();
    await listen();
    const { fake, channelId } = own;
    fake.hub.loseOne();
    fake.say(DANA, channelId, "@slipway help");
    await vi.waitFor(() => expect(own.platform.status().state).toBe("reconnecting"));
    await reconnected(own);

    expect(texts()).toEqual(["help"]);
    const { query } = fake.hub.connects.at(-1) ?? {};
    expect(query?.get("disconnect_err_code")).toBe("4001");
  });

  it("notices a connection that is dead without having been closed", async () => {
    const own = await drive();
    await listen();
    const { fake, channelId, clock } = own;
    fake.hub.mute();
    fake.say(DANA, channelId, "@slipway help");
    await vi.waitFor(
      async () => {
        await clock.advance(5_000);
        await new Promise((resolve) => setTimeout(resolve, 5));
        expect(own.platform.status().reconnectCount).toBe(1);
      },
      { timeout: 20_000, interval: 10 },
    );
    await reconnected(own);

    expect(texts()).toEqual(["help"]);
  });

  it("begins anew when the server takes a connection and never answers", async () => {
    const own = await drive();
    await listen();
    const { fake, channelId, clock } = own;
    fake.stallUpgrades(true);
    fake.hub.drop();
    await vi.waitFor(() => expect(own.platform.status().state).toBe("reconnecting"));
    for (let seconds = 0; seconds < 120; seconds += 5) {
      await clock.advance(5_000);
    }
    fake.stallUpgrades(false);
    fake.say(DANA, channelId, "@slipway help");
    await reconnected(own);

    expect(texts()).toEqual(["help"]);
  });

  it("survives a server that is down for half an hour, and then is there within half a minute", async () => {
    const own = await drive();
    await listen();
    const { fake, channelId, clock } = own;
    await fake.goDown();
    await vi.waitFor(() => expect(own.platform.status().state).toBe("reconnecting"));
    for (let minutes = 0; minutes < 30; minutes += 1) {
      fake.say(DANA, channelId, `@slipway minute ${String(minutes)}`);
      await clock.advance(60_000);
    }
    await fake.comeUp();
    const upAt = clock.now().getTime();
    await reconnected(own);

    expect(clock.now().getTime() - upAt).toBeLessThanOrEqual(35_000);
    expect(texts()).toHaveLength(30);
    // The router asks again before it does anything old.
    expect(inbox[0]?.sentAt.getTime()).toBeLessThan(upAt - 29 * 60_000);
  });

  it("goes on behind the last message of the process before it", async () => {
    const own = await drive();
    await listen();
    const { fake, channelId, clock } = own;
    fake.say(DANA, channelId, "@slipway first");
    await own.settle();
    await own.platform.stop();
    fake.say(DANA, channelId, "@slipway second");
    fake.say(QUINN, channelId, "chatter");
    await clock.advance(3 * 3_600_000);

    await listen(own.another());
    fake.say(DANA, channelId, "@slipway third");
    await own.settle();

    expect(texts()).toEqual(["first", "second", "third"]);
  });

  it("leaves what it was serving to the process after it", async () => {
    const own = await drive();
    const { fake, channelId, clock } = own;
    let finish: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => {
      finish = resolve;
    });
    await own.platform.start((event) => {
      inbox.push(event);
      return gate;
    });
    fake.say(DANA, channelId, "@slipway first");
    await own.settle();
    fake.say(DANA, channelId, "@slipway second");
    await own.settle();
    await clock.advance(5_000);
    inbox = [];

    await listen(own.another());

    expect(texts()).toEqual(["first", "second"]);
    finish();
  });

  it("leaves the first word of a channel to the process after it, however busy others are", async () => {
    const own = await drive();
    const { fake, channelId, clock } = own;
    const other = fake.addChannel("other");
    let finish: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => {
      finish = resolve;
    });
    await own.platform.start(() => gate);
    fake.say(DANA, channelId, "@slipway first");
    await own.settle();
    await clock.advance(5_000);
    fake.say(DANA, other, "chatter");
    await own.settle();
    await clock.advance(5_000);

    await listen(own.another());

    expect(texts()).toEqual(["first"]);
    finish();
  });

  it("reads on by time where the last message is gone for good", async () => {
    const own = await drive();
    await listen();
    const { fake, channelId, clock } = own;
    const last = fake.say(DANA, channelId, "@slipway first");
    await own.settle();
    await own.platform.stop();
    (fake.posts as Map<string, FakePost>).delete(last.id);
    await clock.advance(60_000);
    fake.say(DANA, channelId, "@slipway second");

    await listen(own.another());

    expect(texts()).toEqual(["first", "second"]);
  });

  it("gives a duplicated event the same delivery id, and takes events in any order", async () => {
    const own = await drive();
    await listen();
    const { fake, channelId } = own;
    fake.hub.duplicateNext();
    fake.say(DANA, channelId, "@slipway twice");
    fake.hub.swapNext();
    fake.say(DANA, channelId, "@slipway one");
    fake.say(DANA, channelId, "@slipway two");
    await own.settle();

    expect(texts()).toEqual(["twice", "twice", "two", "one"]);
    expect(inbox[0]?.deliveryId).toBe(inbox[1]?.deliveryId);
  });

  it.each([
    ["webhook", { from_webhook: "true" }],
    ["plugin", { from_plugin: "true" }],
    ["OAuth app", { from_oauth_app: "true" }],
    ["bot", { from_bot: "true" }],
  ])("does not believe a %s that posts under the name of a person", async (_what, props) => {
    const own = await drive();
    await listen();
    own.fake.say(DANA, own.channelId, "@slipway approve 12 as dev", { props });
    await own.settle();
    expect(inbox).toEqual([]);
  });

  it("does not answer what it says itself, nor what the server says", async () => {
    const own = await drive();
    await listen();
    const { fake, channelId } = own;
    fake.say(fake.bot.id, channelId, "@slipway help");
    fake.say(DANA, channelId, "@slipway help", { type: "system_join_channel" });
    await own.settle();
    expect(inbox).toEqual([]);
  });

  it.each([
    ["guests", { roles: "system_guest" }, "guest"],
    ["people of another server", { remote_id: "otherserver" }, "guest"],
    ["people", {}, "person"],
  ])("says that %s are that", async (_what, user, kind) => {
    const own = await drive();
    await listen();
    const { fake, channelId } = own;
    fake.addUser({ id: "visitor", ...user });
    fake.join(channelId, "visitor");
    fake.say("visitor", channelId, "@slipway help");
    await own.settle();
    expect(inbox).toMatchObject([
      { user: { kind, userId: "visitor", workspace: fake.settings["TelemetryId"] } },
    ]);
  });

  it.each([
    ["4,000 characters", `@slipway notes 12 "${"x".repeat(4_000)}"`, /^notes 12 "x{4000}"$/],
    [
      "invisible characters",
      "\u200B@slipway\u200B \u202Eapprove 12 as\u202Cdev",
      /^approve 12 as\u202Cdev$/,
    ],
    ["a code block", "@slipway ```\napprove 12 as dev\n```", /^```\napprove 12 as dev\n```$/],
    ["back-ticks", "@slipway `approve 12 as dev`", /^`approve 12 as dev`$/],
    ["a colon", "@Slipway: help", /^help$/],
    ["nothing", "@slipway", /^$/],
  ])("passes on a mention with %s", async (_what, text, expected) => {
    const own = await drive();
    await listen();
    own.fake.say(DANA, own.channelId, text);
    await own.settle();
    expect(texts()).toEqual([expect.stringMatching(expected)]);
  });

  it.each([
    ["a longer name", "@slipway2 help"],
    ["a mention in the middle", "ask @slipway for help"],
    ["a mention inside code", "`@slipway help`"],
  ])("leaves %s alone", async (_what, text) => {
    const own = await drive();
    await listen();
    own.fake.say(DANA, own.channelId, text);
    await own.settle();
    expect(inbox).toEqual([]);
  });

  it("tells of its own messages that somebody deleted, and of no others", async () => {
    const own = await drive();
    const { fake, platform, channelId } = own;
    const removed: MessageRef[] = [];
    await platform.start(
      async () => undefined,
      (ref) => removed.push(ref),
    );
    const ref = await platform.post({ platform: "mattermost", channelId }, message("text"));
    const theirs = fake.say(DANA, channelId, "hello");
    fake.removePost(theirs.id);
    fake.removePost(ref.messageId);
    await own.settle();
    await vi.waitFor(() => expect(removed).toEqual([ref]));
  });

  it("asks again later who somebody is when the server does not tell", async () => {
    const own = await drive();
    await listen();
    const { fake, channelId, clock } = own;
    fake.failNext(3, 500, /^GET \/users\/sub-/);
    const waiting = fake.say(DANA, channelId, "@slipway help");
    // Tries again by itself first.
    await vi.waitFor(async () => {
      await clock.advance(500);
      expect(fake.requests.filter((line) => line === `GET /users/${DANA}`)).toHaveLength(3);
    });
    await vi.waitFor(async () => {
      await clock.advance(1_000);
      expect(inbox).toMatchObject([{ deliveryId: waiting.id }]);
    });
  });

  it("prints nothing, and leaves no globals behind", async () => {
    const printed = vi.spyOn(console, "log");
    const own = await drive();
    await listen();
    own.fake.hub.drop();
    await vi.waitFor(() => expect(own.platform.status().state).toBe("reconnecting"));
    expect(printed).not.toHaveBeenCalled();
    expect(own.logged.join("")).toMatch(/websocket connecting to/);
    expect("CloseEvent" in globalThis && process.version.startsWith("v20.")).toBe(false);
    printed.mockRestore();
  });

  it("never logs its token", async () => {
    const own = await drive();
    await listen();
    own.fake.revokeToken();
    own.fake.hub.forget();
    await own.clock.advance(60_000);
    expect(own.logged.join("")).not.toContain(own.fake.token);
  });

  it.each([
    ["a token that was revoked", (own: DrivenMattermost) => own.fake.revokeToken()],
    [
      "a bot that is disabled",
      (own: DrivenMattermost) => {
        own.fake.bot.delete_at = 1;
      },
    ],
  ])("says at the start what to do about %s", async (_what, spoil) => {
    const own = await drive();
    spoil(own);
    await expect(listen()).rejects.toMatchObject({
      message: expect.stringMatching(/token is wrong, has expired or was revoked/),
      remedy: expect.stringMatching(/chat\.mattermost\.token.*enabled/),
    });
  });
});

describe("presses, forms and slash commands", () => {
  const form: FormSpec = {
    title: "Reject release #12 of the payments team",
    fields: [
      { name: "reason", label: "Why", type: "textarea", required: true },
      { name: "sure", label: "I am sure", type: "checkbox" },
    ],
    submit: { action: "release.reject", payload: { release: 12 }, text: 'reject 12 -m "…"' },
  };
  let inbox: Inbound[];
  let own: DrivenMattermost;
  let serve: (event: Inbound) => Promise<void>;

  beforeEach(async () => {
    inbox = [];
    serve = (event) => event.reply.acknowledge();
    own = await drive();
    await own.platform.start(async (event) => {
      inbox.push(event);
      await serve(event);
    });
    await own.settle();
  });

  function outgoing(card: Card, extra: Partial<Outgoing> = {}): Outgoing {
    const tokens = pressableItems(card).map((item, n) => [item, `token${String(n)}`] as const);
    return { card, tokens: new Map(tokens), ...extra };
  }

  async function postButtons(channelId = own.channelId): Promise<MessageRef> {
    return own.platform.post({ platform: "mattermost", channelId }, message("actions"));
  }

  it("answers a press at once, however long the work takes", async () => {
    await postButtons();
    let finish: () => void = () => undefined;
    serve = () =>
      new Promise((resolve) => {
        finish = resolve;
      });
    const pressed = own.fake.pressLabel(DANA, "Approve as Dev");
    await vi.waitFor(() => expect(inbox).toHaveLength(1));
    await own.clock.advance(800);
    expect(await pressed).toMatchObject({ status: 200 });
    finish();
  });

  it("says a quick private word in the answer to the press, for that person only", async () => {
    await postButtons();
    serve = async ({ reply }) => {
      await reply.send({ ...message("text"), visibility: "only-you" });
    };
    await own.fake.pressLabel(DANA, "Approve as Dev");
    expect(own.fake.ephemerals).toMatchObject([
      { userId: DANA, post: { channel_id: own.channelId, message: expect.stringMatching(/Text/) } },
    ]);
    expect(own.fake.posts.size).toBe(1);
  });

  it("says so when the server does not tell who pressed", async () => {
    await postButtons();
    own.fake.failNext(3, 503, /^GET \/users\/sub-/);
    const pressing = own.fake.pressLabel(DANA, "Approve as Dev");
    await vi.waitFor(async () => {
      await own.clock.advance(50);
      expect(own.fake.ephemerals).toMatchObject([
        {
          userId: DANA,
          post: {
            message: expect.stringMatching(/Mattermost does not answer.*Nothing was changed/s),
          },
        },
      ]);
    });
    expect(await pressing).toMatchObject({ status: 200 });
    expect(inbox).toEqual([]);
  });

  it("writes a late private word into a conversation, because bots may not whisper", async () => {
    await postButtons();
    let finish: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => {
      finish = resolve;
    });
    serve = async ({ reply }) => {
      await gate;
      await reply.send({ ...message("text"), visibility: "only-you" });
    };
    const pressed = own.fake.pressLabel(DANA, "Approve as Dev");
    await vi.waitFor(() => expect(inbox).toHaveLength(1));
    await own.clock.advance(800);
    await pressed;
    finish();
    const conversation = own.fake.conversation(own.fake.bot.id, DANA);
    await vi.waitFor(() =>
      expect([...own.fake.posts.values()].at(-1)).toMatchObject({ channel_id: conversation }),
    );
    expect(own.fake.ephemerals).toEqual([]);
  });

  it("whispers where it may", async () => {
    own.fake.makeBotAdministrator();
    serve = async ({ reply }) => {
      await reply.send({ ...message("actions"), visibility: "only-you" });
    };
    own.fake.say(DANA, own.channelId, "@slipway whoami");
    await own.settle();
    await vi.waitFor(() => expect(own.fake.ephemerals).toMatchObject([{ userId: DANA }]));
    // Its buttons work like any other's.
    serve = (event) => event.reply.acknowledge();
    const outcome = await own.fake.pressLabel(DANA, "Approve as Dev");
    expect(outcome.status).toBe(200);
    expect(inbox.at(-1)).toMatchObject({
      type: "action",
      message: { messageId: own.fake.ephemerals[0]?.post.id },
    });
  });

  it("opens a form, takes its answers, and shows what is wrong in the form", async () => {
    await postButtons();
    serve = (event) => event.reply.openForm(form, "formtoken");
    await own.fake.pressLabel(DANA, "Approve as Dev");
    const [dialog] = own.fake.dialogs;
    expect(dialog?.dialog).toMatchObject({
      title: "Reject release #12 of…",
      introduction_text: expect.stringMatching(/payments team/),
    });
    serve = async ({ reply }) => {
      await reply.send(
        outgoing(
          { title: "I did not understand that", tone: "warning", blocks: [] },
          { visibility: "only-you" },
        ),
      );
    };

    const refused =
      dialog && (await own.fake.submit(DANA, dialog, { reason: "no", sure: true }, "elsewhere"));

    expect(refused?.body).toMatchObject({ error: expect.stringMatching(/did not understand/) });
    expect(inbox.at(-1)).toMatchObject({
      type: "action",
      token: "formtoken",
      values: { reason: "no", sure: "true" },
      // Where the button was, not where the person looks.
      place: { channelId: own.channelId },
    });
  });

  it("says so when a form took too long to open", async () => {
    await postButtons();
    let failure: unknown;
    serve = async (event) => {
      own.clock.set(new Date(own.clock.now().getTime() + 3_500));
      failure = await event.reply.openForm(form, "formtoken").catch((error: unknown) => error);
    };
    await own.fake.pressLabel(DANA, "Approve as Dev");
    expect(failure).toMatchObject({ remedy: "Press the button again." });
  });

  it("opens no form that would cut off what is written already", async () => {
    await postButtons();
    const [field, ...rest] = form.fields;
    const long = { ...form, fields: [{ ...field, initial: "n".repeat(3_001) }, ...rest] };
    let failure: unknown;
    serve = async (event) => {
      failure = await event.reply
        .openForm(long as FormSpec, "formtoken")
        .catch((error: unknown) => error);
    };
    await own.fake.pressLabel(DANA, "Approve as Dev");
    expect(failure).toMatchObject({ code: "input.too_large", remedy: "Edit it in the dashboard." });
    expect(own.fake.dialogs).toEqual([]);
  });

  it("takes the answers of a form from nobody but the person who opened it", async () => {
    await postButtons();
    serve = (event) => event.reply.openForm(form, "formtoken");
    await own.fake.pressLabel(DANA, "Approve as Dev");
    const [dialog] = own.fake.dialogs;
    const before = inbox.length;
    // The state is in the hands of whoever opened the form: it must not work in another name.
    const stolen = dialog && (await own.fake.submit(QUINN, dialog, { reason: "no" }));
    expect(stolen?.status).toBe(400);
    expect(inbox).toHaveLength(before);
  });

  it("gives the same press and the same answers the same delivery id, others another", async () => {
    const ref = await postButtons();
    const context = contextOf(ref);
    const body = JSON.stringify({ ...pressOf(ref), context, trigger_id: "same" });
    const headers = { "content-type": "application/json" };
    await own.platform.webhook?.({ headers, body });
    await own.platform.webhook?.({ headers, body });
    await own.platform.webhook?.({ headers, body: body.replace("same", "other") });
    const ids = inbox.map(({ deliveryId }) => deliveryId);
    expect(ids[1]).toBe(ids[0]);
    expect(ids[2]).not.toBe(ids[0]);
  });

  it.each([
    ["nothing", "", "application/json"],
    ["no JSON", "{", "application/json"],
    ["a guessed token", { context: { token: "token0", proof: "x" } }, "application/json"],
    ["no proof", { context: { token: "token0" } }, "application/json"],
    ["another channel", { channel_id: "elsewhere" }, "application/json"],
    ["another token", { context: { token: "token9" } }, "application/json"],
    [
      "a wrong slash token",
      new URLSearchParams({
        token: "wrong",
        user_id: DANA,
        channel_id: "c",
        text: "approve 12",
        trigger_id: "t",
      }).toString(),
      "application/x-www-form-urlencoded",
    ],
    [
      "a forged form",
      JSON.stringify({
        type: "dialog_submission",
        user_id: DANA,
        state: "token0.channel.message.root.nonce.proof",
        submission: { reason: "x" },
      }),
      "application/json",
    ],
    [
      "a forged question whether callbacks arrive",
      JSON.stringify({ context: { probe: "nonce", proof: "guessed" } }),
      "application/json",
    ],
  ])("answers 401 to a callback with %s, and does nothing", async (_what, change, type) => {
    const ref = await postButtons();
    const genuine = { ...pressOf(ref), context: contextOf(ref) };
    const body =
      typeof change === "string"
        ? change
        : JSON.stringify({
            ...genuine,
            ...change,
            ...("context" in change ? { context: { ...genuine.context, ...change.context } } : {}),
          });
    const answer = await own.platform.webhook?.({ headers: { "content-type": type }, body });
    expect(answer?.status).toBe(401);
    expect(inbox).toEqual([]);
    expect(own.logged.join("")).toMatch(/refused a callback/);
  });

  it("tells nobody in the channel what a button carries", async () => {
    const ref = await postButtons();
    const post = own.fake.posts.get(ref.messageId);
    const ids = post ? actionsOf(post).map(({ id }) => id) : [];
    const tokens = [...message("actions").tokens.values()];
    expect(ids.join(" ")).toMatch(/^[A-Za-z0-9]+ [A-Za-z0-9]+$/);
    expect(ids.some((id) => tokens.includes(id ?? ""))).toBe(false);
  });

  it("does nothing for a press on a message that is gone", async () => {
    const ref = await postButtons();
    const [action] = actionsOf(own.fake.posts.get(ref.messageId) ?? { props: {} });
    own.fake.removePost(ref.messageId);
    const outcome = await own.fake.press(DANA, ref.messageId, action?.id ?? "");
    expect(outcome.status).toBe(404);
    expect(inbox).toEqual([]);
  });

  it("takes a press on a card that is being drawn again for what the person saw", async () => {
    const ref = await postButtons();
    const [seen] = actionsOf(own.fake.posts.get(ref.messageId) ?? { props: {} });
    // New tokens, the same buttons.
    const { card } = message("actions");
    const tokens = pressableItems(card).map((item, n) => [item, `fresh${String(n)}`] as const);
    await own.platform.edit(ref, { card, tokens: new Map(tokens) });
    await own.fake.press(DANA, ref.messageId, seen?.id ?? "");
    expect(inbox).toMatchObject([{ token: "fresh0" }]);
  });

  it("answers a press below the message", async () => {
    const ref = await postButtons();
    serve = async (event) => {
      await event.reply.send(message("text"));
    };
    await own.fake.pressLabel(DANA, "Approve as Dev");
    expect([...own.fake.posts.values()].at(-1)).toMatchObject({ root_id: ref.messageId });
    // And below the thread when the message itself is in one.
    await own.platform.post(
      { platform: "mattermost", channelId: own.channelId, threadId: ref.messageId },
      message("actions"),
    );
    await own.fake.pressLabel(DANA, "Approve as Dev");
    expect([...own.fake.posts.values()].at(-1)).toMatchObject({ root_id: ref.messageId });
    expect(inbox.at(-1)?.place.threadId).toBe(ref.messageId);
  });

  it("takes a slash command where it was typed, and answers it privately in place", async () => {
    serve = async ({ reply }) => {
      await reply.send({ ...message("actions"), visibility: "only-you" });
    };
    const outcome = await own.fake.slash(DANA, own.channelId, "approve 12 as dev");
    expect(outcome.status).toBe(200);
    expect(inbox).toMatchObject([
      {
        type: "command",
        text: "approve 12 as dev",
        direct: true,
        place: { channelId: own.channelId },
        user: { userId: DANA, displayName: "Dana Dev" },
      },
    ]);
    // There is no room for buttons, so it says what to type.
    expect(own.fake.ephemerals[0]?.post.message).toMatch(/Approve as Dev: say `release 12`/);
  });

  it("answers a slow slash command privately all the same", async () => {
    let finish: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => {
      finish = resolve;
    });
    serve = async ({ reply }) => {
      await gate;
      await reply.send({ ...message("text"), visibility: "only-you" });
    };
    const typed = own.fake.slash(DANA, own.channelId, "whoami");
    await vi.waitFor(() => expect(inbox).toHaveLength(1));
    await own.clock.advance(800);
    expect(await typed).toMatchObject({ status: 200 });
    finish();
    await vi.waitFor(() =>
      expect(own.fake.ephemerals).toMatchObject([
        { userId: DANA, post: { channel_id: own.channelId } },
      ]),
    );
  });

  it("takes nothing any more once it is stopped", async () => {
    const ref = await postButtons();
    await own.platform.stop();
    const body = JSON.stringify({ ...pressOf(ref), context: contextOf(ref) });
    const headers = { "content-type": "application/json" };
    expect(await own.platform.webhook?.({ headers, body })).toMatchObject({ status: 503 });
  });

  function contextOf(ref: MessageRef) {
    const [action] = actionsOf(own.fake.posts.get(ref.messageId) ?? { props: {} });
    return action?.integration?.context ?? {};
  }

  function pressOf(ref: MessageRef) {
    return {
      user_id: DANA,
      channel_id: ref.channelId,
      post_id: ref.messageId,
      trigger_id: "trigger",
    };
  }
});

describe("writing to Mattermost", () => {
  let own: DrivenMattermost;
  const place = () => ({ platform: "mattermost", channelId: own.channelId });

  beforeEach(async () => {
    own = await drive();
    await own.platform.start(async () => undefined);
    // The platform has tried itself, which is not what is looked at here.
    await vi.waitFor(async () => {
      await own.clock.advance(1_000);
      expect(own.fake.requests).toContainEqual(expect.stringMatching(/^DELETE /));
    });
    await own.settle();
  });

  /** What stands in the channel. */
  function posted(): readonly FakePost[] {
    return [...own.fake.posts.values()].filter(
      (post) => post.channel_id === own.channelId && post.delete_at === 0,
    );
  }

  function editsOf(ref: MessageRef): number {
    return own.fake.requests.filter((line) => line === `PUT /posts/${ref.messageId}`).length;
  }

  /** Lets time pass until the work has ended. */
  async function ended<T>(work: Promise<T>): Promise<T | Error> {
    let outcome: T | Error | undefined;
    work.then(
      (value) => {
        outcome = value;
      },
      (error: Error) => {
        outcome = error;
      },
    );
    return vi.waitFor(
      async () => {
        await own.clock.advance(1_000);
        await new Promise((resolve) => setTimeout(resolve, 5));
        return outcome ?? raise();
      },
      { timeout: 20_000, interval: 1 },
    );
  }

  function titled(title: string): Outgoing {
    return { card: { title, tone: "info", blocks: [] }, tokens: new Map() };
  }

  it("notifies nobody, whatever people call their branches and releases", async () => {
    const hostile =
      "@channel @all @here @dana \\@channel @\\channel &#64;channel **@dana** (@here)";
    await own.platform.post(place(), {
      card: {
        title: hostile,
        tone: "info",
        blocks: [
          { type: "text", markdown: hostile },
          { type: "fields", fields: [{ label: hostile, value: hostile }] },
          { type: "table", columns: [hostile], rows: [[hostile]] },
          { type: "note", markdown: `> ${hostile}\n\n- ${hostile}\n\n# ${hostile}` },
        ],
      },
      tokens: new Map(),
    });
    await own.platform.post(place(), message("overflow"));
    expect(own.fake.pings).toEqual([]);
  });

  it("posts once when the answer to the first try got lost", async () => {
    own.fake.failNext(1, 502, /^POST \/posts$/);
    await ended(own.platform.post(place(), titled("Once")));
    expect(posted()).toHaveLength(1);
  });

  it("finds again what somebody posted who died before saying so", async () => {
    const ref = await own.platform.post(place(), { ...titled("Ready"), key: "release/12 ready" });
    await own.clock.advance(3_600_000);
    const next = own.another();
    await next.start(async () => undefined);

    const again = await next.post(place(), {
      ...titled("Ready, again"),
      key: "release/12 ready",
      repeated: true,
    });

    expect(again.messageId).toBe(ref.messageId);
    expect(posted()).toHaveLength(1);
    expect(textOf(own.fake.posts.get(ref.messageId) ?? raise())).toMatch(/Ready, again/);
  });

  it("answers in the thread of a reply by its first post", async () => {
    const root = await own.platform.post(place(), titled("Root"));
    const reply = await own.platform.post(
      { ...place(), threadId: root.messageId },
      titled("Reply"),
    );
    const ref = await own.platform.post({ ...place(), threadId: reply.messageId }, titled("Again"));
    expect(ref.threadId).toBe(root.messageId);
  });

  it("posts into the channel when the thread is gone", async () => {
    const root = await own.platform.post(place(), titled("Root"));
    own.fake.removePost(root.messageId);
    const ref = await own.platform.post({ ...place(), threadId: root.messageId }, titled("On"));
    expect(ref.threadId).toBeUndefined();
  });

  it("replaces a message whole, also long after a server that limits editing allows it", async () => {
    own.fake.settings["PostEditTimeLimit"] = "60";
    const ref = await own.platform.post(place(), message("actions"));
    await own.clock.advance(3_600_000);
    await own.platform.edit(ref, message("text"));
    const post = own.fake.posts.get(ref.messageId) ?? raise();
    expect(textOf(post)).toMatch(/One bold line|\*\*bold\*\*/);
    expect(actionsOf(post)).toEqual([]);
    await own.platform.edit(ref, message("actions"));
    expect(actionsOf(post).map(({ integration }) => integration?.url)).toEqual([
      own.callbackUrl,
      own.callbackUrl,
    ]);
  });

  it("tells a message that is gone from one it may not edit", async () => {
    const ref = await own.platform.post(place(), titled("Here"));
    own.fake.settings["EditPost"] = "false";
    await expect(own.platform.edit(ref, titled("New"))).rejects.not.toThrow(MessageNotFound);
    own.fake.removePost(ref.messageId);
    await expect(own.platform.edit(ref, titled("New"))).rejects.toThrow(MessageNotFound);
  });

  it("sends only the newest of many edits that wait, and never loses it", async () => {
    const ref = await own.platform.post(place(), titled("0"));
    const held = own.fake.holdNext(/^PUT /);
    const edits = [own.platform.edit(ref, titled("1"))];
    await held.arrived;
    for (let n = 2; n <= 100; n += 1) {
      edits.push(own.platform.edit(ref, titled(String(n))));
    }
    held.release();
    await Promise.all(edits);
    expect(editsOf(ref)).toBe(2);
    expect(textOf(own.fake.posts.get(ref.messageId) ?? raise())).toMatch(/^\n100/);
  });

  it("waits as long as a rate limit says, and then shows the last state", async () => {
    const ref = await own.platform.post(place(), titled("0"));
    own.fake.limitNext(1, 30, /^PUT /);
    const first = own.platform.edit(ref, titled("1"));
    await vi.waitFor(() => expect(editsOf(ref)).toBe(1));
    const limitedAt = own.clock.now().getTime();
    const second = own.platform.edit(ref, titled("2"));
    await ended(Promise.all([first, second]));
    expect(own.clock.now().getTime() - limitedAt).toBeGreaterThanOrEqual(30_000);
    expect(textOf(own.fake.posts.get(ref.messageId) ?? raise())).toMatch(/^\n2/);
  });

  it("tells a person who waits for an answer that the limit is too long, instead of answering much later", async () => {
    own.fake.limitNext(1, 60, /^POST \/posts$/);
    await expect(own.platform.post(place(), titled("Answer"))).rejects.toMatchObject({
      data: { why: "it takes no more requests for a while", retryAfterMs: 60_000 },
    });
  });

  it("answers between the edits of a storm", async () => {
    const refs = await Promise.all(
      Array.from({ length: 10 }, (_, n) => own.platform.post(place(), titled(String(n)))),
    );
    const held = [1, 2, 3].map(() => own.fake.holdNext(/^PUT /));
    const edits = refs.map((ref) => own.platform.edit(ref, titled("new")));
    await Promise.all(held.map(({ arrived }) => arrived));
    await own.platform.post(place(), titled("Answer"));
    held.forEach(({ release }) => release());
    await Promise.all(edits);
  });

  it("gives up on a server that does not answer", async () => {
    const held = [1, 2, 3].map(() => own.fake.holdNext(/^POST \/posts$/));
    const outcome = await ended(own.platform.post(place(), titled("Hello")));
    expect(outcome).toMatchObject({ code: "upstream.timeout" });
    held.forEach(({ release }) => release());
  });

  it("says how it gets into a channel it is not in", async () => {
    const other = own.fake.addChannel("secret", { type: "P", botIn: false });
    await expect(
      own.platform.post({ platform: "mattermost", channelId: other }, titled("Hello")),
    ).rejects.toMatchObject({
      code: "channel.unreachable",
      remedy: "Say `/invite @slipway` there.",
    });
  });

  it("cannot write while it is not started", async () => {
    await own.platform.stop();
    await expect(own.platform.post(place(), titled("Hello"))).rejects.toMatchObject({
      code: "upstream.unavailable",
    });
  });
});

describe("finding channels", () => {
  async function start(): Promise<DrivenMattermost> {
    const own = await drive();
    await own.platform.start(async () => undefined);
    return own;
  }

  it.each([["releases"], ["~releases"], ["Releases"], ["acme/releases"]])(
    "knows the channel people call %s",
    async (name) => {
      const own = await start();
      expect(await own.platform.findPlace?.(name)).toEqual({
        platform: "mattermost",
        channelId: own.channelId,
      });
    },
  );

  it("knows a channel by its id", async () => {
    const own = await start();
    expect(await own.platform.findPlace?.(own.channelId)).toMatchObject({
      channelId: own.channelId,
    });
  });

  it.each([
    ["a public channel it is not in", "town", /not a member/, /\/invite @slipway/],
    ["a channel that is not there", "nowhere", /no such channel/, /chat\.announce/],
    ["a channel that is archived", "old", /archived/, /Unarchive/],
    ["a name that two channels have", "twin", /several/, /mattermost:acme\/twin/],
  ])("says what to do about %s", async (_what, name, why, remedy) => {
    const own = await start();
    own.fake.addChannel("town", { botIn: false });
    own.fake.archive(own.fake.addChannel("old"));
    own.fake.addChannel("twin");
    own.fake.addChannel("twin");
    await expect(own.platform.findPlace?.(name)).rejects.toMatchObject({
      message: expect.stringMatching(why),
      remedy: expect.stringMatching(remedy),
    });
  });

  it("looks again after it was invited", async () => {
    const own = await start();
    const town = own.fake.addChannel("town", { botIn: false });
    await expect(own.platform.findPlace?.("town")).rejects.toThrow();
    own.fake.join(town, own.fake.bot.id);
    await own.settle();
    expect(await own.platform.findPlace?.("town")).toMatchObject({ channelId: town });
  });
});

describe(checkMattermost.name, () => {
  async function check(
    spoil: (own: DrivenMattermost) => void,
    announce: readonly string[] = ["releases"],
  ) {
    const own = await drive();
    await own.platform.start(async () => undefined);
    spoil(own);
    const { options, clock } = own;
    return checkMattermost(options, {
      announce,
      logger: silentLogger,
      clock,
      timers: clock,
      signal: new AbortController().signal,
    });
  }

  it("finds everything fine, and leaves nothing behind", async () => {
    const found = await check(() => undefined);
    expect(found.map(({ state, what }) => `${state}: ${what}`)).toEqual([
      "ok: Signed in as @slipway.",
      "ok: Can post and edit.",
      expect.stringMatching(/^ok: Mattermost reaches http:.*\/hooks\/mattermost\.$/),
      "ok: Can announce in releases.",
      "ok: Messages arrive by WebSocket.",
    ]);
    const left = [...(driven?.fake.posts.values() ?? [])].filter((post) => post.delete_at === 0);
    expect(left).toEqual([]);
  });

  it.each([
    [
      "internal addresses that are not allowed",
      (own: DrivenMattermost) => {
        own.fake.settings["AllowedUntrustedInternalConnections"] = "";
      },
      /cannot reach/,
      /"127\.0\.0\.1" to ServiceSettings\.AllowedUntrustedInternalConnections/,
    ],
    [
      "a bot that may not edit",
      (own: DrivenMattermost) => {
        own.fake.settings["EditPost"] = "false";
      },
      /may not edit/,
      /edit_post/,
    ],
    [
      "a revoked token",
      (own: DrivenMattermost) => own.fake.revokeToken(),
      /wrong, has expired or was revoked/,
      /chat\.mattermost\.token/,
    ],
    [
      "a disabled bot",
      (own: DrivenMattermost) => {
        own.fake.bot.delete_at = 1;
      },
      /wrong, has expired or was revoked/,
      /enabled/,
    ],
    [
      "a channel it is not in",
      (own: DrivenMattermost) => own.fake.leave(own.channelId, own.fake.bot.id),
      /not a member/,
      /\/invite @slipway/,
    ],
    [
      "WebSockets that do not get through",
      (own: DrivenMattermost) => {
        own.fake.stallUpgrades(true);
        void own.clock.advance(0).then(async () => {
          for (let n = 0; n < 200; n += 1) {
            await new Promise((resolve) => setTimeout(resolve, 5));
            await own.clock.advance(500);
          }
        });
      },
      /did not finish connecting/,
      /WebSockets/,
    ],
  ])("names what to change about %s", async (_what, spoil, what, remedy) => {
    const found = await check(spoil);
    expect(found.filter(({ state }) => state === "problem")).toEqual([
      {
        state: "problem",
        what: expect.stringMatching(what),
        remedy: expect.stringMatching(remedy),
      },
    ]);
  });

  it.each([
    [
      "slash commands that are switched off",
      (own: DrivenMattermost) => {
        own.fake.settings["EnableCommands"] = "false";
      },
      /ServiceSettings\.EnableCommands/,
    ],
  ])("warns of %s", async (_what, spoil, remedy) => {
    const found = await check(spoil);
    expect(found.filter(({ state }) => state === "warning")).toMatchObject([
      { remedy: expect.stringMatching(remedy) },
    ]);
  });

  it("says that a limit on editing does no harm", async () => {
    const found = await check((own) => {
      own.fake.settings["PostEditTimeLimit"] = "300";
    });
    expect(found).toContainEqual(
      expect.objectContaining({
        state: "ok",
        what: expect.stringMatching(/PostEditTimeLimit/),
      }),
    );
  });

  it("shows what is wrong in the state of the platform, until it is mended", async () => {
    const own = await drive({ announce: ["releases"] });
    own.fake.settings["AllowedUntrustedInternalConnections"] = "";
    await own.platform.start(async () => undefined);
    await vi.waitFor(async () => {
      await own.clock.advance(1_000);
      await new Promise((resolve) => setTimeout(resolve, 5));
      expect(own.platform.status().detail).toMatch(/AllowedUntrustedInternalConnections/);
    });
    own.fake.settings["AllowedUntrustedInternalConnections"] = "127.0.0.1";
    await vi.waitFor(async () => {
      await own.clock.advance(30_000);
      await new Promise((resolve) => setTimeout(resolve, 5));
      expect(own.platform.status().detail).toBeUndefined();
    });
  });
});

function raise(): never {
  throw new Error("there is no such post");
}

const silentLogger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => silentLogger,
};

it("is stopped before it starts", () => {
  const clock = { now: () => new Date(0) };
  const platform = createMattermostPlatform(
    { url: "http://127.0.0.1:1", callback_url: "http://x/hooks/mattermost" } as never,
    { chatStore: {} as never, announce: [], logger: silentLogger, clock },
  );
  expect(platform.status()).toEqual({ state: "stopped", since: new Date(0) });
});
