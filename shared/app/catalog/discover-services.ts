import type { Actor } from "../../core/actor.ts";
import { ServiceRow } from "../../db/rows/service.ts";
import type { Tx } from "../../db/unit-of-work.types.ts";
import type { Clock } from "../../core/ports/clock.ts";

/** A service as far as releases need it. */
export interface KnownService {
  readonly name: string;
  readonly repository: string;
  readonly path: string;
  readonly dependsOn: readonly string[];
  /** It has no row yet; `recordDiscovered` makes one. */
  readonly isNew: boolean;
}

/** The services of each repository: those known, or one of the repository's own name where there is none. */
export async function servicesOf(
  repositories: readonly string[],
): Promise<ReadonlyMap<string, readonly KnownService[]>> {
  const rows = await ServiceRow.findAll({
    attributes: ["name", "repository", "path", "dependsOn"],
    order: [["name", "ASC"]],
  });
  const taken = new Set(rows.map(({ name }) => name));
  return new Map(
    repositories.map((repository) => {
      const known = rows
        .filter((row) => row.repository === repository)
        .map(({ name, path, dependsOn }) => ({ name, repository, path, dependsOn, isNew: false }));
      if (known.length > 0) {
        return [repository, known];
      }
      const name = freeName(repository, taken);
      taken.add(name);
      return [repository, [{ name, repository, path: "", dependsOn: [], isNew: true }]];
    }),
  );
}

/** Makes a row for each new service. One that somebody else made in the meantime is left as it is. */
export async function recordDiscovered(
  deps: { readonly clock: Clock },
  tx: Tx,
  actor: Actor,
  services: readonly KnownService[],
): Promise<void> {
  const fresh = services.filter(({ isNew }) => isNew);
  if (fresh.length === 0) {
    return;
  }
  const existing = await ServiceRow.findAll({
    attributes: ["name"],
    where: { name: fresh.map(({ name }) => name) },
    transaction: tx.sequelize,
  });
  const names = new Set(existing.map(({ name }) => name));
  for (const { name, repository, path } of fresh.filter((service) => !names.has(service.name))) {
    await ServiceRow.create(
      {
        name,
        repository,
        path,
        dependsOn: [],
        origin: "discovered",
        updatedAt: deps.clock.now(),
      },
      { transaction: tx.sequelize },
    );
    await tx.emit({
      name: "service.saved",
      payload: { service: name, before: null, after: { repository, path, origin: "discovered" } },
      actor,
      subject: { kind: "service", id: name },
    });
  }
}

/** What follows the last slash, or the whole name where that is taken: a service's name has no slash in it. */
function freeName(repository: string, taken: ReadonlySet<string>): string {
  const short = repository.slice(repository.lastIndexOf("/") + 1);
  const long = repository.replaceAll("/", "-");
  for (const name of [short, long]) {
    if (name !== "" && !taken.has(name)) {
      return name;
    }
  }
  for (let suffix = 2; ; suffix += 1) {
    if (!taken.has(`${long}-${suffix}`)) {
      return `${long}-${suffix}`;
    }
  }
}
