import type { Transaction } from "sequelize";
import type { Actor } from "../../core/actor.ts";
import { deployOrder, type DeployOrder } from "../../core/deploy-order.ts";
import type {
  BranchFact,
  DeployFacts,
  DeployItem,
  DestinationFact,
} from "../../core/requirements/requirement.ts";
import type { EligiblePeople } from "../../core/sign-off.ts";
import type { ReleaseItemRow } from "../../db/rows/release-item.ts";
import { ServiceRow } from "../../db/rows/service.ts";
import type { People } from "../people/person-refs.ts";
import { NOTHING_TOUCHED } from "./draft-items.ts";
import type { EnvironmentFacts } from "./environment-facts.ts";
import type { ReleaseEnvironment } from "./release-deps.ts";
import { contentOf, deployPolicy, judge, type LoadedRelease } from "./release-rows.ts";
import type { StandingRejection } from "./standing-rejection.ts";

/** What source control says right now, by service; asked before a deploy, never for a view. */
export interface LiveFacts {
  readonly source: ReadonlyMap<string, BranchFact>;
  readonly destination: ReadonlyMap<string, DestinationFact>;
  readonly ci: ReadonlyMap<string, NonNullable<DeployItem["ci"]>>;
  /** Services whose destination branch holds their content already, whoever brought it there. */
  readonly landed?: ReadonlySet<string>;
}

export interface FactsRequest {
  readonly environment: ReleaseEnvironment;
  readonly actor: Actor;
  /** Services named with `--only`. */
  readonly only?: readonly string[] | null;
  readonly fromWave?: number | null;
  /** Left out: the branches are taken to stand where the last refresh found them. */
  readonly live?: LiveFacts;
}

/** What was read about a release and an environment. */
export interface ReadFacts {
  /** Everybody who signed or rejected. */
  readonly people: People;
  readonly order: DeployOrder;
  readonly rejection: StandingRejection | null;
  readonly eligible: EligiblePeople;
  readonly here: EnvironmentFacts;
  /** From `deployedAt`. */
  readonly deployed: ReadonlyMap<string, Date>;
}

/**
 * Everything the gates of a deploy look at. Without `live` it speaks of what the last refresh found; a deploy must bring
 * `live`, so that a commit pushed a second ago is seen.
 */
export function deployFacts(
  loaded: LoadedRelease,
  { environment, actor, only = null, fromWave = null, live }: FactsRequest,
  { people, order, rejection, eligible, here, deployed }: ReadFacts,
): DeployFacts {
  const { row, items } = loaded;
  const isTargetOfRelease = row.targetEnvironment === environment.name;
  const land = isTargetOfRelease && row.kind === "branch" ? environment.land : "off";
  const policy = deployPolicy(row, environment);
  return {
    release: {
      number: row.number,
      kind: row.kind,
      status: row.status,
      source: row.sourceBranch ?? row.fromEnvironment ?? "",
      destination: row.destinationBranch ?? row.targetEnvironment ?? "",
      rejection: rejection
        ? {
            release: rejection.release,
            by: people.of(rejection.subject).name,
            reason: rejection.reason,
          }
        : null,
    },
    environment: { name: environment.name, isTargetOfRelease, hasTarget: here.hasTarget, land },
    actor: { subject: actor.subject, name: actor.name, isAutomation: actor.kind === "system" },
    items: items.map((item) => ({
      ...contentOf(item),
      dependsOn: item.dependsOn,
      source: row.kind === "branch" ? sourceOf(item, live) : null,
      destination: land === "off" ? null : destinationOf(item, live),
      ci: live?.ci.get(item.service) ?? item.ci,
      isDeployedHere: deployed.has(item.service),
      isLanded: isLanded(item) || (live?.landed?.has(item.service) ?? false),
    })),
    order,
    only,
    fromWave,
    signOffs: judge(loaded, policy, people),
    policy,
    eligible,
    lock: here.lock,
    hold: here.hold,
    activeDeployment: here.activeDeployment,
    uncompared: row.problems
      .filter(({ code }) => code !== NOTHING_TOUCHED)
      .map(({ repository, reason }) => ({ repository, reason })),
  };
}

/** Our own landing brought the present commit of the item to the destination branch. */
export function isLanded(
  item: Pick<ReleaseItemRow, "landedAt" | "landedHead" | "headSha">,
): boolean {
  return item.landedAt !== null && item.landedHead === item.headSha;
}

/** The waves of a release by its own dependencies. */
export async function orderOf(
  items: readonly ReleaseItemRow[],
  transaction: Transaction | null = null,
): Promise<DeployOrder> {
  const present = new Set(items.map(({ service }) => service));
  const outside = [...new Set(items.flatMap(({ dependsOn }) => dependsOn))].filter(
    (service) => !present.has(service),
  );
  const known =
    outside.length === 0
      ? []
      : await ServiceRow.findAll({
          attributes: ["name"],
          where: { name: outside },
          transaction,
        });
  return deployOrder(
    items.map(({ service, dependsOn, excluded }) => ({
      service,
      dependsOn,
      isExcluded: excluded,
    })),
    new Set([...present, ...known.map(({ name }) => name)]),
  );
}

function sourceOf(item: ReleaseItemRow, live: LiveFacts | undefined): BranchFact {
  if (!live) {
    return item.headSha !== null
      ? { ok: true, sha: item.headSha }
      : { ok: false, reason: "it was never compared" };
  }
  return live.source.get(item.service) ?? { ok: false, reason: "it was not read" };
}

function destinationOf(item: ReleaseItemRow, live: LiveFacts | undefined): DestinationFact {
  return live
    ? (live.destination.get(item.service) ?? { ok: false, reason: "it was not read" })
    : { ok: true, behindCount: item.behindCount };
}
