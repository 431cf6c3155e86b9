import type { Clock } from "../../core/ports/clock.ts";
import type { DeployTarget } from "../../core/ports/deploy-target.ts";
import type { RepoRef, ScmProvider } from "../../core/ports/scm.ts";
import type { UnitOfWork } from "../../db/unit-of-work.types.ts";
import type { Logger } from "../../lib/logger.ts";
import type { Timers } from "../../lib/scheduler.ts";
import type { EligiblePeopleSource } from "../releases/release-deps.ts";
import type { EnvironmentSettings } from "../environments/environment-settings.ts";

/** What the use cases of deployments and environments are given. */
export interface DeploymentDeps {
  readonly uow: UnitOfWork;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly logger: Logger;
  /** Where people reach us, without a slash at the end. */
  readonly baseUrl: () => string;
  readonly environments: readonly EnvironmentSettings[];
  /** The target of a configured environment. */
  readonly targets: (environment: string) => DeployTarget;
  readonly scm: (providerId: string) => ScmProvider;
  /** The repository people call `name`. Throws RepositoryUnknown. */
  readonly findRepository: (name: string, signal: AbortSignal) => Promise<RepoRef>;
  readonly eligiblePeople: EligiblePeopleSource;
}

/** Longest time a person waits for the outside world when they ask for a deploy, a plan or a state. */
export const OUTSIDE_TIMEOUT_MS = 60_000;
