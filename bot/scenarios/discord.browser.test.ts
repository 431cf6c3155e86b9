import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { ReleaseView } from "../../shared/contract/release.ts";
import {
  buttonsOf,
  startFakeDiscord,
  textOf,
  type FakeDiscord,
  type FakeMessage,
  type FakeUser,
} from "../platforms/discord/testing/fake-discord.ts";
import { linkAccounts } from "./testing/link-accounts.ts";
import { createPerson, type Person } from "./testing/person.ts";
import { startServer, type ServerProcess } from "./testing/server-process.ts";
import { createWorkspace } from "./testing/workspace.ts";

let fake: FakeDiscord;
let server: ServerProcess;
let dana: Person;
let quinn: Person;
let general: string;
let releases: string;
const people = new Map<string, FakeUser>();

beforeAll(async () => {
  fake = await startFakeDiscord({ clock: { now: () => new Date() } });
  releases = fake.addChannel("releases");
  general = fake.addChannel("general");
  for (const username of ["dana", "quinn", "stranger", "guest"]) {
    const user = fake.addUser({ username });
    people.set(username, user);
    fake.join(user.id, username === "guest" ? { pending: true } : {});
  }
  server = await startServer((data) => {
    const workspace = createWorkspace(data, {
      "auth-service": [],
      "user-service": ["auth-service"],
    });
    workspace.commit("auth-service", "feat: tokens that expire @everyone");
    workspace.commit("user-service", "fix: names with accents");
    return {
      config: [
        workspace.config(),
        "chat:",
        '  announce: ["discord:releases", "room:releases"]',
        "  discord:",
        `    token: ${fake.token}`,
        `    application_id: "${fake.applicationId}"`,
        `    guild_id: "${fake.guildId}"`,
        `    api_url: ${fake.url}`,
        "",
      ].join("\n"),
      env: workspace.env,
    };
  });
  dana = createPerson(server.url, server.token("dana"));
  quinn = createPerson(server.url, server.token("quinn"));
  await linkAccounts(
    server.data,
    ["dana", "quinn"].map((username) => ({
      platform: "discord",
      workspace: fake.guildId,
      userId: idOf(username),
      username,
    })),
  );
});
afterAll(async () => {
  await server?.dispose();
  await fake?.stop();
});

function idOf(username: string): string {
  return people.get(username)?.id ?? "";
}

/** What the bot says, as this person sees it. */
function saidIn(channelId: string, username = "dana"): readonly FakeMessage[] {
  return fake
    .seenBy(idOf(username), channelId)
    .filter((message) => message.author.id === fake.bot.id);
}

/** The newest message of the bot that fits, once it is there. */
async function sees(what: RegExp, channelId: string, username?: string): Promise<FakeMessage> {
  return vi.waitFor(
    () => {
      const messages = saidIn(channelId, username);
      const found = messages.findLast((message) => what.test(textOf(message)));
      if (!found) {
        throw new Error(`Nothing like ${String(what)}:\n${messages.map(textOf).join("\n---\n")}`);
      }
      return found;
    },
    { timeout: 30_000, interval: 50 },
  );
}

async function release(number: number): Promise<ReleaseView> {
  return (await dana.get<ReleaseView>(`/releases/${String(number)}`)).body;
}

