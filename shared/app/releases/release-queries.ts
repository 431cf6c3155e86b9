import { Op, type WhereOptions } from "sequelize";
import type { AuditEntry } from "../../contract/audit.ts";
import type { Page, PageQuery, RequirementView } from "../../contract/common.ts";
import type { ReleaseQuery, ReleaseSummary, ReleaseView } from "../../contract/release.ts";
import type { Actor } from "../../core/actor.ts";
import { checkRequirements, refusalsOf } from "../../core/requirements/index.ts";
import { findUnsatisfiable, type SignOffPolicy } from "../../core/sign-off.ts";
import { DeploymentRow } from "../../db/rows/deployment.ts";
import { EventRow } from "../../db/rows/event.ts";
import { PersonRow } from "../../db/rows/person.ts";
import { ReleaseItemRow } from "../../db/rows/release-item.ts";
import { ReleaseRow } from "../../db/rows/release.ts";
import { SignOffRow } from "../../db/rows/sign-off.ts";
import { matching } from "../../db/search.ts";
import { EnvironmentMissing } from "../../errors/catalog.ts";
import { requireToRead } from "../access.ts";
import { presentAuditEntry } from "../audit/present-audit-entry.ts";
import { loadPeople } from "../people/person-refs.ts";
import { activeDeploymentOf } from "./change-release.ts";
import { deployFacts, orderOf } from "./gather-release-facts.ts";
import { missingPullRequests } from "./open-pull-requests.ts";
import {
  countCommits,
  presentRelease,
  presentRequirements,
  presentSummary,
  unsatisfiableText,
} from "./present-release.ts";
import { releaseAbilities } from "./release-abilities.ts";
import type { EnvironmentFacts } from "./environment-facts.ts";
import type { ReleaseDeps, ReleaseEnvironment } from "./release-deps.ts";
import {
  findRelease,
  judge,
  loadRelease,
  peopleOf,
  policyOf,
  signOffFacts,
  targetOf,
  type LoadedRelease,
} from "./release-rows.ts";
import { deployedAt } from "./settle-release.ts";
import { signOffScope } from "./sign-off-rights.ts";
import { rejectionOf } from "./standing-rejection.ts";

/** Deployments shown with a release, newest first. */
const SHOWN_DEPLOYMENTS = 50;

const NO_ENVIRONMENT_FACTS: EnvironmentFacts = {
  hasTarget: false,
  lock: null,
  hold: null,
  activeDeployment: null,
};
/** Gates that say something only where there is an environment. */
const ABOUT_ENVIRONMENTS: ReadonlySet<string> = new Set([
  "target-configured",
  "not-locked",
  "not-on-hold",
  "no-active-deployment",
]);

/** A release as the actor sees it. Asks only our own tables. Throws ReleaseNotFound, PermissionDenied. */
export async function viewRelease(
  deps: ReleaseDeps,
  actor: Actor,
  number: number,
): Promise<ReleaseView> {
  requireToRead(actor, "release.read");
  const row = await findRelease(number);
  const loaded = await loadRelease(row, { withCommits: true });
  const policy = policyOf(deps, row);
  const target = targetOf(deps, row);
  const [order, rejection, scope, activeDeployment, deployments, deployed, here] =
    await Promise.all([
      orderOf(loaded.items),
      rejectionOf(row),
      signOffScope(row, loaded.items),
      activeDeploymentOf(row),
      deploymentsOf(row),
      target ? deployedAt(loaded, target.name) : new Map<string, Date>(),
      target ? deps.environmentFacts(target.name) : NO_ENVIRONMENT_FACTS,
    ]);
  const [people, eligible] = await Promise.all([
    loadPeople([...peopleOf(loaded), rejection?.subject]),
    deps.eligiblePeople(Object.keys(policy.roles), scope),
  ]);
  const facts = signOffFacts(loaded, policy, people);
  const read = { people, order, rejection, eligible, here, deployed };
  const answers = checkRequirements(
    deployFacts(loaded, { environment: target ?? nowhere(policy), actor }, read),
  ).filter(({ requirement }) => target !== null || !ABOUT_ENVIRONMENTS.has(requirement));

  return presentRelease({
    loaded,
    baseUrl: deps.baseUrl(),
    people,
    policy,
    judged: judge(loaded, policy, people),
    order,
    eligible,
    unsatisfiable: unsatisfiableText(findUnsatisfiable(policy, eligible, facts)),
    rejection,
    requirements: [
      ...presentRequirements(answers),
      ...(target ? [] : [environmentRequirement(number)]),
    ],
    abilities: releaseAbilities({
      loaded,
      actor,
      scms: deps.scms,
      activeDeployment,
      rejection,
      policy,
      signOffs: facts,
      scope,
      eligible,
      refusals: target && refusalsOf(answers),
    }),
    deployments,
    deployedAt: deployed,
    missingPullRequests: missingPullRequests(deps.scms, row, loaded.items),
  });
}

/**
 * Releases, newest first, by a handful of queries however long the page is: commits are not read. `text` is a
 * number or words, each the beginning of one in branches, environments, services, repositories or titles of commits. Throws PermissionDenied.
 */
