import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createChatStoreServices } from "../../../shared/app/chat-store/chat-store-services.ts";
import { createRoomServices } from "../../../shared/app/room/room-services.ts";
import type { Services } from "../../../shared/app/services.ts";
import { systemActor, type Actor } from "../../../shared/core/actor.ts";
import { PersonRow } from "../../../shared/db/rows/person.ts";
import { ActionExpired, ShuttingDown } from "../../../shared/errors/catalog.ts";
import { createDrainer } from "../../../shared/lib/drainer.ts";
import { createTestDatabase, type TestDatabase } from "../../../shared/testing/test-database.ts";
import {
  buildApprovedRelease,
  buildRelease,
  buildSignOff,
  danaRef,
} from "../../cards/testing/sample-views.ts";
import { createFakeServices } from "../../chat/testing/fake-services.ts";
import { dana, quinn, samplePeople } from "../../chat/testing/sample-people.ts";
import { startChat, type ChatService } from "../../services/chat.ts";
import { createRoomPlatform } from "./index.ts";

let db: TestDatabase;
let services: Services;
let chat: ChatService;
let signatures: string[];
let signedVia: Actor["via"][];

beforeEach(async () => {
  db = await createTestDatabase();
  await addPeople();
  signatures = [];
  signedVia = [];
  services = createFakeServices({
    room: createRoomServices({ database: db, uow: db.uow, clock: db.clock, logger: db.logger }),
    chatStore: createChatStoreServices({ uow: db.uow, clock: db.clock, taker: "test" }),
    installation: { announce: ["room:releases"] },
    live: { lastSeq: async () => 0 },
    releases: {
      create: async () => buildRelease(),
      view: async () => view(),
      async signOff({ via }, __, { role, fingerprint }) {
        signedVia.push(via);
        if (!signatures.includes(role)) {
          signatures.push(role);
        }
        expect(fingerprint).toBe("f1");
        return view();
      },
      reject: async () => buildRelease({ status: "rejected" }),
    },
  });
  chat = await start();
});
afterEach(async () => {
  await chat.stop();
  await db.close();
});

function start(): Promise<ChatService> {
  const { clock, logger } = db;
  const drainer = createDrainer(() => new ShuttingDown({}));
  const platform = createRoomPlatform({ room: services.room, clock });
  const platforms = [platform];
  return startChat({ services, platforms, systemActor, drainer, logger, clock, timers: clock });
}

function view() {
  const [first] = signatures;
  return first === undefined
    ? buildRelease()
    : buildRelease({
        signOffs: [buildSignOff(danaRef, first)],
        progress: [{ role: first, needed: 1, have: 1, signedBy: [danaRef], eligible: [] }],
      });
}

async function addPeople(): Promise<void> {
  await db.uow.run(async (tx) => {
    for (const { subject, username, name } of samplePeople) {
      const claims = { groups: [], realmRoles: [], clientRoles: [] };
      const now = db.clock.now();
      await PersonRow.create(
        {
          subject,
          issuer: "https://id.example.com",
          username,
          name,
          claims,
          claimsCheckedAt: now,
          active: true,
          createdAt: now,
        },
        { transaction: tx.sequelize },
      );
    }
  });
}

/** Lets everything that was said be served, as a stop does, then goes on. */
async function settle(): Promise<void> {
  await chat.stop();
  chat = await start();
}

async function say(text: string, channel = "releases", actor = dana): Promise<void> {
  await services.room.post(actor, { channel, text });
  await settle();
}

async function read(channel = "releases", actor = dana) {
  return services.room.messages(actor, { channel, limit: 100 });
}

