import type { Actor } from "../../core/actor.ts";
import { ReleaseItemRow } from "../../db/rows/release-item.ts";
import { ItemNotFound } from "../../errors/catalog.ts";
import { didYouMean, joinWords } from "../../lib/text.ts";
import { requireToChange } from "../access.ts";
import { activeDeploymentOf, changeRelease, contentObstacle } from "./change-release.ts";
import { isNamed } from "./read-repositories.ts";
import type { ReleaseDeps } from "./release-deps.ts";
import { aboutRelease, findRelease } from "./release-rows.ts";
import { optionalReason } from "./release-texts.ts";
import { countingSignOffs, settleRelease } from "./settle-release.ts";

/**
 * Takes services out of a release without forgetting them. Names are services or repositories. What is out already keeps
 * its reason unless a new one is given. Signatures of the old content stop counting, and their signers are told.
 *
 * @throws ReleaseNotFound, PermissionDenied, ItemNotFound, ReleaseClosed, ReleaseBusy, InputTooLarge
 */
export async function excludeItems(
  deps: ReleaseDeps,
  actor: Actor,
  number: number,
  names: readonly string[],
  reason: string | null,
): Promise<void> {
  return setExcluded(deps, actor, number, names, {
    excluded: true,
    reason: optionalReason(reason),
  });
}

/** Takes services back in. Throws what `excludeItems` throws. */
export async function includeItems(
  deps: ReleaseDeps,
  actor: Actor,
  number: number,
  names: readonly string[],
): Promise<void> {
  return setExcluded(deps, actor, number, names, { excluded: false, reason: null });
}

/** The items somebody means by a service, or by a repository and the end of its name. Throws ItemNotFound. */
export function itemsNamed(
  number: number,
  items: readonly ReleaseItemRow[],
  name: string,
): readonly ReleaseItemRow[] {
  const exact = items.filter(({ service }) => service === name);
  const found =
    exact.length > 0
      ? exact
      : items.filter(
          ({ service, repository }) => isNamed(service, name) || isNamed(repository, name),
        );
  if (found.length === 0) {
    const known = items.map(({ service }) => service);
    const near = didYouMean(name, known);
    throw new ItemNotFound(
      { number, service: name, known },
      near.length > 0 ? { remedy: `Did you mean ${joinWords(near, "or")}?` } : {},
    );
  }
  return found;
}

async function setExcluded(
  deps: ReleaseDeps,
  actor: Actor,
  number: number,
  names: readonly string[],
  { excluded, reason }: { readonly excluded: boolean; readonly reason: string | null },
): Promise<void> {
  const release = await findRelease(number);
  const environment = release.targetEnvironment ?? undefined;
  const subject = aboutRelease(release);
  await requireToChange(deps.uow, actor, "release.edit", { environment }, subject);

  await changeRelease(deps, number, async (tx, row, claim) => {
    const obstacle = contentObstacle(row, await activeDeploymentOf(row, tx), "changed");
    if (obstacle) {
      throw obstacle;
    }
    const items = await ReleaseItemRow.findAll({
      attributes: { exclude: ["commits"] },
      where: { releaseId: row.id },
      order: [["service", "ASC"]],
      transaction: tx.sequelize,
    });
    const named = new Set(names.flatMap((name) => itemsNamed(number, items, name)));
    const moved = [...named].filter((item) => item.excluded !== excluded);
    const reworded = [...named].filter(
      (item) => item.excluded && excluded && reason !== null && item.excludedReason !== reason,
    );
    const touched = [...moved, ...reworded];
    if (touched.length === 0) {
      return;
    }
    const counting = await countingSignOffs(deps, tx, row);
    await claim();
    await ReleaseItemRow.update(
      { excluded, excludedReason: reason },
      { where: { id: touched.map(({ id }) => id) }, transaction: tx.sequelize },
    );
    const services = touched.map(({ service }) => service).sort();
    await tx.emit(
      excluded
        ? { name: "release.item_excluded", payload: { number, services, reason }, actor, subject }
        : { name: "release.item_included", payload: { number, services }, actor, subject },
    );
    await settleRelease(deps, tx, row.id, {
      actor,
      why: `${actor.name} ${excluded ? "excluded" : "included"} ${joinWords(services)}.`,
      countedBefore: counting,
    });
  });
}