export async function listReleases(
  deps: ReleaseDeps,
  actor: Actor,
  query: ReleaseQuery,
): Promise<Page<ReleaseSummary>> {
  requireToRead(actor, "release.read");
  const conditions = await conditionsOf(query);
  const filter = { [Op.and]: conditions };
  const [total, rows] = await Promise.all([
    ReleaseRow.count({ where: filter }),
    ReleaseRow.findAll({
      attributes: {
        exclude: ["notes", "draftNotes", "breakingChanges", "problems", "lastChanges"],
      },
      where: filter,
      order: [["number", "DESC"]],
      limit: query.limit,
      offset: query.offset,
    }),
  ]);
  const releaseId = rows.map(({ id }) => id);
  const [items, signOffs] = await Promise.all([
    ReleaseItemRow.findAll({ attributes: [...LISTED_COLUMNS], where: { releaseId } }),
    SignOffRow.findAll({ where: { releaseId } }),
  ]);
  const people = await loadPeople([
    ...rows.map(({ createdBy }) => createdBy),
    ...signOffs.map(({ subject }) => subject),
  ]);
  const itemsOf = byRelease(items);
  const signOffsOf = byRelease(signOffs);
  return {
    total,
    items: rows.map((row) => {
      const loaded: LoadedRelease = {
        row,
        items: itemsOf.get(row.id) ?? [],
        signOffs: signOffsOf.get(row.id) ?? [],
      };
      return presentSummary({
        row,
        itemCount: loaded.items.filter((item) => !item.excluded).length,
        commitCount: countCommits(loaded.items),
        // Who wrote the commits says whether it is approved, which the status tells already.
        judged: judge(loaded, policyOf(deps, row), people, []),
        people,
        baseUrl: deps.baseUrl(),
      });
    }),
  };
}

/** Every fact about a release and its deployments, oldest first. Throws ReleaseNotFound, PermissionDenied. */
export async function releaseHistory(
  actor: Actor,
  number: number,
  page: PageQuery,
): Promise<Page<AuditEntry>> {
  requireToRead(actor, "release.read");
  const release = await findRelease(number);
  const deployments = await DeploymentRow.findAll({
    attributes: ["number"],
    where: { releaseId: release.id },
  });
  const { rows, count } = await EventRow.findAndCountAll({
    where: {
      [Op.or]: [
        { subjectKind: "release", subjectId: String(number) },
        {
          subjectKind: "deployment",
          subjectId: deployments.map((deployment) => String(deployment.number)),
        },
      ],
    },
    order: [["seq", "ASC"]],
    limit: page.limit,
    offset: page.offset,
  });
  return { total: count, items: rows.map(presentAuditEntry) };
}

/** What a line of the list needs of an item: enough to judge signatures, and no commits. */
const LISTED_COLUMNS = [
  "id",
  "releaseId",
  "service",
  "repository",
  "path",
  "headSha",
  "toVersion",
  "digest",
  "patchIdentity",
  "excluded",
  "commitCount",
] as const;

async function conditionsOf(query: ReleaseQuery): Promise<WhereOptions[]> {
  const conditions: WhereOptions[] = [];
  switch (query.status) {
    case undefined:
      break;
    case "open":
      conditions.push({
        status: ["pending", "approved", "deploying", "failed", "rolled_back", "rejected"],
      });
      break;
    case "closed":
      conditions.push({ status: ["deployed", "cancelled"] });
      break;
    default:
      conditions.push({ status: query.status });
  }
  if (query.source !== undefined) {
    conditions.push({
      [Op.or]: [{ sourceBranch: query.source }, { fromEnvironment: query.source }],
    });
  }
  if (query.destination !== undefined) {
    conditions.push({
      [Op.or]: [{ destinationBranch: query.destination }, { targetEnvironment: query.destination }],
    });
  }
  if (query.environment !== undefined) {
    conditions.push({ targetEnvironment: query.environment });
  }
  if (query.creator !== undefined) {
    const people = await PersonRow.findAll({
      attributes: ["subject"],
      where: { username: query.creator },
    });
    conditions.push({ createdBy: [query.creator, ...people.map(({ subject }) => subject)] });
  }
  const text = query.text?.trim();
  if (text) {
    conditions.push(textCondition(text));
  }
  return conditions;
}

/** A number, or words that a release was indexed by. Nothing is found by a text that is neither. */
function textCondition(text: string): WhereOptions {
  const number = /^#?(\d{1,9})$/.exec(text)?.[1];
  const found = matching("release", text);
  return {
    [Op.or]: [
      ...(number === undefined ? [] : [{ number: Number(number) }]),
      { id: { [Op.in]: found ?? [] } },
    ],
  };
}

function byRelease<T extends { readonly releaseId: string }>(
  rows: readonly T[],
): ReadonlyMap<string, readonly T[]> {
  const groups = new Map<string, T[]>();
  for (const row of rows) {
    const group = groups.get(row.releaseId);
    if (group) {
      group.push(row);
    } else {
      groups.set(row.releaseId, [row]);
    }
  }
  return groups;
}

async function deploymentsOf(release: ReleaseRow): Promise<readonly DeploymentRow[]> {
  return DeploymentRow.findAll({
    attributes: ["number", "environment", "kind", "status", "startedAt", "finishedAt"],
    where: { releaseId: release.id },
    order: [["number", "DESC"]],
    limit: SHOWN_DEPLOYMENTS,
  });
}

/** Stands in for the environment of a release that has none: its gates about the release itself still answer. */
function nowhere(signOff: SignOffPolicy): ReleaseEnvironment {
  return { name: "its environment", branch: null, signOff, land: "off" };
}

function environmentRequirement(number: number): RequirementView {
  const missing = new EnvironmentMissing({ number });
  return {
    id: "target-environment",
    met: false,
    code: missing.code,
    reason: missing.message,
    remedy: missing.remedy ?? null,
  };
}
