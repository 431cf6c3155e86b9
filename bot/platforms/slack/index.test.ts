import { createHmac } from "node:crypto";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { MessageNotFound } from "../../../shared/errors/catalog.ts";
import { createLogger } from "../../../shared/lib/logger.ts";
import type { Card, FormSpec } from "../../chat/card.ts";
import type { Inbound, MessageRef, Outgoing } from "../../chat/platform.ts";
import { message, platformContract } from "../../chat/testing/platform-contract.ts";
import { checkSlack, createSlackPlatform } from "./index.ts";
import { SIGNING_SECRET, driveSlack, type DrivenSlack } from "./testing/driven-slack.ts";
import { buttonsOf, textOf } from "./testing/fake-rules.ts";
import type { FakeMessage, FakeView } from "./testing/fake-slack.ts";

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

describe("listening to Slack", () => {
  let inbox: Inbound[];
  const rejections: unknown[] = [];
  const note = (reason: unknown) => rejections.push(reason);

  beforeEach(() => {
    inbox = [];
    rejections.length = 0;
    process.on("unhandledRejection", note);
  });
  afterEach(() => {
    process.off("unhandledRejection", note);
    expect(rejections).toEqual([]);
  });

  /** Starts the platform, taking everything into the inbox. */
  async function listen(platform = driven?.platform): Promise<void> {
    await platform?.start(async (event) => {
      inbox.push(event);
    });
    await vi.waitFor(() => expect(driven?.fake.sockets.openCount).toBe(2));
    await driven?.settle();
  }

  function texts(): readonly string[] {
    return inbox.map((event) => (event.type === "command" ? event.text : event.type));
  }

  function mention(own: DrivenSlack, text: string): string {
    return `<@${own.fake.bot.id}> ${text}`;
  }

  function say(own: DrivenSlack, text: string): FakeMessage {
    return own.fake.say(DANA, own.channelId, mention(own, text));
  }

  /** Lets time pass until it is so. */
  async function until(own: DrivenSlack, check: () => void, stepMs = 1_000): Promise<void> {
    await vi.waitFor(
      async () => {
        await own.clock.advance(stepMs);
        await new Promise((resolve) => setTimeout(resolve, 5));
        check();
      },
      { timeout: 20_000, interval: 5 },
    );
    await own.settle();
  }

  /** Lets time pass as it does where connections are quiet: Slack pings. */
  async function pass(own: DrivenSlack, ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= 5_000) {
      await own.clock.advance(Math.min(left, 5_000));
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  async function reconnected(own: DrivenSlack): Promise<void> {
    await until(own, () => {
      expect(own.platform.status().state).toBe("connected");
      expect(own.fake.sockets.openCount).toBe(2);
    });
  }

  it("keeps two connections, and is never deaf while Slack renews one of them", async () => {
    const own = await drive();
    await listen();
    const { fake, platform } = own;
    const ref = await platform.post(placeOf(own), message("actions"));
    for (let renewals = 0; renewals < 6; renewals += 1) {
      await pass(own, 3_600_000 / 60);
      fake.sockets.refresh(0);
      await vi.waitFor(() => expect(fake.sockets.connects).toBe(3 + renewals));
      const pressed = await fake.press(DANA, found(own, ref), "do:1");
      expect(pressed.isAcknowledged).toBe(true);
      expect(platform.status().state).toBe("connected");
    }
    await own.settle();
    expect(inbox).toHaveLength(6);
    expect(platform.status().reconnectCount).toBe(0);
  });

  it("opens a lost connection again at once, while the other one hears", async () => {
    const own = await drive();
    await listen();
    const { fake, platform, clock } = own;
    await pass(own, 20_000);
    const lostAt = clock.now();
    fake.sockets.stall(true);
    fake.sockets.drop(0);
    await vi.waitFor(() => expect(fake.sockets.connects).toBe(3));
    expect(clock.now()).toEqual(lostAt);
    say(own, "help");
    await own.settle();
    expect(texts()).toEqual(["help"]);
    expect(platform.status()).toMatchObject({ state: "connected", reconnectCount: 1 });
    fake.sockets.stall(false);
    await reconnected(own);
  });

  it("reads again what was said while both were lost: nothing is lost, nothing comes twice", async () => {
    const own = await drive();
    await listen();
    const { fake, channelId, clock } = own;
    say(own, "before");
    await own.settle();
    await clock.advance(60_000);
    await fake.goDown();
    await vi.waitFor(() => expect(own.platform.status().state).toBe("reconnecting"));
    const root = say(own, "meanwhile");
    fake.say(DANA, channelId, mention(own, "in a thread"), { threadTs: root.ts });
    fake.say(QUINN, fake.conversation(QUINN), "help");
    fake.say(QUINN, channelId, "chatter");
    await clock.advance(1_000);
    await fake.comeUp();
    await reconnected(own);
    say(own, "after");
    await own.settle();
    // The retries of Slack, which come much later.
    await clock.advance(400_000);
    await own.settle();

    const ids = new Set(inbox.map(({ deliveryId }) => deliveryId));
    expect(ids.size).toBe(5);
    expect(texts().filter((text) => text === "before")).toHaveLength(1);
    expect([...new Set(texts())].sort()).toEqual(
      ["after", "before", "help", "in a thread", "meanwhile"].sort(),
    );
    expect(
      inbox.find((event) => event.type === "command" && event.text === "in a thread"),
    ).toMatchObject({
      place: { threadId: root.ts },
    });
  });

  it("leaves connections alone on which nothing but pings arrives", async () => {
    const own = await drive();
    await listen();
    await pass(own, 10 * 60_000);
    expect(own.fake.sockets.connects).toBe(2);
    const { lastEventAt } = own.platform.status();
    expect(own.clock.now().getTime() - (lastEventAt?.getTime() ?? 0)).toBeLessThanOrEqual(20_000);
  });

  it("hears an event again that got lost on the way", async () => {
    const own = await drive();
    await listen();
    await own.clock.advance(60_000);
    own.fake.sockets.loseOne();
    say(own, "help");
    await reconnected(own);
    expect([...new Set(inbox.map(({ deliveryId }) => deliveryId))]).toHaveLength(1);
    expect(texts()).toContain("help");
  });

  it("notices connections that are dead without having been closed", async () => {
    const own = await drive();
    await listen();
    own.fake.sockets.mute();
    say(own, "help");
    const mutedAt = own.clock.now().getTime();
    await until(own, () => expect(own.fake.sockets.connects).toBeGreaterThanOrEqual(4), 5_000);
    expect(own.clock.now().getTime() - mutedAt).toBeLessThanOrEqual(75_000);
    await reconnected(own);
    expect(texts()).toContain("help");
    expect(own.logged.join("")).toMatch(/nothing heard from slack/);
  });

  it("tries again when Slack takes a connection and never greets it", async () => {
    const own = await drive();
    await listen();
    await own.clock.advance(60_000);
    own.fake.sockets.stall(true);
    own.fake.sockets.drop();
    await until(own, () => expect(own.fake.sockets.connects).toBeGreaterThanOrEqual(6), 5_000);
    expect(own.platform.status()).toMatchObject({
      state: "reconnecting",
      detail: expect.stringMatching(/WebSockets/),
    });
    own.fake.sockets.stall(false);
    say(own, "help");
    await reconnected(own);
    expect(texts()).toContain("help");
    expect(own.platform.status().detail).toBeUndefined();
  });

  it("does not insist when Slack closes every connection at once", async () => {
    const own = await drive();
    await listen();
    own.fake.sockets.refuse("too_many_websockets");
    own.fake.sockets.drop();
    const before = own.fake.sockets.connects;
    for (let seconds = 0; seconds < 120; seconds += 1) {
      await own.clock.advance(1_000);
      await new Promise((resolve) => setTimeout(resolve, 3));
    }
    expect(own.fake.sockets.connects - before).toBeLessThanOrEqual(2 * 12);
    own.fake.sockets.refuse(undefined);
    await reconnected(own);
  });

  it.each([
    ["is not there", (own: DrivenSlack) => own.fake.goDown()],
    [
      "answers with errors",
      async (own: DrivenSlack) => {
        own.fake.failNext(10_000, 503);
        own.fake.sockets.drop();
      },
    ],
    [
      "refuses",
      async (own: DrivenSlack) => {
        own.fake.refuseNext(10_000, "invalid_auth", /^apps\.connections\.open$/);
        own.fake.sockets.drop();
      },
    ],
  ])(
    "survives half an hour in which Slack %s, and then is there within half a minute",
    async (_what, fail) => {
      const own = await drive();
      await listen();
      const { fake, channelId, clock } = own;
      await clock.advance(60_000);
      await fail(own);
      await vi.waitFor(() => expect(own.platform.status().state).toBe("reconnecting"));
      for (let minutes = 0; minutes < 30; minutes += 1) {
        fake.say(DANA, channelId, mention(own, `minute ${String(minutes)}`));
        await clock.advance(60_000);
        await new Promise((resolve) => setTimeout(resolve, 3));
      }
      fake.forgive();
      await fake.goDown();
      await fake.comeUp();
      const upAt = clock.now().getTime();
      await until(own, () => expect(own.platform.status().state).toBe("connected"));
      expect(clock.now().getTime() - upAt).toBeLessThanOrEqual(40_000);
      await reconnected(own);

      const minutes = new Set(texts());
      expect(minutes.size).toBe(30);
      // The router asks again before it does anything old.
      const [first] = inbox.filter(
        (event) => event.type === "command" && event.text === "minute 0",
      );
      expect(first?.sentAt.getTime()).toBeLessThan(upAt - 29 * 60_000);
    },
  );

  it("goes on behind the last message of the process before it", async () => {
    const own = await drive();
    await listen();
    const { fake, channelId, clock } = own;
    say(own, "first");
    await own.settle();
    await own.platform.stop();
    say(own, "second");
    fake.say(QUINN, channelId, "chatter");
    await clock.advance(3 * 3_600_000);
    await listen(own.another());
    say(own, "third");
    await own.settle();
    expect(texts()).toEqual(["first", "second", "third"]);
  });

  it("leaves what it was serving to the process after it", async () => {
    const own = await drive();
    let finish: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => {
      finish = resolve;
    });
    await own.platform.start((event) => {
      inbox.push(event);
      return gate;
    });
    say(own, "first");
    await own.settle();
    say(own, "second");
    await own.settle();
    await own.clock.advance(5_000);
    inbox = [];
    const next = own.another();
    await next.start(async (event) => {
      inbox.push(event);
    });
    await own.settle();
    expect(texts()).toEqual(["first", "second"]);
    finish();
  });

  it("stops at once while it waits to read what was missed", async () => {
    const own = await drive();
    own.fake.limitNext(1, 60, /^conversations\.history$/);
    say(own, "meanwhile");
    await own.platform.start(async (event) => {
      inbox.push(event);
    });
    await vi.waitFor(() => expect(own.fake.requests).toContain("conversations.history"));
    await own.platform.stop();
    expect(inbox).toEqual([]);
  });

  it("reads nothing again where it may not, and says so", async () => {
    const own = await drive();
    own.fake.scopes.delete("channels:history");
    say(own, "before");
    await listen();
    expect(texts()).toEqual([]);
    expect(own.platform.status().detail).toMatch(/channels:history/);
  });

  it("gives a duplicated event the same delivery id, and takes events in any order", async () => {
    const own = await drive();
    await listen();
    const { sockets } = own.fake;
    sockets.duplicateNext();
    say(own, "twice");
    await own.settle();
    sockets.swapNext();
    say(own, "one");
    say(own, "two");
    await own.settle();
    expect(texts()).toEqual(["twice", "twice", "two", "one"]);
    expect(inbox[0]?.deliveryId).toBe(inbox[1]?.deliveryId);
  });

  it("acknowledges before it works, however long the work takes", async () => {
    const own = await drive();
    const gate = new Promise<void>(() => undefined);
    await own.platform.start(() => gate);
    await own.settle();
    own.platform.stop = async () => undefined;
    const ref = await own.platform.post(placeOf(own), message("actions"));
    const outcomes = await Promise.all([
      own.fake.press(DANA, found(own, ref), "do:1"),
      own.fake.slash(DANA, own.channelId, "help"),
      own.fake.event({
        type: "app_mention",
        channel: own.channelId,
        user: DANA,
        text: mention(own, "help"),
        ts: "1.1",
      }),
    ]);
    expect(outcomes.map(({ isAcknowledged }) => isAcknowledged)).toEqual([true, true, true]);
  });

  it.each<[string, (own: DrivenSlack, ref: MessageRef) => Promise<unknown>]>([
    [
      "a message",
      (own) =>
        own.fake.event(
          {
            type: "app_mention",
            channel: own.channelId,
            user: DANA,
            text: mention(own, "help"),
            ts: "1.1",
          },
          { authorizations: [{ team_id: "T9", enterprise_id: null }] },
        ),
    ],
    [
      "a press",
      (own, ref) => own.fake.press(DANA, found(own, ref), "do:1", { team: { id: "T9" } }),
    ],
    ["a slash command", (own) => own.fake.slash(DANA, own.channelId, "help", { team_id: "T9" })],
    [
      "a form",
      (own) =>
        own.fake.sendForm(
          DANA,
          JSON.stringify({ token: "t", channel: own.channelId, message: "1.1", nonce: "n" }),
          { reason: "x" },
          { team: { id: "T9" } },
        ),
    ],
  ])("takes %s of another workspace for nothing", async (_what, send) => {
    const own = await drive();
    await listen();
    const ref = await own.platform.post(placeOf(own), message("actions"));
    const said = own.fake.messages.length;
    await send(own, ref);
    await own.settle();
    expect(inbox).toEqual([]);
    expect(own.fake.messages).toHaveLength(said);
    expect(own.logged.join("")).toMatch(/refused what belongs to another workspace/);
  });

  it.each([
    ["guests", { is_restricted: true }, {}, "guest", "T0ACME"],
    ["people of another organisation", { team_id: "T9" }, {}, "guest", "T9"],
    ["people", {}, {}, "person", "T0ACME"],
    ["people of the organisation", { team_id: "T2" }, { enterprise: "E0ACME" }, "person", "E0ACME"],
    [
      "people of a partner of the organisation",
      { team_id: "T9", enterprise_user: { id: "W9", enterprise_id: "E9" } },
      { enterprise: "E0ACME" },
      "guest",
      "E9",
    ],
  ] as const)("says that %s are that", async (_what, user, given, kind, workspace) => {
    const own = await drive(given);
    await listen();
    const { fake, channelId } = own;
    fake.addUser({ id: "U0VISITOR", ...user });
    fake.join(channelId, "U0VISITOR");
    fake.say("U0VISITOR", channelId, mention(own, "help"));
    await own.settle();
    expect(inbox).toMatchObject([{ user: { kind, workspace } }]);
  });

  it("asks again later who somebody is when Slack does not tell", async () => {
    const own = await drive();
    await listen();
    own.fake.failNext(3, 500, /^users\.info$/);
    const waiting = say(own, "help");
    await until(own, () => expect(inbox).not.toEqual([]));
    expect(inbox).toMatchObject([{ text: "help", deliveryId: `${own.channelId}-${waiting.ts}` }]);
  });

  it("tells whoever pressed that nobody knows who they are", async () => {
    const own = await drive();
    await listen();
    const ref = await own.platform.post(placeOf(own), message("actions"));
    own.fake.refuseNext(1, "user_not_found", /^users\.info$/);
    await own.fake.press(QUINN, found(own, ref), "do:1");
    await own.settle();
    expect(inbox).toEqual([]);
    expect(own.fake.privates).toMatchObject([{ userId: QUINN }]);
  });

  it("tells of its messages that somebody deletes, where Slack tells it", async () => {
    const own = await drive();
    own.fake.hearEverything();
    const removed: MessageRef[] = [];
    await own.platform.start(
      async (event) => {
        inbox.push(event);
      },
      (gone) => removed.push(gone),
    );
    const ref = await own.platform.post(placeOf(own), message("text"));
    const chatter = own.fake.say(DANA, own.channelId, "chatter");
    own.fake.remove(own.channelId, chatter.ts);
    own.fake.remove(own.channelId, ref.messageId);
    await own.settle();
    expect(removed).toEqual([ref]);
    // Everything that is for it arrives twice now, and is one delivery.
    say(own, "help");
    await own.settle();
    expect(new Set(inbox.map(({ deliveryId }) => deliveryId)).size).toBe(1);
    expect(texts()).toEqual(["help", "help"]);
  });

  it("tells how long Slack waited for its acknowledgement", async () => {
    const own = await drive();
    await listen();
    say(own, "help");
    await own.settle();
    expect(own.platform.status().acknowledgedInMs).toBe(0);
  });

  it("takes what somebody is now, once Slack says that it changed", async () => {
    const own = await drive();
    await listen();
    say(own, "before");
    await own.settle();
    own.fake.addUser({ id: DANA, is_restricted: true });
    await own.fake.event({ type: "user_change", user: { id: DANA } });
    await own.settle();
    say(own, "after");
    await own.settle();
    expect(inbox.map(({ user }) => user.kind)).toEqual(["person", "guest"]);
  });

  it("logs no token, no address that answers, and nothing that people say", async () => {
    const own = await drive();
    await listen();
    say(own, "a secret plan");
    await own.fake.slash(DANA, own.channelId, "another secret");
    await own.settle();
    own.fake.revokeTokens();
    own.fake.sockets.drop();
    await own.clock.advance(60_000);
    const logged = own.logged.join("");
    expect(logged).not.toMatch(/xoxb|xapp-1|secret|response\/|ticket/);
  });

  it.each([
    ["bot", /^auth\.test$/, /chat\.slack\.bot_token/],
    ["sockets", /^apps\.connections\.open$/, /connections:write.*chat\.slack\.app_token/],
  ])("says at the start what to do about a wrong token of the %s", async (_what, which, remedy) => {
    const own = await drive();
    own.fake.refuseNext(1, "invalid_auth", which);
    await expect(own.platform.start(async () => undefined)).rejects.toMatchObject({
      message: expect.stringMatching(/token is wrong or was revoked/),
      remedy: expect.stringMatching(remedy),
    });
  });

  it("says at the start when there is no Slack at the address", async () => {
    const own = await drive();
    own.fake.failNext(3, 404);
    const failing = own.platform.start(async () => undefined);
    failing.catch(() => undefined);
    await until(own, () => expect(own.fake.requests).toHaveLength(3), 250);
    await expect(failing).rejects.toMatchObject({ code: "upstream.unavailable" });
  });
});

