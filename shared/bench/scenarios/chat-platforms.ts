import { linkAccounts } from "../../../bot/scenarios/testing/link-accounts.ts";
import { startFakeDiscord } from "../../../bot/platforms/discord/testing/fake-discord.ts";
import { startFakeMattermost } from "../../../bot/platforms/mattermost/testing/fake-mattermost.ts";
import { TEAM, startFakeSlack } from "../../../bot/platforms/slack/testing/fake-slack.ts";
import { startServer, type ServerProcess } from "../../../bot/scenarios/testing/server-process.ts";
import { untilItWorks } from "../../testing/until-it-works.ts";
import { systemTimers } from "../../lib/scheduler.ts";
import { withCleanUp, type CleanUp } from "../clean-up.ts";
import { paced, type Conversation } from "../load.ts";
import { summarise } from "../measure.ts";
import { atMost, type Row } from "../report.ts";
import type { RunContext, Scenario } from "../scenario.ts";
import { startSlowLink } from "../slow-link.ts";

/** As far as a chat server in the same country is away: 20 ms there and back. */
const ONE_WAY_MS = 10;
/** Each person has a conversation of their own: vendors limit what a bot says in one place. */
const PEOPLE = 120;
const PACES = [1, 10, 100] as const;
/** Replies of a bot to presses and typed commands that feel immediate. */
const GOAL_P99_MS = 500;

/** The same command on each platform, from the person's message to the reply on the vendor's side. */
export const chatPlatformsScenario: Scenario = {
  name: "chat-platforms",
  title: "Command in, reply out on Mattermost, Slack and Discord",
  run: (context) => withCleanUp((cleanUp) => measurePlatforms(context, cleanUp)),
};

/** A vendor's side, as the scenario needs it. */
interface Vendor {
  readonly name: string;
  /** What the configuration says under `chat`. */
  readonly config: (productUrl: string) => readonly string[];
  readonly workspace: string;
  readonly userId: (lane: number) => string;
  /** Says the command. Resolves when the reply is there. */
  readonly ask: (lane: number) => Promise<void>;
}

async function measurePlatforms(
  { isQuick, progress }: RunContext,
  cleanUp: CleanUp,
): Promise<readonly Row[]> {
  const vendors = [await mattermost(cleanUp), await slack(cleanUp), await discord(cleanUp)];
  progress("starting Slipway on three platforms at once");
  const server = await cleanUp.use(
    startServer((_, url) => ({
      config: [
        "limits: { requests_per_second: 100000 }",
        "chat:",
        ...vendors.flatMap((vendor) => vendor.config(url)),
        "",
      ].join("\n"),
    })),
    (started) => started.dispose(),
  );
  await areConnected(server, vendors);
  // Somebody signs in here by a token only; chat accounts belong to the sample person Dana.
  server.token("dana");
  await linkAccounts(
    server.data,
    vendors.flatMap(({ name, workspace, userId }) =>
      Array.from({ length: PEOPLE }, (_, lane) => ({
        platform: name,
        workspace,
        userId: userId(lane),
        username: "dana",
      })),
    ),
  );
  const milliseconds = isQuick ? 3_000 : 20_000;
  const rows: Row[] = [];
  for (const vendor of vendors) {
    const conversation: Conversation = { lanes: PEOPLE, ask: vendor.ask };
    // The first answers open connections and fill caches.
    await paced(conversation, { perSecond: 40, milliseconds: 3_000 });
    for (const perSecond of PACES) {
      progress(`${vendor.name} at ${perSecond}/s`);
      const took = await paced(conversation, {
        perSecond,
        milliseconds: perSecond === 1 ? Math.max(milliseconds, 10_000) : milliseconds,
      });
      const result = summarise("Slipway", took, { rounds: 1, headline: "p99" });
      const median = summarise("its p50", took, { rounds: 1, headline: "median" });
      const floor = { ...median, name: "two ways over the network", value: 2 * ONE_WAY_MS };
      rows.push({
        what: `${vendor.name}: \`whoami\` at ${perSecond}/s, 20 ms away, p99`,
        unit: "ms",
        ours: result,
        beside: [median, floor],
        goals: [atMost(result.value, GOAL_P99_MS, `${GOAL_P99_MS} ms`)],
      });
    }
  }
  return rows;
}

async function areConnected(server: ServerProcess, vendors: readonly Vendor[]): Promise<void> {
  await untilItWorks(
    async () => {
      const response = await fetch(`${server.url}/health/ready`);
      const { connections } = (await response.json()) as {
        readonly connections: readonly { readonly name: string; readonly state: string }[];
      };
      for (const { name } of vendors) {
        if (!connections.some((one) => one.name === `chat:${name}` && one.state === "up")) {
          throw new Error(`${name} is not connected:\n${server.output()}`);
        }
      }
    },
    { timeoutMs: 60_000, intervalMs: 100 },
  );
}

/** What the person typed takes its time to reach us too. */
function arrive(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ONE_WAY_MS));
}

