import { createHash } from "node:crypto";
import { Op } from "sequelize";
import {
  deploymentState,
  releaseStatus,
  type ReleaseStanding,
  type RepositoryRun,
} from "../../core/forge-reports.ts";
import type { CommitStatus, DeploymentReport } from "../../core/ports/scm.ts";
import type { SignOffPolicy } from "../../core/sign-off.ts";
import { DeploymentRow } from "../../db/rows/deployment.ts";
import { DeploymentStepRow } from "../../db/rows/deployment-step.ts";
import { ForgeReportRow } from "../../db/rows/forge-report.ts";
import { ReleaseItemRow } from "../../db/rows/release-item.ts";
import { ReleaseRow } from "../../db/rows/release.ts";
import { loadPeople } from "../people/person-refs.ts";
import { judge, loadRelease, peopleOf } from "../releases/release-rows.ts";
import { rejectionOf } from "../releases/standing-rejection.ts";

/** What of an environment decides whether its forges are told. */
export interface ReportedEnvironment {
  readonly name: string;
  readonly signOff: SignOffPolicy;
  readonly reportToForge: boolean;
}

/** What a forge should be showing. */
export type WantedReport = {
  readonly repository: string;
  readonly sha: string;
  /** With kind, repository and commit it says which earlier report this one replaces. */
  readonly context: string;
  readonly hash: string;
} & (
  | { readonly kind: "status"; readonly status: CommitStatus }
  | { readonly kind: "deployment"; readonly report: DeploymentReport }
);

export interface WantedDeps {
  readonly environments: readonly ReportedEnvironment[];
  /** Where people reach us, without a slash at the end. */
  readonly baseUrl: () => string;
}

/**
 * The statuses beside the commits of a release, by what its signatures are worth now. None where nobody has to sign, and none
 * for commits that a newer release to the same environment speaks of.
 */
export async function wantedStatuses(
  deps: WantedDeps,
  number: number,
): Promise<readonly WantedReport[]> {
  const row = await ReleaseRow.findOne({ where: { number } });
  const environment = deps.environments.find(({ name }) => name === row?.targetEnvironment);
  if (row?.kind !== "branch" || !environment || !isTold(environment)) {
    return [];
  }
  const loaded = await loadRelease(row);
  const rejection = await rejectionOf(row);
  const people = await loadPeople([...peopleOf(loaded), rejection?.subject]);
  const judged = judge(loaded, environment.signOff, people);
  const context = `slipway/${environment.name}`;
  const standing: Omit<ReleaseStanding, "isExcluded"> = {
    number,
    isCancelled: row.closedAt !== null,
    rejection: rejection && { by: people.of(rejection.subject).name, reason: rejection.reason },
    isApproved: judged.isApproved,
    roles: judged.roles.map((role) => ({ ...role, by: role.by.map(({ name }) => name) })),
  };
  const newer = await spokenForByNewer(row, loaded.items);
  const told = await toldBefore(loaded.items, context);
  const wanted = new Map<string, WantedReport>();
  for (const item of [...loaded.items].sort((a, b) => Number(b.excluded) - Number(a.excluded))) {
    const { repository, headSha, excluded } = item;
    const key = `${repository} ${headSha ?? ""}`;
    // What is left out was never spoken of, unless it was in before: then its approval must not stay on show.
    if (headSha === null || newer.has(key) || (excluded && !told.has(key))) {
      continue;
    }
    const status: CommitStatus = {
      context,
      ...releaseStatus({ ...standing, isExcluded: excluded }),
      url: `${deps.baseUrl()}/releases/${number}`,
    };
    wanted.set(key, {
      kind: "status",
      repository,
      sha: headSha,
      context,
      status,
      hash: hashOf(status),
    });
  }
  return [...wanted.values()];
}

/**
 * The records of a deployment, one for each repository and commit it brings, and of those it has taken back. Read from the
 * rows alone, so that it is the same whoever asks and however often.
 */
