import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { ReleaseView } from "../../shared/contract/release.ts";
import { systemTimers } from "../../shared/lib/scheduler.ts";
import {
  TEAM,
  startFakeSlack,
  type FakeMessage,
  type FakeSlack,
  type FakeView,
} from "../platforms/slack/testing/fake-slack.ts";
import { textOf } from "../platforms/slack/testing/fake-rules.ts";
import { linkAccounts } from "./testing/link-accounts.ts";
import { createPerson, type Person } from "./testing/person.ts";
import { startServer, type ServerProcess } from "./testing/server-process.ts";
import { createWorkspace, type Workspace } from "./testing/workspace.ts";

const SIGNING_SECRET = "a-signing-secret";
const PATIENCE = { timeout: 30_000, interval: 50 };

let fake: FakeSlack;
let server: ServerProcess;
let workspace: Workspace;
let dana: Person;
let quinn: Person;
let general: string;
let releases: string;

beforeAll(async () => {
  fake = await startFakeSlack({ clock: { now: () => new Date() }, timers: systemTimers });
  releases = fake.addChannel("releases");
  general = fake.addChannel("general");
  for (const name of ["dana", "quinn", "stranger", "guest"]) {
    const id = slackId(name);
    fake.addUser({ id, name, ...(name === "guest" ? { is_restricted: true } : {}) });
    fake.join(general, id);
    fake.join(releases, id);
  }
  server = await startServer((data) => {
    workspace = createWorkspace(data, { "auth-service": [], "user-service": ["auth-service"] });
    workspace.commit("auth-service", "feat: tokens that expire <!channel>");
    workspace.commit("user-service", "fix: names with *accents*");
    return {
      config: [
        workspace.config(),
        "chat:",
        '  announce: ["slack:releases", "room:releases"]',
        "  slack:",
        `    bot_token: ${fake.botToken}`,
        `    app_token: ${fake.appToken}`,
        `    signing_secret: ${SIGNING_SECRET}`,
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
      platform: "slack",
      workspace: TEAM,
      userId: slackId(username),
      username,
    })),
  );
});
afterAll(async () => {
  await server?.dispose();
  await fake?.stop();
});

function slackId(name: string): string {
  return `U0${name.toUpperCase()}`;
}

function mention(text: string): string {
  return `<@${fake.bot.id}> ${text}`;
}

function saidIn(channelId: string): readonly FakeMessage[] {
  return fake.messages.filter(
    (message) =>
      message.channel === channelId && message.user === fake.bot.id && !message.isDeleted,
  );
}

/** The newest message of the bot in a channel that fits, once it is there. */
async function sees(what: RegExp, channelId: string): Promise<FakeMessage> {
  return vi.waitFor(() => {
    const said = saidIn(channelId);
    const found = said.findLast((message) => what.test(textOf(message)));
    if (!found) {
      throw new Error(`Nothing like ${String(what)}:\n${said.map(textOf).join("\n---\n")}`);
    }
    return found;
  }, PATIENCE);
}

async function hearsPrivately(what: RegExp, name: string): Promise<void> {
  await vi.waitFor(() => {
    const said = fake.privates.filter(({ userId }) => userId === slackId(name)).map(textOf);
    expect(said.join("\n---\n")).toMatch(what);
  }, PATIENCE);
}

async function opened(before: number): Promise<FakeView> {
  return vi.waitFor(() => {
    const view = fake.views[before];
    if (!view?.view.submit) {
      throw new Error("no form was opened");
    }
    return view;
  }, PATIENCE);
}

async function release(number: number): Promise<ReleaseView> {
  return (await dana.get<ReleaseView>(`/releases/${String(number)}`)).body;
}

