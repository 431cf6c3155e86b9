import { Op, type Transaction } from "sequelize";
import type { ReleaseStatus } from "../../contract/release.ts";
import type { Actor } from "../../core/actor.ts";
import { isSameVersion } from "../../core/deployment.ts";
import { isClosed, statusAfter, type ReleaseFacts } from "../../core/release.ts";
import type { SignOffResult } from "../../core/sign-off.ts";
import { DeploymentStepRow } from "../../db/rows/deployment-step.ts";
import { DeploymentRow } from "../../db/rows/deployment.ts";
import { ReleaseItemRow } from "../../db/rows/release-item.ts";
import { ReleaseRow } from "../../db/rows/release.ts";
import { ServiceStateRow } from "../../db/rows/service-state.ts";
import type { Tx } from "../../db/unit-of-work.types.ts";
import { loadPeople } from "../people/person-refs.ts";
import { describeDelta } from "./describe-changes.ts";
import { isLanded } from "./gather-release-facts.ts";
import type { ReleaseDeps } from "./release-deps.ts";
import {
  aboutRelease,
  fingerprintOf,
  judge,
  loadRelease,
  peopleOf,
  policyOf,
  type LoadedRelease,
} from "./release-rows.ts";
import { rejectionOf } from "./standing-rejection.ts";

export interface Settling {
  readonly actor: Actor;
  /** Why approval is lost, if it is, e.g. `Quinn revoked the sign-off as qa`. */
  readonly why: string;
  /** Ids of the sign-offs that counted before the change, from `countingSignOffs`; left out where content stays the same. */
  readonly countedBefore?: ReadonlySet<string>;
}

/** What is true of a release now, as opposed to what is stored. */
export interface SettledRelease {
  readonly status: ReleaseStatus;
  readonly fingerprint: string;
  readonly judged: SignOffResult;
}

type SettleDeps = Pick<ReleaseDeps, "environments">;

/** Which signatures count now. Ask before changing content, to tell afterwards which ones the change cost. */
export async function countingSignOffs(
  deps: SettleDeps,
  tx: Tx,
  row: ReleaseRow,
): Promise<ReadonlySet<string>> {
  const loaded = await loadRelease(row, { transaction: tx.sequelize });
  const people = await loadPeople(peopleOf(loaded), tx.sequelize);
  return new Set(
    judge(loaded, policyOf(deps, row), people)
      .signOffs.filter(({ judgement }) => judgement.state === "counts")
      .map(({ signOff }) => signOff.id),
  );
}

/**
 * Makes what is stored of a release follow from the facts: fingerprint and status, with the events of whatever changed.
 * Call it last in every transaction that touches items, sign-offs, rejections or deployments of a release; calling it again
 * changes nothing. Grows the release's version when something changed.
 */
export async function settleRelease(
  deps: SettleDeps,
  tx: Tx,
  releaseId: string,
  settling: Settling,
): Promise<ReleaseStatus> {
  const row = await ReleaseRow.findByPk(releaseId, {
    transaction: tx.sequelize,
    lock: tx.sequelize.LOCK.UPDATE,
    rejectOnEmpty: true,
  });
  const loaded = await loadRelease(row, { transaction: tx.sequelize });
  const settled = await evaluateRelease(deps, loaded, tx.sequelize);
  await tellOutdated(tx, loaded, settled.judged, settling);

  const before = row.status;
  if (settled.status !== before || settled.fingerprint !== row.fingerprint) {
    await row.update(
      {
        status: settled.status,
        fingerprint: settled.fingerprint,
        openKey: isClosed(settled.status) ? null : row.openKey,
        version: row.version + 1,
      },
      { transaction: tx.sequelize },
    );
  }
  if (settled.status !== before) {
    await tellStatus(tx, row, before, settling);
  }
  return settled.status;
}

/** What `settleRelease` would store. Changes nothing. */
export async function evaluateRelease(
  deps: SettleDeps,
  loaded: LoadedRelease,
  transaction: Transaction | null = null,
): Promise<SettledRelease> {
  const { row, items } = loaded;
  const people = await loadPeople(peopleOf(loaded), transaction);
  const judged = judge(loaded, policyOf(deps, row), people);
  const fingerprint = fingerprintOf(items);
  const rejection = await rejectionOf(row, transaction);
  const facts: ReleaseFacts = {
    isCancelled: row.closedAt !== null,
    isRejected: rejection !== null,
    isApproved: judged.isApproved,
    isFullyDeployed: await isFullyDeployed(loaded, transaction),
    attempt: await newestAttempt(row, fingerprint, transaction),
  };
  return { status: statusAfter(row.status, facts), fingerprint, judged };
}

/**
 * When a deployment of this release brought exactly its present content of each service to an environment and proved it, by
 * service. Services that got something else there since, or the same from elsewhere, are left out.
 */
