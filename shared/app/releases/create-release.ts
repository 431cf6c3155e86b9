import { UniqueConstraintError, type Transaction } from "sequelize";
import type { CreateRelease } from "../../contract/release.ts";
import type { Actor } from "../../core/actor.ts";
import { ReleaseItemRow } from "../../db/rows/release-item.ts";
import { ReleaseRow } from "../../db/rows/release.ts";
import {
  CommitsRejected,
  InputInvalid,
  ReleaseAlreadyOpen,
  ReleaseEmpty,
} from "../../errors/catalog.ts";
import { cleanText } from "../../lib/text.ts";
import { requireToChange } from "../access.ts";
import { recordDiscovered, servicesOf, type KnownService } from "../catalog/discover-services.ts";
import { loadPeople } from "../people/person-refs.ts";
import type { Progress } from "../services.ts";
import { draftItems, draftNotes, type ItemDraft } from "./draft-items.ts";
import { openKey, openRelease, type NewItem } from "./open-release.ts";
import {
  branchMissing,
  isNamed,
  readRepositories,
  unknownRepository,
  type Readings,
} from "./read-repositories.ts";
import type { ReleaseDeps } from "./release-deps.ts";
import { fittingNotes, storableNotes } from "./release-texts.ts";
import { ownRejection, rejectionOfCommits } from "./standing-rejection.ts";

const EXCLUDED_AT_CREATION = "Excluded when the release was created.";

/**
 * Compares two branches in many repositories and opens a release of what one has and the other lacks. Answers
 * its number.
 *
 * @throws PermissionDenied, InputInvalid, InputTooLarge, RefInvalid, RepositoryUnknown, RepositoriesUnconfigured,
 * BranchMissing, ReleaseAlreadyOpen, ReleaseEmpty, CommitsRejected
 */
export async function createRelease(
  deps: ReleaseDeps,
  actor: Actor,
  input: CreateRelease,
  progress?: Progress,
): Promise<number> {
  const { source, destination } = input;
  const environment = deps.environments.find(({ branch }) => branch === destination) ?? null;
  await requireToChange(
    deps.uow,
    actor,
    "release.create",
    { environment: environment?.name },
    { kind: "person", id: actor.subject },
  );
  if (source === destination) {
    throw new InputInvalid(
      {
        problems: [
          { pointer: "/destination", message: "is the same branch as the one to release from" },
        ],
      },
      { remedy: "Name two branches, for example `create-release uat master`." },
    );
  }
  const ownNotes = input.notes === undefined ? null : storableNotes("The notes", input.notes);
  const key = openKey("branch", source, destination);
  await refuseIfOpen(key);

  const readings = await readRepositories(
    deps,
    { source, destination, names: input.repositories ?? null, expected: [], known: new Map() },
    progress,
  );
  const services = await servicesOf(readings.changed.map((r) => r.comparison.repository.name));
  const drafted = readings.changed.map((reading) =>
    draftItems(
      reading,
      services.get(reading.comparison.repository.name) ?? [],
      deps.migrationPaths,
    ),
  );
  const drafts = drafted.flatMap(({ items }) => items);
  const problems = [...readings.problems, ...drafted.flatMap((d) => d.problems)];
  const isExcluded = exclusion(input.exclude ?? [], readings, drafts);
  const included = drafts.filter((draft) => !isExcluded(draft));
  if (included.length === 0) {
    throw await nothingToRelease(deps, input, readings, problems);
  }
  await refuseIfRejected(included);

  const dependencies = await lastDependencies(source, destination);
  const known = new Map([...services.values()].flat().map((service) => [service.name, service]));
  const notes = draftNotes(included.map(({ messages }) => messages));
  return open();

  async function open(): Promise<number> {
    try {
      return await deps.uow.run(async (tx) => {
        await refuseIfOpen(key, tx.sequelize);
        await recordDiscovered(deps, tx, actor, [...known.values()]);
        const row = await openRelease(deps, tx, actor, {
          kind: "branch",
          sourceBranch: source,
          destinationBranch: destination,
          targetEnvironment: environment?.name ?? null,
          openKey: key,
          repositories: input.repositories ? readings.repositories : null,
          notes: ownNotes ?? fittingNotes(notes.notes),
          draftNotes: fittingNotes(notes.notes),
          breakingChanges: fittingNotes(notes.breaking),
          problems,
          items: drafts.map((draft): NewItem => {
            const excluded = isExcluded(draft);
            return {
              ...draft,
              excluded,
              excludedReason: excluded ? EXCLUDED_AT_CREATION : null,
              dependsOn: dependenciesOf(draft.service, dependencies, known),
            };
          }),
        });
        return row.number;
      });
    } catch (error) {
      // Another process was equally fast: the unique index let one of them through.
      if (error instanceof UniqueConstraintError) {
        await refuseIfOpen(key);
      }
      throw error;
    }
  }
}

