import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { SessionRow } from "../../db/rows/session.ts";
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
