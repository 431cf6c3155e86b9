import { withCleanUp, type CleanUp } from "../clean-up.ts";
import { compare, type Contender, type Headline } from "../measure.ts";
import { paced, sustained, type Conversation } from "../load.ts";
import { createLaneReleases, planLanes, startProduct } from "../product.ts";
import { atLeast, atMost, type Goal, type Row } from "../report.ts";
import { openTalk, type Talk } from "../room-talk.ts";
import type { RunContext, Scenario } from "../scenario.ts";
import { startStub } from "../stub-process.ts";

const LANES = 32;
const GOAL_PER_SECOND = 600;
const PACE = 100;
const GOAL_P99_MS = 50;

/** The same command over the same socket, in front of different things. */
export const commandRepliesScenario: Scenario = {
  name: "command-replies",
  title: "Message in, reply out over a socket",
  run: (context) => withCleanUp((cleanUp) => measureReplies(context, cleanUp)),
};

async function measureReplies(
  { isQuick, progress }: RunContext,
  cleanUp: CleanUp,
): Promise<readonly Row[]> {
  const stub = (name: string) => cleanUp.use(startStub(name), (started) => started.stop());
  const stubs = {
    sequelize: await stub("sequelize"),
    driver: await stub("driver"),
    chatSdk: await stub("chat-sdk"),
  };
  const product = await cleanUp.use(startProduct(planLanes(LANES)), (started) => started.stop());
  progress("creating a release for each of 32 people who talk at once");
  const dana = product.api("dana");
  const releases = await createLaneReleases(dana, LANES);
  const open = (name: string, url: string, token?: string): Promise<Talk> =>
    cleanUp.use(
      openTalk({
        name,
        url,
        token,
        releases,
        // A room has the channels it has; for the peer each person talks in a thread of their own.
        channel: token === undefined ? (lane) => `lane-${lane}` : () => "general",
      }),
      (talk) => talk.close(),
    );
  const socket = `${product.server.url.replace("http:", "ws:")}/room/socket`;
  const ours = await open("Slipway", socket, product.server.token("dana"));
  const sequelize = await open("one Sequelize transaction each", stubs.sequelize.url);
  const driver = await open("bare sqlite3 driver", stubs.driver.url);
  const chatSdk = await open("Chat SDK, nothing stored", stubs.chatSdk.url);
  const rounds = isQuick ? 2 : 5;
  const milliseconds = isQuick ? 1_500 : 4_000;

  const measure = async (
    what: string,
    unit: Row["unit"],
    headline: Headline,
    contenders: readonly Contender[],
    goalsOf: (values: ReadonlyMap<string, number>) => readonly Goal[],
  ): Promise<Row> => {
    progress(what);
    const results = await compare(contenders, { rounds, headline });
    const [result, ...beside] = results;
    if (!result) {
      throw new Error("nothing was measured");
    }
    const goals = goalsOf(new Map(results.map(({ name, value }) => [name, value])));
    return { what, unit, ours: result, beside, goals };
  };

  const all = [ours, sequelize, driver, chatSdk];
  const rates = (conversationOf: (talk: Talk) => Conversation, talks: readonly Talk[]) =>
    talks.map((talk) => ({
      name: talk.name,
      measure: async () => [await sustained(conversationOf(talk), milliseconds)],
    }));
  const paces = (conversationOf: (talk: Talk) => Conversation) =>
    all.map((talk) => ({
      name: talk.name,
      measure: () => paced(conversationOf(talk), { perSecond: PACE, milliseconds }),
    }));
  const isFast = (values: ReadonlyMap<string, number>) => [
    atLeast(valueOf(values, ours.name), GOAL_PER_SECOND, `${GOAL_PER_SECOND}/s`),
    atLeast(valueOf(values, ours.name), valueOf(values, chatSdk.name), "Chat SDK"),
  ];
  const isPrompt = (values: ReadonlyMap<string, number>) => [
    atMost(valueOf(values, ours.name), GOAL_P99_MS, `${GOAL_P99_MS} ms`),
  ];

  return [
    await measure(
      "whoami answered, question and answer stored, sustained",
      "per second",
      "median",
      rates(({ questions }) => questions, all),
      isFast,
    ),
    await measure(
      `whoami at ${PACE}/s, p99`,
      "ms",
      "p99",
      paces(({ questions }) => questions),
      isPrompt,
    ),
    await measure(
      "notes of a release changed, audited and answered, sustained",
      "per second",
      "median",
      rates(({ changes }) => changes, all),
      isFast,
    ),
    await measure(
      `notes at ${PACE}/s, p99`,
      "ms",
      "p99",
      paces(({ changes }) => changes),
      isPrompt,
    ),
    await measure(
      "messages between people stored and confirmed, sustained",
      "per second",
      "median",
      rates(({ posts }) => posts, [ours, sequelize, driver]),
      () => [],
    ),
  ];
}

function valueOf(values: ReadonlyMap<string, number>, name: string): number {
  const value = values.get(name);
  if (value === undefined) {
    throw new Error(`${name} was not measured`);
  }
  return value;
}
