import type { PersonRef } from "../../contract/common.ts";
import type { Clock } from "../../core/ports/clock.ts";
import type { ScmProvider } from "../../core/ports/scm.ts";
import type { SignOffPolicy } from "../../core/sign-off.ts";
import type { UnitOfWork } from "../../db/unit-of-work.types.ts";
import type { Logger } from "../../lib/logger.ts";
import type { EnvironmentFactsSource } from "./environment-facts.ts";

/** What a release has to know of a configured environment. */
export interface ReleaseEnvironment {
  readonly name: string;
  /** Branch whose releases go here; null for one that is only promoted to. */
  readonly branch: string | null;
  readonly signOff: SignOffPolicy;
  readonly land: "off" | "before" | "after";
}

/** People who hold each of the roles now, there and for services of all those teams (null: services of no team). */
export type EligiblePeopleSource = (
  roles: readonly string[],
  scope: { readonly environment: string | null; readonly teams: readonly (string | null)[] },
) => Promise<Readonly<Record<string, readonly PersonRef[]>>>;

/** Everything the release use cases work with. */
export interface ReleaseDeps {
  readonly uow: UnitOfWork;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly scms: readonly ScmProvider[];
  readonly environments: readonly ReleaseEnvironment[];
  /** Patterns of files that are database migrations. */
  readonly migrationPaths: readonly string[];
  /** Where people reach us, without a slash at the end; asked each time, because a free port is known late. */
  readonly baseUrl: () => string;
  readonly environmentFacts: EnvironmentFactsSource;
  readonly eligiblePeople: EligiblePeopleSource;
  /** Aborts when the process stops, and with it whatever source control is being asked. */
  readonly stopping: AbortSignal;
}
