import { describe, expect, it } from "vitest";
import { z } from "zod";
import {
  EnvironmentNotFound,
  PermissionDenied,
  ShuttingDown,
  SignOffOutdated,
  SignOffRefused,
  UpstreamUnavailable,
} from "../../shared/errors/catalog.ts";
import { createDrainer } from "../../shared/lib/drainer.ts";
import { createLogger } from "../../shared/lib/logger.ts";
import { createManualClock } from "../../shared/testing/clock.ts";
import { createActionTokens } from "./action-tokens.ts";
import { createActors } from "./actors.ts";
import { actions, button, card, form, reasonForm, text } from "./card-builders.ts";
import type { Answer, Command, CommandContext } from "./command.ts";
import { defineAction, defineActionRef, defineCommand } from "./define-command.ts";
import { createPosts } from "./posts.ts";
import { createRouter } from "./router.ts";
import { createFakeChatStore } from "./testing/fake-chat-store.ts";
import { createFakePlatform, textOf } from "./testing/fake-platform.ts";
import { createFakeServices } from "./testing/fake-services.ts";

const dana = { as: "sub-dana" };

const sign = defineActionRef(
  "release.sign_off",
  z.object({ release: z.number() }),
  ({ release }) => `approve ${release}`,
);
const drop = defineActionRef(
  "release.reject",
  z.object({ release: z.number() }),
  ({ release }) => `reject ${release} -m "…"`,
);

async function setUp(
  run: (context: CommandContext) => Promise<Answer> = async () => ({
    card: card("Done", "success"),
  }),
  can?: () => boolean,
) {
  const clock = createManualClock();
  const lines: string[] = [];
  const logger = createLogger({ destination: { write: (line) => lines.push(line) } });
  const chatStore = createFakeChatStore();
  const services = createFakeServices({ chatStore, ...(can ? { can } : {}) });
  const platform = createFakePlatform({ now: () => clock.now() });
  const stranger = createFakePlatform({ id: "stranger", now: () => clock.now() });
  Object.assign(stranger.features, { usersAreSubjects: false });
  const platforms = new Map([platform, stranger].map((each) => [each.id, each]));
  const tokens = createActionTokens({ chatStore: services.chatStore, clock });
  const posts = createPosts({
    chatStore: services.chatStore,
    platforms,
    tokens,
    logger,
    clock,
    timers: clock,
  });
  const drainer = createDrainer(() => new ShuttingDown({}));
  const ran: { readonly what: string; readonly values?: Readonly<Record<string, string>> }[] = [];
  const commands: Command[] = [
    defineCommand({
      id: "release.sign_off",
      phrase: "approve",
      summary: "Sign",
      usage: "approve <n>",
      group: "sign-off",
      permission: "release.sign_off",
      changes: true,
      examples: [],
      read: (input) => ({ release: input.number("a number") }),
      async run(context, { release }) {
        ran.push({ what: `approve ${release} by ${context.actor.username}` });
        return run(context);
      },
    }),
    defineCommand({
      id: "help.show",
      phrase: "help",
      summary: "Help",
      usage: "help",
      group: "help",
      permission: "anyone",
      changes: false,
      examples: [],
      read: () => ({}),
      run: async () => ({
        card: card(
          "Help",
          "info",
          actions(
            button("Sign", sign.call({ release: 12 })),
            form("Reject", reasonForm("Reject", "Why", drop.call({ release: 12 }))),
          ),
        ),
      }),
    }),
  ];
  commands.push(
    defineCommand({
      id: "release.show",
      phrase: "look",
      summary: "Look",
      usage: "look",
      group: "releases",
      permission: "release.read",
      changes: false,
      examples: [],
      read: () => ({}),
      async run() {
        ran.push({ what: "look" });
        return { card: card("Look", "info") };
      },
    }),
  );
  const implementations = [
    defineAction(sign, {
      permission: "release.sign_off",
      changes: true,
      async run(context, { release }) {
        ran.push({ what: `sign ${release} by ${context.actor.username}` });
        return run(context);
      },
    }),
    defineAction(drop, {
      permission: "release.reject",
      changes: true,
      async run(_, { release }, values) {
        ran.push({ what: `reject ${release}`, values });
        return { card: card("Rejected", "danger") };
      },
    }),
  ];
  const router = createRouter({
    services,
    commands,
    actions: implementations,
    platforms,
    tokens,
    posts,
    drainer,
    logger,
    clock,
    timers: clock,
    actors: createActors({ people: services.people, platforms }),
    renderLive: async (subject) => ({
      subject,
      shown: { renewed: true },
      card: card("Renewed", "info"),
    }),
  });
  await platform.start((event) => router.handle(event));
  await stranger.start((event) => router.handle(event));
  return { clock, platform, stranger, posts, drainer, ran, lines, chatStore };
}

