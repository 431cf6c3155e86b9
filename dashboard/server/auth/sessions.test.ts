import type { SessionData } from "express-session";
import { beforeEach, describe, expect, it } from "vitest";
import { createManualClock, type ManualClock } from "../../../shared/testing/clock.ts";
import { createFakeServices, type Fakes } from "../testing/fake-services.ts";
import { PENDING_SIGN_IN_MS, SessionStore } from "./sessions.ts";

const HOUR = 3_600_000;
let clock: ManualClock;
let fakes: Fakes;
let touches: Date[];
let store: SessionStore;
beforeEach(() => {
  clock = createManualClock();
  touches = [];
  fakes = createFakeServices(clock, {
    sessions: {
      async touch(_sid, expiresAt) {
        touches.push(expiresAt);
      },
    },
  });
  store = new SessionStore(fakes.services.sessions, clock, { idleMs: HOUR, absoluteMs: 3 * HOUR });
});

function set(data: Partial<SessionData>): Promise<void> {
  return new Promise((resolve, reject) => {
    store.set("sid", data as SessionData, (error) =>
      error instanceof Error ? reject(error) : resolve(),
    );
  });
}
function get(): Promise<unknown> {
  return new Promise((resolve, reject) => {
    store.get("sid", (error, data) => (error instanceof Error ? reject(error) : resolve(data)));
  });
}
function touch(data: Partial<SessionData>): Promise<void> {
  return new Promise((resolve) => {
    store.touch("sid", data as SessionData, resolve);
  });
}
const signedIn = () => ({ subject: "dana", oidcSid: "o1", signedInAt: clock.now().getTime() });

describe(SessionStore.name, () => {
  it("keeps a session with whose it is, so that all of a person's can be ended", async () => {
    await set(signedIn());
    expect(fakes.state.sessions.get("sid")).toMatchObject({
      subject: "dana",
      oidcSid: "o1",
      expiresAt: new Date(clock.now().getTime() + HOUR),
    });
    expect(await get()).toMatchObject({ subject: "dana" });
  });

  it("forgets a sign-in that was not finished", async () => {
    await set({ pendingSignIns: [] });
    await clock.advance(PENDING_SIGN_IN_MS + 1);
    expect(await get()).toBeNull();
  });

  it("writes at most once a minute that a session is in use", async () => {
    const data = signedIn();
    await set(data);
    await touch(data);
    expect(touches).toEqual([]);
    await clock.advance(60_000);
    await touch(data);
    await touch(data);
    expect(touches).toEqual([new Date(clock.now().getTime() + HOUR)]);
  });

  it("never keeps a session beyond its longest time", async () => {
    const data = signedIn();
    await set(data);
    const end = new Date(clock.now().getTime() + 3 * HOUR);
    await clock.advance(2.5 * HOUR);
    await touch(data);
    expect(touches).toEqual([end]);
  });

  it("passes on what the storage throws", async () => {
    const broken = new SessionStore(
      {
        ...fakes.services.sessions,
        get: () => Promise.reject(new Error("disk full")),
      },
      clock,
      { idleMs: HOUR, absoluteMs: HOUR },
    );
    await expect(
      new Promise((resolve, reject) => {
        broken.get("sid", (error) => (error instanceof Error ? reject(error) : resolve(null)));
      }),
    ).rejects.toThrow("disk full");
  });
});
