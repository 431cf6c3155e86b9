import { hasSwarm, SWARM_PART } from "../../shared/integrations/deploy/swarm/testing/swarm.ts";
import { describeWith } from "../../shared/testing/needs.ts";
import { createInstallation } from "./testing/installation.ts";
import { mainJob } from "./testing/main-job.ts";
import { githubSource } from "./testing/sources.ts";
import { swarmTarget } from "./testing/targets.ts";

describeWith(SWARM_PART, hasSwarm)(
  "the main job on SQLite, with repositories of GitHub and targets on a Swarm",
  () => {
    mainJob(() => createInstallation({ source: githubSource, target: swarmTarget }));
  },
);