describe(createRouter.name, () => {
  it("runs a command as the person who said it, and answers where they said it", async () => {
    const { platform, ran } = await setUp();
    await platform.say("approve 12", { ...dana, channelId: "ops", threadId: "t1" });
    expect(ran).toEqual([{ what: "approve 12 by dana" }]);
    expect(platform.last("Done")).toMatchObject({
      channelId: "ops",
      threadId: "t1",
      visibleTo: undefined,
    });
  });

  it("ignores chatter", async () => {
    const { platform } = await setUp();
    await platform.say("lunch?", { ...dana, direct: false });
    expect(platform.messages).toEqual([]);
  });

  it("does nothing for a delivery that came before", async () => {
    const { platform, ran } = await setUp();
    await platform.say("approve 12", { ...dana, deliveryId: "d1" });
    await platform.say("approve 12", { ...dana, deliveryId: "d1" });
    await platform.say("aprove 12", { ...dana, deliveryId: "d2" });
    await platform.say("aprove 12", { ...dana, deliveryId: "d2" });
    expect(ran).toHaveLength(1);
    expect(platform.messages).toHaveLength(2);
  });

  it("does what whoever was stopped had begun and not changed, and answers once", async () => {
    const { platform, ran, chatStore } = await setUp();
    await platform.say("approve 12", { ...dana, deliveryId: "d1" });
    chatStore.interrupt("fake", "d1");
    await platform.say("approve 12", { ...dana, deliveryId: "d1" });
    expect(ran).toHaveLength(2);
    expect(platform.messages.map(textOf)).toEqual(["Done"]);
  });

  it("shows what whoever was stopped had changed, instead of changing it again", async () => {
    const { platform, ran, chatStore } = await setUp();
    chatStore.interrupt("fake", "d1", [
      { kind: "release", id: "12" },
      { kind: "deployment", id: "5" },
    ]);
    await platform.say("approve 12", { ...dana, deliveryId: "d1" });
    expect(ran).toEqual([]);
    expect(platform.messages.map(textOf)).toEqual(["Renewed"]);
    expect(await chatStore.findPosts("deployment/5")).toHaveLength(1);
  });

  it("suggests what a mistyped command meant, to its author only", async () => {
    const { platform } = await setUp();
    await platform.say("aprove 12", dana);
    expect(textOf(platform.last())).toContain("Did you mean `approve 12`?");
    expect(platform.last().visibleTo).toBe("sub-dana");
  });

  it("shows nothing to somebody who may not see it", async () => {
    const { platform, ran } = await setUp(undefined, () => false);
    await platform.say("look", dana);
    expect(ran).toEqual([]);
    expect(textOf(platform.last())).toContain("may not do this here");
    expect(platform.last().visibleTo).toBe("sub-dana");
  });

  it("leaves it to the use case to refuse a change, because that records the attempt", async () => {
    const { platform, ran } = await setUp(async () => {
      throw new PermissionDenied({ permission: "release.sign_off", reason: "Vic may not sign." });
    });
    await platform.say("approve 12", { as: "sub-vic" });
    expect(ran).toEqual([{ what: "approve 12 by vic" }]);
    expect(textOf(platform.last())).toContain("Vic may not sign.");
    expect(platform.last().visibleTo).toBe("sub-vic");
  });

  it("asks people of a platform without links to link first", async () => {
    const { stranger, ran } = await setUp();
    await stranger.say("approve 12", dana);
    expect(ran).toEqual([]);
    expect(textOf(stranger.last())).toContain("not linked to your sign-in");
    expect(textOf(stranger.last())).toContain("https://slipway.example.com/link/");
    expect(stranger.last().visibleTo).toBe("sub-dana");
  });

  it("asks again before it does something that was said minutes ago, and then does it", async () => {
    const { clock, platform, ran } = await setUp();
    const sentAt = new Date(clock.now().getTime() - 7 * 60_000);
    await platform.say("approve 12", { ...dana, sentAt });
    expect(ran).toEqual([]);
    expect(textOf(platform.last())).toContain("7 min late");
    await platform.click("Do it now", dana);
    expect(ran).toEqual([{ what: "approve 12 by dana" }]);
  });

  it("answers a late question at once", async () => {
    const { clock, platform } = await setUp();
    await platform.say("help", { ...dana, sentAt: new Date(clock.now().getTime() - 7 * 60_000) });
    expect(platform.last("Help")).toBeDefined();
  });

  it("runs a click as the person who clicks", async () => {
    const { platform, ran } = await setUp();
    await platform.say("help", dana);
    await platform.click("Sign", { as: "sub-quinn" });
    expect(ran).toEqual([{ what: "sign 12 by quinn" }]);
  });

  it("opens a form instead of acknowledging, then runs with its answers", async () => {
    const { platform, ran } = await setUp();
    await platform.say("help", dana);
    await platform.click("Reject", dana);
    expect(platform.forms).toMatchObject([{ form: { title: "Reject" } }]);
    expect(ran).toEqual([]);
    await platform.click("Reject", { ...dana, values: { reason: "broken", evil: "x" } });
    expect(ran).toEqual([{ what: "reject 12", values: { reason: "broken" } }]);
  });

  it.each([
    [{ reason: "  " }, "is missing"],
    [{ reason: "x".repeat(2_001) }, "longer than 2,000"],
  ])("checks the answers of a form itself", async (values, words) => {
    const { platform, ran } = await setUp();
    await platform.say("help", dana);
    await platform.click("Reject", { ...dana, values });
    expect(ran).toEqual([]);
    expect(textOf(platform.last())).toContain(words);
  });

  it("refuses a click on a copied button and says what to do", async () => {
    const { platform, ran } = await setUp();
    await platform.say("help", dana);
    const source = platform.last("Help");
    const other = { ...source, id: "elsewhere" };
    await platform.click("Sign", { ...dana, on: other });
    expect(ran).toEqual([]);
    expect(textOf(platform.last())).toContain("too old to be used");
  });

  it("serves two clicks on one thing one after the other", async () => {
    let running = 0;
    let most = 0;
    const { platform, ran } = await setUp(async () => {
      running += 1;
      most = Math.max(most, running);
      await new Promise((resolve) => setImmediate(resolve));
      running -= 1;
      return { card: card("Done", "success") };
    });
    await platform.say("help", dana);
    const help = platform.last();
    await Promise.all(
      Array.from({ length: 10 }, () => platform.click("Sign", { ...dana, on: help })),
    );
    expect(ran).toHaveLength(10);
    expect(most).toBe(1);
  });

  it("serves different things side by side", async () => {
    let release: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    const { platform } = await setUp(async ({ actor }) => {
      if (actor.username === "dana") {
        await gate;
      }
      return { card: card(`Done for ${actor.username}`, "success") };
    });
    const slow = platform.say("approve 12", dana);
    await platform.say("approve 13", { as: "sub-quinn" });
    expect(platform.last("Done for quinn")).toBeDefined();
    release();
    await slow;
    expect(platform.last("Done for dana")).toBeDefined();
  });

  it("shows every reason of a refusal with its remedy", async () => {
    const { platform } = await setUp(async () => {
      throw new SignOffRefused({
        reasons: [
          { code: "a", reason: "Dana signed as qa already.", remedy: "Ask *somebody* else." },
          {
            code: "b",
            reason: "The release is closed.",
            remedy: "Say `create-release uat master`.",
          },
        ],
      });
    });
    await platform.say("approve 12", dana);
    const told = textOf(platform.last());
    expect(told).toContain("• Dana signed as qa already. Ask *somebody* else.");
    expect(told).toContain("• The release is closed. Say `create-release uat master`.");
    expect(told).not.toContain("sign_off.refused");
  });

  it("renews the live card after a click on an outdated one", async () => {
    let first = true;
    const { platform } = await setUp(async () => {
      if (first) {
        first = false;
        const content = card(
          "Release #12",
          "info",
          actions(button("Sign", sign.call({ release: 12 }))),
        );
        return { card: content, live: { subject: "release/12", shown: {} } };
      }
      throw new SignOffOutdated({
        number: 12,
        seen: "a",
        current: "b",
        changes: ["3 new commits in payments"],
      });
    });
    await platform.say("approve 12", dana);
    await platform.click("Sign", dana);
    expect(textOf(platform.last("no longer what you saw"))).toContain("3 new commits in payments");
    expect(platform.messages.map(textOf)).toContain("Renewed");
  });

  it("does not keep the next click waiting for a platform that does not answer", async () => {
    let isOutdated = false;
    const { platform, stranger, posts } = await setUp(async () => {
      if (isOutdated) {
        throw new SignOffOutdated({ number: 12, seen: "a", current: "b", changes: [] });
      }
      const content = card("Card", "info", actions(button("Sign", sign.call({ release: 12 }))));
      return { card: content, live: { subject: "release/12", shown: {} } };
    });
    await platform.say("approve 12", dana);
    await posts.keep({ platform: "stranger", channelId: "x" }, "release/12", async () => ({
      subject: "release/12",
      shown: {},
      card: card("Elsewhere", "info"),
    }));
    stranger.edit = () => new Promise(() => undefined);
    isOutdated = true;

    await platform.click("Sign", dana);
    expect(platform.messages.map(textOf)).toContain("Renewed");
  });

  it("never says that nothing was done because what was done cannot be shown", async () => {
    const { platform } = await setUp(async () => ({
      card: card("Signed", "success"),
      live: { subject: "release/12", shown: {}, card: card("Signed", "success") },
    }));
    platform.post = async () => {
      throw new UpstreamUnavailable({ system: "Chat", operation: "posting", why: "it is away" });
    };
    await platform.say("approve 12", dana);
    expect(platform.messages).toMatchObject([{ visibleTo: "sub-dana" }]);
    expect(textOf(platform.last())).toMatch(/^Done\nIt is done, but I could not show it here/);
  });

  it("gives a reference for what it does not understand itself, and logs the same", async () => {
    const { platform, lines } = await setUp(async () => {
      throw new Error("secret detail");
    });
    await platform.say("approve 12", { ...dana, deliveryId: "d7" });
    const told = textOf(platform.last());
    expect(told).toContain("Reference: fake:d7");
    expect(told).not.toContain("secret detail");
    const logged = lines.find((line) => line.includes('"level":"error"')) ?? "{}";
    expect(JSON.parse(logged)).toMatchObject({
      correlationId: "fake:d7",
      err: { message: "secret detail" },
    });
  });

  it("survives a platform that cannot answer", async () => {
    const { platform, lines } = await setUp(async () => {
      throw new EnvironmentNotFound({ environment: "x", known: [] });
    });
    platform.breakWith(new Error("down"));
    await platform.say("approve 12", dana);
    expect(lines.some((line) => line.includes("could not answer in chat"))).toBe(true);
  });

  it("refuses in a friendly way while it stops, and lets what runs finish", async () => {
    let release: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    const { platform, drainer } = await setUp(async () => {
      await gate;
      return { card: card("Done", "success") };
    });
    const running = platform.say("approve 12", dana);
    const drained = drainer.drain(10_000);
    await platform.say("approve 13", dana);
    expect(textOf(platform.last())).toContain(
      "I am restarting. Try again in a minute".replace(". ", ".\n"),
    );
    release();
    await running;
    expect(await drained).toBe(true);
    expect(platform.last("Done")).toBeDefined();
  });

  it("shows how far a long command is in one message, which becomes the answer", async () => {
    let finish: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const { platform, clock } = await setUp(async ({ progress }) => {
      progress(1, 5, "auth-service");
      await gate;
      return {
        card: card("Release #12", "info", text("all of it")),
        live: { subject: "release/12", shown: {} },
      };
    });
    const running = platform.say("approve 12", dana);
    await clock.advance(0);
    expect(platform.messages).toHaveLength(0);
    await clock.advance(700);
    expect(textOf(platform.last())).toContain("1 of 5: auth-service");
    finish();
    await running;
    expect(platform.messages.map(textOf)).toEqual(["Release #12\nall of it"]);
  });

  it("turns the progress message into the error when it fails", async () => {
    let fail: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => {
      fail = resolve;
    });
    const { platform, clock } = await setUp(async ({ progress }) => {
      progress(1, 5, "auth-service");
      await gate;
      throw new EnvironmentNotFound({ environment: "x", known: ["prod"] });
    });
    const running = platform.say("approve 12", dana);
    await clock.advance(700);
    fail();
    await running;
    expect(platform.messages.map(textOf)).toEqual([
      expect.stringContaining('no environment called "x"'),
    ]);
  });

  it("says a notice to the person who acted only", async () => {
    const { platform } = await setUp(async () => ({
      card: card("Release #12", "info"),
      live: { subject: "release/12", shown: {} },
      notice: card("You signed already", "info"),
    }));
    await platform.say("approve 12", dana);
    expect(platform.last("You signed already").visibleTo).toBe("sub-dana");
    expect(platform.last("Release #12").visibleTo).toBeUndefined();
  });

  it("says the same notice once to each person, however often they press the same button", async () => {
    const { platform } = await setUp(async () => ({
      card: card("Signed", "success"),
      notice: card("You signed already", "info"),
    }));
    await platform.say("help", dana);
    const help = platform.last();

    for (const speaker of [dana, dana, { as: "sub-quinn" }, dana]) {
      await platform.click("Sign", { ...speaker, on: help });
    }

    const notices = platform.messages.filter((each) => textOf(each).includes("signed already"));
    expect(notices.map((each) => each.visibleTo)).toEqual(["sub-dana", "sub-quinn"]);
  });
});
