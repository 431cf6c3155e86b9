import type { PatchRelease } from "../../contract/release.ts";
import type { Actor } from "../../core/actor.ts";
import type { ReleaseRow } from "../../db/rows/release.ts";
import type { AppError } from "../../errors/app-error.ts";
import { ReleaseClosed } from "../../errors/catalog.ts";
import { requireToChange } from "../access.ts";
import { changeRelease } from "./change-release.ts";
import type { ReleaseDeps } from "./release-deps.ts";
import { aboutRelease, findRelease } from "./release-rows.ts";
import { storableNotes } from "./release-texts.ts";

/** Why the texts of a release cannot be edited; null when they can. Those of a deployed one may still be put right. */
export function editObstacle(release: Pick<ReleaseRow, "number" | "status">): AppError | null {
  const { number, status } = release;
  return status === "cancelled" ? new ReleaseClosed({ number, status, action: "edited" }) : null;
}

/**
 * Replaces the notes or the breaking changes. Signatures do not depend on them; the change is recorded with both texts.
 *
 * @throws ReleaseNotFound, PermissionDenied, InputTooLarge, ReleaseClosed, ReleaseChanged
 */
export async function editRelease(
  deps: ReleaseDeps,
  actor: Actor,
  number: number,
  input: PatchRelease,
): Promise<void> {
  const release = await findRelease(number);
  const environment = release.targetEnvironment ?? undefined;
  const subject = aboutRelease(release);
  await requireToChange(deps.uow, actor, "release.edit", { environment }, subject);
  const texts = {
    notes: input.notes === undefined ? undefined : storableNotes("The notes", input.notes),
    breakingChanges:
      input.breakingChanges === undefined
        ? undefined
        : storableNotes("The text about breaking changes", input.breakingChanges),
  };

  await changeRelease(
    deps,
    number,
    async (tx, row, claim) => {
      const obstacle = editObstacle(row);
      if (obstacle) {
        throw obstacle;
      }
      for (const field of ["notes", "breakingChanges"] as const) {
        const [before, after] = [row[field], texts[field]];
        if (after === undefined || after === before) {
          continue;
        }
        await claim();
        await row.update({ [field]: after }, { transaction: tx.sequelize });
        await tx.emit({
          name: "release.edited",
          payload: {
            number,
            field: field === "notes" ? "notes" : "breaking_changes",
            before,
            after,
          },
          actor,
          subject,
        });
      }
    },
    input.version,
  );
}
