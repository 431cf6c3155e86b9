import type { ReleaseKind } from "../../contract/release.ts";
import type { Actor } from "../../core/actor.ts";
import type { CiState, PullRequest } from "../../core/ports/scm.ts";
import {
  ReleaseItemRow,
  type StoredCommit,
  type StoredContributor,
} from "../../db/rows/release-item.ts";
import { ReleaseRow, type StoredProblem } from "../../db/rows/release.ts";
import { indexTexts } from "../../db/search.ts";
import type { Tx } from "../../db/unit-of-work.types.ts";
import { newId } from "../../lib/ids.ts";
import type { ReleaseDeps } from "./release-deps.ts";
import { aboutRelease, fingerprintOf } from "./release-rows.ts";
import { textsOf } from "./release-search.ts";
import { settleRelease } from "./settle-release.ts";

/** One item of a release that is about to be opened. Whatever is left out is not known or does not apply. */
export interface NewItem {
  readonly service: string;
  readonly repository: string;
  readonly provider?: string | null;
  readonly path: string;
  readonly baseSha?: string | null;
  readonly headSha?: string | null;
  readonly mergeBaseSha?: string | null;
  readonly fromVersion?: string | null;
  readonly toVersion?: string | null;
  readonly digest?: string | null;
  readonly commitCount?: number;
  readonly behindCount?: number;
  readonly truncated?: boolean;
  readonly commits?: readonly StoredCommit[];
  readonly contributors?: readonly StoredContributor[];
  readonly fileCount?: number;
  readonly migrations?: readonly string[];
  readonly breaking?: boolean;
  readonly patchIdentity?: string | null;
  readonly pullRequest?: PullRequest | null;
  readonly ci?: CiState | null;
  readonly excludedReason?: string | null;
  readonly excluded?: boolean;
  readonly dependsOn: readonly string[];
  readonly lastChange?: string | null;
}

/** A release that is about to be opened. */
export interface NewRelease {
  readonly kind: ReleaseKind;
  readonly sourceBranch?: string | null;
  readonly destinationBranch?: string | null;
  readonly fromEnvironment?: string | null;
  readonly targetEnvironment: string | null;
  /** From `openKey`; null for releases that may be open side by side. */
  readonly openKey: string | null;
  readonly repositories?: readonly string[] | null;
  readonly notes: string;
  readonly draftNotes: string;
  readonly breakingChanges: string;
  readonly problems?: readonly StoredProblem[];
  readonly diffHash?: string | null;
  readonly items: readonly NewItem[];
}

/** What is the same for releases that may not be open at the same time. */
export function openKey(kind: ReleaseKind, source: string, destination: string): string {
  return JSON.stringify([kind, source, destination]);
}

/**
 * Writes a new release with its items and settles its status. Throws Sequelize's `UniqueConstraintError` when a release
 * with the same `openKey` was opened in the meantime.
 */
export async function openRelease(
  deps: Pick<ReleaseDeps, "environments" | "clock">,
  tx: Tx,
  actor: Actor,
  release: NewRelease,
): Promise<ReleaseRow> {
  const now = deps.clock.now();
  const id = newId();
  const items = release.items.map((item) => itemRow(id, item));
  const row = await ReleaseRow.create(
    {
      id,
      number: await tx.nextNumber("release"),
      kind: release.kind,
      status: "pending",
      sourceBranch: release.sourceBranch ?? null,
      destinationBranch: release.destinationBranch ?? null,
      fromEnvironment: release.fromEnvironment ?? null,
      targetEnvironment: release.targetEnvironment,
      openKey: release.openKey,
      repositories: release.repositories ?? null,
      fingerprint: fingerprintOf(items.map((item) => ReleaseItemRow.build(item))),
      notes: release.notes,
      breakingChanges: release.breakingChanges,
      draftNotes: release.draftNotes,
      problems: release.problems ?? [],
      lastChanges: [],
      diffHash: release.diffHash ?? null,
      createdBy: actor.subject,
      createdAt: now,
      refreshedAt: now,
      version: 1,
    },
    { transaction: tx.sequelize },
  );
  await ReleaseItemRow.bulkCreate(items, { transaction: tx.sequelize });
  await indexTexts(tx.sequelize, "release", id, textsOf(row, items));
  await tx.emit({
    name: "release.created",
    payload: {
      number: row.number,
      source: release.sourceBranch ?? release.fromEnvironment ?? "",
      destination: release.destinationBranch ?? release.targetEnvironment ?? "",
      items: items.length,
    },
    actor,
    subject: aboutRelease(row),
  });
  await settleRelease(deps, tx, id, { actor, why: "" });
  return row;
}

/** Every column of an item, for a new row. */
export function itemRow(releaseId: string, item: NewItem) {
  return {
    id: newId(),
    releaseId,
    service: item.service,
    repository: item.repository,
    provider: item.provider ?? null,
    path: item.path,
    baseSha: item.baseSha ?? null,
    headSha: item.headSha ?? null,
    mergeBaseSha: item.mergeBaseSha ?? null,
    fromVersion: item.fromVersion ?? null,
    toVersion: item.toVersion ?? null,
    digest: item.digest ?? null,
    commitCount: item.commitCount ?? 0,
    behindCount: item.behindCount ?? 0,
    truncated: item.truncated ?? false,
    commits: item.commits ?? [],
    contributors: item.contributors ?? [],
    fileCount: item.fileCount ?? 0,
    migrations: item.migrations ?? [],
    breaking: item.breaking ?? false,
    patchIdentity: item.patchIdentity ?? null,
    pullRequest: item.pullRequest ?? null,
    ci: item.ci ?? null,
    excluded: item.excluded ?? false,
    excludedReason: item.excludedReason ?? null,
    dependsOn: item.dependsOn,
    lastChange: item.lastChange ?? null,
    landedAt: null,
    landedSha: null,
    landedHead: null,
  };
}
