import { isDeepStrictEqual } from "node:util";
import { systemActor } from "../../core/actor.ts";
import { ServiceRow } from "../../db/rows/service.ts";
import { TeamRow } from "../../db/rows/team.ts";
import type { Tx } from "../../db/unit-of-work.types.ts";
import { presentService, type CatalogDeps } from "./services.ts";

/** A service as config.yaml declares it. */
export interface DeclaredService {
  readonly name: string;
  readonly repository: string;
  readonly path: string;
  readonly team: string | null;
  readonly owner: string | null;
  readonly channel: string | null;
  readonly dependsOn: readonly string[];
}

/**
 * Makes the declared services what config.yaml says, at start. A service that is not declared any more stays, and people may
 * change it from then on; one that was only discovered goes when its repository is declared under other names. Doing it again
 * changes nothing.
 */
export async function syncDeclaredServices(
  deps: CatalogDeps,
  declared: readonly DeclaredService[],
): Promise<void> {
  await deps.uow.run(async (tx) => {
    const rows = await ServiceRow.findAll({ transaction: tx.sequelize });
    const byName = new Map(rows.map((row) => [row.name, row]));
    const names = new Set(declared.map(({ name }) => name));
    const repositories = new Set(declared.map(({ repository }) => repository));

    for (const service of declared) {
      await save(deps, tx, service, byName.get(service.name));
    }
    for (const row of rows.filter(({ name }) => !names.has(name))) {
      if (row.origin === "discovered" && repositories.has(row.repository)) {
        await row.destroy({ transaction: tx.sequelize });
        await tx.emit({
          name: "service.removed",
          payload: { service: row.name },
          actor: systemActor,
          subject: { kind: "service", id: row.name },
        });
      } else if (row.origin === "declared") {
        const before = presentService(row);
        await row.update(
          { origin: "made", updatedAt: deps.clock.now() },
          { transaction: tx.sequelize },
        );
        await tell(tx, row, before);
      }
    }
    await makeTeams(deps, tx, declared);
  });
}

async function save(
  deps: CatalogDeps,
  tx: Tx,
  service: DeclaredService,
  row: ServiceRow | undefined,
): Promise<void> {
  const { name, repository, path, team, owner, channel, dependsOn } = service;
  const values = { repository, path, team, owner, channel, dependsOn, origin: "declared" } as const;
  const before = row ? presentService(row) : null;
  if (isDeepStrictEqual(before, { name, ...values, dependsOn: [...dependsOn] })) {
    return;
  }
  const stamped = { ...values, updatedAt: deps.clock.now() };
  const saved = row
    ? await row.update(stamped, { transaction: tx.sequelize })
    : await ServiceRow.create({ name, ...stamped }, { transaction: tx.sequelize });
  await tell(tx, saved, before);
}

async function tell(tx: Tx, row: ServiceRow, before: unknown): Promise<void> {
  await tx.emit({
    name: "service.saved",
    payload: { service: row.name, before, after: presentService(row) },
    actor: systemActor,
    subject: { kind: "service", id: row.name },
  });
}

/** Teams that services are declared for exist, so that people can be put into them. */
async function makeTeams(
  deps: CatalogDeps,
  tx: Tx,
  declared: readonly DeclaredService[],
): Promise<void> {
  const wanted = [...new Set(declared.flatMap(({ team }) => (team === null ? [] : [team])))];
  const known = await TeamRow.findAll({
    attributes: ["name"],
    where: { name: wanted },
    transaction: tx.sequelize,
  });
  const there = new Set(known.map(({ name }) => name));
  for (const name of wanted.filter((team) => !there.has(team))) {
    const after = { name, description: "", channel: null, members: [] };
    await TeamRow.create({ ...after, updatedAt: deps.clock.now() }, { transaction: tx.sequelize });
    await tx.emit({
      name: "team.saved",
      payload: { team: name, before: null, after },
      actor: systemActor,
      subject: { kind: "team", id: name },
    });
  }
}
