import { describe, expect, it } from "vitest";
import { systemActor } from "../../shared/core/actor.ts";
import { ShuttingDown } from "../../shared/errors/catalog.ts";
import { createDrainer } from "../../shared/lib/drainer.ts";
import { createLogger } from "../../shared/lib/logger.ts";
import { createScheduler } from "../../shared/lib/scheduler.ts";
import { createManualClock } from "../../shared/testing/clock.ts";
import { createFakePlatform } from "../chat/testing/fake-platform.ts";
import { createFakeChatStore } from "../chat/testing/fake-chat-store.ts";
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
      { platform: "dead", state: "stopped" },
      { platform: "fake", state: "connected" },
    ]);
    await clock.advance(1_000);
    comeUp();
    await clock.advance(2_000);
    await dead.say("help", { as: "sub-dana" });
    expect(dead.last("What you can say")).toBeDefined();
    await chat.stop();
    expect(chat.status()).toMatchObject([{ state: "stopped" }, { state: "stopped" }]);
  });

  it("stops trying when it is stopped", async () => {
    const { clock, dead, deps } = setUp();
    const chat = await startChat({ ...deps, services: createFakeServices(), platforms: [dead] });
    expect(clock.pendingCount).toBe(1);
    await chat.stop();
    expect(clock.pendingCount).toBe(0);
  });

  it("throws old tokens away every hour", async () => {
    const { clock, logger, deps } = setUp();
    let cleaned = 0;
    const chatStore = {
      ...createFakeChatStore(),
      async removeExpired() {
        cleaned += 1;
      },
    };
    const scheduler = createScheduler({ logger, timers: clock, random: () => 0 });
    const services = createFakeServices({ chatStore });
    await startChat({ ...deps, services, platforms: [], scheduler });
    await clock.advance(3_600_000);
    expect(cleaned).toBe(1);
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
});
