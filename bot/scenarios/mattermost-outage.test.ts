import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createManualClock, type ManualClock } from "../../shared/testing/clock.ts";
import { createMattermostPlatform } from "../platforms/mattermost/index.ts";
import { MattermostOptions } from "../platforms/mattermost/options.ts";
import {
  startFakeMattermost,
  type FakeMattermost,
  type FakePost,
} from "../platforms/mattermost/testing/fake-mattermost.ts";
import { textOf } from "../platforms/mattermost/testing/fake-rules.ts";
import { startInProcess, type InProcess } from "./testing/in-process.ts";
import { createWorkspace } from "./testing/workspace.ts";

const OUTAGE_MS = 30 * 60_000;

let clock: ManualClock;
let fake: FakeMattermost;
let product: InProcess;
let general: string;
let releases: string;

beforeEach(async () => {
  clock = createManualClock();
  fake = await startFakeMattermost({ clock });
  releases = fake.addChannel("releases");
  general = fake.addChannel("general");
  for (const username of ["dana", "quinn", "olivia"]) {
    fake.addUser({ id: `mm${username}`, username });
    fake.join(general, `mm${username}`);
    fake.join(releases, `mm${username}`);
  }
  product = await startInProcess({
    clock,
    setUp(data, url) {
      const workspace = createWorkspace(data, { "auth-service": [] });
      workspace.commit("auth-service", "feat: tokens that expire");
      return {
        env: workspace.env,
        config: [
          workspace.config(),
          "chat:",
          '  announce: ["mattermost:releases", "room:releases"]',
          "  mattermost:",
          `    url: ${fake.url}`,
          `    token: ${fake.token}`,
          `    callback_url: ${url}`,
          "",
        ].join("\n"),
      };
    },
    createPlatforms: ({ container, logger, url }) => [
      createMattermostPlatform(
        MattermostOptions.parse({ url: fake.url, token: fake.token, callback_url: url }),
        {
          chatStore: container.services.chatStore,
          announce: ["releases"],
          logger,
          clock,
          timers: clock,
        },
      ),
    ],
  });
  for (const username of ["dana", "quinn", "olivia"]) {
    await product.link(username, "mattermost", fake.settings["TelemetryId"] ?? "", `mm${username}`);
  }
});
afterEach(async () => {
  await product?.dispose();
  await fake?.stop();
});

/** What the bot shows in a channel, oldest first. */
function shown(channelId: string): readonly string[] {
  return posts(channelId).map(textOf);
}

function posts(channelId: string): readonly FakePost[] {
  return [...fake.posts.values()].filter(
    (post) =>
      post.channel_id === channelId &&
      post.user_id === fake.bot.id &&
      post.delete_at === 0 &&
      post.root_id === "",
  );
}

/** Of live cards: what was moved or told in other words does not begin like this. */
function cards(channelId: string): readonly string[] {
  return shown(channelId).filter((text) => /^\nRelease #1: /.test(text));
}

async function roomCard(): Promise<string> {
  const messages = await product.room("releases");
  return messages.find(({ text }) => text.startsWith("Release #1: "))?.text ?? "";
}

async function release() {
  return product.container.services.releases.view(await product.actor("dana"), 1);
}

describe("Mattermost away for half an hour", () => {
  it("loses nothing and does nothing twice, and delays nobody else", async () => {
    // Before.
    fake.say("mmdana", general, "@slipway create-release uat master");
    await product.until(async () => {
      expect(cards(general)).toHaveLength(1);
      expect(cards(releases)).toHaveLength(1);
      expect(await roomCard()).toMatch(/Release #1/);
    });
    await fake.pressLabel("mmdana", "Approve as Dev");
    await product.until(async () => expect((await release()).signOffs).toHaveLength(1));
    await fake.goDown();

    // During: the room goes on as if nothing were.
    await product.pass(60_000);
    await product.until(async () => {
      expect(product.chat.status()).toMatchObject([
        { platform: "room", state: "connected" },
        { platform: "mattermost", state: "reconnecting" },
      ]);
    });
    // A press that arrives while we cannot ask who that was has no effect, and says so.
    const pressing = fake.pressLabel("mmquinn", "Approve as QA");
    // In small steps: the answer may be given only for a moment.
    await product.until(() => expect(fake.ephemerals).toHaveLength(1), 10_000, 10);
    expect(await pressing).toMatchObject({ status: 200 });
    expect(fake.ephemerals[0]).toMatchObject({
      userId: "mmquinn",
      post: { message: expect.stringMatching(/Nothing was changed/) },
    });
    expect((await release()).signOffs).toHaveLength(1);
    await product.pressInRoom("quinn", "releases", "Approve as QA");
    const took = await product.until(async () => {
      expect(await roomCard()).toMatch(/Quinn Larsen/);
      const all = await product.room("releases");
      expect(all.filter(({ text }) => /Release Ready to Deploy/.test(text))).toHaveLength(1);
    });
    expect(took).toBeLessThanOrEqual(3_000);
    fake.say("mmdana", general, '@slipway lock prod "maintenance"');
    fake.say("mmdana", general, "@slipway release 1");
    await product.pass(OUTAGE_MS - 3 * 60_000);
    fake.say("mmdana", general, '@slipway notes 1 "said just before it came back"');
    await product.pass(2 * 60_000);

    // After.
    const before = shown(general).length;
    const toDana = fake.conversation(fake.bot.id, "mmdana");
    await fake.comeUp();
    await product.until(() => {
      expect(product.chat.status()).toMatchObject([{}, { state: "connected" }]);
    });
    await product.until(async () => {
      // What was asked and changes nothing is answered; what changes something and is old is asked about.
      expect(cards(general)).toHaveLength(1);
      expect(shown(general)).toHaveLength(before + 2);
      expect(shown(toDana).join()).toMatch(/Still wanted\?.*lock prod/s);
      expect((await release()).notes).toBe("said just before it came back");
      expect(cards(releases)).toEqual([expect.stringMatching(/Quinn Larsen/)]);
      expect(shown(releases).filter((text) => /Release Ready to Deploy/.test(text))).toHaveLength(
        1,
      );
    }, 10_000);
    const [environment] = await product.container.services.environments.list(
      await product.actor("olivia"),
    );
    expect(environment?.lock).toBeNull();

    await product.pass(20 * 60_000);
    expect(cards(releases)).toHaveLength(1);
    expect(cards(general)).toHaveLength(1);
    expect(shown(releases).filter((text) => /Release Ready to Deploy/.test(text))).toHaveLength(1);
    expect(shown(toDana)).toHaveLength(1);
    expect((await release()).signOffs.map(({ role }) => role)).toEqual(["dev", "qa"]);
  });

  it("posts a card again that somebody deleted, while people can act on it", async () => {
    fake.say("mmdana", general, "@slipway create-release uat master");
    await product.until(() => expect(cards(releases)).toHaveLength(1));
    await product.pass(5_000);
    const [card] = posts(releases);
    fake.removePost(card?.id ?? "");
    const took = await product.until(() => expect(cards(releases)).toHaveLength(1));
    expect(took).toBeLessThanOrEqual(1_000);

    await fake.pressLabel("mmdana", "Approve as Dev");
    await product.until(() =>
      expect(cards(releases)).toEqual([expect.stringMatching(/signed by Dana Okafor/)]),
    );
  });
});