describe("presses, forms and slash commands of Slack", () => {
  const form: FormSpec = {
    title: "Reject release #12 of the payments team",
    fields: [
      { name: "reason", label: "Why", type: "textarea", required: true },
      { name: "sure", label: "I am sure", type: "checkbox" },
    ],
    submit: { action: "release.reject", payload: { release: 12 }, text: 'reject 12 -m "…"' },
  };
  const wrong: Card = { title: "I did not understand that", tone: "warning", blocks: [] };
  let inbox: Inbound[];
  let own: DrivenSlack;
  let serve: (event: Inbound) => Promise<unknown>;

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

  function privately(card: Card): Outgoing {
    return { card, tokens: new Map(), visibility: "only-you" };
  }

  async function postButtons(): Promise<MessageRef> {
    return own.platform.post(placeOf(own), message("actions"));
  }

  /** Presses the button of a form, and gives the window that opens. */
  async function pressForm(): Promise<FakeView> {
    await own.fake.pressLabel(DANA, "Reject");
    return vi.waitFor(() => own.fake.views.at(-1) ?? raise());
  }

  it("answers a press below the message", async () => {
    const ref = await postButtons();
    serve = async (event) => event.reply.send(message("text"));
    await own.fake.pressLabel(DANA, "Approve as Dev");
    await vi.waitFor(() =>
      expect(own.fake.messages.at(-1)).toMatchObject({ thread_ts: ref.messageId }),
    );
    expect(inbox.at(-1)?.place.threadId).toBeUndefined();
    // And in the thread when the message itself is in one.
    await own.platform.post({ ...placeOf(own), threadId: ref.messageId }, message("actions"));
    await own.fake.pressLabel(DANA, "Approve as Dev");
    await vi.waitFor(() => expect(inbox).toHaveLength(2));
    expect(inbox.at(-1)?.place.threadId).toBe(ref.messageId);
  });

  it("answers a press privately where it was made, for that person only", async () => {
    const ref = await postButtons();
    serve = async (event) => event.reply.send({ ...message("actions"), visibility: "only-you" });
    await own.fake.pressLabel(DANA, "Approve as Dev");
    await vi.waitFor(() => expect(own.fake.privates).toHaveLength(1));
    expect(own.fake.privates).toMatchObject([
      { userId: DANA, channel: own.channelId, thread_ts: ref.messageId },
    ]);

    // Its buttons work like any other's, and what they replace is what only that person sees.
    serve = async (event) => event.reply.replaceSource(message("text"));
    const [seen] = own.fake.privates;
    await own.fake.press(DANA, seen ?? raise(), "do:1");
    await vi.waitFor(() => expect(textOf(own.fake.privates[0] ?? raise())).toMatch(/Text/));
    expect(inbox.at(-1)).toMatchObject({
      token: "tokenactions0",
      message: { messageId: seen?.ts },
    });
  });

  it("answers privately by the address of the press where the bot may not whisper", async () => {
    await postButtons();
    own.fake.refuseNext(1, "user_not_in_channel", /^chat\.postEphemeral$/);
    serve = async (event) => event.reply.send(privately(wrong));
    await own.fake.pressLabel(DANA, "Approve as Dev");
    await vi.waitFor(() => expect(own.fake.privates).toHaveLength(1));
    expect(own.fake.requests.at(-1)).toMatch(/^\/response/);
  });

  it("writes to the person where nothing private can be shown", async () => {
    own.fake.refuseNext(1, "user_not_in_channel", /^chat\.postEphemeral$/);
    serve = async (event) => event.reply.send(privately(wrong));
    own.fake.say(DANA, own.channelId, `<@${own.fake.bot.id}> help`);
    await vi.waitFor(() =>
      expect(own.fake.messages.at(-1)).toMatchObject({ channel: own.fake.conversation(DANA) }),
    );
  });

  it("does nothing about a link that somebody opens", async () => {
    const ref = await postButtons();
    const outcome = await own.fake.press(DANA, found(own, ref), "link:3");
    await own.settle();
    expect(outcome.isAcknowledged).toBe(true);
    expect(inbox).toEqual([]);
  });

  it("opens a form, takes its answers, and closes it", async () => {
    const ref = await postButtons();
    serve = (event) => event.reply.openForm(form, "formtoken");
    const view = await pressForm();
    expect(view.view).toMatchObject({ title: { text: "Reject release #12 of t…" } });

    serve = async (event) => event.reply.send(message("text"));
    const sent = await own.fake.submit(DANA, view, { reason: "no", sure: true });
    expect(sent).toEqual({ isAcknowledged: true, answer: {} });
    expect(view.isOpen).toBe(false);
    expect(inbox.at(-1)).toMatchObject({
      type: "action",
      token: "formtoken",
      values: { reason: "no", sure: "true" },
      place: { channelId: own.channelId },
      message: { messageId: ref.messageId },
    });
    await vi.waitFor(() =>
      expect(own.fake.messages.at(-1)).toMatchObject({ thread_ts: ref.messageId }),
    );
  });

  it("says in the form what is wrong with it, and leaves it open", async () => {
    await postButtons();
    serve = (event) => event.reply.openForm(form, "formtoken");
    const view = await pressForm();
    serve = async (event) => event.reply.send(privately(wrong));
    await own.fake.submit(DANA, view, { reason: "no" });
    expect(view.isOpen).toBe(true);
    expect(view.errors).toEqual({ reason: "I did not understand that" });
    expect(own.fake.privates).toEqual([]);

    serve = (event) => event.reply.acknowledge();
    await own.fake.submit(DANA, view, { reason: "better" });
    expect(view.isOpen).toBe(false);
  });

  it("closes a form in time whose answers take long, and says the rest in the channel", async () => {
    await postButtons();
    serve = (event) => event.reply.openForm(form, "formtoken");
    const view = await pressForm();
    let finish: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => {
      finish = resolve;
    });
    serve = async (event) => {
      await gate;
      await event.reply.send(privately(wrong));
    };
    const sending = own.fake.submit(DANA, view, { reason: "no" });
    await vi.waitFor(() => expect(inbox).toHaveLength(2));
    await own.clock.advance(2_000);
    expect(await sending).toMatchObject({ isAcknowledged: true });
    finish();
    await vi.waitFor(() => expect(own.fake.privates).toMatchObject([{ userId: DANA }]));
  });

  it("opens an empty window when the form is not ready, and fills it in", async () => {
    await postButtons();
    let finish: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => {
      finish = resolve;
    });
    serve = async (event) => {
      await gate;
      await event.reply.openForm(form, "formtoken");
    };
    await own.fake.pressLabel(DANA, "Reject");
    await vi.waitFor(() => expect(inbox).toHaveLength(1));
    await own.clock.advance(700);
    await vi.waitFor(() => expect(own.fake.views).toHaveLength(1));
    expect(own.fake.views[0]?.view.title.text).toBe("One moment");
    // Long after the trigger has expired.
    await own.clock.advance(10_000);
    finish();
    await vi.waitFor(() => expect(own.fake.views[0]?.view.submit?.text).toBe("Send"));
    expect(own.fake.views).toHaveLength(1);
  });

  it("says in the empty window why there will be no form", async () => {
    await postButtons();
    let finish: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => {
      finish = resolve;
    });
    serve = async (event) => {
      await gate;
      await event.reply.send(privately(wrong));
    };
    await own.fake.pressLabel(DANA, "Reject");
    await vi.waitFor(() => expect(inbox).toHaveLength(1));
    await own.clock.advance(700);
    await vi.waitFor(() => expect(own.fake.views).toHaveLength(1));
    finish();
    await vi.waitFor(() =>
      expect(own.fake.views[0]?.view.title.text).toBe("I did not understand th…".slice(0, 24)),
    );
    expect(own.fake.privates).toEqual([]);
  });

  it.each([
    [
      "took too long to open",
      async () => {
        own.clock.set(new Date(own.clock.now().getTime() + 3_500));
      },
      /took too long/,
    ],
    [
      "was closed before it was filled in",
      async () => {
        await own.clock.advance(700);
        await vi.waitFor(() => expect(own.fake.views).toHaveLength(1));
        own.fake.close(own.fake.views[0] ?? raise());
      },
      /was closed/,
    ],
  ])("says so when a form %s", async (_what, meanwhile, why) => {
    await postButtons();
    let failure: unknown;
    serve = async (event) => {
      await meanwhile();
      failure = await event.reply.openForm(form, "formtoken").catch((error: unknown) => error);
    };
    await own.fake.pressLabel(DANA, "Reject");
    await vi.waitFor(() =>
      expect(failure).toMatchObject({
        message: expect.stringMatching(why),
        remedy: "Press the button again.",
      }),
    );
  });

  it("opens no form that would cut off what is written already", async () => {
    await postButtons();
    const [field, ...rest] = form.fields;
    const long = { ...form, fields: [{ ...field, initial: "n".repeat(3_001) }, ...rest] };
    let failure: unknown;
    serve = async (event) => {
      failure = await event.reply.openForm(long as FormSpec, "t").catch((error: unknown) => error);
    };
    await own.fake.pressLabel(DANA, "Reject");
    await vi.waitFor(() =>
      expect(failure).toMatchObject({
        code: "input.too_large",
        remedy: "Edit it in the dashboard.",
      }),
    );
    expect(own.fake.views).toEqual([]);
  });

  it("offers a form by a button where none can be opened", async () => {
    serve = (event) => event.reply.openForm(form, "formtoken");
    own.fake.say(DANA, own.channelId, `<@${own.fake.bot.id}> reject 12`);
    await vi.waitFor(() => expect(own.fake.privates).toHaveLength(1));
    expect(buttonsOf(own.fake.privates[0] ?? raise())).toMatchObject([
      { value: "formtoken", action_id: "form:1" },
    ]);
  });

  it("refuses the answers of a form that is not ours", async () => {
    const sent = await own.fake.sendForm(DANA, "{}", { reason: "x" });
    await own.settle();
    expect(sent.isAcknowledged).toBe(true);
    expect(inbox).toEqual([]);
  });

  it("takes a slash command where it was typed, and answers it privately in place", async () => {
    serve = async (event) => event.reply.send({ ...message("actions"), visibility: "only-you" });
    await own.fake.slash(DANA, own.channelId, "approve 12 as dev");
    await vi.waitFor(() => expect(own.fake.privates).toHaveLength(1));
    expect(inbox).toMatchObject([
      {
        type: "command",
        text: "approve 12 as dev",
        direct: true,
        place: { channelId: own.channelId },
        user: { userId: DANA, displayName: "Dana Dev" },
      },
    ]);
    expect(own.fake.privates).toMatchObject([{ userId: DANA, channel: own.channelId }]);
  });

  it("answers a slash command also where it is not a member", async () => {
    const elsewhere = own.fake.addChannel("elsewhere", { kind: "private", botIn: false });
    let failure: unknown;
    serve = async (event) => {
      await event.reply.send(privately(wrong));
      failure = await event.reply.send(message("text")).catch((error: unknown) => error);
    };
    await own.fake.slash(DANA, elsewhere, "whoami");
    await vi.waitFor(() =>
      expect(failure).toMatchObject({
        code: "channel.unreachable",
        remedy: "Say `/invite @slipway` there.",
      }),
    );
    expect(own.fake.privates).toMatchObject([{ userId: DANA, channel: elsewhere }]);
  });

  it("gives the same press the same delivery id, and another one another", async () => {
    const ref = await postButtons();
    const again = { trigger_id: "same" };
    await own.fake.press(DANA, found(own, ref), "do:1", again);
    await own.fake.press(DANA, found(own, ref), "do:1", again);
    await own.fake.press(DANA, found(own, ref), "do:1");
    await own.settle();
    const ids = inbox.map(({ deliveryId }) => deliveryId);
    expect(ids[1]).toBe(ids[0]);
    expect(ids[2]).not.toBe(ids[0]);
  });

  it("sends what only one person may know to no address but Slack's", async () => {
    serve = async (event) => event.reply.send(privately(wrong)).catch(() => undefined);
    await own.fake.slash(DANA, own.channelId, "whoami", { response_url: "https://evil.example/x" });
    await vi.waitFor(() => expect(own.fake.privates).toHaveLength(1));
    expect(own.fake.requests.at(-1)).toBe("chat.postEphemeral");
  });
});

