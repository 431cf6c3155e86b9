import { join } from "node:path";
import type { ReleasePage } from "../../contract/release.ts";
import type { z } from "zod";
import type { ApiClient } from "../api-client.ts";
import { compare, timed, type Contender } from "../measure.ts";
import { createLaneReleases, startProduct } from "../product.ts";
import { atMost, type Row } from "../report.ts";
import { createRandom } from "../random.ts";
import type { Scenario } from "../scenario.ts";
import { openFile, seedHistory, type PlainDatabase } from "../seed-history.ts";

const GOAL_MS = 50;
const SERVICES = 5;

export const listAndDetailScenario: Scenario = {
  name: "list-and-detail",
  title: "Lists and details over a long history",
  async run({ isQuick, progress }) {
    const history = isQuick
      ? { releases: 500, facts: 20_000 }
      : { releases: 10_000, facts: 1_000_000 };
    const product = await startProduct(
      Array.from({ length: SERVICES }, (_, index) => ({
        name: `service-${index + 1}`,
        commitCount: 20,
        branches: { "lane-1": 5 },
      })),
    );
    try {
      const file = join(product.server.data, "slipway.db");
      const dana = product.api("dana");
      const [first] = await createLaneReleases(dana, 1);
      await dana.send("POST", `/releases/${String(first)}/sign-offs`, { role: "dev" });
      await product.server.stop();
      progress(`writing ${history.releases} releases and ${history.facts} facts`);
      await seedHistory(file, history);
      await product.server.restart();
      await expectTotal(dana, history.releases);
      const bare = await openFile(file);
      try {
        return await measureAll({ dana, bare, history, rounds: isQuick ? 2 : 10 });
      } finally {
        await bare.close();
      }
    } finally {
      await product.stop();
    }
  },
};

async function measureAll(options: {
  readonly dana: ApiClient;
  readonly bare: PlainDatabase;
  readonly history: { readonly releases: number; readonly facts: number };
  readonly rounds: number;
}): Promise<readonly Row[]> {
  const { dana, bare, history, rounds } = options;
  const random = createRandom(7);
  const anyRelease = () => 1 + Math.floor(random() * history.releases);
  const size = `${history.releases.toLocaleString("en")} releases, ${history.facts.toLocaleString("en")} audit rows`;
  const newest = "SELECT * FROM releases ORDER BY number DESC LIMIT 50";

  return [
    await measure(
      `release list, newest 50 (${size}), p95`,
      () => "/releases",
      async () => {
        await bare.all("SELECT count(*) FROM releases");
        await listed(await bare.all<{ id: string }>(newest));
      },
    ),
    await measure(
      "release list, one status and page in the middle, p95",
      () => `/releases?status=deployed&offset=${Math.floor(random() * history.releases * 0.7)}`,
      async () => {
        await bare.all("SELECT count(*) FROM releases WHERE status = 'deployed'");
        const offset = Math.floor(random() * history.releases * 0.7);
        const sql = `SELECT * FROM releases WHERE status = 'deployed' ORDER BY number DESC LIMIT 50 OFFSET ${offset}`;
        await listed(await bare.all<{ id: string }>(sql));
      },
    ),
    await measure(
      "release list, searched by text, p95",
      () => `/releases?text=feature-${Math.floor(random() * 97)}`,
      async () => {
        const like = `%feature-${Math.floor(random() * 97)}%`;
        const where = "source_branch LIKE ?";
        await bare.all(`SELECT count(*) FROM releases WHERE ${where}`, [like]);
        const sql = `SELECT * FROM releases WHERE ${where} ORDER BY number DESC LIMIT 50`;
        await listed(await bare.all<{ id: string }>(sql, [like]));
      },
    ),
    await measure(
      "one release, p95",
      () => `/releases/${anyRelease()}`,
      async () => {
        const sql = "SELECT * FROM releases WHERE number = ?";
        await listed(await bare.all<{ id: string }>(sql, [anyRelease()]));
      },
    ),
    await measure(
      "history of one release, p95",
      () => `/releases/${anyRelease()}/history`,
      () => facts("subject_kind = 'release' AND subject_id = ?", "ASC", String(anyRelease())),
    ),
    await measure(
      "audit log, newest 50, p95",
      () => "/audit-log",
      () => facts("1", "DESC"),
    ),
    await measure(
      "audit log of one person and event, page in the middle, p95",
      () => "/audit-log?event=release.created&person=dana&offset=5000",
      () => facts("name = 'release.created' AND actor_username = 'dana'", "DESC", undefined, 5_000),
    ),
  ];

  async function measure(
    what: string,
    path: () => string,
    readBare: () => Promise<void>,
  ): Promise<Row> {
    const contenders: readonly Contender[] = [
      {
        name: "Slipway",
        measure: () =>
          many(async () => {
            const at = path();
            const { status, milliseconds } = await dana.call("GET", at);
            if (status !== 200) {
              throw new Error(`${at} answered ${status}`);
            }
            return milliseconds;
          }),
      },
      { name: "the rows through the bare driver", measure: () => many(() => timed(readBare)) },
    ];
    const [ours, ...beside] = await compare(contenders, { rounds, headline: "p95" });
    if (!ours) {
      throw new Error("nothing was measured");
    }
    return {
      what,
      unit: "ms",
      ours,
      beside,
      goals: [atMost(ours.value, GOAL_MS, `${GOAL_MS} ms`)],
    };
  }

  /** What a list or a page shows of releases besides their own rows. */
  async function listed(releases: readonly { readonly id: string }[]): Promise<void> {
    const ids = releases.map(({ id }) => id);
    const marks = ids.map(() => "?").join(", ");
    await bare.all(`SELECT * FROM release_items WHERE release_id IN (${marks})`, ids);
    await bare.all(`SELECT * FROM sign_offs WHERE release_id IN (${marks})`, ids);
  }

  async function facts(
    where: string,
    direction: "ASC" | "DESC",
    value?: string,
    offset = 0,
  ): Promise<void> {
    const values = value === undefined ? [] : [value];
    await bare.all(`SELECT count(*) FROM events WHERE ${where}`, values);
    const order = `ORDER BY seq ${direction} LIMIT 50 OFFSET ${offset}`;
    await bare.all(`SELECT * FROM events WHERE ${where} ${order}`, values);
  }
}

/** One request after the other, as one person clicks. */
async function many(once: () => Promise<number>): Promise<readonly number[]> {
  const took: number[] = [];
  for (let count = 0; count < 20; count += 1) {
    took.push(await once());
  }
  return took;
}

async function expectTotal(api: ApiClient, expected: number): Promise<void> {
  const { total } = await api.get<z.infer<typeof ReleasePage>>("/releases?limit=1");
  if (total !== expected) {
    throw new Error(`there are ${total} releases instead of ${expected}`);
  }
}
