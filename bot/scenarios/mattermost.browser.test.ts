import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { ReleaseView } from "../../shared/contract/release.ts";
import { createBrowser, formAction } from "../../dashboard/server/testing/browser.ts";
import {
  startFakeMattermost,
  type FakeMattermost,
  type FakePost,
} from "../platforms/mattermost/testing/fake-mattermost.ts";
import { linkAccounts } from "./testing/link-accounts.ts";
import { createPerson, type Person } from "./testing/person.ts";
import { startServer, type ServerProcess } from "./testing/server-process.ts";
import { createWorkspace, type Workspace } from "./testing/workspace.ts";

const SLASH_TOKEN = "aslashtokenoftwentysixchar";

const PATIENCE = { timeout: 30_000, interval: 50 };

const SIGNED_BY_DANA = /"Dev 1\/1","value":"signed by Dana Okafor/;

let fake: FakeMattermost;
let server: ServerProcess;
let workspace: Workspace;
let dana: Person;
let quinn: Person;
let general: string;
let releases: string;
/** Where the slash command goes; known only once the server is. */
const slash = { url: "", token: SLASH_TOKEN };

beforeAll(async () => {
  fake = await startFakeMattermost({ clock: { now: () => new Date() }, slash });
  releases = fake.addChannel("releases");
  general = fake.addChannel("general");
  for (const username of ["dana", "quinn", "stranger"]) {
    fake.addUser({ id: `mm${username}`, username });
    fake.join(general, `mm${username}`);
    fake.join(releases, `mm${username}`);
  }
  fake.addUser({ id: "mmguest", username: "guest", roles: "system_guest" });
  fake.join(general, "mmguest");
  server = await startServer((data, url) => {
    slash.url = `${url}/hooks/mattermost`;
    workspace = createWorkspace(data, { "auth-service": [], "user-service": ["auth-service"] });
    workspace.commit("auth-service", "feat: tokens that expire @channel");
    workspace.commit("user-service", "fix: names with accents");
    return {
      config: [
        workspace.config(),
        "chat:",
        '  announce: ["mattermost:releases", "room:releases"]',
        "  mattermost:",
        `    url: ${fake.url}`,
        `    token: ${fake.token}`,
        `    callback_url: ${url}`,
        `    slash_token: ${SLASH_TOKEN}`,
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
      platform: "mattermost",
      workspace: fake.settings["TelemetryId"] ?? "",
      userId: `mm${username}`,
      username,
    })),
  );
});
afterAll(async () => {
  await server?.dispose();
  await fake?.stop();
});

function textOf({ message, props }: FakePost): string {
  return `${message}\n${JSON.stringify(props["attachments"] ?? [])}`
    .replaceAll("\\\\", "")
    .replaceAll("\u200B", "");
}

function postsIn(channelId: string): readonly FakePost[] {
  return [...fake.posts.values()].filter(
    (post) => post.channel_id === channelId && post.user_id === fake.bot.id && post.delete_at === 0,
  );
}

/** Cards of this title that the bot has posted since somebody asked, in the channel where they did. */
function answersTo(asked: FakePost, title: RegExp): readonly FakePost[] {
  return postsIn(asked.channel_id).filter(({ props, create_at }) => {
    const [attachment] = props.attachments ?? [];
    const shown = (attachment?.title ?? "").replaceAll("\\", "").replaceAll("\u200B", "");
    return create_at >= asked.create_at && title.test(shown);
  });
}

/** The newest message of the bot in a channel that fits, once it is there. */
async function sees(what: RegExp, channelId: string): Promise<FakePost> {
  return vi.waitFor(
    () => {
      const posts = postsIn(channelId);
      const found = posts.findLast((post) => what.test(textOf(post)));
      if (!found) {
        throw new Error(`Nothing like ${String(what)}:\n${posts.map(textOf).join("\n---\n")}`);
      }
      return found;
    },
    { timeout: 30_000, interval: 50 },
  );
}

async function release(number: number): Promise<ReleaseView> {
  return (await dana.get<ReleaseView>(`/releases/${String(number)}`)).body;
}

/** So that what is posted next is about another release; what was rejected may be released again. */
async function closeWhateverIsOpen(): Promise<void> {
  const adam = createPerson(server.url, server.token("adam"));
  const { body } = await adam.get<{ items: ReleaseView[] }>("/releases?status=open");
  for (const { number } of body.items) {
    const path = `/releases/${String(number)}`;
    await adam.send("POST", `${path}/lift`);
    await adam.send("POST", `${path}/close`, { reason: `makes room ${path}` });
    await sees(new RegExp(`closed it: makes room ${path}`), releases);
  }
}

/** Roles that are signed and count. */
function standing({ signOffs }: ReleaseView): readonly string[] {
  return signOffs.filter(({ state }) => state === "counts").map(({ role }) => role);
}

