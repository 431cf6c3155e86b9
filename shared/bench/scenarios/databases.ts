import { hasPostgres, startPostgres } from "../../testing/postgres.ts";
import { withCleanUp, type CleanUp } from "../clean-up.ts";
import { paced, sustained, type Conversation } from "../load.ts";
import { compare, type Contender, type Headline } from "../measure.ts";
import { createLaneReleases, planLanes, startProduct, type Product } from "../product.ts";
import type { Row } from "../report.ts";
import { openTalk, type Talk } from "../room-talk.ts";
import { NotHere, type RunContext, type Scenario } from "../scenario.ts";
import { startStub } from "../stub-process.ts";

const LANES = 32;
const PACE = 100;
/** What is promised for a commit on SQLite is promised here too: it is on the disk. */
const DURABLE = { fsync: "on", full_page_writes: "on", autovacuum: "on" };

/** The same commands over the same socket, kept in PostgreSQL and in SQLite. */
export const databasesScenario: Scenario = {
  name: "databases",
  title: "Commands on both databases",
  async run(context) {
    if (!hasPostgres) {
      throw new NotHere("PostgreSQL is not installed");
    }
    return withCleanUp((cleanUp) => measureDatabases(context, cleanUp));
  },
};

async function measureDatabases(
  { isQuick, progress }: RunContext,
  cleanUp: CleanUp,
): Promise<readonly Row[]> {
  progress("starting PostgreSQL, a Slipway on it, one on SQLite, and the driver alone");
  const cluster = await cleanUp.use(startPostgres(DURABLE), (started) => started.remove());
  await Promise.all(["product", "bare"].map((name) => cluster.createDatabase(name)));
  const start = (databaseUrl?: string) =>
    cleanUp.use(
      startProduct(planLanes(LANES), databaseUrl === undefined ? {} : { databaseUrl }),
      (started) => started.stop(),
    );
  const onPostgres = await start(cluster.url("product"));
  const onSqlite = await start();
  const bare = await cleanUp.use(startStub("postgres", cluster.url("bare")), (stub) => stub.stop());
  const talkTo = async (name: string, product: Product): Promise<Talk> => {
    const releases = await createLaneReleases(product.api("dana"), LANES);
    const url = `${product.server.url.replace("http:", "ws:")}/room/socket`;
    const token = product.server.token("dana");
    return cleanUp.use(openTalk({ name, url, token, releases, channel: () => "general" }), (talk) =>
      talk.close(),
    );
  };
  const talks = [
    await talkTo("Slipway on PostgreSQL", onPostgres),
    await talkTo("Slipway on SQLite", onSqlite),
    await cleanUp.use(
      openTalk({
        name: "bare pg driver",
        url: bare.url,
        releases: Array.from({ length: LANES }, (_, lane) => lane + 1),
        channel: (lane) => `lane-${lane}`,
      }),
      (talk) => talk.close(),
    ),
  ];
  const rounds = isQuick ? 2 : 5;
  const milliseconds = isQuick ? 1_500 : 4_000;

  const measure = async (
    what: string,
    unit: Row["unit"],
    headline: Headline,
    sample: (talk: Talk) => Promise<readonly number[]>,
  ): Promise<Row> => {
    progress(what);
    const contenders = talks.map((talk): Contender => ({
      name: talk.name,
      measure: () => sample(talk),
    }));
    const [ours, ...beside] = await compare(contenders, { rounds, headline });
    if (!ours) {
      throw new Error("nothing was measured");
    }
    return { what, unit, ours, beside, goals: [] };
  };
  const rate = async (of: Conversation) => [await sustained(of, milliseconds)];
  const pace = (of: Conversation) => paced(of, { perSecond: PACE, milliseconds });

  return [
    await measure("PostgreSQL: whoami, stored, sustained", "per second", "median", (talk) =>
      rate(talk.questions),
    ),
    await measure(
      "PostgreSQL: notes changed and audited, sustained",
      "per second",
      "median",
      (talk) => rate(talk.changes),
    ),
    await measure(`PostgreSQL: whoami at ${PACE}/s, p99`, "ms", "p99", (talk) =>
      pace(talk.questions),
    ),
    await measure(`PostgreSQL: notes at ${PACE}/s, p99`, "ms", "p99", (talk) => pace(talk.changes)),
  ];
}
