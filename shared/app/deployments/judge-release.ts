import type { Transaction } from "sequelize";
import type { DeployFacts } from "../../core/requirements/requirement.ts";
import type { ContentItem } from "../../core/release.ts";
import {
  DEFAULT_SIGN_OFF_POLICY,
  judgeSignOffs,
  type ReleaseAuthor,
  type SignOffPolicy,
  type SignOffResult,
} from "../../core/sign-off.ts";
import { PersonRow } from "../../db/rows/person.ts";
import { RejectionRow } from "../../db/rows/rejection.ts";
import { ReleaseRow } from "../../db/rows/release.ts";
import type { ReleaseItemRow } from "../../db/rows/release-item.ts";
import { SignOffRow } from "../../db/rows/sign-off.ts";
import type { EnvironmentSettings } from "../environments/environment-settings.ts";
import { personRefs } from "./person-refs.ts";

/** What a row of a release item says a sign-off signs. */
export function contentOf(item: ReleaseItemRow): ContentItem {
  return {
    service: item.service,
    repository: item.repository,
    path: item.path,
    headSha: item.headSha,
    version: item.toVersion,
    digest: item.digest,
    patchIdentity: item.patchIdentity,
    isExcluded: item.excluded,
  };
}

/**
 * The policy a deploy must meet: the environment's own. A release whose status speaks of no environment was signed under the
 * default policy, and then both apply.
 */
export function policyFor(
  release: Pick<ReleaseRow, "targetEnvironment">,
  environment: Pick<EnvironmentSettings, "signOff"> | null,
): SignOffPolicy {
  if (environment === null) {
    return DEFAULT_SIGN_OFF_POLICY;
  }
  return release.targetEnvironment === null
    ? stricter(DEFAULT_SIGN_OFF_POLICY, environment.signOff)
    : environment.signOff;
}

/** Fulfilled only where both are. */
function stricter(a: SignOffPolicy, b: SignOffPolicy): SignOffPolicy {
  const roles: Record<string, number> = { ...a.roles };
  for (const [role, count] of Object.entries(b.roles)) {
    roles[role] = Math.max(count, roles[role] ?? 0);
  }
  return {
    roles,
    oneRolePerPerson: a.oneRolePerPerson || b.oneRolePerPerson,
    carryOver: a.carryOver === "never" || b.carryOver === "never" ? "never" : "same-diff",
    creatorMayBeOnly: a.creatorMayBeOnly && b.creatorMayBeOnly,
    authorMayBeOnly: a.authorMayBeOnly && b.authorMayBeOnly,
  };
}

/** Which signatures count for the content the release has now, under `policy`. */
export async function judgeRelease(
  release: ReleaseRow,
  items: readonly ReleaseItemRow[],
  policy: SignOffPolicy,
  transaction: Transaction | null = null,
): Promise<SignOffResult> {
  const rows = await SignOffRow.findAll({
    where: { releaseId: release.id },
    order: [
      ["signedAt", "ASC"],
      ["id", "ASC"],
    ],
    transaction,
  });
  const authors = await authorsOf(items, transaction);
  const emails = new Map(
    (
      await PersonRow.findAll({
        where: { subject: [...new Set(rows.map((row) => row.subject))] },
        attributes: ["subject", "email"],
        transaction,
      })
    ).map((person) => [person.subject, person.email]),
  );
  const nameOf = await personRefs(
    [release.createdBy, ...rows.map((row) => row.subject)],
    transaction,
  );
  return judgeSignOffs({
    policy,
    signOffs: rows.map((row) => ({
      id: row.id,
      role: row.role,
      signer: { subject: row.subject, name: nameOf(row.subject).name },
      signerEmail: emails.get(row.subject) ?? null,
      signedAt: row.signedAt,
      revokedAt: row.revokedAt,
      content: row.content,
    })),
    items: items.map(contentOf),
    creator: { subject: release.createdBy, name: nameOf(release.createdBy).name },
    authors,
  });
}

async function authorsOf(
  items: readonly ReleaseItemRow[],
  transaction: Transaction | null,
): Promise<readonly ReleaseAuthor[]> {
  const emails = new Set(
    items
      .filter((item) => !item.excluded)
      .flatMap((item) => item.contributors.map(({ email }) => email.toLowerCase())),
  );
  if (emails.size === 0) {
    return [];
  }
  const people = await PersonRow.findAll({ attributes: ["subject", "email"], transaction });
  const subjects = new Map(people.map(({ subject, email }) => [email?.toLowerCase(), subject]));
  return [...emails].map((email) => ({ email, subject: subjects.get(email) ?? null }));
}

/** The rejection in force of this release or of any commit it would bring, wherever it was made. */
export async function standingRejection(
  release: ReleaseRow,
  items: readonly ReleaseItemRow[],
  transaction: Transaction | null = null,
): Promise<DeployFacts["release"]["rejection"]> {
  const standing = await RejectionRow.findAll({
    where: { liftedAt: null },
    order: [["rejectedAt", "DESC"]],
    transaction,
  });
  const brought = new Set(
    items.filter((item) => !item.excluded).map((item) => `${item.repository} ${item.headSha}`),
  );
  const found = standing.find(
    (row) =>
      row.releaseId === release.id ||
      row.commits.some(({ repository, sha }) => brought.has(`${repository} ${sha}`)),
  );
  if (!found) {
    return null;
  }
  const [nameOf, rejected] = await Promise.all([
    personRefs([found.subject], transaction),
    found.releaseId === release.id
      ? release
      : ReleaseRow.findByPk(found.releaseId, { attributes: ["number"], transaction }),
  ]);
  return {
    release: rejected?.number ?? release.number,
    by: nameOf(found.subject).name,
    reason: found.reason,
  };
}
