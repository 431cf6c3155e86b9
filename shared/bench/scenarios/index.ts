import type { Scenario } from "../scenario.ts";
import { approveClicksScenario } from "./approve-clicks.ts";
import { chatPlatformsScenario } from "./chat-platforms.ts";
import { cardStormScenario } from "./card-storm.ts";
import { commandRepliesScenario } from "./command-replies.ts";
import { createReleaseScenario } from "./create-release.ts";
import { databasesScenario } from "./databases.ts";
import { deployOrderScenario } from "./deploy-order.ts";
import { firstLoadScenario } from "./first-load.ts";
import { githubRequestsScenario } from "./github-requests.ts";
import { listAndDetailScenario } from "./list-and-detail.ts";
import { liveUpdatesScenario } from "./live-updates.ts";
import { parseAndRouteScenario } from "./parse-and-route.ts";
import { startUpScenario } from "./start-up.ts";
import { swarmDeployScenario } from "./swarm-deploy.ts";

/** Every scenario, in the order they run and are shown. */
export const scenarios: readonly Scenario[] = [
  commandRepliesScenario,
  chatPlatformsScenario,
  cardStormScenario,
  databasesScenario,
  parseAndRouteScenario,
  createReleaseScenario,
  githubRequestsScenario,
  swarmDeployScenario,
  deployOrderScenario,
  approveClicksScenario,
  listAndDetailScenario,
  liveUpdatesScenario,
  startUpScenario,
  firstLoadScenario,
];
