import type { Transaction } from "sequelize";
import type { Actor } from "../../core/actor.ts";
import { deployOrder, type DeployOrder } from "../../core/deploy-order.ts";
import type { DeployFacts } from "../../core/requirements/requirement.ts";
import type { EligiblePeople, SignOffPolicy, SignOffResult } from "../../core/sign-off.ts";
import { ReleaseRow } from "../../db/rows/release.ts";
import { ReleaseItemRow } from "../../db/rows/release-item.ts";
import { ServiceRow } from "../../db/rows/service.ts";
import { ReleaseNotFound } from "../../errors/catalog.ts";
import { environmentFacts, type EnvironmentFacts } from "../environments/environment-facts.ts";
import type { EnvironmentSettings } from "../environments/environment-settings.ts";
import { deployedItems, type DeployedItem } from "./deployed-items.ts";
import { contentOf, judgeRelease, policyFor, standingRejection } from "./judge-release.ts";
import type { BranchFacts } from "./read-branches.ts";

/** Everything our own rows say about deploying one release to one environment. */
export interface DeployRows {
  readonly release: ReleaseRow;
  /** Excluded ones too, by name. */
  readonly items: readonly ReleaseItemRow[];
  readonly policy: SignOffPolicy;
  readonly signOffs: SignOffResult;
  readonly rejection: DeployFacts["release"]["rejection"];
  readonly standing: EnvironmentFacts;
  readonly deployed: ReadonlyMap<string, DeployedItem>;
  readonly order: DeployOrder;
}

/** The release people call `number`. Throws ReleaseNotFound. */
export async function findRelease(
  number: number,
  transaction: Transaction | null = null,
): Promise<ReleaseRow> {
  const release = await ReleaseRow.findOne({ where: { number }, transaction });
  if (!release) {
    throw new ReleaseNotFound({ release: `#${number}` });
  }
  return release;
}

/** Reads the rows once; inside a transaction, what is decided from them holds until it is written. */
export async function loadDeployRows(
  release: ReleaseRow,
  environment: EnvironmentSettings,
  now: Date,
  transaction: Transaction | null = null,
): Promise<DeployRows> {
  const items = await ReleaseItemRow.findAll({
    where: { releaseId: release.id },
    order: [["service", "ASC"]],
    transaction,
  });
  const policy = policyFor(release, environment);
  const known = await ServiceRow.findAll({ attributes: ["name"], transaction });
  return {
    release,
    items,
    policy,
    signOffs: await judgeRelease(release, items, policy, transaction),
    rejection: await standingRejection(release, items, transaction),
    standing: await environmentFacts(environment.name, now, transaction),
    deployed: await deployedItems(release.id, environment.name, items, transaction),
    order: deployOrder(
      items.map((item) => ({
        service: item.service,
        dependsOn: item.dependsOn,
        isExcluded: item.excluded,
      })),
      new Set(known.map((service) => service.name)),
    ),
  };
}

/** What a deploy of this release to this environment does with the destination branch. */
export function landingOf(
  release: Pick<ReleaseRow, "kind" | "targetEnvironment">,
  environment: Pick<EnvironmentSettings, "name" | "land">,
): "after" | "off" {
  return release.kind === "branch" && release.targetEnvironment === environment.name
    ? environment.land
    : "off";
}

/** Puts together what the gates look at. */
export function toDeployFacts(
  rows: DeployRows,
  outside: {
    readonly branches: ReadonlyMap<string, BranchFacts>;
    readonly eligible: EligiblePeople;
  },
  request: {
    readonly environment: EnvironmentSettings;
    readonly actor: Actor;
    readonly only: readonly string[] | null;
    readonly fromWave: number | null;
  },
): DeployFacts {
  const { release } = rows;
  const { environment, actor } = request;
  return {
    release: {
      number: release.number,
      kind: release.kind,
      status: release.status,
      source: release.sourceBranch ?? release.fromEnvironment ?? "",
      destination: release.destinationBranch ?? release.targetEnvironment ?? "",
      rejection: rows.rejection,
    },
    environment: {
      name: environment.name,
      isTargetOfRelease: release.targetEnvironment === environment.name,
      hasTarget: true,
      land: landingOf(release, environment),
    },
    actor: {
      subject: actor.subject,
      name: actor.name,
      isAutomation: actor.kind === "system",
    },
    items: rows.items.map((item) => {
      const branch = outside.branches.get(item.service);
      return {
        ...contentOf(item),
        dependsOn: item.dependsOn,
        source: branch?.source ?? null,
        destination: branch?.destination ?? null,
        ci: branch?.ci ?? null,
        isDeployedHere: rows.deployed.has(item.service),
        isLanded: isLanded(item) || (branch?.isLanded ?? false),
      };
    }),
    order: rows.order,
    only: request.only,
    fromWave: request.fromWave,
    signOffs: rows.signOffs,
    policy: rows.policy,
    eligible: outside.eligible,
    lock: rows.standing.lock,
    hold: rows.standing.hold,
    activeDeployment: rows.standing.activeDeployment,
    uncompared: release.problems,
  };
}

/** Our own landing brought the item's present commit to the destination branch. */
export function isLanded(item: Pick<ReleaseItemRow, "landedSha" | "headSha">): boolean {
  return item.headSha !== null && item.landedSha === item.headSha;
}