describe("requests that Slack sends", () => {
  let own: DrivenSlack;
  let inbox: Inbound[];

  beforeEach(async () => {
    inbox = [];
    own = await drive({ http: true });
    await own.platform.start(async (event) => {
      inbox.push(event);
    });
    await own.settle();
  });

  const command = new URLSearchParams({
    command: "/slipway",
    text: "approve 12 as dev",
    user_id: DANA,
    channel_id: "C1",
    team_id: "T0ACME",
    trigger_id: "t",
  }).toString();

  function signed(
    body: string,
    change: { readonly secret?: string; readonly age?: number; readonly type?: string } = {},
  ) {
    const { secret = SIGNING_SECRET, age = 0, type = "application/x-www-form-urlencoded" } = change;
    const timestamp = String(Math.floor(own.clock.now().getTime() / 1_000) - age);
    const digest = createHmac("sha256", secret).update(`v0:${timestamp}:${body}`).digest("hex");
    return {
      body,
      headers: {
        "content-type": type,
        "x-slack-request-timestamp": timestamp,
        "x-slack-signature": `v0=${digest}`,
      },
    };
  }

  it("takes what is signed, without a body in the answer", async () => {
    expect(await own.platform.webhook?.(signed(command))).toEqual({ status: 200, json: undefined });
    await own.settle();
    expect(inbox).toMatchObject([{ type: "command", text: "approve 12 as dev" }]);
    expect(own.platform.status()).toMatchObject({
      state: "connected",
      lastEventAt: own.clock.now(),
    });
  });

  it("answers Slack's question whether the address is right", async () => {
    const body = JSON.stringify({ type: "url_verification", challenge: "3eZbrw1aB" });
    const request = signed(body, { type: "application/json" });
    expect(await own.platform.webhook?.(request)).toEqual({
      status: 200,
      json: { challenge: "3eZbrw1aB" },
    });
  });

  it.each<[string, () => ReturnType<typeof signed> | object]>([
    ["another secret", () => signed(command, { secret: "guessed" })],
    ["a signature of yesterday", () => signed(command, { age: 301 })],
    ["a signature of tomorrow", () => signed(command, { age: -301 })],
    ["another body", () => ({ ...signed(command), body: command.replace("12", "13") })],
    ["no signature", () => ({ body: command, headers: {} })],
    [
      "no time",
      () => {
        const { headers, body } = signed(command);
        return { body, headers: { ...headers, "x-slack-request-timestamp": "now" } };
      },
    ],
  ])("answers 401 to a request with %s, and does nothing", async (_what, request) => {
    const answer = await own.platform.webhook?.(request() as ReturnType<typeof signed>);
    expect(answer?.status).toBe(401);
    await own.settle();
    expect(inbox).toEqual([]);
    expect(own.logged.join("")).toMatch(/slack did not sign/);
  });

  it("answers 400 to what is signed and means nothing", async () => {
    expect(await own.platform.webhook?.(signed("hello"))).toMatchObject({ status: 400 });
  });

  it("takes nothing without a secret", async () => {
    const open = createSlackPlatform(
      { ...own.options, signing_secret: undefined },
      {
        chatStore: own.chatStore,
        announce: [],
        logger: createLogger({ level: "silent" }),
        clock: own.clock,
        timers: own.clock,
      },
    );
    await open.start(async () => undefined);
    expect(await open.webhook?.(signed(command))).toMatchObject({ status: 401 });
    await open.stop();
  });

  it("takes nothing any more once it is stopped", async () => {
    await own.platform.stop();
    expect(await own.platform.webhook?.(signed(command))).toMatchObject({ status: 503 });
  });
});

