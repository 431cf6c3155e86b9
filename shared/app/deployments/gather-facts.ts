import type { Transaction } from "sequelize";
import type { Actor } from "../../core/actor.ts";
import type { DeployFacts } from "../../core/requirements/requirement.ts";
import type { EligiblePeople, SignOffPolicy } from "../../core/sign-off.ts";
import type { ReleaseRow } from "../../db/rows/release.ts";
import { environmentFacts } from "../environments/environment-facts.ts";
import type { EnvironmentSettings } from "../environments/environment-settings.ts";
import { loadPeople } from "../people/person-refs.ts";
import {
  deployFacts,
  orderOf,
  type LiveFacts,
  type ReadFacts,
} from "../releases/gather-release-facts.ts";
import {
  deployPolicy,
  loadRelease,
  peopleOf,
  type LoadedRelease,
} from "../releases/release-rows.ts";
import { deployedAt } from "../releases/settle-release.ts";
import { signOffScope } from "../releases/sign-off-rights.ts";
import { rejectionOf } from "../releases/standing-rejection.ts";
import type { DeploymentDeps } from "./deps.ts";

/** Everything our own rows say about deploying one release to one environment. */
export interface DeployRows extends Omit<ReadFacts, "eligible"> {
  readonly loaded: LoadedRelease;
  readonly policy: SignOffPolicy;
}

/** What somebody else than our own rows has to say. */
export interface OutsideFacts {
  readonly live: LiveFacts;
  readonly eligible: EligiblePeople;
}

/** Reads the rows once; inside a transaction, what is decided from them holds until it is written. */
export async function loadDeployRows(
  release: ReleaseRow,
  environment: EnvironmentSettings,
  now: Date,
  transaction: Transaction | null = null,
): Promise<DeployRows> {
  const loaded = await loadRelease(release, transaction === null ? {} : { transaction });
  const rejection = await rejectionOf(release, transaction);
  return {
    loaded,
    policy: deployPolicy(release, environment),
    people: await loadPeople([...peopleOf(loaded), rejection?.subject], transaction),
    order: await orderOf(loaded.items, transaction),
    rejection,
    here: {
      hasTarget: true,
      ...(await environmentFacts(environment.name, now, transaction)),
    },
    deployed: await deployedAt(loaded, environment.name, transaction),
  };
}

/** Who could sign what this deploy lacks. */
export async function eligibleFor(
  deps: Pick<DeploymentDeps, "eligiblePeople">,
  { loaded, policy }: DeployRows,
  environment: EnvironmentSettings,
): Promise<EligiblePeople> {
  const scope = await signOffScope(loaded.row, loaded.items);
  return deps.eligiblePeople(Object.keys(policy.roles), {
    ...scope,
    environment: environment.name,
  });
}

/** Puts together what the gates look at. */
export function toDeployFacts(
  rows: DeployRows,
  { live, eligible }: OutsideFacts,
  request: {
    readonly environment: EnvironmentSettings;
    readonly actor: Actor;
    readonly only: readonly string[] | null;
    readonly fromWave: number | null;
  },
): DeployFacts {
  return deployFacts(rows.loaded, { ...request, live }, { ...rows, eligible });
}

/** What a deploy of this release to this environment does with the destination branch. */
export function landingOf(
  release: Pick<ReleaseRow, "kind" | "targetEnvironment">,
  environment: Pick<EnvironmentSettings, "name" | "land">,
): "after" | "before" | "off" {
  return release.kind === "branch" && release.targetEnvironment === environment.name
    ? environment.land
    : "off";
}
