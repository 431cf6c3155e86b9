import { describe, expect, it, vi } from "vitest";
import type { Services } from "../../shared/app/services.ts";
import type { ReleaseView } from "../../shared/contract/release.ts";
import { systemActor } from "../../shared/core/actor.ts";
import { ShuttingDown, UpstreamUnavailable } from "../../shared/errors/catalog.ts";
import type { DomainEvent, EventOf } from "../../shared/events/events.ts";
import { createDrainer } from "../../shared/lib/drainer.ts";
import { createLogger } from "../../shared/lib/logger.ts";
import { createManualClock } from "../../shared/testing/clock.ts";
import { buildApprovedRelease, buildRelease } from "../cards/testing/sample-views.ts";
import { createFakePlatform, textOf } from "../chat/testing/fake-platform.ts";
import { createFakeServices } from "../chat/testing/fake-services.ts";
import { dana } from "../chat/testing/sample-people.ts";
import { createRoomPlatform } from "../platforms/room/index.ts";
import { createFakeRoom } from "../platforms/room/testing/fake-room.ts";
import { startChat } from "./chat.ts";

function setUp() {
  const clock = createManualClock();
  const logger = createLogger({ level: "silent" });
  const platform = createFakePlatform({ now: () => clock.now() });
  const dead = createFakePlatform({ id: "dead", now: () => clock.now() });
  let isUp = false;
  const start = dead.start.bind(dead);
  dead.start = async (take) => {
    if (!isUp) {
      throw new Error("connection refused");
    }
    await start(take);
  };
  const drainer = createDrainer(() => new ShuttingDown({}));
  const deps = { systemActor, drainer, logger, clock, timers: clock };
  const comeUp = () => {
    isUp = true;
  };
  return { clock, logger, platform, dead, deps, comeUp };
}

