import type { Actor } from "../../core/actor.ts";
import type { ReleaseRow } from "../../db/rows/release.ts";
import { requireToChange } from "../access.ts";
import type { Permission } from "../policies.ts";
import { activeDeploymentOf, changeRelease, contentObstacle } from "./change-release.ts";
import type { ReleaseDeps } from "./release-deps.ts";
import { aboutRelease, findRelease } from "./release-rows.ts";
import { storableReason } from "./release-texts.ts";
import { settleRelease } from "./settle-release.ts";

/** Whoever made it may close it; anybody else needs more. */
export function closePermission(actor: Actor, release: Pick<ReleaseRow, "createdBy">): Permission {
  return release.createdBy === actor.subject ? "release.close" : "release.close_any";
}

/**
 * Ends a release that will not go out. The branches are free for a new one.
 *
 * @throws ReleaseNotFound, PermissionDenied, InputInvalid, InputTooLarge, ReleaseClosed, ReleaseBusy
 */
export async function closeRelease(
  deps: ReleaseDeps,
  actor: Actor,
  number: number,
  text: string,
): Promise<void> {
  const release = await findRelease(number);
  const environment = release.targetEnvironment ?? undefined;
  const subject = aboutRelease(release);
  await requireToChange(deps.uow, actor, closePermission(actor, release), { environment }, subject);
  const reason = storableReason(text);

  await changeRelease(deps, number, async (tx, row, claim) => {
    const obstacle = contentObstacle(row, await activeDeploymentOf(row, tx), "closed");
    if (obstacle) {
      throw obstacle;
    }
    await claim();
    await row.update(
      { closedAt: deps.clock.now(), closedBy: actor.subject, closedReason: reason, openKey: null },
      { transaction: tx.sequelize },
    );
    await tx.emit({ name: "release.closed", payload: { number, reason }, actor, subject });
    await settleRelease(deps, tx, row.id, { actor, why: `${actor.name} closed it: ${reason}` });
  });
}
