import type { ChatPlatform, MessageRef, Outgoing } from "../../../bot/chat/platform.ts";
import { driveDiscord } from "../../../bot/platforms/discord/testing/driven-discord.ts";
import { driveMattermost } from "../../../bot/platforms/mattermost/testing/driven-mattermost.ts";
import { driveSlack } from "../../../bot/platforms/slack/testing/driven-slack.ts";
import type { ManualClock } from "../../testing/clock.ts";
import { withCleanUp, type CleanUp } from "../clean-up.ts";
import { summarise, type Result } from "../measure.ts";
import { atMost, type Row } from "../report.ts";
import type { RunContext, Scenario } from "../scenario.ts";

const CHANNELS = 50;
const STEP_MS = 250;
/** Real time between two steps, so that sockets get their turn. */
const BREATH_MS = 2;

/** Many live cards that change at once, each twice: what counts is the last state, and never asking a vendor too often. */
export const cardStormScenario: Scenario = {
  name: "card-storm",
  title: "A storm of events on live cards",
  run: (context) => withCleanUp((cleanUp) => measureStorms(context, cleanUp)),
};

interface Vendor {
  readonly name: string;
  readonly platform: ChatPlatform;
  readonly clock: ManualClock;
  /** Its SDK waits by the real clock, so time cannot be sped up. */
  readonly isInRealTime: boolean;
  addChannel(name: string): string;
  /** How often it had to say that it was asked too often. */
  overruns(): number;
  /** What the card reads on the vendor's side. */
  read(ref: MessageRef): string;
  /** Edits a second that the vendor allows; null when it sets no limit. */
  readonly allowedPerSecond: number | null;
}

async function measureStorms(
  { isQuick, progress }: RunContext,
  cleanUp: CleanUp,
): Promise<readonly Row[]> {
  const count = isQuick ? 200 : 1_000;
  const rows: Row[] = [];
  for (const make of [mattermost, slack, discord]) {
    const vendor = await make(cleanUp);
    progress(`${count} cards on ${vendor.name}`);
    rows.push(...(await measureStorm(vendor, count)));
  }
  return rows;
}

async function measureStorm(vendor: Vendor, count: number): Promise<readonly Row[]> {
  const { name, platform, clock } = vendor;
  const passing = (work?: Promise<unknown>) =>
    vendor.isInRealTime ? inRealTime(clock, work) : inSteps(clock, work);
  const channels = Array.from({ length: CHANNELS }, (_, index) => vendor.addChannel(`c${index}`));
  const refs: MessageRef[] = [];
  await passing(
    Promise.all(
      channels.map(async (channelId) => {
        for (let index = 0; index < count / CHANNELS; index += 1) {
          refs.push(await platform.post({ platform: platform.id, channelId }, titled("old")));
        }
      }),
    ),
  );
  await passing();
  const before = vendor.overruns();
  const begunAt = clock.now().getTime();
  await passing(
    Promise.all(
      refs.flatMap((ref) => [
        platform.edit(ref, titled("newer")),
        platform.edit(ref, titled("newest")),
      ]),
    ),
  );
  const tookMs = clock.now().getTime() - begunAt;
  const stale = refs.filter((ref) => !vendor.read(ref).includes("newest")).length;
  const overruns = vendor.overruns() - before;
  const least =
    vendor.allowedPerSecond === null
      ? []
      : [one("what it allows", (count * 1_000) / vendor.allowedPerSecond)];
  return [
    {
      what: `${name}: ${count} cards changed twice each, requests over its limits`,
      unit: "count",
      ours: one("Slipway", overruns),
      beside: [one("cards left with an old state", stale)],
      goals: [atMost(overruns + stale, 0, "0 and 0")],
    },
    {
      what: `${name}: the same, until every card is current, by its clock`,
      unit: "ms",
      ours: one("Slipway", tookMs),
      beside: least,
      goals: least.map(({ value }) => atMost(tookMs, value * 1.3, "1.3 ×")),
    },
  ];
}

/** How long vendors are left alone between two storms, so that every allowance is whole again. */
const CALM_MS = 60_000;

/** Lets time pass, much faster than it does, until the work is done, or for a while. */
async function inSteps(clock: ManualClock, work?: Promise<unknown>): Promise<void> {
  let isDone = false;
  const done = Promise.resolve(work).finally(() => {
    isDone = work !== undefined;
  });
  // It is waited for below, when time has passed.
  done.catch(() => undefined);
  for (let passed = 0; !isDone && (work !== undefined || passed < CALM_MS); passed += STEP_MS) {
    await clock.advance(STEP_MS);
    await new Promise((resolve) => setTimeout(resolve, BREATH_MS));
  }
  await done;
}

/** Lets time pass as it does. */
async function inRealTime(clock: ManualClock, work?: Promise<unknown>): Promise<void> {
  let isDone = false;
  const done = Promise.resolve(work).finally(() => {
    isDone = work !== undefined;
  });
  // It is waited for below, when time has passed.
  done.catch(() => undefined);
  let last = performance.now();
  const end = last + CALM_MS / 6;
  while (!isDone && (work !== undefined || last < end)) {
    await new Promise((resolve) => setTimeout(resolve, BREATH_MS));
    const now = performance.now();
    await clock.advance(now - last);
    last = now;
  }
  await done;
}

function titled(title: string): Outgoing {
  return { card: { title, tone: "info", blocks: [] }, tokens: new Map() };
}

function one(name: string, value: number): Result {
  return summarise(name, [value], { rounds: 1, headline: "median" });
}

async function mattermost(cleanUp: CleanUp): Promise<Vendor> {
  const { fake, platform, clock } = await cleanUp.use(driveMattermost(), (own) => own.dispose());
  await platform.start(async () => undefined);
  return {
    name: "Mattermost",
    platform,
    clock,
    isInRealTime: false,
    addChannel: (name) => fake.addChannel(name),
    // A server limits nobody unless its administrator wants it.
    overruns: () => 0,
    read: ({ messageId }) => JSON.stringify(fake.posts.get(messageId)),
    allowedPerSecond: null,
  };
}

async function slack(cleanUp: CleanUp): Promise<Vendor> {
  const { fake, platform, clock } = await cleanUp.use(driveSlack(), (own) => own.dispose());
  await platform.start(async () => undefined);
  return {
    name: "Slack",
    platform,
    clock,
    isInRealTime: false,
    addChannel: (name) => fake.addChannel(name),
    overruns: () => fake.overruns,
    read: ({ channelId, messageId }) => JSON.stringify(fake.find(channelId, messageId)),
    // docs.slack.dev/apis/web-api/rate-limits: chat.update is tier 3, 50 and more a minute.
    allowedPerSecond: 50 / 60,
  };
}

async function discord(cleanUp: CleanUp): Promise<Vendor> {
  const { fake, platform, clock } = await cleanUp.use(driveDiscord(), (own) => own.dispose());
  await platform.start(async () => undefined);
  return {
    name: "Discord",
    platform,
    clock,
    isInRealTime: true,
    addChannel: (name) => fake.addChannel(name),
    overruns: () => fake.invalidRequests.length,
    read: ({ messageId }) => JSON.stringify(fake.messages.get(messageId)),
    // docs.discord.com/developers/topics/rate-limits: 5 edits in 5 s and channel; 50 requests a second in all.
    allowedPerSecond: 50,
  };
}
