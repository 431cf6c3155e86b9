import { UniqueConstraintError, type Transaction } from "sequelize";
import type { SaveTeam, TeamView } from "../../contract/catalog.ts";
import type { Page, PageQuery } from "../../contract/common.ts";
import type { Actor } from "../../core/actor.ts";
import { ServiceRow } from "../../db/rows/service.ts";
import { TeamRow } from "../../db/rows/team.ts";
import { NameInUse, NameTaken, TeamNotFound } from "../../errors/catalog.ts";
import type { EventSubject } from "../../events/events.ts";
import { cleanLines, cleanText, didYouMean, joinWords } from "../../lib/text.ts";
import { requireToChange, requireToRead } from "../access.ts";
import { optionalText, requireName, requireSameName } from "./catalog-rules.ts";
import type { CatalogDeps } from "./services.ts";

/** Teams by name, with their services. Throws PermissionDenied. */
export async function listTeams(actor: Actor, page: PageQuery): Promise<Page<TeamView>> {
  requireToRead(actor, "catalog.read");
  const { rows, count } = await TeamRow.findAndCountAll({
    order: [["name", "ASC"]],
    limit: page.limit,
    offset: page.offset,
  });
  const services = await servicesOfTeams(rows.map(({ name }) => name));
  return { items: rows.map((row) => presentTeam(row, services)), total: count };
}

/** Throws TeamNotFound, PermissionDenied. */
export async function viewTeam(actor: Actor, name: string): Promise<TeamView> {
  requireToRead(actor, "catalog.read");
  return presentTeam(await findTeam(name), await servicesOfTeams([name]));
}

/** Throws PermissionDenied, InputInvalid, NameTaken. */
export async function createTeam(
  deps: CatalogDeps,
  actor: Actor,
  input: SaveTeam,
): Promise<TeamView> {
  const about: EventSubject = { kind: "team", id: input.name };
  await requireToChange(deps.uow, actor, "catalog.manage", {}, about);
  const name = requireName(input.name);
  try {
    return await deps.uow.run(async (tx) => {
      const transaction = tx.sequelize;
      if (await TeamRow.findByPk(name, { transaction })) {
        throw new NameTaken({ what: "team", name });
      }
      const row = await TeamRow.create(
        { name, ...valuesOf(input), updatedAt: deps.clock.now() },
        { transaction },
      );
      const after = presentTeam(row, await servicesOfTeams([name], transaction));
      await tx.emit({
        name: "team.saved",
        payload: { team: name, before: null, after },
        actor,
        subject: about,
      });
      return after;
    });
  } catch (error) {
    throw error instanceof UniqueConstraintError
      ? new NameTaken({ what: "team", name }, { cause: error })
      : error;
  }
}

/** Throws PermissionDenied, TeamNotFound, InputInvalid. */
export async function updateTeam(
  deps: CatalogDeps,
  actor: Actor,
  name: string,
  input: SaveTeam,
): Promise<TeamView> {
  const about: EventSubject = { kind: "team", id: name };
  await findTeam(name);
  await requireToChange(deps.uow, actor, "catalog.manage", { team: name }, about);
  requireSameName(name, input.name);

  return deps.uow.run(async (tx) => {
    const transaction = tx.sequelize;
    const row = await findTeam(name, transaction);
    const services = await servicesOfTeams([name], transaction);
    const before = presentTeam(row, services);
    await row.update({ ...valuesOf(input), updatedAt: deps.clock.now() }, { transaction });
    const after = presentTeam(row, services);
    await tx.emit({
      name: "team.saved",
      payload: { team: name, before, after },
      actor,
      subject: about,
    });
    return after;
  });
}

/** Throws PermissionDenied, TeamNotFound, NameInUse while services belong to it. */
export async function removeTeam(deps: CatalogDeps, actor: Actor, name: string): Promise<void> {
  const about: EventSubject = { kind: "team", id: name };
  await findTeam(name);
  await requireToChange(deps.uow, actor, "catalog.manage", { team: name }, about);

  await deps.uow.run(async (tx) => {
    const transaction = tx.sequelize;
    const row = await findTeam(name, transaction);
    const by = (await servicesOfTeams([name], transaction)).get(name) ?? [];
    if (by.length > 0) {
      throw new NameInUse({ what: "team", name, by });
    }
    await row.destroy({ transaction });
    await tx.emit({ name: "team.removed", payload: { team: name }, actor, subject: about });
  });
}

type ServicesOfTeams = ReadonlyMap<string, readonly string[]>;

async function servicesOfTeams(
  teams: readonly string[],
  transaction: Transaction | null = null,
): Promise<ServicesOfTeams> {
  const rows = await ServiceRow.findAll({
    attributes: ["name", "team"],
    where: { team: [...teams] },
    order: [["name", "ASC"]],
    transaction,
  });
  return new Map(
    teams.map((team) => [team, rows.filter((row) => row.team === team).map(({ name }) => name)]),
  );
}

async function findTeam(name: string, transaction: Transaction | null = null): Promise<TeamRow> {
  const row = await TeamRow.findByPk(name, { transaction });
  if (row) {
    return row;
  }
  const rows = await TeamRow.findAll({ attributes: ["name"], transaction });
  const near = didYouMean(
    name,
    rows.map((one) => one.name),
  );
  throw new TeamNotFound(
    { team: name },
    near.length > 0 ? { remedy: `Did you mean ${joinWords(near, "or")}?` } : {},
  );
}

function valuesOf(input: SaveTeam) {
  const members = input.members.map((member) => cleanText(member, 200));
  return {
    description: cleanLines(input.description, 2_000),
    channel: optionalText(input.channel),
    members: [...new Set(members.filter((member) => member !== ""))].sort(),
  };
}

function presentTeam(row: TeamRow, services: ServicesOfTeams): TeamView {
  return {
    name: row.name,
    description: row.description,
    channel: row.channel ?? null,
    members: [...row.members],
    services: [...(services.get(row.name) ?? [])],
  };
}