export async function wantedDeployments(
  deps: WantedDeps,
  number: number,
): Promise<readonly WantedReport[]> {
  const row = await DeploymentRow.findOne({ where: { number } });
  const environment = deps.environments.find(({ name }) => name === row?.environment);
  if (!row || environment?.reportToForge !== true) {
    return [];
  }
  const { restores, rollbackOf } = row;
  const undone =
    restores === null || rollbackOf === null
      ? []
      : await DeploymentRow.findAll({
          where: {
            environment: row.environment,
            status: "rolled_back",
            number: { [Op.gt]: restores, [Op.lte]: rollbackOf },
          },
        });
  const deployments = [...undone, row];
  const steps = await DeploymentStepRow.findAll({
    where: { deploymentId: deployments.map(({ id }) => id) },
    order: [["position", "ASC"]],
  });
  return deployments.flatMap((deployment) =>
    reportsOf(
      deps,
      deployment,
      steps.filter(({ deploymentId }) => deploymentId === deployment.id),
    ),
  );
}

function reportsOf(
  { baseUrl }: WantedDeps,
  row: DeploymentRow,
  steps: readonly DeploymentStepRow[],
): readonly WantedReport[] {
  const { number, kind, environment, status } = row;
  const services = new Map<string, { repository: string; sha: string; names: Set<string> }>();
  for (const { service, repository, commit } of row.desired) {
    if (commit !== null) {
      const key = `${repository} ${commit}`;
      const known = services.get(key) ?? { repository, sha: commit, names: new Set<string>() };
      known.names.add(service);
      services.set(key, known);
    }
  }
  return [...services.values()].flatMap(({ repository, sha, names }): readonly WantedReport[] => {
    const run: RepositoryRun = {
      number,
      kind,
      environment,
      status,
      steps: steps.filter(({ service }) => names.has(service)),
    };
    const state = deploymentState(run);
    if (state === null) {
      return [];
    }
    const url = `${baseUrl()}/deployments/${number}`;
    const report: DeploymentReport = { deployment: number, environment, sha, ...state, url };
    const context = String(number);
    return [{ kind: "deployment", repository, sha, context, report, hash: hashOf(report) }];
  });
}

function isTold({ reportToForge, signOff }: ReportedEnvironment): boolean {
  return reportToForge && Object.values(signOff.roles).some((needed) => needed > 0);
}

/** Commits that an open release made later brings to the same environment. */
async function spokenForByNewer(
  release: ReleaseRow,
  items: readonly ReleaseItemRow[],
): Promise<ReadonlySet<string>> {
  const newer = await ReleaseRow.findAll({
    attributes: ["id"],
    where: {
      kind: "branch",
      targetEnvironment: release.targetEnvironment,
      number: { [Op.gt]: release.number },
      closedAt: null,
    },
  });
  if (newer.length === 0) {
    return new Set();
  }
  const theirs = await ReleaseItemRow.findAll({
    attributes: ["repository", "headSha"],
    where: {
      releaseId: newer.map(({ id }) => id),
      headSha: items.flatMap(({ headSha }) => headSha ?? []),
      excluded: false,
    },
  });
  return new Set(theirs.map(({ repository, headSha }) => `${repository} ${headSha ?? ""}`));
}

/** Commits about which this has been said before. */
async function toldBefore(
  items: readonly ReleaseItemRow[],
  context: string,
): Promise<ReadonlySet<string>> {
  const left = items.filter(({ excluded }) => excluded);
  if (left.length === 0) {
    return new Set();
  }
  const told = await ForgeReportRow.findAll({
    attributes: ["repository", "sha"],
    where: { kind: "status", context, sha: left.flatMap(({ headSha }) => headSha ?? []) },
  });
  return new Set(told.map(({ repository, sha }) => `${repository} ${sha}`));
}

function hashOf(content: unknown): string {
  return createHash("sha256").update(JSON.stringify(content)).digest("hex");
}
