import type { Actor } from "../../core/actor.ts";
import { isClosed } from "../../core/release.ts";
import { RejectionRow } from "../../db/rows/rejection.ts";
import { ReleaseItemRow } from "../../db/rows/release-item.ts";
import type { ReleaseRow } from "../../db/rows/release.ts";
import type { AppError } from "../../errors/app-error.ts";
import { ReleaseClosed } from "../../errors/catalog.ts";
import { newId } from "../../lib/ids.ts";
import { requireToChange } from "../access.ts";
import { changeRelease } from "./change-release.ts";
import type { ReleaseDeps } from "./release-deps.ts";
import { aboutRelease, findRelease } from "./release-rows.ts";
import { storableReason } from "./release-texts.ts";
import { settleRelease } from "./settle-release.ts";
import { openReleasesWith, ownRejection } from "./standing-rejection.ts";

/** Why a release cannot be rejected; null when it can. */
export function rejectObstacle(release: Pick<ReleaseRow, "number" | "status">): AppError | null {
  const { number, status } = release;
  return isClosed(status) ? new ReleaseClosed({ number, status, action: "rejected" }) : null;
}

/**
 * Stops a release, with the reason. Its commits cannot go out in any release until the rejection is lifted; other open
 * releases with commits of the same repositories are looked at again. Rejecting twice keeps the first reason.
 *
 * @throws ReleaseNotFound, PermissionDenied, InputInvalid, InputTooLarge, ReleaseClosed
 */
export async function rejectRelease(
  deps: ReleaseDeps,
  actor: Actor,
  number: number,
  text: string,
): Promise<void> {
  const release = await findRelease(number);
  const environment = release.targetEnvironment ?? undefined;
  const subject = aboutRelease(release);
  await requireToChange(deps.uow, actor, "release.reject", { environment }, subject);
  const reason = storableReason(text);

  await changeRelease(deps, number, async (tx, row, claim) => {
    const obstacle = rejectObstacle(row);
    if (obstacle) {
      throw obstacle;
    }
    const transaction = tx.sequelize;
    if (await ownRejection(row, transaction)) {
      return;
    }
    const items = await ReleaseItemRow.findAll({
      attributes: ["repository", "headSha", "commits"],
      where: { releaseId: row.id, excluded: false },
      transaction,
    });
    await claim();
    await RejectionRow.create(
      {
        id: newId(),
        releaseId: row.id,
        subject: actor.subject,
        reason,
        commits: rejectedCommits(items),
        rejectedAt: deps.clock.now(),
      },
      { transaction },
    );
    await tx.emit({ name: "release.rejected", payload: { number, reason }, actor, subject });
    await settleRelease(deps, tx, row.id, {
      actor,
      why: `${actor.name} rejected it: ${reason}`,
    });
    const repositories = items.map(({ repository }) => repository);
    for (const other of await openReleasesWith(repositories, row.id, transaction)) {
      await tx.enqueue({
        name: "release.refresh",
        payload: { number: other },
        key: `release.refresh/${other}`,
      });
    }
  });
}

/** Each commit once: services of one repository share theirs. */
function rejectedCommits(items: readonly ReleaseItemRow[]) {
  const commits = items.flatMap(({ repository, headSha, commits: all }) =>
    [headSha, ...all.map(({ sha }) => sha)].flatMap((sha) =>
      sha === null ? [] : [{ repository, sha }],
    ),
  );
  return [...new Map(commits.map((one) => [`${one.repository}\0${one.sha}`, one])).values()];
}
