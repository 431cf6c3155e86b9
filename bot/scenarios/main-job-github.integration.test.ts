import { afterAll, beforeAll } from "vitest";
import { describeWith } from "../../shared/testing/needs.ts";
import { hasPostgres, startPostgres, type PostgresCluster } from "../../shared/testing/postgres.ts";
import { createInstallation } from "./testing/installation.ts";
import { mainJob } from "./testing/main-job.ts";
import { githubSource } from "./testing/sources.ts";
import { commandTarget } from "./testing/targets.ts";

describeWith("PostgreSQL", hasPostgres)(
  "the main job on PostgreSQL in three processes, with repositories of GitHub and targets of commands",
  () => {
    let cluster: PostgresCluster;
    beforeAll(async () => {
      cluster = await startPostgres();
      await cluster.createDatabase("main_job");
    });
    afterAll(() => cluster?.remove());

    mainJob(() =>
      createInstallation({
        source: githubSource,
        target: commandTarget,
        databaseUrl: cluster.url("main_job"),
        processes: ["web", "chat", "worker"],
      }),
    );
  },
);
