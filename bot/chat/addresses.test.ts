import { describe, expect, it } from "vitest";
import type { NotificationSettings } from "../../shared/contract/notifications.ts";
import { createManualClock } from "../../shared/testing/clock.ts";
import { createAddresses } from "./addresses.ts";
import { createFakePlatform } from "./testing/fake-platform.ts";
import { createFakeServices } from "./testing/fake-services.ts";

const SETTINGS: NotificationSettings = {
  digest: "weekdays",
  digestAt: "09:00",
  timeZone: "UTC",
  direct: true,
  platform: null,
  mutedUntil: null,
};

function setUp(settings: Partial<NotificationSettings>, linked: readonly string[], room = true) {
  const clock = createManualClock(new Date("2026-11-25T12:00:00Z"));
  const own = ["mattermost", "slack"].map((id) => {
    const platform = createFakePlatform({ id });
    Object.assign(platform.features, { usersAreSubjects: false });
    return platform;
  });
  const all = room ? [createFakePlatform({ id: "room" }), ...own] : own;
  const { notifications } = createFakeServices({
    notifications: {
      settings: async () => ({ ...SETTINGS, ...settings }),
      accountsOf: async () =>
        linked.map((platform) => ({ platform, workspace: "w", userId: `U-${platform}` })),
    },
  });
  const platforms = new Map(all.map((platform) => [platform.id, platform]));
  return createAddresses({ notifications, platforms, clock });
}

const inRoom = { platform: "room", userId: "sub-dana" };
const onSlack = { platform: "slack", userId: "U-slack" };

describe(createAddresses.name, () => {
  it.each([
    ["nothing is linked", {}, [], inRoom],
    ["several are linked, the newest", {}, ["slack", "mattermost"], onSlack],
    ["one was chosen", { platform: "slack" }, ["mattermost", "slack"], onSlack],
    ["the room was chosen", { platform: "room" }, ["slack"], inRoom],
    ["what was chosen is not linked any more", { platform: "mattermost" }, ["slack"], onSlack],
    ["what is linked is configured no more", {}, ["discord", "slack"], onSlack],
  ])("finds where to write when %s", async (_when, settings, linked, expected) => {
    expect(await setUp(settings, linked).of("sub-dana")).toEqual(expected);
    expect(await setUp(settings, linked).atOnce("sub-dana")).toEqual(expected);
  });

  it("finds nothing where nobody can be reached", async () => {
    expect(await setUp({}, [], false).of("sub-dana")).toBeNull();
  });

  it.each([
    ["wants no such messages", { direct: false }, null],
    ["is muted", { mutedUntil: "2026-11-26T00:00:00.000Z" }, null],
    ["was muted", { mutedUntil: "2026-11-24T00:00:00.000Z" }, onSlack],
  ])("writes at once to somebody who %s only as they wish", async (_who, settings, expected) => {
    expect(await setUp(settings, ["slack"]).atOnce("sub-dana")).toEqual(expected);
    // When a digest is due is decided elsewhere.
    expect(await setUp(settings, ["slack"]).of("sub-dana")).toEqual(onSlack);
  });
});