describe("a release between Slack and the room", () => {
  it("is connected, over two connections", async () => {
    await vi.waitFor(async () => {
      const response = await fetch(`${server.url}/health/ready`);
      expect(await response.json()).toMatchObject({
        connections: expect.arrayContaining([
          expect.objectContaining({ name: "chat:slack", state: "up", detail: null }),
        ]),
      });
      expect(fake.sockets.openCount).toBe(2);
    }, PATIENCE);
  });

  it("is created by a mention, and announced in both", async () => {
    fake.say(slackId("dana"), general, mention("create-release uat master"));

    const card = await sees(/Release #1\b/, general);
    expect(textOf(card)).toMatch(/Approve as Dev/);
    await sees(/Release #1\b/, releases);
    await dana.sees(/Release #1\b/, "releases");
    expect(fake.pings).toEqual([]);
  });

  it("is signed with a button in Slack, and every card shows it", async () => {
    const outcome = await fake.pressLabel(slackId("dana"), "Approve as Dev");
    expect(outcome.isAcknowledged).toBe(true);

    await vi.waitFor(async () => {
      expect((await release(1)).signOffs.map(({ role, person }) => [role, person.name])).toEqual([
        ["dev", "Dana Okafor"],
      ]);
    }, PATIENCE);
    await sees(/Dana Okafor/, general);
    await sees(/Dana Okafor/, releases);
    await dana.sees(/Dana Okafor/, "releases");
    expect(saidIn(general).filter((message) => /Release #1\b/.test(textOf(message)))).toHaveLength(
      1,
    );
  });

  it("is signed in the room, and the card in Slack follows", async () => {
    await quinn.press(await quinn.sees(/Release #1\b/, "releases"), "Approve as QA");

    await sees(/Quinn Larsen/, general);
    const ready = await sees(/Release Ready to Deploy/, releases);
    expect(textOf(ready)).toMatch(/uat → master/);
  });

  it("answers a slash command, and a private question where only the person sees it", async () => {
    const outcome = await fake.slash(slackId("dana"), general, "whoami");
    expect(outcome.isAcknowledged).toBe(true);
    await hearsPrivately(/Dana Okafor/, "dana");
  });

  it("tells a stranger and a guest privately why nothing happens", async () => {
    fake.say(slackId("stranger"), general, mention("approve 1 as dev"));
    fake.say(slackId("guest"), general, mention("approve 1 as dev"));

    await hearsPrivately(/not linked/, "stranger");
    await hearsPrivately(/Guests of slack cannot use me/, "guest");
    expect((await release(1)).signOffs).toHaveLength(2);
  });

  it("takes a form: the reason of a rejection", async () => {
    const before = fake.views.length;
    fake.say(slackId("quinn"), general, mention("reject 1"));
    await hearsPrivately(/Reject/, "quinn");
    await fake.pressLabel(slackId("quinn"), "Reject");
    const view = await opened(before);
    const [input] = view.view.blocks.filter(({ type }) => type === "input");

    const outcome = await fake.submit(slackId("quinn"), view, {
      [input?.block_id ?? ""]: "Breaks the login <!here>",
    });

    expect(outcome).toMatchObject({ isAcknowledged: true });
    expect(view.isOpen).toBe(false);
    await vi.waitFor(async () => expect((await release(1)).status).toBe("rejected"), PATIENCE);
    await sees(/Breaks the login/, general);
    expect(fake.pings).toEqual([]);
  });

  it("takes requests that Slack signed, and refuses forged ones", async () => {
    const said = saidIn(general).length;
    const forged = await fetch(`${server.url}/hooks/slack`, {
      method: "POST",
      headers: {
        "content-type": "application/x-www-form-urlencoded",
        "x-slack-request-timestamp": String(Math.floor(Date.now() / 1_000)),
        "x-slack-signature": `v0=${"0".repeat(64)}`,
      },
      body: `command=%2Fslipway&text=approve+1+as+dev&user_id=U0DANA&channel_id=${general}&trigger_id=1&team_id=${TEAM}`,
    });
    expect(forged.status).toBe(401);

    fake.sendTo(`${server.url}/hooks/slack`, SIGNING_SECRET);
    fake.say(slackId("dana"), general, mention("release 1"));
    await vi.waitFor(() => expect(saidIn(general).length).toBe(said + 1), PATIENCE);
    fake.sendBySocket();
    expect((await release(1)).status).toBe("rejected");
  });

  it("hears once what was said while Slack was away", async () => {
    const said = saidIn(general).length;
    await fake.goDown();
    fake.say(slackId("dana"), general, mention("release 1"));
    await fake.comeUp();

    await vi.waitFor(() => expect(saidIn(general).length).toBe(said + 1), PATIENCE);
  });

  it("hears once what was said while it was dead itself", async () => {
    const answers = () => saidIn(general).filter((one) => /Why release #1 /.test(textOf(one)));
    const before = answers().length;
    await server.kill();
    fake.say(slackId("dana"), general, mention("why 1"));
    fake.say(slackId("dana"), general, "nothing for the bot");
    await server.restart();

    await vi.waitFor(() => expect(answers()).toHaveLength(before + 1), PATIENCE);
    fake.say(slackId("dana"), general, mention("releases"));
    await sees(/Releases/, general);
    expect(answers()).toHaveLength(before + 1);
  });
});
