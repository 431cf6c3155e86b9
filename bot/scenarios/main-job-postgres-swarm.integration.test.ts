import { afterAll, beforeAll } from "vitest";
import { hasSwarm, SWARM_PART } from "../../shared/integrations/deploy/swarm/testing/swarm.ts";
import { describeWith } from "../../shared/testing/needs.ts";
import { hasPostgres, startPostgres, type PostgresCluster } from "../../shared/testing/postgres.ts";
import { createInstallation } from "./testing/installation.ts";
import { mainJob } from "./testing/main-job.ts";
import { gitSource } from "./testing/sources.ts";
import { swarmTarget } from "./testing/targets.ts";

describeWith(`PostgreSQL and ${SWARM_PART}`, hasPostgres && hasSwarm)(
  "the main job on PostgreSQL, with repositories of git and targets on a Swarm",
  () => {
    let cluster: PostgresCluster;
    beforeAll(async () => {
      cluster = await startPostgres();
      await cluster.createDatabase("main_job");
    });
    afterAll(() => cluster?.remove());

    mainJob(() =>
      createInstallation({
        source: gitSource,
        target: swarmTarget,
        databaseUrl: cluster.url("main_job"),
      }),
    );
  },
);