/** The dependencies of a service as a release starts with them: those of the last release of the pair, or its own. */
export function dependenciesOf(
  service: string,
  last: ReadonlyMap<string, readonly string[]>,
  known: ReadonlyMap<string, KnownService>,
): readonly string[] {
  return last.get(service) ?? known.get(service)?.dependsOn ?? [];
}

/** What each service depended on in the last release of these branches. */
export async function lastDependencies(
  source: string,
  destination: string,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const last = await ReleaseRow.findOne({
    attributes: ["id"],
    where: { kind: "branch", sourceBranch: source, destinationBranch: destination },
    order: [["number", "DESC"]],
  });
  const items = last
    ? await ReleaseItemRow.findAll({
        attributes: ["service", "dependsOn"],
        where: { releaseId: last.id },
      })
    : [];
  return new Map(items.map(({ service, dependsOn }) => [service, dependsOn]));
}

/** Refuses while a release of the same pair is open; a rejected one is told apart, because refreshing does not help it. */
async function refuseIfOpen(key: string, transaction: Transaction | null = null): Promise<void> {
  const open = await ReleaseRow.findOne({ where: { openKey: key }, transaction });
  if (!open) {
    return;
  }
  const rejection = open.status === "rejected" ? await ownRejection(open, transaction) : null;
  if (rejection) {
    const items = await ReleaseItemRow.findAll({
      attributes: ["service"],
      where: { releaseId: open.id, excluded: false },
      order: [["service", "ASC"]],
      transaction,
    });
    throw await rejected(
      rejection,
      items.map(({ service }) => service),
      transaction,
    );
  }
  throw new ReleaseAlreadyOpen({
    number: open.number,
    source: open.sourceBranch ?? "",
    destination: open.destinationBranch ?? "",
  });
}

async function refuseIfRejected(drafts: readonly ItemDraft[]): Promise<void> {
  const rejection = await rejectionOfCommits(drafts);
  if (rejection) {
    throw await rejected(rejection, rejection.services);
  }
}

async function rejected(
  rejection: { readonly release: number; readonly subject: string; readonly reason: string },
  services: readonly string[],
  transaction: Transaction | null = null,
): Promise<InstanceType<typeof CommitsRejected>> {
  const { release, subject, reason } = rejection;
  const by = (await loadPeople([subject], transaction)).of(subject).name;
  return new CommitsRejected({ release, by, reason, services });
}

/** Which drafts people asked to leave out, by repository or service. Throws RepositoryUnknown for a name that fits nothing. */
function exclusion(
  names: readonly string[],
  { repositories }: Readings,
  drafts: readonly ItemDraft[],
): (draft: ItemDraft) => boolean {
  for (const name of names) {
    const fits =
      repositories.some((repository) => isNamed(repository, name)) ||
      drafts.some(({ service }) => service === name);
    if (!fits) {
      throw unknownRepository(name, repositories);
    }
  }
  return (draft) => names.some((name) => draft.service === name || isNamed(draft.repository, name));
}

async function nothingToRelease(
  deps: ReleaseDeps,
  { source, destination, repositories }: CreateRelease,
  { changed, unchanged }: Readings,
  problems: ReleaseRow["problems"],
): Promise<Error> {
  const isMissingEverywhere =
    changed.length + unchanged.length === 0 &&
    problems.some(({ code }) => code === "branch_missing") &&
    problems.every(({ code }) => code === "branch_missing" || code === "repository_empty");
  if (isMissingEverywhere) {
    return branchMissing(deps, { source, destination, names: repositories ?? null });
  }
  return new ReleaseEmpty({
    source: cleanText(source, 250),
    destination: cleanText(destination, 250),
    problems: problems.map(({ repository, reason }) => ({ repository, reason })),
  });
}
