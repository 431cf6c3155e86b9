import type { Ability, PersonRef, RequirementView } from "../../contract/common.ts";
import type {
  DeployOrderView,
  ReleaseAbilities,
  ReleaseItemView,
  ReleaseSummary,
  ReleaseView,
  RoleProgress,
  SignOffView,
} from "../../contract/release.ts";
import type { DeployOrder } from "../../core/deploy-order.ts";
import type { RequirementAnswer } from "../../core/requirements/requirement.ts";
import type { JudgedSignOff, SignOffPolicy, SignOffResult } from "../../core/sign-off.ts";
import type { DeploymentRow } from "../../db/rows/deployment.ts";
import type { ReleaseItemRow } from "../../db/rows/release-item.ts";
import type { ReleaseRow } from "../../db/rows/release.ts";
import type { SignOffRow } from "../../db/rows/sign-off.ts";
import type { People } from "../people/person-refs.ts";
import { describeDelta } from "./describe-changes.ts";
import type { LoadedRelease } from "./release-rows.ts";
import type { StandingRejection } from "./standing-rejection.ts";

/** Everything a release is shown from. */
export interface ReleasePicture {
  readonly loaded: LoadedRelease;
  readonly baseUrl: string;
  readonly people: People;
  readonly policy: SignOffPolicy;
  readonly judged: SignOffResult;
  readonly order: DeployOrder;
  readonly eligible: Readonly<Record<string, readonly PersonRef[]>>;
  /** Why nobody could ever fulfil the policy; null when somebody can. */
  readonly unsatisfiable: string | null;
  readonly rejection: StandingRejection | null;
  readonly requirements: readonly RequirementView[];
  readonly abilities: ReleaseAbilities;
  readonly deployments: readonly DeploymentRow[];
  readonly deployedAt: ReadonlyMap<string, Date>;
  readonly missingPullRequests: readonly string[];
}

export function presentRelease(picture: ReleasePicture): ReleaseView {
  const { loaded, people, policy, judged, order, rejection } = picture;
  const { row, items } = loaded;
  const waveOf = wavesByService(order);
  return {
    ...presentSummary({
      row,
      itemCount: items.filter((item) => !item.excluded).length,
      commitCount: countCommits(items),
      judged,
      people,
      baseUrl: picture.baseUrl,
    }),
    version: row.version,
    fingerprint: row.fingerprint,
    notes: row.notes,
    breakingChanges: row.breakingChanges,
    draftNotes: row.draftNotes,
    refreshedAt: row.refreshedAt.toISOString(),
    lastChanges: [...row.lastChanges],
    problems: row.problems.map((problem) => ({ ...problem })),
    items: items.map((item) => presentItem(item, waveOf, picture.deployedAt)).sort(inDeployOrder),
    missingPullRequests: [...picture.missingPullRequests],
    policy: {
      roles: { ...policy.roles },
      oneRolePerPerson: policy.oneRolePerPerson,
      carryOver: policy.carryOver,
    },
    signOffs: presentSignOffs(loaded, judged, people),
    progress: presentProgress(judged, policy, people, picture.eligible),
    rejection: rejection && {
      person: people.ref(rejection.subject),
      reason: rejection.reason,
      rejectedAt: rejection.rejectedAt.toISOString(),
    },
    unsatisfiable: picture.unsatisfiable,
    order: presentOrder(order),
    requirements: [...picture.requirements],
    abilities: picture.abilities,
    deployments: picture.deployments.map((deployment) => ({
      number: deployment.number,
      environment: deployment.environment,
      kind: deployment.kind,
      status: deployment.status,
      startedAt: iso(deployment.startedAt),
      finishedAt: iso(deployment.finishedAt),
    })),
    closed:
      row.closedAt !== null
        ? {
            by: people.ref(row.closedBy ?? row.createdBy),
            at: row.closedAt.toISOString(),
            reason: row.closedReason ?? "",
          }
        : null,
  };
}

/** A line of a list. */
export function presentSummary({
  row,
  itemCount,
  commitCount,
  judged,
  people,
  baseUrl,
}: {
  readonly row: ReleaseRow;
  readonly itemCount: number;
  readonly commitCount: number;
  readonly judged: SignOffResult;
  readonly people: People;
  readonly baseUrl: string;
}): ReleaseSummary {
  return {
    number: row.number,
    kind: row.kind,
    status: row.status,
    sourceBranch: row.sourceBranch,
    destinationBranch: row.destinationBranch,
    fromEnvironment: row.fromEnvironment,
    targetEnvironment: row.targetEnvironment,
    itemCount,
    commitCount,
    roles: judged.roles.map(({ role, needed, have }) => ({ role, needed, have })),
    createdBy: people.ref(row.createdBy),
    createdAt: row.createdAt.toISOString(),
    url: `${baseUrl}/releases/${row.number}`,
  };
}

export function presentOrder(order: DeployOrder): DeployOrderView {
  const texts = (level: "note" | "warning") =>
    order.notes.filter((note) => note.level === level).map(({ text }) => text);
  return {
    waves: order.waves.map(({ services }) => [...services]),
    cycle: order.cycle && [...order.cycle],
    notes: texts("note"),
    warnings: texts("warning"),
  };
}

/** One line per gate that is met and one per thing in the way; gates that do not apply are left out. */
export function presentRequirements(
  answers: readonly RequirementAnswer[],
): readonly RequirementView[] {
  return answers.flatMap(({ requirement: id, outcome }): RequirementView[] => {
    switch (outcome.state) {
      case "met":
        return [{ id, met: true, code: id, reason: null, remedy: null }];
      case "unmet":
        return outcome.refusals.map(({ code, reason, remedy, url }) => ({
          id,
          met: false,
          code,
          reason,
          remedy,
          ...(url === undefined ? {} : { url }),
        }));
      case "not_applicable":
        return [];
    }
  });
}

