import { createHash } from "node:crypto";
import type { Transaction } from "sequelize";
import { fingerprint, type ContentItem } from "../../core/release.ts";
import {
  DEFAULT_SIGN_OFF_POLICY,
  judgeSignOffs,
  type ReleaseAuthor,
  type SignOff,
  type SignOffFacts,
  type SignOffPolicy,
  type SignOffResult,
} from "../../core/sign-off.ts";
import { ReleaseItemRow } from "../../db/rows/release-item.ts";
import { ReleaseRow } from "../../db/rows/release.ts";
import { SignOffRow, type SignedItem } from "../../db/rows/sign-off.ts";
import type { Tx } from "../../db/unit-of-work.types.ts";
import { ReleaseNotFound } from "../../errors/catalog.ts";
import type { EventSubject } from "../../events/events.ts";
import type { People } from "../people/person-refs.ts";
import type { ReleaseDeps, ReleaseEnvironment } from "./release-deps.ts";

/** A release with what belongs to it. The commits of its items are left out unless they are asked for. */
export interface LoadedRelease {
  readonly row: ReleaseRow;
  readonly items: readonly ReleaseItemRow[];
  readonly signOffs: readonly SignOffRow[];
}

/** Throws ReleaseNotFound. Inside a unit of work the row stays locked until its end, where the database can do that. */
export async function findRelease(number: number, tx?: Tx): Promise<ReleaseRow> {
  const row = await ReleaseRow.findOne({
    where: { number },
    transaction: tx?.sequelize ?? null,
    ...(tx ? { lock: tx.sequelize.LOCK.UPDATE } : {}),
  });
  if (!row) {
    throw new ReleaseNotFound({ release: `#${number}` });
  }
  return row;
}

export async function loadRelease(
  row: ReleaseRow,
  options: { readonly transaction?: Transaction; readonly withCommits?: boolean } = {},
): Promise<LoadedRelease> {
  const transaction = options.transaction ?? null;
  const items = await ReleaseItemRow.findAll({
    ...(options.withCommits ? {} : { attributes: { exclude: ["commits"] } }),
    where: { releaseId: row.id },
    order: [["service", "ASC"]],
    transaction,
  });
  const signOffs = await SignOffRow.findAll({
    where: { releaseId: row.id },
    order: [
      ["signedAt", "ASC"],
      ["id", "ASC"],
    ],
    transaction,
  });
  return { row, items, signOffs };
}

/** What a sign-off of this item signs. */
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

/** The content as a signature keeps it: non-excluded items only. */
export function signedContent(items: readonly ReleaseItemRow[]): readonly SignedItem[] {
  return items
    .filter((item) => !item.excluded)
    .map((item) => ({
      service: item.service,
      repository: item.repository,
      path: item.path,
      headSha: item.headSha,
      version: item.toVersion,
      digest: item.digest,
      patchIdentity: item.patchIdentity,
      commitCount: item.commitCount,
    }));
}

export function fingerprintOf(items: readonly ReleaseItemRow[]): string {
  return fingerprint(items.map(contentOf), (text) =>
    createHash("sha256").update(text).digest("hex"),
  );
}

/** The configured environment the status of the release speaks of; null when there is none (any more). */
export function targetOf(
  deps: Pick<ReleaseDeps, "environments">,
  release: Pick<ReleaseRow, "targetEnvironment">,
): ReleaseEnvironment | null {
  return deps.environments.find(({ name }) => name === release.targetEnvironment) ?? null;
}

/** The policy the release is signed under. */
export function policyOf(
  deps: Pick<ReleaseDeps, "environments">,
  release: Pick<ReleaseRow, "targetEnvironment">,
): SignOffPolicy {
  return targetOf(deps, release)?.signOff ?? DEFAULT_SIGN_OFF_POLICY;
}

/**
 * The policy a deploy to an environment must meet: the environment's own. A release that has no target environment was
 * signed under the default policy, and then both apply.
 */
export function deployPolicy(
  release: Pick<ReleaseRow, "targetEnvironment">,
  environment: Pick<ReleaseEnvironment, "signOff">,
): SignOffPolicy {
  return release.targetEnvironment === null
    ? bothPolicies(DEFAULT_SIGN_OFF_POLICY, environment.signOff)
    : environment.signOff;
}

/** Fulfilled only where both are. */
function bothPolicies(a: SignOffPolicy, b: SignOffPolicy): SignOffPolicy {
  const roles = [...new Set([...Object.keys(a.roles), ...Object.keys(b.roles)])];
  return {
    roles: Object.fromEntries(
      roles.map((role) => [role, Math.max(a.roles[role] ?? 0, b.roles[role] ?? 0)]),
    ),
    oneRolePerPerson: a.oneRolePerPerson || b.oneRolePerPerson,
    carryOver: a.carryOver === "never" ? "never" : b.carryOver,
    creatorMayBeOnly: a.creatorMayBeOnly && b.creatorMayBeOnly,
    authorMayBeOnly: a.authorMayBeOnly && b.authorMayBeOnly,
  };
}

/** Everything the rules about signatures look at. */
export function signOffFacts(
  { row, items, signOffs }: LoadedRelease,
  policy: SignOffPolicy,
  people: People,
  authors: readonly ReleaseAuthor[] = authorsOf(items),
): SignOffFacts {
  return {
    policy,
    signOffs: signOffs.map((signOff) => toSignOff(signOff, people)),
    items: items.map(contentOf),
    creator: people.ref(row.createdBy),
    authors,
  };
}

export function judge(
  loaded: LoadedRelease,
  policy: SignOffPolicy,
  people: People,
  authors?: readonly ReleaseAuthor[],
): SignOffResult {
  return judgeSignOffs(signOffFacts(loaded, policy, people, authors));
}

/** Everybody who wrote or co-wrote what goes out. They are recognised by e-mail, as signers are. */
function authorsOf(items: readonly ReleaseItemRow[]): readonly ReleaseAuthor[] {
  const emails = items
    .filter((item) => !item.excluded)
    .flatMap((item) => item.contributors.map(({ email }) => email.toLowerCase()));
  return [...new Set(emails)].map((email) => ({ subject: null, email }));
}

/** Everybody whose name a judgement needs. */
export function peopleOf({ row, signOffs }: LoadedRelease): readonly (string | null)[] {
  return [
    row.createdBy,
    row.closedBy,
    ...signOffs.flatMap((signOff) => [signOff.subject, signOff.revokedBy]),
  ];
}

/** What events about this release are about. */
export function aboutRelease(release: Pick<ReleaseRow, "number">): EventSubject {
  return { kind: "release", id: String(release.number) };
}

function toSignOff(row: SignOffRow, people: People): SignOff {
  const signer = people.of(row.subject);
  return {
    id: row.id,
    role: row.role,
    signer: { subject: signer.subject, name: signer.name },
    signerEmail: signer.email,
    signedAt: row.signedAt,
    revokedAt: row.revokedAt,
    content: row.content,
  };
}
