import type { Transaction } from "sequelize";
import { deployOrder, type Wave } from "../../core/deploy-order.ts";
import {
  isFinished,
  rollbackPlan,
  type HistoryEntry,
  type RollbackPlan,
  type ServiceVersion,
} from "../../core/deployment.ts";
import type { ObservedState } from "../../core/ports/deploy-target.ts";
import type { Refusal } from "../../core/verdict.ts";
import { DeploymentRow, type StoredDesired } from "../../db/rows/deployment.ts";
import { DeploymentStepRow } from "../../db/rows/deployment-step.ts";
import { ReleaseItemRow } from "../../db/rows/release-item.ts";
import { ServiceRow } from "../../db/rows/service.ts";
import { runningVersion } from "../environments/ask-target.ts";

/** What a rollback would do, ready to be stored. */
export interface RollbackOrder {
  readonly plan: RollbackPlan;
  readonly desired: readonly StoredDesired[];
  /** The deployment that is taken back. */
  readonly undone: DeploymentRow;
}

export interface RollbackQuestion {
  readonly environment: string;
  readonly to: number | null;
  readonly services: readonly string[] | null;
  /** What runs now, told by the target. */
  readonly running: ReadonlyMap<string, ObservedState>;
  /** A deployment that counts as ended although its row does not say so yet. */
  readonly ending: number | null;
}

/** Every service a deployment to the environment ever brought. */
export async function deployedServices(environment: string): Promise<readonly string[]> {
  const rows = await DeploymentRow.findAll({ where: { environment }, attributes: ["desired"] });
  return [...new Set(rows.flatMap((row) => row.desired.map((desired) => desired.service)))].sort();
}

/** Which version of which service to go back to, or why not. */
export async function planRollback(
  question: RollbackQuestion,
  transaction: Transaction | null = null,
): Promise<RollbackOrder | Refusal> {
  const rows = await DeploymentRow.findAll({
    where: { environment: question.environment },
    order: [["number", "ASC"]],
    transaction,
  });
  const history = await toHistory(
    rows.filter((row) => isFinished(row.status) || row.number === question.ending),
    question.ending,
    transaction,
  );
  const touched = [...new Set(history.flatMap((entry) => entry.services.map((s) => s.service)))];
  const newest = history.findLast((entry) => entry.services.length > 0);
  const release = rows.find((row) => row.number === newest?.number)?.releaseId ?? null;
  const plan = rollbackPlan({
    environment: question.environment,
    history,
    current: currentVersions(question.running),
    to: question.to,
    services: question.services,
    waves: await dependencyWaves(touched, release, transaction),
    isAutomatic: false,
  });
  if (!plan.ok) {
    return plan;
  }
  const undone = rows.find((row) => row.number === plan.of);
  if (!undone) {
    throw new Error(`rollback of deployment #${plan.of}, which has no row`);
  }
  const restored = newestDesired(rows, history, plan.to);
  return {
    plan,
    undone,
    desired: plan.changes.flatMap(({ service, from, to }): StoredDesired[] => {
      const stored = restored.get(service);
      return stored
        ? [
            {
              ...stored,
              ...to,
              fromVersion: from?.version ?? null,
              fromCommit: from?.commit ?? null,
              landBranch: null,
            },
          ]
        : [];
    }),
  };
}

function currentVersions(
  running: ReadonlyMap<string, ObservedState>,
): ReadonlyMap<string, ServiceVersion> {
  const current = new Map<string, ServiceVersion>();
  for (const [service, observed] of running) {
    const version = runningVersion(observed);
    if (version) {
      current.set(service, version);
    }
  }
  return current;
}

async function toHistory(
  rows: readonly DeploymentRow[],
  ending: number | null,
  transaction: Transaction | null,
): Promise<readonly HistoryEntry[]> {
  const steps = await stepsOf(
    rows.map((row) => row.id),
    transaction,
  );
  return rows.map((row): HistoryEntry => {
    const own = steps.get(row.id) ?? [];
    return {
      number: row.number,
      status: row.number === ending && !isFinished(row.status) ? "aborted" : row.status,
      rollbackOf: row.rollbackOf,
      services: row.desired.flatMap((desired) => {
        const deploy = own.find((s) => s.service === desired.service && s.stage === "deploy");
        const began = deploy && deploy.status !== "pending" && deploy.status !== "skipped";
        return began
          ? [
              {
                service: desired.service,
                version: desired.version,
                commit: desired.commit,
                digest: desired.digest,
                isApplied: deploy.carried ?? deploy.status === "succeeded",
                hasIrreversibleMigration: own.some(
                  (s) =>
                    s.service === desired.service &&
                    s.stage === "migrate" &&
                    (s.status === "succeeded" || s.status === "failed"),
                ),
              },
            ]
          : [];
      }),
    };
  });
}

/** Ids in one query are limited by the length of a statement. */
const IDS_PER_QUERY = 500;

async function stepsOf(
  ids: readonly string[],
  transaction: Transaction | null,
): Promise<ReadonlyMap<string, readonly DeploymentStepRow[]>> {
  const found = new Map<string, DeploymentStepRow[]>();
  for (let start = 0; start < ids.length; start += IDS_PER_QUERY) {
    const steps = await DeploymentStepRow.findAll({
      where: {
        deploymentId: ids.slice(start, start + IDS_PER_QUERY),
        stage: ["migrate", "deploy"],
      },
      attributes: ["deploymentId", "service", "stage", "status", "carried"],
      transaction,
    });
    for (const step of steps) {
      found.set(step.deploymentId, [...(found.get(step.deploymentId) ?? []), step]);
    }
  }
  return found;
}

/** How each service was deployed last, up to and including a deployment. */
function newestDesired(
  rows: readonly DeploymentRow[],
  history: readonly HistoryEntry[],
  until: number,
): ReadonlyMap<string, StoredDesired> {
  const applied = new Set(
    history.flatMap((entry) =>
      entry.services.filter((s) => s.isApplied).map((s) => `${entry.number} ${s.service}`),
    ),
  );
  const newest = new Map<string, StoredDesired>();
  for (const row of rows) {
    for (const desired of row.number <= until ? row.desired : []) {
      if (applied.has(`${row.number} ${desired.service}`)) {
        newest.set(desired.service, desired);
      }
    }
  }
  return newest;
}

/** Waves by what services depend on: as the release said, else as they do by default. A circle goes out in one wave. */
export async function dependencyWaves(
  services: readonly string[],
  releaseId: string | null,
  transaction: Transaction | null = null,
): Promise<readonly Wave[]> {
  const known = await ServiceRow.findAll({ attributes: ["name", "dependsOn"], transaction });
  const items =
    releaseId === null
      ? []
      : await ReleaseItemRow.findAll({
          where: { releaseId, excluded: false },
          attributes: ["service", "dependsOn"],
          transaction,
        });
  const dependsOn = new Map([
    ...known.map((row) => [row.name, row.dependsOn] as const),
    ...items.map((row) => [row.service, row.dependsOn] as const),
  ]);
  const { waves, cycle } = deployOrder(
    services.map((service) => ({
      service,
      dependsOn: dependsOn.get(service) ?? [],
      isExcluded: false,
    })),
    new Set(known.map((row) => row.name)),
  );
  return cycle === null ? waves : [{ number: 1, services }];
}
