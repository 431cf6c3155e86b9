import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { systemActor } from "../../core/actor.ts";
import { ChatDeliveryRow } from "../../db/rows/chat-delivery.ts";
import { withCorrelation } from "../../lib/correlation.ts";
import { createTestDatabase, type TestDatabase } from "../../testing/test-database.ts";
import type { ChatStoreServices, StoredPost } from "../services.ts";
import { createChatStoreServices } from "./chat-store-services.ts";

const DAY = 24 * 60 * 60_000;
let db: TestDatabase;
let store: ChatStoreServices;

beforeEach(async () => {
  db = await createTestDatabase();
  store = createChatStoreServices({ uow: db.uow, clock: db.clock, taker: "me" });
});
afterEach(async () => {
  await db.close();
});

function action(token: string, expiresAt = new Date(db.clock.now().getTime() + DAY)) {
  return { token, action: "release.approve", payload: { number: 12 }, platform: "room", expiresAt };
}

function post(changes: Partial<StoredPost> = {}): StoredPost {
  return {
    subject: "release/12",
    platform: "room",
    channelId: "releases",
    threadId: null,
    messageId: null,
    contentHash: "hash",
    shown: { fingerprint: "f1" },
    postedAt: db.clock.now(),
    editedAt: null,
    ...changes,
  };
}

describe("stored actions", () => {
  it("mean what was saved, and are bound to the message that shows them", async () => {
    await store.saveActions([action("a"), action("b")]);
    await store.bindActions(["a"], { channelId: "releases", messageId: "m1" });
    const { expiresAt } = action("a");
    const saved = {
      action: "release.approve",
      payload: { number: 12 },
      platform: "room",
      expiresAt,
    };
    expect(await store.findAction("a")).toEqual({
      ...saved,
      channelId: "releases",
      messageId: "m1",
    });
    expect(await store.findAction("b")).toEqual({ ...saved, channelId: null, messageId: null });
    expect(await store.findAction("c")).toBeNull();
  });

  it("may be none", async () => {
    await store.saveActions([]);
    await store.bindActions([], { channelId: "releases", messageId: "m1" });
  });
});

describe("deliveries", () => {
  it("are taken once, however often they come", async () => {
    expect(await store.takeDelivery("room", "1")).toBe("new");
    expect(await store.takeDelivery("room", "1")).toBe("known");
    expect(await store.takeDelivery("slack", "1")).toBe("new");
  });

  it("are taken by exactly one of many at once, without disturbing others", async () => {
    await store.takeDelivery("room", "old");
    const ids = ["old", ...Array.from({ length: 30 }, (_, n) => `new-${n % 10}`)];
    const results = await Promise.all(
      ids.map(async (id) => ({ id, taken: await store.takeDelivery("room", id) })),
    );
    const firsts = results.filter(({ taken }) => taken === "new").map(({ id }) => id);
    expect(firsts.sort()).toEqual(Array.from({ length: 10 }, (_, n) => `new-${n}`));
  });

  it("may have ids of any length", async () => {
    const long = "x".repeat(10_000);
    expect(await store.takeDelivery("room", `${long}1`)).toBe("new");
    expect(await store.takeDelivery("room", `${long}2`)).toBe("new");
    expect(await store.takeDelivery("room", `${long}1`)).toBe("known");
  });
});

describe("a delivery whose taker was stopped", () => {
  const another = () => createChatStoreServices({ uow: db.uow, clock: db.clock, taker: "another" });

  it("is dealt with again by exactly one who comes after, unless it was finished", async () => {
    await store.takeDelivery("room", "interrupted");
    await store.takeDelivery("room", "done");
    await store.finishDelivery("room", "done");
    const next = another();

    expect(await next.takeDelivery("room", "done")).toBe("known");
    expect(
      await Promise.all(Array.from({ length: 5 }, () => next.takeDelivery("room", "interrupted"))),
    ).toEqual(expect.arrayContaining(["again", "known", "known", "known", "known"]));
    expect(await store.takeDelivery("room", "done")).toBe("known");
  });

  it("tells what was changed by it, and not what was only tried", async () => {
    const about = { actor: systemActor, subject: { kind: "release", id: "12" } } as const;
    await withCorrelation("room:1", () =>
      db.uow.run(async (tx) => {
        await tx.emit({
          name: "access.denied",
          payload: { permission: "release.close", reason: "no" },
          ...about,
        });
      }),
    );
    expect(await store.changesUnder("room:1", db.clock.now())).toEqual([]);
    await withCorrelation("room:1", () =>
      db.uow.run(async (tx) => {
        await tx.emit({ name: "release.closed", payload: { number: 12, reason: "" }, ...about });
      }),
    );
    expect(await store.changesUnder("room:1", db.clock.now())).toEqual([
      { kind: "release", id: "12" },
    ]);
    expect(await store.changesUnder("room:2", db.clock.now())).toEqual([]);
  });
});

describe("posts", () => {
  it("are claimed by exactly one of many", async () => {
    const claims = await Promise.all(Array.from({ length: 20 }, () => store.claimPost(post())));
    expect(claims.filter(Boolean).length).toBe(1);
    expect(await store.claimPost(post({ channelId: "general" }))).toBe(true);
  });

  it("are found by subject and place, with what they show", async () => {
    await store.claimPost(post());
    await store.savePost(post({ messageId: "m1" }));
    await db.clock.advance(1_000);
    const edited = post({
      messageId: "m1",
      shown: { fingerprint: "f2" },
      contentHash: "hash2",
      editedAt: db.clock.now(),
    });
    await store.savePost(edited);
    await store.savePost(post({ channelId: "general", messageId: "m2" }));

    const place = { platform: "room", channelId: "releases" };
    expect(await store.newestPost(place, "release/12")).toEqual(edited);
    expect(await store.newestPost(place, "release/13")).toBeNull();
    expect((await store.findPosts("release/12")).map((each) => each.channelId).sort()).toEqual([
      "general",
      "releases",
    ]);
  });

  it("can be claimed again once forgotten", async () => {
    await store.claimPost(post());
    await store.forgetPost("release/12", "room", "releases");
    expect(await store.findPosts("release/12")).toEqual([]);
    expect(await store.claimPost(post())).toBe(true);
  });
});

describe("cleaning up", () => {
  it("removes expired actions and old deliveries, and nothing else", async () => {
    const soon = new Date(db.clock.now().getTime() + 1_000);
    await store.saveActions([action("short", soon), action("long")]);
    await store.takeDelivery("room", "old");
    await store.claimPost(post());
    await db.clock.advance(3 * DAY + 1);
    await store.takeDelivery("room", "new");
    await store.saveActions([action("fresh")]);
    await store.removeExpired();
    expect(await store.findAction("short")).toBeNull();
    expect(await store.findAction("fresh")).not.toBeNull();
    expect((await ChatDeliveryRow.findAll()).map((row) => row.id)).toEqual(["room/new"]);
    expect(await store.findPosts("release/12")).toHaveLength(1);
  });
});
