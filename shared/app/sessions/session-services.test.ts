import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { EventRow } from "../../db/rows/event.ts";
import { SessionRow } from "../../db/rows/session.ts";
import { SessionNotFound } from "../../errors/catalog.ts";
import { buildActor } from "../../testing/actors.ts";
import { createTestDatabase, type TestDatabase } from "../../testing/test-database.ts";
import type { SessionServices } from "../services.ts";
import { createSessionServices } from "./session-services.ts";

const HOUR = 60 * 60_000;
let db: TestDatabase;
let sessions: SessionServices;

beforeEach(async () => {
  db = await createTestDatabase();
  sessions = createSessionServices({ uow: db.uow, clock: db.clock });
});
afterEach(async () => {
  await db.close();
});

function inMs(ms: number): Date {
  return new Date(db.clock.now().getTime() + ms);
}

function set(sid: string, subject: string | null = "sub-dana", oidcSid: string | null = null) {
  return sessions.set(sid, { sid, n: 1 }, { subject, oidcSid, expiresAt: inMs(HOUR) });
}

describe(createSessionServices.name, () => {
  it("gives back what was set, until it expires", async () => {
    await set("one");
    expect(await sessions.get("one")).toEqual({ sid: "one", n: 1 });
    await db.clock.advance(HOUR);
    expect(await sessions.get("one")).toBeNull();
  });

  it("replaces a session", async () => {
    await set("one");
    await sessions.set("one", { n: 2 }, { subject: null, oidcSid: null, expiresAt: inMs(1) });
    expect(await sessions.get("one")).toEqual({ n: 2 });
    expect(await SessionRow.count()).toBe(1);
  });

  it("stores a hash instead of the id", async () => {
    await set("one");
    const row = await SessionRow.findOne();
    expect(row?.sid).toMatch(/^[0-9a-f]{64}$/);
    expect(await sessions.get(row?.sid ?? "")).toBeNull();
  });

  it("prolongs a session, but does not write each time", async () => {
    await set("one");
    const write = vi.spyOn(db.uow, "run");
    await sessions.touch("one", inMs(HOUR + 60_000));
    expect(write).not.toHaveBeenCalled();
    await sessions.touch("one", inMs(2 * HOUR));
    expect(write).toHaveBeenCalledOnce();
    await db.clock.advance(HOUR + 1);
    expect(await sessions.get("one")).not.toBeNull();
  });

  it("does not bring back a session that was ended", async () => {
    await set("one");
    await sessions.destroy("one");
    await sessions.touch("one", inMs(2 * HOUR));
    expect(await sessions.get("one")).toBeNull();
  });

  it("ends every session of a person, or of a session at the provider", async () => {
    await set("one", "sub-dana", "oidc-1");
    await set("two", "sub-dana", "oidc-2");
    await set("three", "sub-quinn", "oidc-3");
    expect(await sessions.destroyAll({ oidcSid: "oidc-1" })).toBe(1);
    expect(await sessions.destroyAll({ subject: "sub-dana" })).toBe(1);
    expect(await sessions.destroyAll({ subject: "sub-nobody" })).toBe(0);
    expect(await sessions.get("three")).not.toBeNull();
  });

  it("removes what has expired", async () => {
    await set("one");
    await db.clock.advance(HOUR);
    await set("two");
    expect(await sessions.removeExpired()).toBe(1);
    expect(await SessionRow.count()).toBe(1);
  });
});

describe("a person's own sessions", () => {
  const dana = { ...buildActor("dana"), subject: "sub-dana" };
  const idOf = async (sid: string) =>
    (await sessions.listOwn(dana, sid)).find(({ current }) => current)?.id ?? "";

  it("are told with when and from where each was used, the one that asks first", async () => {
    const signedInAt = db.clock.now().getTime();
    await sessions.set(
      "laptop",
      { signedInAt },
      {
        ...{ subject: "sub-dana", oidcSid: null, expiresAt: inMs(2 * HOUR) },
        origin: { ip: "192.0.2.7", userAgent: "Firefox" },
      },
    );
    await db.clock.advance(60_000);
    await set("phone");
    await set("elses", "sub-quinn");

    const own = await sessions.listOwn(dana, "laptop");

    expect(own).toMatchObject([
      {
        current: true,
        signedInAt: new Date(signedInAt).toISOString(),
        lastUsedAt: new Date(signedInAt).toISOString(),
        address: "192.0.2.7",
        userAgent: "Firefox",
      },
      { current: false, signedInAt: null, lastUsedAt: db.clock.now().toISOString(), address: null },
    ]);
    expect(JSON.stringify(own)).not.toContain("laptop");
    expect((await sessions.listOwn(dana, null)).map(({ current }) => current)).toEqual([
      false,
      false,
    ]);
  });

  it("follow the browser to another address, even when they cannot be prolonged any more", async () => {
    const end = inMs(HOUR);
    await set("one");
    await db.clock.advance(60_000);

    await sessions.touch("one", end, { ip: "198.51.100.4" });

    expect(await sessions.listOwn(dana, "one")).toMatchObject([
      {
        lastUsedAt: db.clock.now().toISOString(),
        expiresAt: end.toISOString(),
        address: "198.51.100.4",
        userAgent: null,
      },
    ]);
  });

  it("end one by one, and only for their owner", async () => {
    await set("one");
    await set("two");
    await set("elses", "sub-quinn");
    const elses = (await SessionRow.findOne({ where: { subject: "sub-quinn" } }))?.sid ?? "";

    await sessions.endOwn(dana, await idOf("two"));

    expect(await sessions.get("two")).toBeNull();
    expect(await sessions.get("one")).not.toBeNull();
    for (const id of [elses, await idOf("two"), "one", ""]) {
      await expect(sessions.endOwn(dana, id)).rejects.toBeInstanceOf(SessionNotFound);
    }
    expect(await sessions.get("elses")).not.toBeNull();
  });

  it("end all but the one that asks, with a single row in the audit log", async () => {
    await set("one");
    await set("two");
    await set("three");
    await set("elses", "sub-quinn");

    expect(await sessions.endOthers(dana, "one")).toBe(2);
    expect(await sessions.endOthers(dana, "one")).toBe(0);

    expect(await sessions.get("one")).not.toBeNull();
    expect(await sessions.get("elses")).not.toBeNull();
    const events = await EventRow.findAll({ where: { name: "person.sessions_ended" } });
    expect(events.map(({ payload }) => payload)).toEqual([{ username: "dana", count: 2 }]);
    expect(await sessions.endOthers(dana, null)).toBe(1);
  });
});
