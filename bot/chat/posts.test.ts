import { describe, expect, it } from "vitest";
import { UpstreamUnavailable } from "../../shared/errors/catalog.ts";
import { createLogger } from "../../shared/lib/logger.ts";
import { createManualClock } from "../../shared/testing/clock.ts";
import { createActionTokens } from "./action-tokens.ts";
import { actions, button, card, text } from "./card-builders.ts";
import type { LiveCard } from "./live-card.ts";
import { createPosts } from "./posts.ts";
import { createFakeChatStore } from "./testing/fake-chat-store.ts";
import { createFakePlatform, textOf } from "./testing/fake-platform.ts";

const releases = { platform: "fake", channelId: "releases" };
const random = { platform: "fake", channelId: "random" };
const approve = { action: "release.sign_off", payload: { release: 12 }, text: "approve 12 as dev" };

function live(state: string, shown: Readonly<Record<string, unknown>> = { state }): LiveCard {
  const content = card("Release #12", "info", text(state), actions(button("Approve", approve)));
  return { subject: "release/12", shown, card: content };
}

async function setUp(editIntervalMs = 0) {
  const clock = createManualClock();
  const chatStore = createFakeChatStore();
  const options = { now: () => clock.now(), editIntervalMs };
  const fake = createFakePlatform(options);
  const other = createFakePlatform({ ...options, id: "other" });
  const platforms = new Map([fake, other].map((platform) => [platform.id, platform]));
  const tokens = createActionTokens({ chatStore, clock });
  const logger = createLogger({ level: "silent" });
  const posts = createPosts({ chatStore, platforms, tokens, logger, clock, timers: clock });
  const keep = (state: string, place = releases) =>
    posts.keep(place, "release/12", async () => live(state));
  const show = (
    state: string,
    how: Partial<Parameters<typeof posts.show>[2]> = {},
    place = releases,
  ) => posts.show(place, live(state), { since: clock.now(), ...how });
  return { clock, chatStore, fake, other, posts, keep, show, tokens };
}

