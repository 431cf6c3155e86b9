import type { DeployFacts } from "../../core/requirements/requirement.ts";

/**
 * What the gates of a deploy want to know about an environment besides its configuration. Read from our own tables, never
 * from the target: views ask for it each time.
 */
export interface EnvironmentFacts {
  /** A deploy target is configured. */
  readonly hasTarget: boolean;
  readonly lock: DeployFacts["lock"];
  readonly hold: DeployFacts["hold"];
  readonly activeDeployment: DeployFacts["activeDeployment"];
}

/** Facts of a configured environment. Throws EnvironmentNotFound. */
export type EnvironmentFactsSource = (environment: string) => Promise<EnvironmentFacts>;
