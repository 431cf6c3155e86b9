import type { Scenario } from "../scenario.ts";
import { compareRepositoriesScenario } from "./compare-repositories.ts";
import { deployOrderScenario } from "./deploy-order.ts";

/** Every scenario, in the order they run and are shown. */
export const scenarios: readonly Scenario[] = [deployOrderScenario, compareRepositoriesScenario];