/** Everything in the way as one ability, in the words of the refusal. */
export function abilityFrom(refusals: readonly { reason: string; remedy: string }[]): Ability {
  return refusals.length === 0
    ? { allowed: true, reason: null, remedy: null }
    : {
        allowed: false,
        reason: refusals.map(({ reason }) => reason).join(" "),
        remedy: [...new Set(refusals.map(({ remedy }) => remedy))].join(" "),
      };
}

/** Commits of the release; services of one repository share theirs, so each repository counts once. */
export function countCommits(
  items: readonly Pick<ReleaseItemRow, "repository" | "commitCount" | "excluded">[],
): number {
  const counts = new Map(
    items.filter((item) => !item.excluded).map((item) => [item.repository, item.commitCount]),
  );
  return [...counts.values()].reduce((sum, count) => sum + count, 0);
}

function presentItem(
  item: ReleaseItemRow,
  waveOf: ReadonlyMap<string, number>,
  deployedAt: ReadonlyMap<string, Date>,
): ReleaseItemView {
  return {
    id: item.id,
    service: item.service,
    repository: item.repository,
    path: item.path,
    baseSha: item.baseSha,
    headSha: item.headSha,
    fromVersion: item.fromVersion,
    toVersion: item.toVersion,
    commitCount: item.commitCount,
    commits: item.commits.map((commit) => ({
      ...commit,
      authors: commit.authors.map((author) => ({ ...author })),
    })),
    truncated: item.truncated,
    contributors: item.contributors.map((contributor) => ({ ...contributor })),
    fileCount: item.fileCount,
    pullRequest: item.pullRequest && { ...item.pullRequest },
    ci: item.ci && { ...item.ci },
    breaking: item.breaking,
    migrations: [...item.migrations],
    excluded: item.excluded,
    excludedReason: item.excludedReason,
    dependsOn: [...item.dependsOn],
    wave: waveOf.get(item.service) ?? null,
    deployedAt: iso(deployedAt.get(item.service)),
    landedAt: iso(item.landedAt),
    lastChange: item.lastChange,
  };
}

function presentSignOffs(
  { signOffs, items }: LoadedRelease,
  judged: SignOffResult,
  people: People,
): SignOffView[] {
  const judgements = new Map(judged.signOffs.map((one) => [one.signOff.id, one]));
  const histories = items.map((item) => ({ ...item.get(), headSha: item.headSha }));
  return signOffs.map((signOff) => ({
    id: signOff.id,
    role: signOff.role,
    person: people.ref(signOff.subject),
    signedAt: signOff.signedAt.toISOString(),
    fingerprint: signOff.fingerprint,
    ...presentJudgement(judgements.get(signOff.id), histories),
    byAuthor: signOff.byAuthor,
    via: signOff.platform,
    revokedAt: iso(signOff.revokedAt),
    revokedBy: revoker(signOff, people),
  }));
}

function presentJudgement(
  judged: JudgedSignOff | undefined,
  histories: Parameters<typeof describeDelta>[1],
): Pick<SignOffView, "state" | "changesSince"> {
  const judgement = judged?.judgement;
  switch (judgement?.state) {
    case "counts":
      return { state: "counts", changesSince: [] };
    case "revoked":
    case undefined:
      return { state: "revoked", changesSince: [] };
    case "stale":
      return { state: "stale", changesSince: [...describeDelta(judgement.delta, histories)] };
    case "superseded":
      return {
        state: "stale",
        changesSince: [
          judgement.why === "signed_again"
            ? "another signature of the same person in this role speaks for them"
            : "the same person fills another role",
        ],
      };
    case "irrelevant_role":
      return { state: "stale", changesSince: ["the policy does not ask for this role"] };
  }
}

function presentProgress(
  judged: SignOffResult,
  policy: SignOffPolicy,
  people: People,
  eligible: Readonly<Record<string, readonly PersonRef[]>>,
): RoleProgress[] {
  return judged.roles.map(({ role, needed, have, by }) => {
    const taken = new Set(
      judged.roles
        .filter((other) => policy.oneRolePerPerson || other.role === role)
        .flatMap((other) => other.by.map(({ subject }) => subject)),
    );
    return {
      role,
      needed,
      have,
      signedBy: by.map(({ subject }) => people.ref(subject)),
      eligible: (eligible[role] ?? []).filter(({ subject }) => !taken.has(subject)),
    };
  });
}

function revoker(signOff: SignOffRow, people: People): PersonRef | null {
  return signOff.revokedBy === null ? null : people.ref(signOff.revokedBy);
}

function wavesByService(order: DeployOrder): ReadonlyMap<string, number> {
  return new Map(
    order.waves.flatMap(({ number, services }) =>
      services.map((service): [string, number] => [service, number]),
    ),
  );
}

function iso(at: Date | null | undefined): string | null {
  return at?.toISOString() ?? null;
}

/** Refusals about the policy as one sentence each, with what to do. */
export function unsatisfiableText(
  refusals: readonly { readonly reason: string; readonly remedy: string }[],
): string | null {
  return refusals.length === 0
    ? null
    : refusals.map(({ reason, remedy }) => `${reason} ${remedy}`).join(" ");
}

/** Waves first; what has no place in the order (excluded, or in a cycle) comes last. */
function inDeployOrder(one: ReleaseItemView, other: ReleaseItemView): number {
  return (
    (one.wave ?? Number.MAX_SAFE_INTEGER) - (other.wave ?? Number.MAX_SAFE_INTEGER) ||
    one.service.localeCompare(other.service, "en")
  );
}
