import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { describeWith } from "../../testing/needs.ts";
import { hasPostgres, startPostgres, type PostgresCluster } from "../../testing/postgres.ts";
import { joinDatabase } from "../../testing/shared-database.ts";
import { workQueueContract } from "../testing/work-queue-contract.ts";

describeWith("PostgreSQL", hasPostgres)("background work on pg-boss", () => {
  let cluster: PostgresCluster;
  let count = 0;

  beforeAll(async () => {
    cluster = await startPostgres();
  });
  afterAll(() => cluster.remove());

  workQueueContract(async () => {
    count += 1;
    const name = `queue_${count}`;
    await cluster.createDatabase(name);
    const member = await joinDatabase(cluster.url(name));
    const query = <T extends object>(sql: string) => cluster.query<T>(sql, [], name);
    return {
      uow: member.uow,
      createQueue: member.createQueue,
      onJobs: (wake) => void member.signals.on("jobs", wake),
      async pass(ms) {
        await query(
          `UPDATE pgboss.job SET start_after = start_after - interval '${ms} ms',
             started_on = started_on - interval '${ms} ms'`,
        );
        await member.clock.advance(ms);
      },
      async silence() {
        await query(
          "UPDATE pgboss.job SET started_on = started_on - interval '31 s' WHERE state = 'active'",
        );
      },
      beaten: () =>
        vi.waitFor(async () => {
          const late = await query(
            "SELECT 1 FROM pgboss.job WHERE state = 'active' AND started_on < now() - interval '5 s'",
          );
          expect(late).toEqual([]);
        }),
      async jobs() {
        const rows = await query<{ state: string; error: string | null }>(
          `SELECT state::text, output ->> 'message' AS error FROM pgboss.job
          WHERE state IN ('created', 'retry', 'active', 'failed')`,
        );
        const states = { active: "running", failed: "dead" } as const;
        return rows.map(({ state, error }) => ({
          state: state === "active" || state === "failed" ? states[state] : "waiting",
          error,
        }));
      },
      dead: member.database.dialect
        .openJobs({ logger: member.logger })
        .deadJobs({ clock: member.clock }),
      async close() {
        await member.close();
        await cluster.dropDatabase(name);
      },
    };
  });

  it("keeps its tables in a schema of its own, made once however many processes start", async () => {
    await cluster.createDatabase("start");
    const members = await Promise.all([1, 2, 3].map(() => joinDatabase(cluster.url("start"))));
    const rows = await cluster.query<{ schema: string; tables: string }>(
      `SELECT table_schema AS schema, count(*) AS tables FROM information_schema.tables
      WHERE table_schema NOT IN ('pg_catalog', 'information_schema') AND table_name IN ('job', 'jobs')
      GROUP BY table_schema ORDER BY table_schema`,
      [],
      "start",
    );
    expect(rows.map(({ schema }) => schema)).toEqual(["pgboss", "public"]);
    await Promise.all(members.map((member) => member.close()));
  });
});
