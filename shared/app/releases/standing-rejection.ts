import { Op, type Transaction } from "sequelize";
import { RejectionRow } from "../../db/rows/rejection.ts";
import { ReleaseItemRow } from "../../db/rows/release-item.ts";
import { ReleaseRow } from "../../db/rows/release.ts";

/** A rejection that was not lifted, as it bears on some content. */
export interface StandingRejection {
  readonly id: string;
  /** Number of the release it was said about. */
  readonly release: number;
  readonly subject: string;
  readonly reason: string;
  readonly rejectedAt: Date;
  /** Services whose commits it names; empty where it is about the release itself. */
  readonly services: readonly string[];
}

/** The commits one service would bring. */
export interface BroughtCommits {
  readonly service: string;
  readonly repository: string;
  readonly headSha: string | null;
  readonly commits: readonly { readonly sha: string }[];
}

/** The newest rejection of the release itself that stands; null when there is none. */
export async function ownRejection(
  release: Pick<ReleaseRow, "id" | "number">,
  transaction: Transaction | null = null,
): Promise<StandingRejection | null> {
  const row = await RejectionRow.findOne({
    where: { releaseId: release.id, liftedAt: null },
    order: [["rejectedAt", "DESC"]],
    transaction,
  });
  return row
    ? {
        id: row.id,
        release: release.number,
        subject: row.subject,
        reason: row.reason,
        rejectedAt: row.rejectedAt,
        services: [],
      }
    : null;
}

/**
 * The rejection that keeps a release from going out: its own, or that of another release with commits this one carries too.
 * Null when there is none. Costs one query unless rejections stand.
 */
export async function rejectionOf(
  release: Pick<ReleaseRow, "id" | "number">,
  transaction: Transaction | null = null,
): Promise<StandingRejection | null> {
  const own = await ownRejection(release, transaction);
  if (own) {
    return own;
  }
  const standing = await RejectionRow.count({ where: { liftedAt: null }, transaction });
  if (standing === 0) {
    return null;
  }
  const items = await ReleaseItemRow.findAll({
    attributes: ["service", "repository", "headSha", "commits"],
    where: { releaseId: release.id, excluded: false },
    transaction,
  });
  return rejectionOfCommits(
    items.map(({ service, repository, headSha, commits }) => ({
      service,
      repository,
      headSha: headSha ?? null,
      commits,
    })),
    transaction,
  );
}

/** The newest standing rejection that names any of these commits; null when there is none. */
export async function rejectionOfCommits(
  brought: readonly BroughtCommits[],
  transaction: Transaction | null = null,
): Promise<StandingRejection | null> {
  const rows = await RejectionRow.findAll({
    where: { liftedAt: null },
    order: [["rejectedAt", "DESC"]],
    transaction,
  });
  for (const row of rows) {
    const rejected = new Set(row.commits.map(({ repository, sha }) => key(repository, sha)));
    const services = brought
      .filter(({ repository, headSha, commits }) =>
        [headSha, ...commits.map(({ sha }) => sha)].some(
          (sha) => sha !== null && rejected.has(key(repository, sha)),
        ),
      )
      .map(({ service }) => service);
    if (services.length > 0) {
      const release = await ReleaseRow.findByPk(row.releaseId, {
        attributes: ["number"],
        transaction,
      });
      return {
        id: row.id,
        release: release?.number ?? 0,
        subject: row.subject,
        reason: row.reason,
        rejectedAt: row.rejectedAt,
        services,
      };
    }
  }
  return null;
}

/** Numbers of other open releases that carry something of these repositories: a rejection may concern them. */
export async function openReleasesWith(
  repositories: readonly string[],
  except: string,
  transaction: Transaction,
): Promise<readonly number[]> {
  const items = await ReleaseItemRow.findAll({
    attributes: ["releaseId"],
    where: {
      repository: [...new Set(repositories)],
      excluded: false,
      releaseId: { [Op.ne]: except },
    },
    group: ["releaseId"],
    transaction,
  });
  const releases = await ReleaseRow.findAll({
    attributes: ["number"],
    where: {
      id: items.map(({ releaseId }) => releaseId),
      status: ["pending", "approved", "failed", "rolled_back", "rejected"],
    },
    order: [["number", "ASC"]],
    transaction,
  });
  return releases.map(({ number }) => number);
}

function key(repository: string, sha: string): string {
  return `${repository}\0${sha}`;
}