export async function deployedAt(
  { row, items }: Pick<LoadedRelease, "row" | "items">,
  environment: string,
  transaction: Transaction | null = null,
): Promise<ReadonlyMap<string, Date>> {
  const own = await DeploymentRow.findAll({
    attributes: ["id", "number"],
    where: { releaseId: row.id, environment, kind: "deploy" },
    transaction,
  });
  if (own.length === 0) {
    return new Map();
  }
  const ids = new Map(own.map(({ id, number }) => [number, id]));
  const states = await ServiceStateRow.findAll({
    where: { environment, deployment: [...ids.keys()] },
    transaction,
  });
  const unproven = await DeploymentStepRow.findAll({
    attributes: ["deploymentId", "service"],
    where: {
      deploymentId: [...ids.values()],
      stage: { [Op.ne]: "land" },
      status: { [Op.ne]: "succeeded" },
    },
    transaction,
  });
  const isUnproven = new Set(unproven.map((step) => `${step.deploymentId}/${step.service}`));
  const byService = new Map(
    states
      .filter(
        ({ deployment, service }) => !isUnproven.has(`${ids.get(deployment ?? 0)}/${service}`),
      )
      .map((state) => [state.service, state]),
  );
  return new Map(
    items.flatMap((item): [string, Date][] => {
      const state = byService.get(item.service);
      const isSame =
        state !== undefined &&
        commitsOf(item).some((commit) =>
          isSameVersion(
            { version: item.toVersion, commit, digest: item.digest },
            {
              version: state.recordedVersion,
              commit: state.recordedCommit,
              digest: state.recordedDigest,
            },
          ),
        );
      return isSame ? [[item.service, state.since ?? row.createdAt]] : [];
    }),
  );
}

/** The commits that hold exactly what was signed of an item: its head, and what it landed as. */
function commitsOf(item: ReleaseItemRow): readonly (string | null)[] {
  return isLanded(item) ? [item.headSha, item.landedSha] : [item.headSha];
}

async function isFullyDeployed(
  loaded: LoadedRelease,
  transaction: Transaction | null,
): Promise<boolean> {
  const { targetEnvironment } = loaded.row;
  const included = loaded.items.filter((item) => !item.excluded);
  if (targetEnvironment === null || included.length === 0) {
    return false;
  }
  const deployed = await deployedAt(loaded, targetEnvironment, transaction);
  return included.every((item) => deployed.has(item.service));
}

/** The newest deployment of the release to its target environment, or rollback of one. */
async function newestAttempt(
  row: ReleaseRow,
  fingerprint: string,
  transaction: Transaction | null,
): Promise<ReleaseFacts["attempt"]> {
  if (row.targetEnvironment === null) {
    return null;
  }
  const own = await DeploymentRow.findAll({
    attributes: ["number", "kind", "status", "fingerprint"],
    where: { releaseId: row.id, environment: row.targetEnvironment, kind: "deploy" },
    order: [["number", "DESC"]],
    transaction,
  });
  const newest = own[0];
  if (!newest) {
    return null;
  }
  const rollback = await DeploymentRow.findOne({
    attributes: ["number", "status", "rollbackOf"],
    where: {
      environment: row.targetEnvironment,
      kind: "rollback",
      rollbackOf: own.map(({ number }) => number),
      number: { [Op.gt]: newest.number },
    },
    order: [["number", "DESC"]],
    transaction,
  });
  const tried = rollback ? own.find(({ number }) => number === rollback.rollbackOf) : newest;
  return {
    status: (rollback ?? newest).status,
    isRollback: rollback !== null,
    isSameContent: tried?.fingerprint === fingerprint,
  };
}

/** Tells, once, of the signatures that the change just made cost, each with what changed since it was given. */
async function tellOutdated(
  tx: Tx,
  { row, items }: LoadedRelease,
  judged: SignOffResult,
  { actor, countedBefore }: Settling,
): Promise<void> {
  const outdated = judged.signOffs.flatMap(({ signOff, judgement }) =>
    countedBefore?.has(signOff.id) && judgement.state === "stale"
      ? [{ signOff, delta: judgement.delta }]
      : [],
  );
  if (outdated.length === 0) {
    return;
  }
  const services = outdated.flatMap(({ delta }) => delta.map(({ service }) => service));
  const withCommits = await ReleaseItemRow.findAll({
    attributes: ["service", "commits"],
    where: { releaseId: row.id, service: [...new Set(services)] },
    transaction: tx.sequelize,
  });
  const commits = new Map(withCommits.map((item) => [item.service, item.commits]));
  const histories = items.map((item) => ({
    service: item.service,
    excluded: item.excluded,
    headSha: item.headSha,
    commitCount: item.commitCount,
    commits: commits.get(item.service) ?? [],
  }));
  await tx.emit({
    name: "release.sign_off_outdated",
    payload: {
      number: row.number,
      signOffs: outdated.map(({ signOff, delta }) => ({
        role: signOff.role,
        subject: signOff.signer.subject,
        name: signOff.signer.name,
        changes: describeDelta(delta, histories),
      })),
    },
    actor,
    subject: aboutRelease(row),
  });
}

async function tellStatus(
  tx: Tx,
  row: ReleaseRow,
  before: ReleaseStatus,
  { actor, why }: Settling,
): Promise<void> {
  const { number, status, fingerprint } = row;
  const subject = aboutRelease(row);
  const wasApproved = before === "approved" || before === "failed" || before === "deploying";
  if (status === "approved" && !wasApproved) {
    await tx.emit({ name: "release.approved", payload: { number, fingerprint }, actor, subject });
    return;
  }
  if (wasApproved && (status === "pending" || status === "rejected")) {
    await tx.emit({ name: "release.approval_lost", payload: { number, why }, actor, subject });
    return;
  }
  await tx.emit({
    name: "release.status_changed",
    payload: { number, before, after: status },
    actor,
    subject,
  });
}
