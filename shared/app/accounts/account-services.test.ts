import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { AccountRow } from "../../db/rows/account.ts";
import { EventRow } from "../../db/rows/event.ts";
import { LinkRequestRow } from "../../db/rows/link-request.ts";
import { buildActor } from "../../testing/actors.ts";
import { createTestDatabase, type TestDatabase } from "../../testing/test-database.ts";
import type { AccountServices } from "../services.ts";
import { createAccountServices } from "./account-services.ts";

const MINUTE_MS = 60_000;
const dana = buildActor("dana");
const quinn = buildActor("quinn");
const chat = {
  platform: "mattermost",
  workspace: "chat.example.com",
  userId: "mm1",
  displayName: "Dana O",
};

let db: TestDatabase;
let accounts: AccountServices;

beforeEach(async () => {
  db = await createTestDatabase();
  accounts = createAccountServices({
    uow: db.uow,
    clock: db.clock,
    baseUrl: () => "https://slipway.example.com",
  });
});
afterEach(async () => {
  await db.close();
});

async function askFor(account = chat): Promise<string> {
  const { url } = await accounts.requestLink(account);
  return url.slice("https://slipway.example.com/link/".length);
}

function pass(ms: number): void {
  db.clock.set(new Date(db.clock.now().getTime() + ms));
}

async function facts(): Promise<readonly unknown[]> {
  const rows = await EventRow.findAll({ order: [["seq", "ASC"]] });
  return rows.map(({ name, actorSubject, payload }) => [name, actorSubject, payload]);
}