describe(startChat.name, () => {
  it("works on one platform while another is down, and connects that one when it comes up", async () => {
    const { clock, platform, dead, deps, comeUp } = setUp();
    const chat = await startChat({
      ...deps,
      services: createFakeServices(),
      platforms: [dead, platform],
    });
    await platform.say("help", { as: "sub-dana" });
    expect(platform.last("What you can say")).toBeDefined();
    expect(chat.status()).toMatchObject([
      { platform: "dead", state: "failed", detail: "connection refused" },
      { platform: "fake", state: "connected" },
    ]);
    await clock.advance(1_000);
    comeUp();
    await clock.advance(2_000);
    expect(chat.status()).toMatchObject([{ state: "connected", detail: null }, {}]);
    await dead.say("help", { as: "sub-dana" });
    expect(dead.last("What you can say")).toBeDefined();
    await chat.stop();
    expect(chat.status()).toMatchObject([{ state: "stopped" }, { state: "stopped" }]);
  });

  it("tells a platform that is back what it missed, without waiting for those that are away", async () => {
    const { clock, platform, dead, deps, comeUp } = setUp();
    comeUp();
    const lost = vi.spyOn(dead, "status");
    const deliverNow = vi.fn(async () => undefined);
    const services = createFakeServices({
      releases: {
        view: async () => buildRelease(),
        list: async () => ({ items: [buildRelease()], total: 1 }),
      },
      deployments: { list: async () => ({ items: [], total: 0 }) },
    });
    const chat = await startChat({ ...deps, services, platforms: [platform, dead], deliverNow });
    await clock.advance(2_000);
    for (const id of ["fake", "dead"]) {
      await chat.posts.keep({ platform: id, channelId: "releases" }, "release/12", async () => ({
        subject: "release/12",
        shown: {},
        card: { title: "as it was", tone: "info", blocks: [] },
      }));
    }
    lost.mockReturnValue({ state: "reconnecting", since: clock.now() });
    await clock.advance(2_000);
    expect(deliverNow).not.toHaveBeenCalled();
    platform.edit = () => new Promise(() => undefined);
    lost.mockReturnValue({ state: "connected", since: clock.now() });

    await clock.advance(3_000);

    expect(deliverNow.mock.calls).toEqual([
      [expect.arrayContaining(["chat-announce-release@dead", "chat-announce-deployment@dead"])],
    ]);
    expect(dead.messages.map(textOf)).toEqual([expect.stringMatching(/Release #12/)]);
    const stopped = chat.stop();
    await clock.advance(5_000);
    await stopped;
  });

  it("tells how each connection has fared", async () => {
    const { clock, platform, deps } = setUp();
    const started = clock.now();
    const lost = vi.spyOn(platform, "status");
    lost.mockReturnValue({ state: "connected", since: started });
    const chat = await startChat({
      ...deps,
      services: createFakeServices(),
      platforms: [platform],
    });
    expect(chat.status()).toMatchObject([
      { since: started, lastEventAt: null, reconnects: 0, acknowledgedInMs: null },
    ]);
    await clock.advance(60_000);
    await platform.say("help", { as: "sub-dana" });
    expect(chat.status()).toMatchObject([{ lastEventAt: clock.now(), acknowledgedInMs: 0 }]);

    for (const state of ["reconnecting", "connected"] as const) {
      lost.mockReturnValue({ state, since: clock.now() });
      await clock.advance(2_000);
    }
    expect(chat.status()).toMatchObject([{ state: "connected", reconnects: 1 }]);
    // What a platform knows better counts.
    lost.mockReturnValue({
      state: "connected",
      since: started,
      lastEventAt: started,
      reconnectCount: 7,
      acknowledgedInMs: 12,
    });
    expect(chat.status()).toMatchObject([
      { lastEventAt: started, reconnects: 7, acknowledgedInMs: 12 },
    ]);
    await chat.stop();
  });

  it("stops trying when it is stopped", async () => {
    const { clock, dead, deps } = setUp();
    const chat = await startChat({ ...deps, services: createFakeServices(), platforms: [dead] });
    expect(clock.pendingCount).toBeGreaterThan(0);
    await chat.stop();
    expect(clock.pendingCount).toBe(0);
  });

  it("renews cards from time to time", async () => {
    const { clock, platform, deps } = setUp();
    const list = vi.fn<Services["releases"]["list"]>(async () => ({ items: [], total: 0 }));
    const services = createFakeServices({
      releases: { list },
      deployments: { list: async () => ({ items: [], total: 0 }) },
    });
    const chat = await startChat({ ...deps, services, platforms: [platform] });
    await clock.advance(15 * 60_000);
    expect(list).toHaveBeenCalled();
    await chat.stop();
  });

  it("answers in the embedded room from message to card", async () => {
    const { clock, logger, deps } = setUp();
    const room = createFakeRoom(clock);
    const services = createFakeServices({ room });
    const platform = createRoomPlatform({ room, systemActor, logger, clock });
    const chat = await startChat({ ...deps, services, platforms: [platform] });
    await room.post(dana, { channel: "releases", text: "@slipway whoami" });
    await chat.stop();
    expect(room.stored.at(-1)).toMatchObject({
      visibleTo: "sub-dana",
      message: { author: { username: "slipway" }, card: { title: "You are Dana" } },
    });
  });

  it("does not wait for a platform that hangs while it starts", async () => {
    const { clock, platform, dead, deps } = setUp();
    dead.start = () => new Promise(() => undefined);
    const starting = startChat({
      ...deps,
      services: createFakeServices(),
      platforms: [dead, platform],
    });
    await clock.advance(5_000);
    const chat = await starting;
    expect(chat.status()).toMatchObject([{ state: "starting" }, { state: "connected" }]);
    const stopped = chat.stop();
    await clock.advance(5_000);
    await stopped;
  });

  it("hears nothing more while it stops, and first ends what it has begun", async () => {
    const { platform, deps } = setUp();
    let answer: (release: ReleaseView) => void = () => undefined;
    const view = vi.fn<Services["releases"]["view"]>(
      () =>
        new Promise((resolve) => {
          answer = resolve;
        }),
    );
    const services = createFakeServices({ releases: { view } });
    const chat = await startChat({ ...deps, services, platforms: [platform] });
    const asked = platform.say("release 12", { as: "sub-dana" });
    await vi.waitFor(() => {
      expect(view).toHaveBeenCalledOnce();
    });
    const stopped = chat.stop();
    await platform.say("release 13", { as: "sub-dana" });
    answer(buildRelease());
    await Promise.all([asked, stopped]);
    expect(platform.messages.map(textOf)).toEqual([expect.stringContaining("Release #12")]);
    expect(view).toHaveBeenCalledOnce();
  });

  it("stops within its time although a platform and an answer hang", async () => {
    const { clock, platform, deps } = setUp();
    const services = createFakeServices({ releases: { view: () => new Promise(() => undefined) } });
    const chat = await startChat({ ...deps, services, platforms: [platform] });
    platform.stop = () => new Promise(() => undefined);
    void platform.say("release 12", { as: "sub-dana" });
    const stopped = chat.stop(3_000);
    await clock.advance(3_000);
    await clock.advance(2_000);
    await stopped;
    expect(chat.status()).toMatchObject([{ state: "stopped" }]);
  });
});

describe("two platforms", () => {
  const fact = {
    occurredAt: new Date("2026-11-25T12:00:00.000Z"),
    correlationId: "c",
    actor: { subject: "sub-dana", username: "dana", name: "Dana", platform: "fake" },
    subject: { kind: "release", id: "12" },
    related: [],
  } as const;
  const created: EventOf<"release.created"> = {
    ...fact,
    name: "release.created",
    seq: 1,
    id: "e1",
    payload: { number: 12, source: "uat", destination: "master", items: 2 },
  };
  const signedOff: EventOf<"release.signed_off"> = {
    ...fact,
    name: "release.signed_off",
    seq: 2,
    id: "e2",
    payload: { number: 12, role: "dev", fingerprint: "f1", byAuthor: false },
  };

  async function setUpTwo() {
    const { clock, platform, deps } = setUp();
    const second = createFakePlatform({ id: "second", now: () => clock.now() });
    const state = { release: buildRelease(), seq: 0 };
    const services = createFakeServices({
      releases: {
        view: async () => state.release,
        list: async () => ({ items: [state.release], total: 1 }),
        create: async () => state.release,
        async signOff() {
          state.release = buildApprovedRelease();
          return state.release;
        },
      },
      deployments: { list: async () => ({ items: [], total: 0 }) },
      live: { lastSeq: async () => state.seq },
      installation: { announce: ["fake:releases", "second:ops"] },
    });
    const chat = await startChat({ ...deps, services, platforms: [platform, second] });
    /** As the dispatcher does it: each subscriber hears of it, whatever becomes of the others. */
    const happen = (event: DomainEvent) => {
      state.seq = event.seq;
      return Promise.allSettled(
        chat.subscribers
          .filter(({ events }) => events.includes(event.name))
          .map((subscriber) => subscriber.handle(event, new AbortController().signal)),
      );
    };
    return { state, chat, happen, clock, platform, second };
  }

  it("show one release in step: what is pressed on one is seen on the other", async () => {
    const { happen, platform, second } = await setUpTwo();
    await platform.say("create-release uat master", { as: "sub-dana", channelId: "releases" });
    await happen(created);
    expect([...platform.messages, ...second.messages].map(textOf)).toEqual([
      expect.stringContaining("waiting for sign-off"),
      expect.stringContaining("waiting for sign-off"),
    ]);
    await second.click("Approve as Dev", { as: "sub-dana" });
    await happen(signedOff);
    for (const each of [platform, second]) {
      expect(each.messages.map(textOf)).toEqual([
        expect.stringContaining("approved, ready to deploy"),
      ]);
    }
    expect(textOf(platform.last()).replace(/^.*$/m, "")).toBe(
      textOf(second.last()).replace(/^.*$/m, ""),
    );
  });

  it("are told once, however often a fact is delivered", async () => {
    const { happen, platform, second } = await setUpTwo();
    await Promise.all([happen(created), happen(created)]);
    await happen(created);
    expect([platform.messages.length, second.messages.length]).toEqual([1, 1]);
  });

  it("do not wait for each other: one that fails or hangs leaves the other alone", async () => {
    const { state, happen, platform, second } = await setUpTwo();
    second.breakWith(new UpstreamUnavailable({ system: "second", operation: "posting" }));
    const outcomes = await happen(created);
    expect(outcomes.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
    expect(textOf(platform.last())).toContain("waiting for sign-off");
    second.breakWith(undefined);
    second.post = () => new Promise(() => undefined);
    state.release = buildApprovedRelease();
    void happen(signedOff);
    await vi.waitFor(() => {
      expect(textOf(platform.last())).toContain("approved, ready to deploy");
    });
  });

  it("catch up on what they missed, when the cards are renewed", async () => {
    const { state, chat, happen, second } = await setUpTwo();
    await happen(created);
    state.release = buildApprovedRelease();
    second.breakWith(new UpstreamUnavailable({ system: "second", operation: "posting" }));
    await happen(signedOff);
    await chat.refreshCards(new AbortController().signal);
    expect(textOf(second.last())).toContain("waiting for sign-off");
    second.breakWith(undefined);
    await chat.refreshCards(new AbortController().signal);
    expect(textOf(second.last())).toContain("approved, ready to deploy");
    expect(second.last().edits).toBe(1);
  });
});
