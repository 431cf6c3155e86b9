import { wavesFor, type Wave } from "../../core/deploy-order.ts";
import type { Stage } from "../../contract/deployment.ts";
import { Op, type Transaction } from "sequelize";
import type { ObservedState } from "../../core/ports/deploy-target.ts";
import { DeploymentRow, type StoredDesired } from "../../db/rows/deployment.ts";
import { DeploymentStepRow } from "../../db/rows/deployment-step.ts";
import type { ReleaseItemRow } from "../../db/rows/release-item.ts";
import { renumber, shortCommit } from "./deployment-row.ts";
import { isLanded } from "../releases/gather-release-facts.ts";
import type { DeployRows } from "./gather-facts.ts";

/** What of a release one deployment brings, exactly. */
export interface Selection {
  readonly waves: readonly Wave[];
  readonly desired: readonly StoredDesired[];
  readonly stagesOf: (service: string) => readonly Stage[];
  /** Items an earlier deployment of the release brought here, which are only to land now. */
  readonly landOnly: readonly string[];
}

/** Chooses the services of a deployment and their stages from the rows; what ran before is told by the target. */
export async function selectServices(
  rows: DeployRows,
  options: {
    readonly environment: string;
    readonly only: readonly string[] | null;
    readonly fromWave: number | null;
    readonly land: "after" | "before" | "off";
    readonly hasMigrations: boolean;
    readonly running: ReadonlyMap<string, ObservedState>;
  },
  transaction: Transaction | null,
): Promise<Selection> {
  const waves = renumber(wavesFor(rows.order.waves, options));
  const selected = new Set(waves.flatMap((wave) => wave.services));
  const items = new Map(rows.loaded.items.map((item) => [item.service, item]));
  const landOnly =
    options.land !== "after"
      ? []
      : [...rows.deployed.keys()]
          .filter((service) => !selected.has(service))
          .filter((service) => {
            const item = items.get(service);
            return item !== undefined && !item.excluded && !isLanded(item);
          })
          .sort();
  const migrating = options.hasMigrations
    ? await pendingMigrations(rows, options.environment, selected, transaction)
    : new Set<string>();
  return {
    waves,
    landOnly,
    desired: [...selected, ...landOnly].flatMap((service) => {
      const item = items.get(service);
      return item
        ? [
            toDesired(item, options.running.get(service), {
              commit: options.land === "before" ? landedCommit(item) : item.headSha,
              landBranch: options.land === "off" ? null : rows.loaded.row.destinationBranch,
            }),
          ]
        : [];
    }),
    stagesOf: (service) => [
      ...(options.land === "before" && !isMerged(items.get(service)) ? (["merge"] as const) : []),
      ...(migrating.has(service) ? (["migrate"] as const) : []),
      "deploy",
      "verify",
      ...(options.land === "after" ? (["land"] as const) : []),
    ],
  };
}

function toDesired(
  item: ReleaseItemRow,
  running: ObservedState | undefined,
  { commit, landBranch }: Pick<StoredDesired, "commit" | "landBranch">,
): StoredDesired {
  return {
    service: item.service,
    repository: item.repository,
    path: item.path,
    version: item.toVersion ?? shortCommit(commit ?? ""),
    commit,
    digest: item.digest,
    fromVersion: running?.version ?? null,
    fromCommit: running?.commit ?? null,
    landBranch,
  };
}

/** An earlier attempt has merged it already. */
function isMerged(item: ReleaseItemRow | undefined): boolean {
  return item !== undefined && isLanded(item);
}

/** What of the item is deployed where the merge comes first: the merge, once there is one. */
function landedCommit(item: ReleaseItemRow): string | null {
  return isLanded(item) ? item.landedSha : item.headSha;
}

/** Services whose migrations this release has not run here yet for exactly this commit: a migration runs once. */
async function pendingMigrations(
  rows: DeployRows,
  environment: string,
  selected: ReadonlySet<string>,
  transaction: Transaction | null,
): Promise<ReadonlySet<string>> {
  const touching = rows.loaded.items.filter(
    (item) => selected.has(item.service) && item.migrations.length > 0,
  );
  if (touching.length === 0) {
    return new Set();
  }
  const earlier = await DeploymentRow.findAll({
    where: { releaseId: rows.loaded.row.id, environment, kind: "deploy" },
    attributes: ["id", "desired"],
    transaction,
  });
  const ran = await DeploymentStepRow.findAll({
    where: {
      deploymentId: { [Op.in]: earlier.map((row) => row.id) },
      stage: "migrate",
      status: "succeeded",
    },
    attributes: ["deploymentId", "service"],
    transaction,
  });
  const commits = new Map(
    earlier.map((row) => [
      row.id,
      new Map(row.desired.map((desired) => [desired.service, desired.commit])),
    ]),
  );
  const done = new Set(
    ran.map(({ deploymentId, service }) => {
      return `${service} ${commits.get(deploymentId)?.get(service) ?? ""}`;
    }),
  );
  return new Set(
    touching
      .filter((item) =>
        [item.headSha, landedCommit(item)].every(
          (commit) => !done.has(`${item.service} ${commit ?? ""}`),
        ),
      )
      .map((item) => item.service),
  );
}
