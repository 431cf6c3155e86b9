import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createTestDatabase, type TestDatabase } from "../testing/test-database.ts";
import { createHttpCache, type HttpCacheLimits } from "./http-cache.ts";
import { HttpAnswerRow } from "./rows/http-answer.ts";

const DAY_MS = 24 * 60 * 60_000;
const answer = { etag: 'W/"1"', value: '{"data":[1]}' };
let db: TestDatabase;

beforeEach(async () => {
  db = await createTestDatabase();
});
afterEach(async () => {
  await db.close();
});

function create(limits: Partial<HttpCacheLimits> = {}) {
  return createHttpCache({
    ...db,
    limits: { entries: 100, bytes: 10_000, entryBytes: 1_000, ...limits },
  });
}

describe(createHttpCache, () => {
  it("gives back what was put last, also to the next process", async () => {
    const cache = create();
    expect(await cache.get("a")).toBeNull();
    await cache.put("a", answer);
    await cache.put("a", { etag: null, value: "2" });
    expect(await create().get("a")).toEqual({ etag: null, value: "2" });
    await Promise.all([cache.put("a", answer), cache.put("a", { etag: null, value: "3" })]);
    expect(await cache.get("a")).toEqual({ etag: null, value: "3" });
    expect(await HttpAnswerRow.count()).toBe(1);
  });

  it("takes keys of any length and many at once", async () => {
    const cache = create();
    const keys = Array.from({ length: 50 }, (_, index) => `${"x".repeat(10_000)}${index}`);
    await Promise.all(keys.map((key) => cache.put(key, { etag: null, value: key.slice(-2) })));
    expect(await cache.get(keys[49] ?? "")).toEqual({ etag: null, value: "49" });
  });

  it("keeps nothing that is too large", async () => {
    const cache = create();
    await cache.put("a", { etag: null, value: "é".repeat(501) });
    await cache.put("b", { etag: "x".repeat(256), value: "1" });
    expect(await HttpAnswerRow.count()).toBe(0);
  });

  it.each<readonly [string, Partial<HttpCacheLimits>]>([
    ["many", { entries: 3 }],
    ["large", { bytes: 30 }],
  ])("forgets what was of no use for longest when there are too %s", async (_what, limits) => {
    const cache = create(limits);
    for (const key of ["a", "b", "c"]) {
      await cache.put(key, { etag: null, value: "0123456789" });
      await db.clock.advance(2 * DAY_MS);
    }
    await cache.get("a");
    // The note that it was of use is written behind whoever asked.
    await db.uow.run(async () => undefined);
    await cache.put("d", { etag: null, value: "0123456789" });
    const left = await Promise.all(["a", "b", "c", "d"].map((key) => cache.get(key)));
    expect(left.map((found) => found !== null)).toEqual([true, false, true, true]);
  });

  it("fails nobody when the database does", async () => {
    const cache = create();
    await db.sequelize.query("DROP TABLE http_answers");
    await cache.put("a", answer);
    expect(await cache.get("a")).toBeNull();
  });
});