describe("writing to Slack", () => {
  let own: DrivenSlack;

  beforeEach(async () => {
    own = await drive();
    await own.platform.start(async () => undefined);
    await own.settle();
  });

  /** What stands in the channel. */
  function said(): readonly FakeMessage[] {
    return own.fake.messages.filter(
      ({ channel, isDeleted }) => channel === own.channelId && !isDeleted,
    );
  }

  function edits(): number {
    return own.fake.requests.filter((method) => method === "chat.update").length;
  }

  /** Lets time pass until the work has ended. */
  async function ended<T>(work: Promise<T>, stepMs = 1_000): Promise<T | Error> {
    let outcome: T | Error | undefined;
    work.then(
      (value) => {
        outcome = value ?? ("done" as T);
      },
      (error: Error) => {
        outcome = error;
      },
    );
    return vi.waitFor(
      async () => {
        await own.clock.advance(stepMs);
        await new Promise((resolve) => setTimeout(resolve, 5));
        return outcome ?? raise();
      },
      { timeout: 25_000, interval: 1 },
    );
  }

  function titled(title: string): Outgoing {
    return { card: { title, tone: "info", blocks: [] }, tokens: new Map() };
  }

  it("notifies nobody, whatever people call their branches and releases", async () => {
    const hostile = "@channel <!here> <@U0DANA> <!subteam^S1> &lt;!channel&gt; @here *@everyone*";
    await own.platform.post(placeOf(own), {
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
    const ref = await own.platform.post(placeOf(own), message("overflow"));
    await own.platform.edit(ref, message("overflow"));
    expect(own.fake.pings).toEqual([]);
  });

  it("posts once when the answer to the first try got lost", async () => {
    own.fake.failNext(1, 502, /^chat\.postMessage$/, true);
    const ref = await ended(own.platform.post(placeOf(own), titled("Once")));
    expect(said().map(textOf)).toEqual(["Once"]);
    expect(ref).toMatchObject({ messageId: said()[0]?.ts });
  });

  it("posts again what surely did not arrive", async () => {
    own.fake.failNext(1, 502, /^chat\.postMessage$/);
    await ended(own.platform.post(placeOf(own), titled("Once")));
    expect(said().map(textOf)).toEqual(["Once"]);
  });

  it("says nothing twice where it cannot look", async () => {
    own.fake.scopes.delete("channels:history");
    own.fake.failNext(1, 502, /^chat\.postMessage$/, true);
    const outcome = await ended(own.platform.post(placeOf(own), titled("Once")));
    expect(outcome).toMatchObject({ code: "upstream.unavailable" });
    expect(said()).toHaveLength(1);
  });

  it("finds again what somebody posted who died before saying so", async () => {
    const key = "release/12 ready";
    const ref = await own.platform.post(placeOf(own), { ...titled("Ready"), key });
    await own.clock.advance(3_600_000);
    const next = own.another();
    await next.start(async () => undefined);
    const again = await next.post(placeOf(own), { ...titled("Ready, again"), key, repeated: true });
    expect(again.messageId).toBe(ref.messageId);
    expect(said().map(textOf)).toEqual(["Ready, again"]);
  });

  it("posts into the channel when the thread is gone", async () => {
    const root = await own.platform.post(placeOf(own), titled("Root"));
    own.fake.remove(own.channelId, root.messageId);
    const ref = await own.platform.post(
      { ...placeOf(own), threadId: root.messageId },
      titled("On"),
    );
    expect(ref.threadId).toBeUndefined();
  });

  it.each([["edit_window_closed"], ["cant_update_message"]])(
    "says that a message is gone which Slack lets nobody change: %s",
    async (code) => {
      const ref = await own.platform.post(placeOf(own), titled("Here"));
      own.fake.refuseNext(1, code, /^chat\.update$/);
      await expect(own.platform.edit(ref, titled("New"))).rejects.toThrow(MessageNotFound);
    },
  );

  it("tells a message that is gone from one it cannot change now", async () => {
    const ref = await own.platform.post(placeOf(own), titled("Here"));
    own.fake.refuseNext(1, "not_in_channel", /^chat\.update$/);
    await expect(own.platform.edit(ref, titled("New"))).rejects.not.toThrow(MessageNotFound);
  });

  it("sends only the newest of many edits that wait, and never loses it", async () => {
    const ref = await own.platform.post(placeOf(own), titled("0"));
    const held = own.fake.holdNext(/^chat\.update$/);
    const all = [own.platform.edit(ref, titled("1"))];
    await held.arrived;
    for (let n = 2; n <= 100; n += 1) {
      all.push(own.platform.edit(ref, titled(String(n))));
    }
    held.release();
    await Promise.all(all);
    expect(edits()).toBe(2);
    expect(said().map(textOf)).toEqual(["100"]);
  });

  it("waits as long as a rate limit says, and then shows the last state", async () => {
    const ref = await own.platform.post(placeOf(own), titled("0"));
    await own.clock.advance(60_000);
    own.fake.limitNext(1, 30, /^chat\.update$/);
    const first = own.platform.edit(ref, titled("1"));
    await vi.waitFor(() => expect(edits()).toBe(1));
    const limitedAt = own.clock.now().getTime();
    const second = own.platform.edit(ref, titled("2"));
    // What people wait for is not limited by it.
    await own.platform.post(placeOf(own), titled("Answer"));
    await ended(Promise.all([first, second]));
    expect(own.clock.now().getTime() - limitedAt).toBeGreaterThanOrEqual(30_000);
    expect(said().map(textOf)).toEqual(["2", "Answer"]);
  });

  it("tells a person who waits for an answer that the limit is too long, instead of answering much later", async () => {
    own.fake.limitNext(1, 60, /^chat\.postMessage$/);
    await expect(own.platform.post(placeOf(own), titled("Answer"))).rejects.toMatchObject({
      data: { why: "it takes no more requests for a while", retryAfterMs: 60_000 },
    });
  });

  it("stays below Slack's limits in a storm, and shows every last state", async () => {
    const refs: MessageRef[] = [];
    for (let n = 0; n < 120; n += 1) {
      const channelId = own.fake.addChannel(`c${String(n)}`);
      refs.push(await own.platform.post({ platform: "slack", channelId }, titled("old")));
    }
    await own.clock.advance(31_000);
    const begunAt = own.clock.now().getTime();
    const storm = refs.flatMap((ref) => [
      own.platform.edit(ref, titled("newer")),
      own.platform.edit(ref, titled("new")),
    ]);
    await ended(Promise.all(storm), 2_000);
    expect(own.fake.overruns).toBe(0);
    expect(refs.every((ref) => textOf(found(own, ref)) === "new")).toBe(true);
    expect(own.clock.now().getTime() - begunAt).toBeLessThan(4 * 60_000);
  });

  it("does not keep a pressed card waiting behind a storm", async () => {
    const pressed = await own.platform.post(placeOf(own), message("actions"));
    const others = await Promise.all(
      [1, 2, 3, 4].map((n) => own.platform.post(placeOf(own), titled(String(n)))),
    );
    await own.clock.advance(31_000);
    const held = [1, 2, 3].map(() => own.fake.holdNext(/^chat\.update$/));
    const storm = others.map((ref) => own.platform.edit(ref, titled("new")));
    await Promise.all(held.map(({ arrived }) => arrived));
    await own.fake.press(DANA, found(own, pressed), "do:1");
    await own.platform.edit(pressed, titled("Signed"));
    expect(textOf(found(own, pressed))).toBe("Signed");
    held.forEach(({ release }) => release());
    await Promise.all(storm);
  });

  it("keeps to one message a second in a channel, with short bursts", async () => {
    const posts = Array.from({ length: 12 }, (_, n) =>
      own.platform.post(placeOf(own), titled(String(n))),
    );
    await ended(Promise.all(posts));
    expect(own.fake.overruns).toBe(0);
    expect(said()).toHaveLength(12);
  });

  it("gives up on a server that does not answer, and posts nothing twice when it does", async () => {
    const held = [1, 2, 3].map(() => own.fake.holdNext(/^chat\.postMessage$/));
    const outcome = await ended(own.platform.post(placeOf(own), titled("Hello")));
    expect(outcome).toMatchObject({ code: "upstream.timeout" });
    held.forEach(({ release }) => release());
  });

  it.each([
    ["is not in", "private", /not a member/, "Say `/invite @slipway` there."],
    [
      "is not in, that everybody may see",
      "public",
      /not a member/,
      "Say `/invite @slipway` there.",
    ],
  ] as const)("says how it gets into a channel it %s", async (_what, kind, why, remedy) => {
    const channelId = own.fake.addChannel("secret", { kind, botIn: false });
    await expect(
      own.platform.post({ platform: "slack", channelId }, titled("Hello")),
    ).rejects.toMatchObject({
      code: "channel.unreachable",
      message: expect.stringMatching(why),
      remedy,
    });
  });

  it("says what to do about an archived channel", async () => {
    own.fake.archive(own.channelId);
    await expect(own.platform.post(placeOf(own), titled("Hello"))).rejects.toMatchObject({
      remedy: expect.stringMatching(/Unarchive/),
    });
  });

  it("cannot write while it is not started", async () => {
    await own.platform.stop();
    await expect(own.platform.post(placeOf(own), titled("Hello"))).rejects.toMatchObject({
      code: "upstream.unavailable",
    });
  });
});

describe("finding channels of Slack", () => {
  async function start(): Promise<DrivenSlack> {
    const own = await drive();
    await own.platform.start(async () => undefined);
    return own;
  }

  it.each([["releases"], ["#releases"], ["Releases"]])(
    "knows the channel people call %s",
    async (name) => {
      const own = await start();
      expect(await own.platform.findPlace?.(name)).toEqual({
        platform: "slack",
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
  ])("says what to do about %s", async (_what, name, why, remedy) => {
    const own = await start();
    own.fake.addChannel("town", { botIn: false });
    own.fake.archive(own.fake.addChannel("old"));
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

describe(checkSlack.name, () => {
  async function check(
    spoil: (own: DrivenSlack) => void = () => undefined,
    given: Parameters<typeof driveSlack>[0] = {},
  ) {
    const own = await drive(given);
    spoil(own);
    const { options, clock } = own;
    return checkSlack(options, {
      announce: ["releases"],
      logger: createLogger({ level: "silent" }),
      clock,
      timers: clock,
      signal: new AbortController().signal,
    });
  }

  it("finds everything fine, posts nothing, and takes no connection from the server that runs", async () => {
    const found = await check();
    expect(found.map(({ state, what }) => `${state}: ${what}`)).toEqual([
      "ok: Signed in as @slipway.",
      "ok: Can announce in releases.",
      "ok: Socket Mode is on.",
    ]);
    expect(driven?.fake.messages).toEqual([]);
    expect(driven?.fake.sockets.connects).toBe(0);
  });

  it("says that Slack has to reach the server without Socket Mode", async () => {
    const found = await check(() => undefined, { http: true });
    expect(found.at(-1)).toMatchObject({
      state: "warning",
      remedy: expect.stringMatching(/\/hooks\/slack/),
    });
  });

  it.each([
    [
      "a wrong bot token",
      (own: DrivenSlack) => own.fake.refuseNext(1, "invalid_auth", /^auth\.test$/),
      /wrong or was revoked/,
      /chat\.slack\.bot_token/,
    ],
    [
      "a wrong app-level token",
      (own: DrivenSlack) => own.fake.refuseNext(1, "invalid_auth", /^apps\.connections\.open$/),
      /wrong or was revoked/,
      /chat\.slack\.app_token/,
    ],
    [
      "a scope that is missing",
      (own: DrivenSlack) => own.fake.scopes.delete("app_mentions:read"),
      /lacks the scope app_mentions:read/,
      /Bot Token Scopes/,
    ],
    [
      "a channel it is not in",
      (own: DrivenSlack) => own.fake.leave(own.channelId, own.fake.bot.id),
      /not a member/,
      /\/invite @slipway/,
    ],
    [
      "tokens of two apps",
      (own: DrivenSlack) => own.fake.moveToApp("A0OTHER"),
      /two apps: .*A0OTHER.*A0FAKE/,
      /same app/,
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

  it("shows what is wrong in the state of the platform, until it is mended", async () => {
    const own = await drive({ announce: ["releases"] });
    own.fake.leave(own.channelId, own.fake.bot.id);
    await own.platform.start(async () => undefined);
    await vi.waitFor(() => expect(own.platform.status().detail).toMatch(/\/invite @slipway/));
    own.fake.join(own.channelId, own.fake.bot.id);
    await vi.waitFor(() => expect(own.platform.status().detail).toBeUndefined());
  });
});

function placeOf({ channelId }: DrivenSlack) {
  return { platform: "slack", channelId };
}

function found(own: DrivenSlack, ref: MessageRef): FakeMessage {
  return own.fake.find(ref.channelId, ref.messageId) ?? raise();
}

function raise(): never {
  throw new Error("there is no such thing");
}