describe(createPosts.name, () => {
  it("posts a card once and edits it from then on", async () => {
    const { fake, keep } = await setUp();
    await keep("pending");
    await keep("approved");
    expect(fake.messages.map(textOf)).toEqual([expect.stringContaining("approved")]);
    expect(fake.last().edits).toBe(1);
  });

  it("makes one message even when many try at once", async () => {
    const { fake, keep } = await setUp();
    await Promise.all(Array.from({ length: 20 }, (_, index) => keep(`state ${index}`)));
    expect(fake.messages).toHaveLength(1);
  });

  it("leaves an unchanged card alone", async () => {
    const { fake, keep } = await setUp();
    await keep("pending");
    await keep("pending");
    expect(fake.last().edits).toBe(0);
  });

  it("posts a deleted message again", async () => {
    const { fake, keep } = await setUp();
    await keep("pending");
    fake.remove(fake.last());
    await keep("approved");
    await keep("deployed");
    expect(fake.messages.map(textOf)).toEqual([expect.stringContaining("deployed")]);
  });

  it("posts at once what somebody deleted, while people can act on it", async () => {
    const { fake, keep, posts } = await setUp();
    await keep("pending");
    const [{ id: messageId } = fake.last()] = fake.messages;
    const removed = { ...releases, messageId };
    fake.remove(fake.last());
    await posts.restore({ ...releases, messageId: "another" }, async () => live("other"));
    expect(fake.messages).toHaveLength(0);

    await Promise.all([
      posts.restore(removed, async () => live("pending")),
      posts.restore(removed, async () => live("pending")),
    ]);
    expect(fake.messages.map(textOf)).toEqual([expect.stringContaining("pending")]);
    await keep("approved");
    expect(fake.messages.map(textOf)).toEqual([expect.stringContaining("approved")]);
  });

  it("leaves deleted what nobody can act on any more", async () => {
    const { fake, keep, posts } = await setUp();
    await keep("pending");
    const removed = { ...releases, messageId: fake.last().id };
    fake.remove(fake.last());
    const closed = { ...live("closed"), card: card("Release #12", "neutral", text("closed")) };
    await posts.restore(removed, async () => closed);
    expect(fake.messages).toHaveLength(0);
  });

  it("renews the buttons of a card that nothing happens to, long before they stop working", async () => {
    const { clock, fake, keep, tokens } = await setUp();
    await keep("pending");
    await clock.advance(16 * 24 * 3_600_000);
    await keep("pending");
    await clock.advance(20 * 24 * 3_600_000);
    const { id: messageId, content } = fake.last();
    const [token = ""] = content.tokens.values();
    expect(await tokens.resolve(token, { ...releases, messageId })).toMatchObject({
      type: "action",
    });
  });

  it("adds a detail on one platform only, when told so", async () => {
    const { fake, other, keep, posts } = await setUp();
    await keep("pending");
    await keep("pending", { platform: "other", channelId: "ops" });
    await posts.addDetail("release/12", "fact-1", card("Detail", "info"), "other");
    expect([fake.messages.length, other.messages.length]).toEqual([1, 2]);
  });

  it("merges a burst of edits and always shows the last state", async () => {
    const { clock, fake, posts } = await setUp(2_000);
    let state = 0;
    const render = async () => live(`state ${state}`);
    await posts.keep(releases, "release/12", render);
    state = 1;
    await posts.keep(releases, "release/12", render);
    const burst = Array.from({ length: 50 }, () => {
      state += 1;
      return posts.keep(releases, "release/12", render);
    });
    await clock.advance(1_999);
    expect(fake.last().edits).toBe(1);
    await clock.advance(1);
    await Promise.all(burst);
    expect(fake.last().edits).toBe(2);
    expect(textOf(fake.last())).toContain("state 51");
  });

  it("shows what waits at once when it is flushed", async () => {
    const { fake, keep, posts } = await setUp(60_000);
    await keep("one");
    await keep("two");
    const waiting = keep("three");
    await posts.flush();
    await waiting;
    expect(textOf(fake.last())).toContain("three");
  });

  it("brings every message about a subject up to date, also when one platform is dead", async () => {
    const { fake, other, posts, keep } = await setUp();
    await keep("pending");
    await keep("pending", random);
    await keep("pending", { platform: "other", channelId: "ops" });
    other.breakWith(new UpstreamUnavailable({ system: "other", operation: "posting" }));
    const render = async () => live("approved");
    await expect(posts.refresh("release/12", render)).rejects.toThrow("other does not answer");
    expect(fake.messages.map((message) => textOf(message).includes("approved"))).toEqual([
      true,
      true,
    ]);
    other.breakWith(undefined);
    await posts.refresh("release/12", render);
    expect(textOf(other.last())).toContain("approved");
    expect(fake.messages.map((message) => message.edits)).toEqual([1, 1]);
  });

  it("gives the claim back when posting fails, so that the next try posts", async () => {
    const { fake, keep } = await setUp();
    fake.breakWith(new Error("down"));
    await expect(keep("pending")).rejects.toThrow("down");
    fake.breakWith(undefined);
    await keep("pending");
    expect(fake.messages).toHaveLength(1);
  });

  it("recovers a claim whose process died before it posted, but not a fresh one", async () => {
    const { clock, chatStore, fake, keep } = await setUp();
    const { subject, shown } = live("pending");
    const claim = {
      subject,
      shown,
      ...releases,
      threadId: null,
      contentHash: "",
      postedAt: clock.now(),
    };
    await chatStore.claimPost(claim);
    await expect(keep("pending")).rejects.toThrow("somebody else is posting it");
    clock.set(new Date(clock.now().getTime() + 30_000));
    await keep("pending");
    await keep("approved");
    expect(fake.messages.map(textOf)).toEqual([expect.stringContaining("approved")]);
  });

  it("takes the message over that a killed process had posted and not remembered", async () => {
    const { clock, chatStore, fake, other, tokens, keep } = await setUp();
    const save = chatStore.savePost;
    chatStore.savePost = () => Promise.reject(new Error("killed"));
    await expect(keep("pending")).rejects.toThrow("killed");
    chatStore.savePost = save;

    await clock.advance(1);
    const platforms = new Map([fake, other].map((platform) => [platform.id, platform]));
    const logger = createLogger({ level: "silent" });
    const later = createPosts({ chatStore, platforms, tokens, logger, clock, timers: clock });
    await later.refresh("release/12", async () => live("approved"));

    expect(fake.messages.map(textOf)).toEqual([expect.stringContaining("approved")]);
    expect((await later.find(releases, "release/12"))?.messageId).toBe(fake.last().id);
  });

  it("remembers what the card shows", async () => {
    const { posts, keep } = await setUp();
    await keep("pending");
    await keep("approved");
    expect((await posts.find(releases, "release/12"))?.shown).toEqual({ state: "approved" });
    expect(await posts.find(random, "release/12")).toBeUndefined();
  });

  it("binds buttons to the message that shows them, also after an edit", async () => {
    const { fake, keep, tokens } = await setUp();
    await keep("pending");
    await keep("approved");
    const message = fake.last();
    const [token] = message.content.tokens.values();
    const pressed = { ...releases, messageId: message.id };
    await expect(tokens.resolve(token ?? "", pressed)).resolves.toMatchObject({ type: "action" });
    await expect(tokens.resolve(token ?? "", { ...pressed, messageId: "x" })).rejects.toThrow();
  });

  describe("when somebody asks", () => {
    it("posts the card where they asked and takes the buttons off the older one", async () => {
      const { clock, fake, keep, show } = await setUp();
      await keep("pending");
      await clock.advance(60_000);
      await show("pending");
      expect(fake.messages).toHaveLength(2);
      const [older, newer] = fake.messages;
      expect(older && textOf(older)).toContain("Moved");
      expect(older?.content.tokens.size).toBe(0);
      expect(newer?.content.tokens.size).toBe(1);
      await keep("approved");
      expect(newer && textOf(newer)).toContain("approved");
    });

    it("takes a message posted since they asked for the answer", async () => {
      const { clock, fake, keep, show } = await setUp();
      const since = clock.now();
      await clock.advance(10);
      await keep("pending");
      await show("approved", { since });
      expect(fake.messages.map(textOf)).toEqual([expect.stringContaining("approved")]);
    });

    it("edits the card whose button was pressed", async () => {
      const { clock, fake, keep, show } = await setUp();
      await keep("pending");
      await clock.advance(60_000);
      const source = { ...releases, messageId: fake.last().id };
      await show("approved", { source });
      expect(fake.messages.map(textOf)).toEqual([expect.stringContaining("approved")]);
    });

    it("turns the progress message into the card", async () => {
      const { clock, fake, keep, show } = await setUp();
      await keep("pending");
      await clock.advance(60_000);
      const progress = await fake.post(releases, {
        card: card("Working", "info"),
        tokens: new Map(),
      });
      await show("approved", { adopt: progress });
      expect(fake.messages.map(textOf)).toEqual([
        expect.stringContaining("Moved"),
        expect.stringContaining("approved"),
      ]);
    });

    it("keeps the card that somebody posted while the progress message stood there", async () => {
      const { clock, fake, keep, show } = await setUp();
      const since = clock.now();
      const working = { card: card("Working", "info"), tokens: new Map() };
      const adopt = await fake.post(releases, working);
      await keep("pending");
      await show("pending", { since, adopt });
      const [progress, live] = fake.messages;
      expect(progress && textOf(progress)).toContain("further down");
      expect(live?.content.tokens.size).toBe(1);
      await keep("approved");
      expect(live && textOf(live)).toContain("approved");
    });

    it("leaves the live card in the channel when asked in a thread, and says that it is a copy", async () => {
      const { clock, fake, keep, show } = await setUp();
      await keep("pending");
      await clock.advance(60_000);
      await show("pending", {}, { ...releases, threadId: "t1" } as typeof releases);
      await keep("approved");
      const [inChannel, inThread] = fake.messages;
      expect(inChannel && textOf(inChannel)).toContain("approved");
      expect(inThread?.threadId).toBe("t1");
      expect(inThread && textOf(inThread)).toContain("This is a copy");
    });
  });

  it("posts anew when people must act again, and only then", async () => {
    const { fake, posts } = await setUp();
    const keep = (round: number) =>
      posts.keep(releases, "release/12", async () => live(`round ${round}`, { round }), {
        anew: (previous, next) => previous.shown["round"] !== next.shown["round"],
      });
    await keep(1);
    await keep(1);
    expect(fake.messages).toHaveLength(1);
    await keep(2);
    await keep(2);
    expect(fake.messages).toHaveLength(2);
  });

  it("adds a detail once to the thread of each message", async () => {
    const { fake, keep, posts } = await setUp();
    await keep("pending");
    await keep("pending", random);
    const detail = card("3 new commits", "info");
    await posts.addDetail("release/12", "event-7", detail);
    await posts.addDetail("release/12", "event-7", detail);
    expect(fake.messages.map((message) => message.threadId)).toEqual([
      undefined,
      undefined,
      "message-1",
      "message-2",
    ]);
  });

  it("tells a person once", async () => {
    const { fake, posts } = await setUp();
    await posts.tell("fake", "sub-dana", live("sign again"));
    await posts.tell("fake", "sub-dana", live("sign again"));
    expect(fake.messages.map((message) => message.channelId)).toEqual(["dm:sub-dana"]);
  });
});
