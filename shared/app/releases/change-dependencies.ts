import { isDeepStrictEqual } from "node:util";
import type { Actor } from "../../core/actor.ts";
import { checkDependency } from "../../core/deploy-order.ts";
import { ReleaseItemRow } from "../../db/rows/release-item.ts";
import { ServiceRow } from "../../db/rows/service.ts";
import { DependencyInvalid, InputInvalid } from "../../errors/catalog.ts";
import { joinWords } from "../../lib/text.ts";
import { requireToChange } from "../access.ts";
import { activeDeploymentOf, changeRelease, contentObstacle } from "./change-release.ts";
import { itemsNamed } from "./change-items.ts";
import { isNamed } from "./read-repositories.ts";
import type { ReleaseDeps } from "./release-deps.ts";
import { aboutRelease, findRelease } from "./release-rows.ts";

/**
 * Replaces what one service of a release depends on; an empty list clears it. Signatures do not depend on the order, so they
 * stay. A cycle is stored, shown and blocks the deploy.
 *
 * @throws ReleaseNotFound, PermissionDenied, ItemNotFound, DependencyInvalid, ReleaseClosed, ReleaseBusy
 */
export async function setDependencies(
  deps: ReleaseDeps,
  actor: Actor,
  number: number,
  service: string,
  on: readonly string[],
): Promise<void> {
  const release = await findRelease(number);
  const environment = release.targetEnvironment ?? undefined;
  const subject = aboutRelease(release);
  await requireToChange(deps.uow, actor, "release.edit", { environment }, subject);
  const services = await ServiceRow.findAll({ attributes: ["name", "repository"] });

  await changeRelease(deps, number, async (tx, row, claim) => {
    const obstacle = contentObstacle(row, await activeDeploymentOf(row, tx), "changed");
    if (obstacle) {
      throw obstacle;
    }
    const items = await ReleaseItemRow.findAll({
      attributes: ["id", "service", "repository", "dependsOn"],
      where: { releaseId: row.id },
      order: [["service", "ASC"]],
      transaction: tx.sequelize,
    });
    const item = one(itemsNamed(number, items, service), service);
    const known = [
      ...items.map((other) => ({ name: other.service, repository: other.repository })),
      ...services.map(({ name, repository }) => ({ name, repository })),
    ];
    const after = [...new Set(on.map((name) => resolve(item.service, name, known)))];
    const before = item.dependsOn;
    if (isDeepStrictEqual(before, after)) {
      return;
    }
    await claim();
    await ReleaseItemRow.update(
      { dependsOn: after },
      { where: { id: item.id }, transaction: tx.sequelize },
    );
    await tx.emit({
      name: "release.dependencies_changed",
      payload: { number, service: item.service, before, after },
      actor,
      subject,
    });
  });
}

interface Named {
  readonly name: string;
  readonly repository: string;
}

/** The service somebody means, which may be the name of its repository. Throws DependencyInvalid. */
function resolve(service: string, name: string, known: readonly Named[]): string {
  const names = [...new Set(known.map((one) => one.name))];
  const meant = names.includes(name)
    ? [name]
    : [...new Set(known.filter((k) => isNamed(k.repository, name)).map((k) => k.name))];
  const on = meant.length === 1 ? (meant[0] ?? name) : name;
  const verdict = checkDependency(service, on, names);
  if (!verdict.ok) {
    const unknown =
      meant.length > 1 ? `it may be ${joinWords(meant, "or")}` : "no such service is known";
    const why = verdict.code === "dependency.self" ? "a service cannot wait for itself" : unknown;
    throw new DependencyInvalid(
      { service, on, why },
      { remedy: meant.length > 1 ? "Name one of them." : verdict.remedy },
    );
  }
  return on;
}

function one(items: readonly ReleaseItemRow[], name: string): ReleaseItemRow {
  const [item] = items;
  if (!item || items.length > 1) {
    throw new InputInvalid(
      {
        problems: [
          {
            pointer: "/service",
            message: `"${name}" may be ${joinWords(
              items.map(({ service }) => service),
              "or",
            )}`,
          },
        ],
      },
      { remedy: "Name one service." },
    );
  }
  return item;
}
