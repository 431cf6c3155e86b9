import { describe, expect, it } from "vitest";
import { createLogger } from "../../shared/lib/logger.ts";
import { createManualClock } from "../../shared/testing/clock.ts";
import { createActionTokens } from "../chat/action-tokens.ts";
import { card } from "../chat/card-builders.ts";
import { createPosts } from "../chat/posts.ts";
import { createFakeChatStore } from "../chat/testing/fake-chat-store.ts";
import { createFakePlatform, textOf } from "../chat/testing/fake-platform.ts";
import { createLiveCards } from "./live-cards.ts";

const place = { platform: "fake", channelId: "releases" };
const subject = "deployment/7";

async function setUp() {
  const clock = createManualClock();
  const chatStore = createFakeChatStore();
  const fake = createFakePlatform({ now: () => clock.now(), editIntervalMs: 2_000 });
  const other = createFakePlatform({ id: "other", now: () => clock.now() });
  const posts = createPosts({
    chatStore,
    platforms: new Map([fake, other].map((platform) => [platform.id, platform])),
    tokens: createActionTokens({ chatStore, clock }),
    logger: createLogger({ level: "silent" }),
    clock,
    timers: clock,
  });
  const facts = { last: 0, drawn: 0 };
  const live = { lastSeq: async () => facts.last };
  const cards = createLiveCards({ posts, chatStore, live, platform: "fake" });
  const draw = async () => {
    facts.drawn += 1;
    return { subject, shown: {}, card: card(`after fact ${facts.last}`, "info") };
  };
  return { clock, fake, other, posts, facts, cards, draw };
}

describe(createLiveCards.name, () => {
  it("serves facts one after the other with one edit for all that were on record by then", async () => {
    const { clock, fake, facts, cards, draw } = await setUp();
    facts.last = 1;
    await cards.keep(place, subject, { seq: 1 }, draw);
    facts.last = 40;
    let served = 1;
    const serving = (async () => {
      for (let seq = 2; seq <= 40; seq += 1) {
        await cards.refresh(subject, { seq }, draw);
        served = seq;
      }
    })();
    await clock.advance(4_000);
    await serving;
    expect({ served, drawn: facts.drawn }).toEqual({ served: 40, drawn: 2 });
    expect(textOf(fake.last())).toBe("after fact 40");
  });

  it("draws again for a fact that is newer than the card", async () => {
    const { clock, fake, facts, cards, draw } = await setUp();
    facts.last = 5;
    await cards.keep(place, subject, { seq: 5 }, draw);
    facts.last = 6;
    const edited = cards.refresh(subject, { seq: 6 }, draw);
    await clock.advance(2_000);
    await edited;
    expect(textOf(fake.last())).toBe("after fact 6");
  });

  it("draws for a fact that only it can tell, however new the card is", async () => {
    const { facts, cards, draw } = await setUp();
    facts.last = 9;
    await cards.keep(place, subject, { seq: 1 }, draw);
    await cards.keep(place, subject, { seq: 2 }, draw, { always: true, urgent: true });
    expect(facts.drawn).toBe(2);
  });

  it("tries again what failed", async () => {
    const { fake, facts, cards, draw } = await setUp();
    facts.last = 1;
    fake.breakWith(new Error("down"));
    await expect(cards.keep(place, subject, { seq: 1 }, draw)).rejects.toThrow("down");
    fake.breakWith(undefined);
    await cards.keep(place, subject, { seq: 1 }, draw);
    expect(fake.messages).toHaveLength(1);
  });

  it("leaves messages of other platforms to theirs", async () => {
    const { clock, other, posts, facts, cards, draw } = await setUp();
    await posts.keep({ platform: "other", channelId: "ops" }, subject, draw);
    facts.last = 2;
    await cards.refresh(subject, { seq: 2 }, draw);
    await clock.advance(10_000);
    expect(textOf(other.last())).toBe("after fact 0");
  });
});
