import { Op, UniqueConstraintError, type Transaction } from "sequelize";
import type { SaveService, ServiceView } from "../../contract/catalog.ts";
import type { Page, PageQuery } from "../../contract/common.ts";
import type { Actor } from "../../core/actor.ts";
import type { Clock } from "../../core/ports/clock.ts";
import { contains } from "../../db/contains.ts";
import { ServiceRow } from "../../db/rows/service.ts";
import { TeamRow } from "../../db/rows/team.ts";
import type { UnitOfWork } from "../../db/unit-of-work.types.ts";
import {
  NameInUse,
  NameTaken,
  ServiceNotFound,
  ServiceReadOnly,
  TeamNotFound,
} from "../../errors/catalog.ts";
import type { EventSubject } from "../../events/events.ts";
import { cleanText, didYouMean, joinWords } from "../../lib/text.ts";
import { requireToChange, requireToRead } from "../access.ts";
import {
  optionalText,
  requireDependencies,
  requireInnerPath,
  requireName,
  requireSameName,
} from "./catalog-rules.ts";

export interface CatalogDeps {
  readonly uow: UnitOfWork;
  readonly clock: Clock;
}

type ServiceQuery = PageQuery & {
  readonly text?: string | undefined;
  readonly team?: string | undefined;
};

/** Services by name. `text` looks into names and repositories. Throws PermissionDenied. */
export async function listServices(
  actor: Actor,
  { limit, offset, text, team }: ServiceQuery,
): Promise<Page<ServiceView>> {
  requireToRead(actor, "catalog.read");
  const has = (column: string) => contains(ServiceRow.sequelize, column, text?.trim() ?? "");
  const { rows, count } = await ServiceRow.findAndCountAll({
    where: {
      ...(team === undefined ? {} : { team }),
      ...(text?.trim() ? { [Op.or]: [has("name"), has("repository")] } : {}),
    },
    order: [["name", "ASC"]],
    limit,
    offset,
  });
  return { items: rows.map(presentService), total: count };
}

/** Throws ServiceNotFound, PermissionDenied. */
export async function viewService(actor: Actor, name: string): Promise<ServiceView> {
  requireToRead(actor, "catalog.read");
  return presentService(await findService(name));
}

/** Throws PermissionDenied, InputInvalid, DependencyInvalid, TeamNotFound, NameTaken. */
export async function createService(
  deps: CatalogDeps,
  actor: Actor,
  input: SaveService,
): Promise<ServiceView> {
  const about: EventSubject = { kind: "service", id: input.name };
  await requireToChange(deps.uow, actor, "catalog.manage", { team: input.team }, about);
  const name = requireName(input.name);
  try {
    return await deps.uow.run(async (tx) => {
      const transaction = tx.sequelize;
      if (await ServiceRow.findByPk(name, { transaction })) {
        throw new NameTaken({ what: "service", name });
      }
      const values = await valuesOf(input, transaction);
      const row = await ServiceRow.create(
        { name, ...values, origin: "made", updatedAt: deps.clock.now() },
        { transaction },
      );
      const after = presentService(row);
      await tx.emit({
        name: "service.saved",
        payload: { service: name, before: null, after },
        actor,
        subject: about,
      });
      return after;
    });
  } catch (error) {
    throw error instanceof UniqueConstraintError
      ? new NameTaken({ what: "service", name }, { cause: error })
      : error;
  }
}

/** Throws PermissionDenied, ServiceNotFound, ServiceReadOnly, InputInvalid, DependencyInvalid, TeamNotFound. */
export async function updateService(
  deps: CatalogDeps,
  actor: Actor,
  name: string,
  input: SaveService,
): Promise<ServiceView> {
  const present = await findService(name);
  const about: EventSubject = { kind: "service", id: name };
  await requireToChange(deps.uow, actor, "catalog.manage", { team: present.team }, about);
  requireSameName(name, input.name);

  return deps.uow.run(async (tx) => {
    const transaction = tx.sequelize;
    const row = await findService(name, transaction);
    requireEditable(row);
    const before = presentService(row);
    const values = await valuesOf(input, transaction);
    await row.update({ ...values, origin: "made", updatedAt: deps.clock.now() }, { transaction });
    const after = presentService(row);
    await tx.emit({
      name: "service.saved",
      payload: { service: name, before, after },
      actor,
      subject: about,
    });
    return after;
  });
}

/** Forgets a service; releases and history keep its name. Throws PermissionDenied, ServiceNotFound, ServiceReadOnly, NameInUse. */
export async function removeService(deps: CatalogDeps, actor: Actor, name: string): Promise<void> {
  const present = await findService(name);
  const about: EventSubject = { kind: "service", id: name };
  await requireToChange(deps.uow, actor, "catalog.manage", { team: present.team }, about);

  await deps.uow.run(async (tx) => {
    const transaction = tx.sequelize;
    const row = await findService(name, transaction);
    requireEditable(row);
    const all = await ServiceRow.findAll({ attributes: ["name", "dependsOn"], transaction });
    const by = all.filter(({ dependsOn }) => dependsOn.includes(name)).map((one) => one.name);
    if (by.length > 0) {
      throw new NameInUse({ what: "service", name, by: by.sort() });
    }
    await row.destroy({ transaction });
    await tx.emit({
      name: "service.removed",
      payload: { service: name },
      actor,
      subject: about,
    });
  });
}

export function presentService(row: ServiceRow): ServiceView {
  return {
    name: row.name,
    repository: row.repository,
    path: row.path,
    team: row.team ?? null,
    owner: row.owner ?? null,
    channel: row.channel ?? null,
    dependsOn: [...row.dependsOn],
    origin: row.origin,
  };
}

async function findService(
  name: string,
  transaction: Transaction | null = null,
): Promise<ServiceRow> {
  const row = await ServiceRow.findByPk(name, { transaction });
  if (row) {
    return row;
  }
  const rows = await ServiceRow.findAll({ attributes: ["name"], transaction });
  const known = rows.map((one) => one.name).sort();
  const near = didYouMean(name, known);
  throw new ServiceNotFound(
    { service: name, known: known.slice(0, 50) },
    near.length > 0 ? { remedy: `Did you mean ${joinWords(near, "or")}?` } : {},
  );
}

function requireEditable({ name, origin }: ServiceRow): void {
  if (origin === "declared") {
    throw new ServiceReadOnly({ service: name });
  }
}

/** The columns people fill, checked against what is known. */
async function valuesOf(input: SaveService, transaction: Transaction) {
  const team = optionalText(input.team);
  if (team !== null && !(await TeamRow.findByPk(team, { transaction }))) {
    throw new TeamNotFound({ team });
  }
  const rows = await ServiceRow.findAll({ attributes: ["name"], transaction });
  return {
    repository: cleanText(input.repository, 500),
    path: requireInnerPath(input.path),
    team,
    owner: optionalText(input.owner),
    channel: optionalText(input.channel),
    dependsOn: requireDependencies(
      input,
      rows.map(({ name }) => name),
    ),
  };
}