describe("a release between Discord and the room", () => {
  it("is connected, with its command registered", async () => {
    await vi.waitFor(
      async () => {
        const response = await fetch(`${server.url}/health/ready`);
        expect(await response.json()).toMatchObject({
          connections: expect.arrayContaining([
            expect.objectContaining({ name: "chat:discord", state: "up", detail: null }),
          ]),
        });
        expect(fake.commands.map(({ name }) => name)).toEqual(["slipway"]);
      },
      { timeout: 20_000, interval: 100 },
    );
  });

  it("is created by a slash command, and announced in both", async () => {
    const asked = fake.slash(idOf("dana"), general, ["releases", "create-release"], {
      source: "uat",
      destination: "master",
    });
    expect(await asked.answered).toMatchObject({ type: 5 });

    const card = await sees(/Release #1\b/, general);
    expect(buttonsOf(card).map(({ label }) => label)).toContain("Approve as Dev");
    await sees(/Release #1\b/, releases);
    await dana.sees(/Release #1\b/, "releases");
    await vi.waitFor(() => expect(fake.interactions[0]?.thinking).toBe(false));
    expect(fake.pings).toEqual([]);
  });

  it("suggests what is there, and nothing to strangers", async () => {
    const path = ["sign-off", "approve"];
    const typing = fake.type(idOf("dana"), general, path, "release", "#");
    expect(await typing.answered).toMatchObject({
      data: { choices: [{ name: expect.stringMatching(/^#1 uat → master/), value: "1" }] },
    });
    const role = fake.type(idOf("dana"), general, path, "role", "d");
    expect(await role.answered).toMatchObject({
      data: { choices: [{ name: "dev", value: "dev" }] },
    });
    const service = fake.type(idOf("dana"), general, ["deploys", "deploy"], "only", "auth");
    expect(await service.answered).toMatchObject({
      data: { choices: [{ value: "auth-service" }] },
    });
    const environment = fake.type(
      idOf("dana"),
      general,
      ["environments", "lock"],
      "environment",
      "p",
    );
    expect(await environment.answered).toMatchObject({
      data: { choices: [{ value: "preprod" }, { value: "prod" }] },
    });
    const stranger = fake.type(idOf("stranger"), general, path, "release", "");
    expect(await stranger.answered).toEqual({ type: 8, data: { choices: [] } });
  });

  it("is signed with a button in Discord, and every card shows it", async () => {
    const pressed = fake.pressLabel(idOf("dana"), "Approve as Dev");
    expect(await pressed.answered).toEqual({ type: 6 });

    await vi.waitFor(async () => {
      expect((await release(1)).signOffs.map(({ role, person }) => [role, person.name])).toEqual([
        ["dev", "Dana Okafor"],
      ]);
    });
    await sees(/Dana Okafor/, general);
    await sees(/Dana Okafor/, releases);
    await dana.sees(/Dana Okafor/, "releases");
    expect(saidIn(general).filter((message) => /^Release #1: /.test(textOf(message)))).toHaveLength(
      1,
    );
  });

  it("is signed in the room, and the card in Discord follows", async () => {
    await quinn.press(await quinn.sees(/Release #1\b/, "releases"), "Approve as QA");

    await sees(/Quinn Larsen/, general);
    const ready = await sees(/Release Ready to Deploy/, releases);
    expect(textOf(ready)).toMatch(/uat → master/);
  });

  it("answers a mention for all, and a private question to who asked", async () => {
    fake.say(idOf("dana"), general, `<@${fake.bot.id}> why 1`);
    await sees(/Nothing stands in the way of release #1/, general);

    const asked = fake.slash(idOf("dana"), general, ["whoami"]);
    const told = await sees(/You are Dana Okafor/, general);
    expect(told.visibleTo).toBe(idOf("dana"));
    expect(asked.thinking).toBe(false);
  });

  it("tells a stranger and a newcomer privately why nothing happens", async () => {
    const before = saidIn(general).length;
    fake.say(idOf("stranger"), general, `<@${fake.bot.id}> approve 1 as dev`);
    fake.slash(idOf("guest"), general, ["sign-off", "approve"], { release: "1", role: "dev" });

    await sees(/not linked/, fake.conversation(idOf("stranger")), "stranger");
    await sees(/Guests of discord cannot use me/, general, "guest");
    expect((await release(1)).signOffs).toHaveLength(2);
    expect(saidIn(general)).toHaveLength(before);
  });

  it("takes a form: the reason of a rejection", async () => {
    fake.slash(idOf("quinn"), general, ["sign-off", "reject"], {
      release: "1",
      why: "Breaks the login @here <@1>",
    });
    await vi.waitFor(async () => expect((await release(1)).status).toBe("rejected"));
    await sees(/Breaks the login/, general);

    fake.slash(idOf("dana"), general, ["releases", "notes"], { release: "1" });
    const label = await vi.waitFor(() => {
      const found = buttonsOf(
        saidIn(general).findLast((each) =>
          buttonsOf(each).some(({ custom_id: id }) => id?.startsWith("f:")),
        ) ?? {
          components: [],
        },
      ).find(({ custom_id: id }) => id?.startsWith("f:"));
      if (!found) {
        throw new Error("nothing opens a form");
      }
      return found.label;
    });
    const opened = fake.pressLabel(idOf("dana"), label);
    const form = await opened.answered;
    if (form.type !== 9) {
      throw new Error("no form was opened");
    }
    const [field] = form.data.components;
    const sent = fake.submit(idOf("dana"), opened, {
      [field?.component.custom_id ?? ""]: "Written in a form",
    });
    expect(await sent.answered).toMatchObject({ type: 6 });
    await vi.waitFor(async () =>
      expect(JSON.stringify(await release(1))).toMatch(/Written in a form/),
    );
    expect(fake.pings).toEqual([]);
  });

  it("keeps a button working through a restart", async () => {
    await server.kill();
    await server.restart();
    await vi.waitFor(() => expect(fake.gateway.openCount).toBe(1), { timeout: 20_000 });
    const messages = saidIn(general).filter((message) => /^Release #1: /.test(textOf(message)));
    const card = messages.at(-1);
    const button = card && buttonsOf(card).find(({ custom_id: id }) => id?.startsWith("a:"));
    const pressed = fake.press(idOf("dana"), card?.id ?? "", button?.custom_id ?? "");
    expect(await pressed.answered).toEqual({ type: 6 });
  });

  it("hears once what was said while it was dead", async () => {
    await server.kill();
    const said = saidIn(general).length;
    fake.say(idOf("dana"), general, `<@${fake.bot.id}> releases all`);
    fake.say(idOf("dana"), general, "nothing for the bot");
    await server.restart();

    await vi.waitFor(() => expect(saidIn(general).length).toBe(said + 1), {
      timeout: 30_000,
      interval: 100,
    });
    fake.say(idOf("dana"), general, `<@${fake.bot.id}> releases all`);
    await vi.waitFor(() => expect(saidIn(general).length).toBe(said + 2), {
      timeout: 30_000,
      interval: 100,
    });
  });
});
