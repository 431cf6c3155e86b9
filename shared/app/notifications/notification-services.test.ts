import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { AccountRow } from "../../db/rows/account.ts";
import { PersonRow } from "../../db/rows/person.ts";
import { newId } from "../../lib/ids.ts";
import { buildActor } from "../../testing/actors.ts";
import { createTestDatabase, type TestDatabase } from "../../testing/test-database.ts";
import type { NotificationServices } from "../services.ts";
import { createNotificationServices } from "./notification-services.ts";

let db: TestDatabase;
let notifications: NotificationServices;
const dana = buildActor("dana");

beforeEach(async () => {
  db = await createTestDatabase();
  const { uow, clock } = db;
  notifications = createNotificationServices({ uow, clock, platforms: ["room", "mattermost"] });
});
afterEach(async () => {
  await db.close();
});

async function know(username: string, active = true): Promise<void> {
  await PersonRow.create({
    subject: `sub-${username}`,
    username,
    name: username,
    issuer: "https://sso.example.com",
    claims: { groups: [], realmRoles: [], clientRoles: [] },
    claimsCheckedAt: db.clock.now(),
    active,
    createdAt: db.clock.now(),
  });
}

describe("how somebody wants to be written to", () => {
  it("is on weekdays at nine until they say so, and then what they said", async () => {
    expect(await notifications.settings("sub-dana")).toEqual({
      digest: "weekdays",
      digestAt: "09:00",
      timeZone: "UTC",
      direct: true,
      platform: null,
      mutedUntil: null,
    });
    await notifications.change(dana, { digest: "daily", platform: "mattermost" });
    const mutedUntil = "2026-12-01T00:00:00.000Z";
    await notifications.change(dana, { digestAt: "08:30", timeZone: undefined, mutedUntil });
    expect(await notifications.settings("sub-dana")).toEqual({
      digest: "daily",
      digestAt: "08:30",
      timeZone: "UTC",
      direct: true,
      platform: "mattermost",
      mutedUntil,
    });
    expect(await notifications.settings("sub-quinn")).toMatchObject({ digest: "weekdays" });
  });

  it("is not on a platform that is not there", async () => {
    await expect(notifications.change(dana, { platform: "slack" })).rejects.toMatchObject({
      code: "input.invalid",
      remedy: "Choose one of room, mattermost.",
    });
  });
});

describe("whose digest is due", () => {
  it("is told by each person's wish, of those who may still sign in", async () => {
    db.clock.set(new Date("2026-11-25T09:10:00Z"));
    await know("dana");
    await know("quinn");
    await know("gone", false);
    await notifications.change(buildActor("quinn"), { timeZone: "Asia/Tokyo" });
    expect(await notifications.digestsDue()).toEqual([{ subject: "sub-dana", day: "2026-11-25" }]);
    db.clock.set(new Date("2026-11-26T00:10:00Z"));
    expect(await notifications.digestsDue()).toEqual([{ subject: "sub-quinn", day: "2026-11-26" }]);
  });
});

describe("where somebody can be reached", () => {
  it("is told with the account that was linked last in front", async () => {
    for (const [platform, subject] of [
      ["mattermost", "sub-dana"],
      ["slack", "sub-dana"],
      ["discord", "sub-quinn"],
    ] as const) {
      await db.clock.advance(1_000);
      const linkedAt = db.clock.now();
      const account = { platform, workspace: "w", userId: `U-${platform}` };
      await AccountRow.create({ ...account, id: newId(), subject, linkedAt });
    }
    expect(await notifications.accountsOf("sub-dana")).toEqual([
      { platform: "slack", workspace: "w", userId: "U-slack" },
      { platform: "mattermost", workspace: "w", userId: "U-mattermost" },
    ]);
  });
});