describe("a private link", () => {
  it("keeps no secret, lasts ten minutes and is on record", async () => {
    const { url, expiresAt } = await accounts.requestLink(chat);
    expect(url).toMatch(/^https:\/\/slipway\.example\.com\/link\/[0-9A-Za-z]{43}$/);
    expect(expiresAt.getTime() - db.clock.now().getTime()).toBe(10 * MINUTE_MS);
    const [row] = await LinkRequestRow.findAll();
    expect(JSON.stringify(row)).not.toContain(url.split("/").at(-1));
    expect(await facts()).toEqual([["account.link_requested", "system", chat]]);
  });

  it("changes nothing when it is looked at, and shows whose account it would be", async () => {
    const token = await askFor();
    expect(await accounts.linkRequest(dana, token)).toMatchObject({
      ...chat,
      person: { subject: "sub-dana", username: "dana", name: "Dana" },
      isLinked: false,
    });
    expect(await AccountRow.count()).toBe(0);
    expect(await accounts.linkRequest(quinn, token)).toMatchObject({ isLinked: false });
  });

  it("gives the account to who follows it, once, and says so twice", async () => {
    const token = await askFor();
    const made = await accounts.link(dana, token);
    expect(made).toMatchObject(chat);
    expect(await accounts.link(dana, token)).toEqual(made);
    expect(await accounts.linkRequest(dana, token)).toMatchObject({ isLinked: true });
    expect(await accounts.list(dana)).toEqual([made]);
    expect(await accounts.list(quinn)).toEqual([]);
    expect(await accounts.find(chat)).toEqual(made);
    expect(await accounts.find({ ...chat, workspace: "elsewhere" })).toBeNull();
    expect((await facts()).slice(1)).toEqual([
      ["account.linked", "sub-dana", { ...chat, account: made.id, username: "dana" }],
    ]);
  });

  it("is worth nothing once another one of the account was used", async () => {
    const first = await askFor();
    await accounts.link(dana, await askFor());
    const [account] = await accounts.list(dana);
    await accounts.unlink(dana, account?.id ?? "");
    await expect(accounts.link(quinn, first)).rejects.toMatchObject({ code: "link.used" });
    expect(await accounts.find(chat)).toBeNull();
  });

  it("gives the account to one of two who follow it at once", async () => {
    const token = await askFor();
    const outcomes = await Promise.allSettled([
      accounts.link(dana, token),
      accounts.link(quinn, token),
    ]);
    expect(outcomes.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
    expect(await AccountRow.count()).toBe(1);
  });

  it("gives the account to one of two people who were each given one", async () => {
    const [first, second] = [await askFor(), await askFor()];
    await accounts.link(dana, first);
    await expect(accounts.link(quinn, second)).rejects.toMatchObject({ code: "link.used" });
    expect(await accounts.list(quinn)).toEqual([]);
  });

  it("is not given for an account that is linked", async () => {
    await accounts.link(dana, await askFor());
    await expect(accounts.requestLink(chat)).rejects.toMatchObject({
      code: "account.taken",
      remedy: "Say `unlink` to me in mattermost first, then `link` again.",
    });
  });

  it("works for ten minutes", async () => {
    const token = await askFor();
    pass(10 * MINUTE_MS);
    await expect(accounts.linkRequest(dana, token)).rejects.toMatchObject({ code: "link.expired" });
    await expect(accounts.link(dana, token)).rejects.toMatchObject({ code: "link.expired" });
  });

  it.each([
    [
      "an API token",
      { via: { platform: "api", token: { id: "t", scopes: ["write" as const] } } },
      "link.needs_sign_in",
    ],
    [
      "somebody whose access is uncertain",
      { unconfirmed: { issuer: "https://sso.example.com" } },
      "identity.unavailable",
    ],
  ])("is not for %s", async (_who, changes, code) => {
    const token = await askFor();
    const actor = { ...dana, ...changes };
    await expect(accounts.linkRequest(actor, token)).rejects.toMatchObject({ code });
    await expect(accounts.link(actor, token)).rejects.toMatchObject({ code });
    expect(await AccountRow.count()).toBe(0);
  });

  it("cannot be guessed", async () => {
    await askFor();
    await expect(accounts.link(dana, "guessed")).rejects.toMatchObject({ code: "link.unknown" });
  });

  it("is given five times in ten minutes to one account, whatever others ask for", async () => {
    for (let count = 0; count < 5; count += 1) {
      await askFor();
      pass(MINUTE_MS);
    }
    await expect(accounts.requestLink(chat)).rejects.toMatchObject({
      code: "rate.limited",
      data: { retryAfterMs: 5 * MINUTE_MS },
    });
    await askFor({ ...chat, userId: "mm2" });
    pass(5 * MINUTE_MS);
    await askFor();
  });

  it("shows the name as one clean line, and the id where there is none", async () => {
    await askFor({ ...chat, displayName: "Dana\u202E\nAdmin" });
    await askFor({ ...chat, displayName: "\u200B" });
    const rows = await LinkRequestRow.findAll();
    expect(rows.map(({ displayName }) => displayName).sort()).toEqual(["Dana Admin", "mm1"]);
  });

  it("is forgotten a day after it ended", async () => {
    await askFor();
    pass(24 * 60 * MINUTE_MS + 10 * MINUTE_MS);
    expect(await accounts.removeExpired()).toBe(0);
    pass(1);
    expect(await accounts.removeExpired()).toBe(1);
  });
});

describe("unlinking", () => {
  it("frees the account for somebody else", async () => {
    const { id } = await accounts.link(dana, await askFor());
    await accounts.unlink(dana, id);
    expect(await accounts.find(chat)).toBeNull();
    expect((await facts()).at(-1)).toEqual([
      "account.unlinked",
      "sub-dana",
      { ...chat, account: id, username: "dana" },
    ]);
    expect(await accounts.link(quinn, await askFor())).toMatchObject(chat);
  });

  it("is for its owner", async () => {
    const { id } = await accounts.link(dana, await askFor());
    await expect(accounts.unlink(quinn, id)).rejects.toMatchObject({ code: "account.not_found" });
    await expect(accounts.unlink(dana, "nothing")).rejects.toMatchObject({
      code: "account.not_found",
    });
    expect(await accounts.find(chat)).not.toBeNull();
  });
});
