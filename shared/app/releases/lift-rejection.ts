import type { Actor } from "../../core/actor.ts";
import { RejectionRow } from "../../db/rows/rejection.ts";
import { ReleaseRow } from "../../db/rows/release.ts";
import type { AppError } from "../../errors/app-error.ts";
import { RejectionNotFound } from "../../errors/catalog.ts";
import { requireToChange } from "../access.ts";
import { changeRelease } from "./change-release.ts";
import type { ReleaseDeps } from "./release-deps.ts";
import { aboutRelease, findRelease } from "./release-rows.ts";
import { settleRelease } from "./settle-release.ts";
import { rejectionOf, type StandingRejection } from "./standing-rejection.ts";

/** Why there is nothing to lift here; null when there is. `rejection` is whatever keeps the release from going out. */
export function liftObstacle(
  release: Pick<ReleaseRow, "number">,
  rejection: StandingRejection | null,
): AppError | null {
  const { number } = release;
  if (rejection?.release === number) {
    return null;
  }
  return new RejectionNotFound(
    { number },
    rejection
      ? {
          remedy: `Its commits were rejected in release #${rejection.release}: say \`lift ${rejection.release}\`.`,
        }
      : {},
  );
}

/**
 * Takes a rejection back, also that of a release which was closed since. Signatures that still fit the content count again,
 * here and in every release the rejection stopped.
 *
 * @throws ReleaseNotFound, PermissionDenied, RejectionNotFound
 */
export async function liftRejection(
  deps: ReleaseDeps,
  actor: Actor,
  number: number,
): Promise<void> {
  const release = await findRelease(number);
  const environment = release.targetEnvironment ?? undefined;
  const subject = aboutRelease(release);
  await requireToChange(deps.uow, actor, "release.lift_rejection", { environment }, subject);

  await changeRelease(deps, number, async (tx, row, claim) => {
    const transaction = tx.sequelize;
    await claim();
    const [lifted] = await RejectionRow.update(
      { liftedAt: deps.clock.now(), liftedBy: actor.subject },
      { where: { releaseId: row.id, liftedAt: null }, transaction },
    );
    if (lifted === 0) {
      const rejection = await rejectionOf(row, transaction);
      throw liftObstacle(row, rejection) ?? new RejectionNotFound({ number });
    }
    await tx.emit({ name: "release.rejection_lifted", payload: { number }, actor, subject });
    const stopped = await ReleaseRow.findAll({
      attributes: ["id"],
      where: { status: "rejected" },
      transaction,
    });
    for (const { id } of stopped) {
      await settleRelease(deps, tx, id, { actor, why: `${actor.name} lifted a rejection.` });
    }
  });
}