async function mattermost(cleanUp: CleanUp): Promise<Vendor> {
  const fake = await cleanUp.use(
    startFakeMattermost({ clock: { now: () => new Date() } }),
    (started) => started.stop(),
  );
  const link = await cleanUp.use(startSlowLink(fake.url, ONE_WAY_MS), (started) => started.stop());
  const channels = Array.from({ length: PEOPLE }, (_, lane) => {
    fake.addUser({ id: `mmperson${lane}`, username: `person${lane}` });
    return fake.conversation(`mmperson${lane}`, fake.bot.id);
  });
  const replies = createReplies(
    () => fake.posts.size,
    (from) =>
      [...fake.posts.values()]
        .slice(from)
        .filter(({ user_id }) => user_id === fake.bot.id)
        .map(({ channel_id }) => channel_id),
  );
  cleanUpReplies(cleanUp, replies);
  return {
    name: "mattermost",
    workspace: fake.settings["TelemetryId"] ?? "",
    userId: (lane) => `mmperson${lane}`,
    config: (url) => [
      "  mattermost:",
      `    url: ${link.url}`,
      `    token: ${fake.token}`,
      `    callback_url: ${url}`,
    ],
    async ask(lane) {
      const channel = channels[lane] ?? "";
      const reply = replies.next(channel);
      fake.say(`mmperson${lane}`, channel, "whoami");
      await reply;
    },
  };
}

async function slack(cleanUp: CleanUp): Promise<Vendor> {
  const fake = await cleanUp.use(
    startFakeSlack({ clock: { now: () => new Date() }, timers: systemTimers }),
    (started) => started.stop(),
  );
  const link = await cleanUp.use(startSlowLink(fake.url, ONE_WAY_MS), (started) => started.stop());
  const channels = Array.from({ length: PEOPLE }, (_, lane) => {
    fake.addUser({ id: `U0PERSON${lane}`, name: `person${lane}` });
    return fake.conversation(`U0PERSON${lane}`);
  });
  const replies = createReplies(
    () => fake.messages.length,
    (from) =>
      fake.messages
        .slice(from)
        .filter(({ user }) => user === fake.bot.id)
        .map(({ channel }) => channel),
  );
  cleanUpReplies(cleanUp, replies);
  return {
    name: "slack",
    workspace: TEAM,
    userId: (lane) => `U0PERSON${lane}`,
    config: () => [
      "  slack:",
      `    bot_token: ${fake.botToken}`,
      `    app_token: ${fake.appToken}`,
      `    api_url: ${link.url}`,
    ],
    async ask(lane) {
      const channel = channels[lane] ?? "";
      const reply = replies.next(channel);
      // Sockets lead past the slow link, because Slack says where they are.
      await arrive();
      fake.say(`U0PERSON${lane}`, channel, "whoami");
      await reply;
    },
  };
}

async function discord(cleanUp: CleanUp): Promise<Vendor> {
  const fake = await cleanUp.use(
    startFakeDiscord({ clock: { now: () => new Date() } }),
    (started) => started.stop(),
  );
  const { origin, pathname } = new URL(fake.url);
  const link = await cleanUp.use(startSlowLink(origin, ONE_WAY_MS), (started) => started.stop());
  const channel = fake.addChannel("general");
  const people = Array.from({ length: PEOPLE }, (_, lane) => {
    const { id } = fake.addUser({ username: `person${lane}` });
    fake.join(id);
    return id;
  });
  return {
    name: "discord",
    workspace: fake.guildId,
    userId: (lane) => people[lane] ?? "",
    config: () => [
      "  discord:",
      `    token: ${fake.token}`,
      `    application_id: "${fake.applicationId}"`,
      `    guild_id: "${fake.guildId}"`,
      `    api_url: ${link.url}${pathname}`,
    ],
    async ask(lane) {
      // The gateway leads past the slow link, because Discord says where it is.
      await arrive();
      const interaction = fake.slash(people[lane] ?? "", channel, ["whoami"]);
      await interaction.answered;
      while (interaction.thinking) {
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
    },
  };
}

/** Tells of replies as they come, by where they were said. */
interface Replies {
  /** Resolves at the next reply there that nobody waits for yet. */
  next(place: string): Promise<void>;
  stop(): void;
}

function createReplies(count: () => number, since: (from: number) => readonly string[]): Replies {
  const waiting = new Map<string, (() => void)[]>();
  let seen = count();
  const timer = setInterval(() => {
    const now = count();
    if (now === seen) {
      return;
    }
    const places = since(seen);
    seen = now;
    places.forEach((place) => waiting.get(place)?.shift()?.());
  }, 1);
  return {
    next: (place) =>
      new Promise((resolve) => {
        waiting.set(place, [...(waiting.get(place) ?? []), resolve]);
      }),
    stop: () => clearInterval(timer),
  };
}

function cleanUpReplies(cleanUp: CleanUp, replies: Replies): void {
  void cleanUp.use(Promise.resolve(replies), (started) => started.stop());
}