describe("a release between Mattermost and the room", () => {
  it("is connected, with callbacks that arrive", async () => {
    await vi.waitFor(
      async () => {
        const response = await fetch(`${server.url}/health/ready`);
        expect(await response.json()).toMatchObject({
          connections: expect.arrayContaining([
            expect.objectContaining({ name: "chat:mattermost", state: "up", detail: null }),
          ]),
        });
        // The bot pressed a button of its own, and cleaned up.
        expect(fake.requests).toContainEqual(expect.stringMatching(/^POST .*slipwayprobe$/));
      },
      { timeout: 20_000, interval: 100 },
    );
  });

  it("is created by a mention, and announced in both", async () => {
    fake.say("mmdana", general, "@slipway create-release uat master");

    const card = await sees(/Release #1\b/, general);
    expect(textOf(card)).toMatch(/Approve as Dev/);
    await sees(/Release #1\b/, releases);
    await dana.sees(/Release #1\b/, "releases");
    expect(fake.pings).toEqual([]);
  });

  it("is signed with a button in Mattermost, and every card shows it", async () => {
    const outcome = await fake.pressLabel("mmdana", "Approve as Dev");
    expect(outcome.status).toBe(200);

    await vi.waitFor(async () => {
      expect((await release(1)).signOffs.map(({ role, person }) => [role, person.name])).toEqual([
        ["dev", "Dana Okafor"],
      ]);
    });
    await sees(/Dana Okafor/, general);
    await sees(/Dana Okafor/, releases);
    await dana.sees(/Dana Okafor/, "releases");
    expect(postsIn(general).filter((post) => /Release #1\b/.test(textOf(post)))).toHaveLength(1);
  });

  it("hears an event once that is delivered again", async () => {
    const count = postsIn(general).length;
    const said = fake.say("mmdana", general, "@slipway why 1");
    await vi.waitFor(() => expect(postsIn(general)).toHaveLength(count + 1), { timeout: 10_000 });

    fake.repeat(said);
    fake.say("mmdana", general, "@slipway nonsense");

    // What came after it is answered, so it was heard.
    await sees(/did not understand/, fake.conversation(fake.bot.id, "mmdana"));
    expect(postsIn(general)).toHaveLength(count + 1);
  });

  it("counts clicks of one person on two platforms in the same moment once", async () => {
    await dana.send("DELETE", "/releases/1/sign-offs/dev");
    await vi.waitFor(async () => expect(standing(await release(1))).toEqual([]));
    const inRoom = await dana.sees(/\[Approve as Dev\]/, "releases");
    await sees(/Approve as Dev/, releases);

    await Promise.all([
      fake.pressLabel("mmdana", "Approve as Dev"),
      fake.pressLabel("mmdana", "Approve as Dev"),
      dana.press(inRoom, "Approve as Dev"),
    ]);

    await vi.waitFor(async () => expect(standing(await release(1))).toEqual(["dev"]));
    await sees(SIGNED_BY_DANA, releases);
    await sees(SIGNED_BY_DANA, general);
    await dana.sees(/Dev 1\/1: signed by Dana Okafor/, "releases");
    const { body } = await dana.get<{ items: { event: string }[] }>(
      "/releases/1/history?limit=500",
    );
    expect(body.items.filter(({ event }) => event === "release.signed_off")).toHaveLength(2);
  });

  it("is signed in the room, and the card in Mattermost follows", async () => {
    await quinn.press(await quinn.sees(/Release #1\b/, "releases"), "Approve as QA");

    await sees(/Quinn Larsen/, general);
    const ready = await sees(/Release Ready to Deploy/, releases);
    expect(textOf(ready)).toMatch(/uat → master/);
  });

  it("answers a slash command, and a private question where only the person sees it", async () => {
    const outcome = await fake.slash("mmdana", general, "whoami");
    expect(outcome.status).toBe(200);
    await vi.waitFor(() => {
      const said = [
        ...fake.ephemerals.map(({ userId, post }) => `${userId} ${textOf(post)}`),
        ...postsIn(general).map(textOf),
      ];
      expect(said.join("\n")).toMatch(/Dana Okafor/);
    });
  });

  it("tells a stranger and a guest privately why nothing happens", async () => {
    const stranger = fake.conversation(fake.bot.id, "mmstranger");
    fake.say("mmstranger", general, "@slipway approve 1 as dev");
    fake.say("mmguest", general, "@slipway approve 1 as dev");

    await sees(/not linked/, stranger);
    await sees(/Guests of mattermost cannot use me/, fake.conversation(fake.bot.id, "mmguest"));
    expect(standing(await release(1))).toEqual(["dev", "qa"]);
  });

  it("lets a stranger in by the link they were given, and hears what they press then", async () => {
    const stranger = fake.conversation(fake.bot.id, "mmstranger");
    await dana.send("DELETE", "/releases/1/sign-offs/dev");
    await vi.waitFor(async () => expect(standing(await release(1))).toEqual(["qa"]));
    await sees(/Approve as Dev/, general);
    await sees(/Approve as Dev/, releases);
    await fake.pressLabel("mmstranger", "Approve as Dev");
    const told = await sees(/not linked/, stranger);
    const page = `/link/${/\/link\/([0-9A-Za-z]+)/.exec(textOf(told))?.[1] ?? "missing"}`;

    const browser = createBrowser();
    const login = `${server.url}/auth/login?returnTo=${encodeURIComponent(page)}`;
    const choice = await browser.open(login);
    const signedIn = await browser.submit(formAction(choice), { person: "robin" });
    expect([signedIn.status, signedIn.url.pathname]).toEqual([200, page]);
    const me = await browser.open(`${server.url}/api/v1/me`);
    const { csrfToken } = JSON.parse(me.text) as { csrfToken: string };
    const link = `${server.url}/api/v1${page.replace("/link/", "/links/")}`;
    expect(JSON.parse((await browser.open(link)).text)).toMatchObject({
      platform: "mattermost",
      userId: "mmstranger",
      person: { username: "robin" },
    });
    await fake.pressLabel("mmstranger", "Approve as Dev");
    expect(standing(await release(1))).toEqual(["qa"]);
    const linked = await browser.open(link, {
      method: "POST",
      headers: { "x-csrf-token": csrfToken },
    });
    expect(linked.status).toBe(200);

    await sees(/Now I know you/, stranger);
    await fake.pressLabel("mmstranger", "Approve as Dev");
    await vi.waitFor(async () => {
      const { signOffs } = await release(1);
      const counting = signOffs.filter(({ state, role }) => state === "counts" && role === "dev");
      expect(counting.map(({ person }) => person.username)).toEqual(["robin"]);
    });
  });

  it("takes a form: the reason of a rejection", async () => {
    const before = fake.dialogs.length;
    // Only one person is asked, so it is asked in a conversation.
    fake.say("mmquinn", general, "@slipway reject 1");
    await sees(/"name":"Reject"/, fake.conversation(fake.bot.id, "mmquinn"));
    await fake.pressLabel("mmquinn", "Reject");
    await vi.waitFor(() => expect(fake.dialogs.length).toBe(before + 1));
    const dialog = fake.dialogs.at(-1);
    if (!dialog) {
      throw new Error("no form was opened");
    }
    const [field] = dialog.dialog["elements"] as { name: string }[];

    await fake.submit("mmquinn", dialog, { [field?.name ?? ""]: "Breaks the login @here" });

    await vi.waitFor(async () => expect((await release(1)).status).toBe("rejected"));
    await sees(/Breaks the login/, general);
    expect(fake.pings).toEqual([]);
  });

  it("refuses the answers of somebody else's form, and a forged press", async () => {
    const dialog = fake.dialogs.at(-1);
    if (!dialog) {
      throw new Error("no form was opened");
    }

    const stolen = await fake.submit("mmdana", dialog, { reason: "not mine" });
    const forged = await fetch(slash.url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({
        user_id: "mmdana",
        channel_id: general,
        post_id: postsIn(general)[0]?.id,
        trigger_id: "t",
        context: { token: "guessed", proof: "guessed" },
      }),
    });

    expect(stolen.status).toBe(400);
    expect(forged.status).toBe(401);
    expect((await release(1)).status).toBe("rejected");
  });

  it("hears once what was said while the server was away", async () => {
    await fake.goDown();
    const asked = fake.say("mmdana", general, "@slipway release 1");
    await fake.comeUp();

    await vi.waitFor(
      () => expect(answersTo(asked, /^Release #1: uat → master/)).toHaveLength(1),
      PATIENCE,
    );
  });

  it("hears once what was said while it was dead itself", async () => {
    await server.kill();
    const asked = fake.say("mmdana", general, "@slipway why 1");
    fake.say("mmdana", general, "nothing for the bot");
    await server.restart();

    const answers = () => answersTo(asked, /^Why release #1 /);
    await vi.waitFor(() => expect(answers()).toHaveLength(1), PATIENCE);
    // Whatever else was read again has been dealt with when the next command is answered.
    fake.say("mmdana", general, "@slipway releases");
    await sees(/"title":"Releases/, general);
    expect(answers()).toHaveLength(1);
  });

  it.each([
    ["Mattermost has taken the card and the answer is lost", true],
    ["Mattermost has not taken the card", false],
  ])(
    "posts a card once when it is killed between the commit and the post, and %s",
    async (_when, isTaken) => {
      workspace.commit("auth-service", `feat: another ${String(isTaken)}`);
      await closeWhateverIsOpen();
      const held = fake.holdNext(/^POST \/posts$/);
      const { body } = await dana.send<ReleaseView>("POST", "/releases", {
        source: "uat",
        destination: "master",
      });
      expect(body).toMatchObject({ status: "pending" });
      await held.arrived;
      await server.kill();
      if (isTaken) {
        held.release();
      }

      await server.restart();

      const title = new RegExp(`"Release #${String(body.number)}: `);
      await sees(title, releases);
      // What is told after it is there, so nothing of it is on its way any more.
      await dana.send("POST", `/releases/${String(body.number)}/sign-offs`, { role: "dev" });
      await sees(new RegExp(`${title.source}.*${SIGNED_BY_DANA.source}`), releases);
      expect(postsIn(releases).filter((post) => title.test(textOf(post)))).toHaveLength(1);
    },
  );
});