describe("the bot in the stored room", () => {
  it("answers a command with a card that can be pressed", async () => {
    await say("@slipway create-release uat master");
    const card = (await read()).at(-1);
    expect(card).toMatchObject({
      author: { username: "slipway", name: "slipway", bot: true },
      ephemeral: false,
    });
    expect(card?.text).toContain("Release #12: uat → master");
    expect(card?.actions.map(({ label }) => label)).toEqual([
      "Approve as Dev",
      "Approve as QA",
      "Refresh",
      "Plan",
      "Open dashboard",
    ]);
  });

  it("passes on the device that somebody used, for the audit log, whether they typed or pressed", async () => {
    const device = { ip: "192.0.2.7", userAgent: "Firefox" };
    const danaThere = { ...dana, via: { platform: "web", ...device } };
    await say("@slipway create-release uat master");
    await services.room.post(danaThere, {
      channel: "releases",
      text: "@slipway approve 12 as dev",
    });
    await settle();
    const { id = "", actions = [] } = (await read()).find(({ card }) => card !== null) ?? {};
    const approve = actions.find(({ label }) => label.startsWith("Approve"))?.action ?? "";
    await services.room.press(danaThere, id, { action: approve });
    await settle();
    expect(signedVia).toEqual([
      { platform: "room", ...device },
      { platform: "room", ...device },
    ]);
    expect(JSON.stringify(await read())).not.toContain(device.ip);
  });

  it("serves nothing twice, not even after a restart", async () => {
    await say("@slipway create-release uat master");
    await settle();
    await settle();
    expect(await read()).toHaveLength(2);
  });

  it("signs once for a hundred clicks, and says once that it is signed already", async () => {
    await say("@slipway create-release uat master");
    const card = (await read()).at(-1);
    const action = card?.actions.find(({ label }) => label === "Approve as Dev")?.action ?? "";
    await Promise.all(
      Array.from({ length: 100 }, () => services.room.press(dana, card?.id ?? "", { action })),
    );
    await settle();
    expect(signatures).toEqual(["dev"]);
    const messages = await services.room.messages(dana, { channel: "releases", limit: 500 });
    const told = messages.filter(({ text }) => text.includes("signed release #12 as Dev already"));
    expect(told).toHaveLength(1);
    expect(messages.find(({ id }) => id === card?.id)?.text).toContain("signed by Dana");
  });

  it("takes a form from the card that asks for the reason", async () => {
    await say("@slipway reject 12");
    const question = (await read()).at(-1);
    expect(question).toMatchObject({
      ephemeral: true,
      actions: [{ label: "Reject", type: "form" }],
    });
    expect(await read("releases", quinn)).toHaveLength(1);
    const { action = "" } = question?.actions[0] ?? {};
    await services.room.press(dana, question?.id ?? "", { action, values: { reason: "broken" } });
    await settle();
    expect((await read("releases", quinn)).at(-1)?.text).toContain("Dana rejected release #12");
  });

  it("keeps a conversation private", async () => {
    await say("whoami", "dm:dana");
    expect((await read("dm:dana")).at(-1)).toMatchObject({ ephemeral: false });
    await expect(read("dm:dana", quinn)).rejects.toThrow("no channel");
  });

  it("lets a copied button do nothing", async () => {
    await say("@slipway create-release uat master");
    const card = (await read()).at(-1);
    await say("whoami", "dm:dana");
    const other = (await read("dm:dana")).at(-1);
    const { action = "" } = card?.actions[0] ?? {};
    await expect(services.room.press(dana, other?.id ?? "", { action })).rejects.toThrow(
      ActionExpired,
    );
    expect(signatures).toEqual([]);
  });

  it("announces what is ready, and asks again those who must sign again", async () => {
    const [, askAgain] = chat.subscribers;
    const fact = {
      seq: 1,
      id: "e1",
      occurredAt: db.clock.now(),
      correlationId: "c",
      actor: { subject: "sub-dana", username: "dana", name: "Dana", platform: "room" },
      subject: { kind: "release" as const, id: "12" },
      related: [],
    };
    const { signal } = new AbortController();
    const changes = ["3 new commits in payments"];
    const signOffs = [{ role: "dev", subject: "sub-quinn", name: "Quinn", changes }];
    const outdated = {
      ...fact,
      name: "release.sign_off_outdated",
      payload: { number: 12, signOffs },
    } as const;
    await askAgain?.handle(outdated, signal);
    await askAgain?.handle(outdated, signal);
    expect((await read("dm:quinn", quinn)).map(({ text }) => text)).toEqual([
      expect.stringContaining("3 new commits in payments since you signed."),
    ]);

    services = {
      ...services,
      releases: { ...services.releases, view: async () => buildApprovedRelease() },
    };
    await settle();
    const approved = {
      ...fact,
      name: "release.approved",
      payload: { number: 12, fingerprint: "f1" },
    } as const;
    await chat.subscribers[0]?.handle(approved, signal);
    await chat.subscribers[0]?.handle(approved, signal);
    const ready = (await read()).filter(({ text }) => text.startsWith("Release Ready to Deploy"));
    expect(ready).toHaveLength(1);
  });
});
