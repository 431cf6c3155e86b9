import { isDeepStrictEqual } from "node:util";
import type { Actor } from "../../core/actor.ts";
import { isClosed } from "../../core/release.ts";
import type { ServiceCommits } from "../../core/release-notes.ts";
import { EventRow } from "../../db/rows/event.ts";
import { ReleaseItemRow } from "../../db/rows/release-item.ts";
import type { ReleaseRow } from "../../db/rows/release.ts";
import { type StoredProblem } from "../../db/rows/release.ts";
import { indexTexts } from "../../db/search.ts";
import type { Tx } from "../../db/unit-of-work.types.ts";
import { pluralise } from "../../lib/text.ts";
import { requireToChange } from "../access.ts";
import { recordDiscovered, servicesOf, type KnownService } from "../catalog/discover-services.ts";
import type { Progress } from "../services.ts";
import { activeDeploymentOf, changeRelease, contentObstacle } from "./change-release.ts";
import { dependenciesOf } from "./create-release.ts";
import { describeItemChange } from "./describe-changes.ts";
import { draftItems, draftNotes, type ItemDraft } from "./draft-items.ts";
import { isLanded } from "./gather-release-facts.ts";
import { itemRow } from "./open-release.ts";
import { readRepositories, type KnownIdentity, type Readings } from "./read-repositories.ts";
import type { ReleaseDeps } from "./release-deps.ts";
import { aboutRelease, fingerprintOf, findRelease, loadRelease } from "./release-rows.ts";
import { textsOfItems } from "./release-search.ts";
import { fittingNotes } from "./release-texts.ts";
import { countingSignOffs, evaluateRelease, settleRelease } from "./settle-release.ts";

/** Changes named where only the gist is wanted. */
const SHOWN_CHANGES = 5;

/** How a refresh is asked for. A `scheduled` one writes nothing unless something changed. */
export type RefreshMode = "asked" | "scheduled";

/** What reading again brought. */
interface Reading {
  readonly readings: Readings;
  readonly drafts: readonly ItemDraft[];
  readonly problems: readonly StoredProblem[];
  readonly services: ReadonlyMap<string, KnownService>;
}

/** One item before and after, in words. */
interface ItemChange {
  readonly repository: string;
  readonly words: string;
}

/** Whether the actor may refresh it. Throws ReleaseNotFound, PermissionDenied, ReleaseClosed, ReleaseBusy. */
export async function requireRefreshable(
  deps: ReleaseDeps,
  actor: Actor,
  number: number,
): Promise<void> {
  const row = await findRelease(number);
  const environment = row.targetEnvironment ?? undefined;
  await requireToChange(deps.uow, actor, "release.refresh", { environment }, aboutRelease(row));
  const obstacle = contentObstacle(row, await activeDeploymentOf(row), "refreshed");
  if (obstacle) {
    throw obstacle;
  }
}

/**
 * Reads a release again from source control and says what changed: exclusions and dependencies stay, repositories with new
 * commits join, what has nothing left to release goes, and what could not be read stays as it was, with the reason. Answers
 * whether anything changed. Releases that come from no branch have nothing to read.
 *
 * @throws ReleaseNotFound, ReleaseClosed, ReleaseBusy, and what source control says when none of it answers
 */
export async function refreshRelease(
  deps: ReleaseDeps,
  actor: Actor,
  number: number,
  mode: RefreshMode,
  progress?: Progress,
): Promise<boolean> {
  const before = await loadRelease(await findRelease(number));
  const { sourceBranch: source, destinationBranch: destination } = before.row;
  if (source === null || destination === null) {
    return reconcile(deps, actor, before.row);
  }
  const readings = await readRepositories(
    deps,
    {
      source,
      destination,
      names: before.row.repositories,
      expected: [
        ...(before.row.repositories ?? []),
        ...before.items.map(({ repository }) => repository),
      ],
      known: new Map(
        before.items.map((item): [string, KnownIdentity] => [
          item.repository,
          {
            headSha: item.headSha,
            mergeBaseSha: item.mergeBaseSha,
            patchIdentity: item.patchIdentity,
          },
        ]),
      ),
    },
    progress,
  );
  const reading = await draft(deps, readings);
  const isChanged = await merge(deps, actor, number, mode, reading);
  return isChanged || (mode === "scheduled" && (await reconcile(deps, actor, before.row)));
}

async function draft(deps: ReleaseDeps, readings: Readings): Promise<Reading> {
  const services = await servicesOf(readings.changed.map((r) => r.comparison.repository.name));
  const drafted = readings.changed.map((reading) =>
    draftItems(
      reading,
      services.get(reading.comparison.repository.name) ?? [],
      deps.migrationPaths,
    ),
  );
  return {
    readings,
    drafts: drafted.flatMap(({ items }) => items),
    problems: [...readings.problems, ...drafted.flatMap(({ problems }) => problems)],
    services: new Map([...services.values()].flat().map((service) => [service.name, service])),
  };
}

/** Writes what was read onto what is stored by now: people may have excluded or signed while it was being read. */
async function merge(
  deps: ReleaseDeps,
  actor: Actor,
  number: number,
  mode: RefreshMode,
  reading: Reading,
): Promise<boolean> {
  return changeRelease(deps, number, async (tx, row, claim) => {
    const obstacle = contentObstacle(row, await activeDeploymentOf(row, tx), "refreshed");
    if (obstacle) {
      if (mode === "scheduled") {
        return false;
      }
      throw obstacle;
    }
    const { items } = await loadRelease(row, { transaction: tx.sequelize, withCommits: true });
    const plan = planMerge(items, reading);
    const problems = problemChanges(row.problems, reading.problems);
    const changes = [...plan.changes.map((c) => `${c.repository}: ${c.words}`), ...problems];
    if (!plan.isChanged && problems.length === 0) {
      if (mode === "asked") {
        await rememberQuietRefresh(deps, tx, actor, row, items);
      }
      return false;
    }

    const counting = await countingSignOffs(deps, tx, row);
    await claim();
    await recordDiscovered(deps, tx, actor, [...reading.services.values()]);
    await writeItems(tx, row, plan, reading);
    const notes = await refreshedNotes(tx, row, items, plan, reading);
    await row.update(
      {
        ...notes,
        problems: reading.problems,
        lastChanges: changes,
        refreshedAt: deps.clock.now(),
      },
      { transaction: tx.sequelize },
    );
    const now = await loadRelease(row, { transaction: tx.sequelize });
    await tx.emit({
      name: "release.refreshed",
      payload: { number, changes, fingerprint: fingerprintOf(now.items) },
      actor,
      subject: aboutRelease(row),
    });
    await settleRelease(deps, tx, row.id, {
      actor,
      why: `The content changed: ${shortList(changes)}.`,
      countedBefore: counting,
    });
    return true;
  });
}

interface MergePlan {
  readonly update: readonly {
    readonly row: ReleaseItemRow;
    readonly draft: ItemDraft;
    readonly lastChange: string | null;
  }[];
  readonly add: readonly ItemDraft[];
  readonly remove: readonly ReleaseItemRow[];
  /** Read or not, these stay as they are. */
  readonly keep: readonly ReleaseItemRow[];
  readonly changes: readonly ItemChange[];
  readonly isChanged: boolean;
}

function planMerge(items: readonly ReleaseItemRow[], { drafts, readings }: Reading): MergePlan {
  const drafted = new Map(drafts.map((one) => [one.service, one]));
  const wasRead = new Set([
    ...readings.unchanged,
    ...readings.changed.map(({ comparison }) => comparison.repository.name),
  ]);
  const update: MergePlan["update"][number][] = [];
  const remove: ReleaseItemRow[] = [];
  const keep: ReleaseItemRow[] = [];
  const changes: ItemChange[] = [];
  let isChanged = false;

  for (const row of items) {
    const fresh = drafted.get(row.service);
    const isGone = !fresh && wasRead.has(row.repository);
    if (fresh) {
      const words = describeItemChange(snapshot(row), { ...fresh, excluded: row.excluded });
      const isDifferent = words !== null || !isSameDraft(row, fresh);
      if (isDifferent || row.lastChange !== null) {
        update.push({ row, draft: fresh, lastChange: words });
      }
      if (words !== null) {
        changes.push({ repository: row.service, words });
      }
      isChanged ||= isDifferent;
      // A landed item has nothing left to release by its very success.
    } else if (isGone && !isLanded(row)) {
      remove.push(row);
      changes.push({ repository: row.service, words: "nothing left to release, taken out" });
      isChanged = true;
    } else {
      keep.push(row);
    }
  }
  const present = new Set(items.map(({ service }) => service));
  const add = drafts.filter(({ service }) => !present.has(service));
  for (const fresh of add) {
    const count = pluralise(fresh.commitCount, "commit");
    changes.push({ repository: fresh.service, words: `joined with ${count}` });
    isChanged = true;
  }
  return { update, add, remove, keep, changes, isChanged };
}

function snapshot(row: ReleaseItemRow) {
  return {
    headSha: row.headSha,
    commitCount: row.commitCount,
    patchIdentity: row.patchIdentity,
    ci: row.ci,
    behindCount: row.behindCount,
  };
}

/** Whether the columns a reading fills are as they were. */
function isSameDraft(row: ReleaseItemRow, draft: ItemDraft): boolean {
  const stored = {
    ...row.get(),
    baseSha: row.baseSha ?? "",
    headSha: row.headSha ?? "",
    provider: row.provider ?? "",
  };
  return isDeepStrictEqual(columnsOf(draft), columnsOf(stored));
}

/** What a reading fills in an item's row. */
function columnsOf(draft: Omit<ItemDraft, "service" | "messages">) {
  const { repository, provider, path, baseSha, headSha, mergeBaseSha, patchIdentity } = draft;
  const { commitCount, behindCount, truncated, commits, contributors, fileCount } = draft;
  const { migrations, breaking, pullRequest, ci } = draft;
  return {
    ...{ repository, provider, path, baseSha, headSha, mergeBaseSha, patchIdentity },
    ...{ commitCount, behindCount, truncated, commits, contributors, fileCount },
    ...{ migrations, breaking, pullRequest, ci },
  };
}

async function writeItems(
  tx: Tx,
  release: ReleaseRow,
  plan: MergePlan,
  reading: Reading,
): Promise<void> {
  const transaction = tx.sequelize;
  for (const { row, draft, lastChange } of plan.update) {
    const isNewContent = row.headSha !== draft.headSha;
    await row.update(
      {
        ...columnsOf(draft),
        lastChange,
        ...(isNewContent ? { landedAt: null, landedSha: null, landedHead: null } : {}),
      },
      { transaction },
    );
  }
  for (const row of plan.keep.filter(({ lastChange }) => lastChange !== null)) {
    await row.update({ lastChange: null }, { transaction });
  }
  await ReleaseItemRow.destroy({ where: { id: plan.remove.map(({ id }) => id) }, transaction });
  const added = plan.add.map((draft) =>
    itemRow(release.id, {
      ...draft,
      dependsOn: dependenciesOf(draft.service, new Map(), reading.services),
      lastChange: "joined",
    }),
  );
  await ReleaseItemRow.bulkCreate(added, { transaction });
  await indexTexts(
    transaction,
    "release",
    release.id,
    new Map([
      ...plan.remove.map(({ service }) => [service, ""] as const),
      ...textsOfItems([...plan.update.map(({ row }) => row), ...added]),
    ]),
  );
}

/**
 * The generated texts as the commits tell them now. What people wrote stays: only a text nobody edited follows the draft.
 */
async function refreshedNotes(
  tx: Tx,
  release: ReleaseRow,
  items: readonly ReleaseItemRow[],
  plan: MergePlan,
  { drafts }: Reading,
): Promise<{ draftNotes: string; notes: string; breakingChanges: string }> {
  const excluded = new Set(items.filter((item) => item.excluded).map(({ service }) => service));
  const messages: ServiceCommits[] = [
    ...drafts.map((draft) => draft.messages),
    ...plan.keep.map(({ service, commits, commitCount }) => ({
      service,
      commits: commits.map(({ sha, title }) => ({ sha, title, body: "" })),
      commitCount,
    })),
  ].filter(({ service }) => !excluded.has(service));
  const fresh = draftNotes(messages);
  const draft = fittingNotes(fresh.notes);
  return {
    draftNotes: draft,
    notes: release.notes === release.draftNotes ? draft : release.notes,
    breakingChanges: (await wasEdited(tx, release, "breaking_changes"))
      ? release.breakingChanges
      : fittingNotes(fresh.breaking),
  };
}

async function wasEdited(
  tx: Tx,
  release: ReleaseRow,
  field: "notes" | "breaking_changes",
): Promise<boolean> {
  const edits = await EventRow.findAll({
    attributes: ["payload"],
    where: {
      name: "release.edited",
      subjectKind: "release",
      subjectId: String(release.number),
    },
    transaction: tx.sequelize,
  });
  return edits.some(
    ({ payload }) =>
      typeof payload === "object" &&
      payload !== null &&
      "field" in payload &&
      payload.field === field,
  );
}

/** Somebody asked and nothing had changed: that is worth knowing, and no reason to make open pages out of date. */
async function rememberQuietRefresh(
  deps: ReleaseDeps,
  tx: Tx,
  actor: Actor,
  row: ReleaseRow,
  items: readonly ReleaseItemRow[],
): Promise<void> {
  for (const item of items.filter(({ lastChange }) => lastChange !== null)) {
    await item.update({ lastChange: null }, { transaction: tx.sequelize });
  }
  await row.update(
    { refreshedAt: deps.clock.now(), lastChanges: [] },
    { transaction: tx.sequelize },
  );
  await tx.emit({
    name: "release.refreshed",
    payload: { number: row.number, changes: [], fingerprint: row.fingerprint },
    actor,
    subject: aboutRelease(row),
  });
  await settleRelease(deps, tx, row.id, { actor, why: "The facts it follows from changed." });
}

/** The first few of many, for a sentence. */
function shortList(changes: readonly string[]): string {
  const shown = changes.slice(0, SHOWN_CHANGES).join("; ");
  const more = changes.length - SHOWN_CHANGES;
  return more > 0 ? `${shown}; and ${more} more` : shown;
}

/** Brings a stored status in line with the facts, should anything have been missed. Writes only when it is off. */
async function reconcile(deps: ReleaseDeps, actor: Actor, stale: ReleaseRow): Promise<boolean> {
  const row = await findRelease(stale.number);
  if (isClosed(row.status)) {
    return false;
  }
  const { status, fingerprint } = await evaluateRelease(deps, await loadRelease(row));
  if (status === row.status && fingerprint === row.fingerprint) {
    return false;
  }
  await deps.uow.run((tx) =>
    settleRelease(deps, tx, row.id, { actor, why: "The facts it follows from changed." }),
  );
  return true;
}

function problemChanges(
  before: readonly StoredProblem[],
  after: readonly StoredProblem[],
): readonly string[] {
  const old = new Map(before.map((problem) => [problem.repository, problem]));
  const now = new Map(after.map((problem) => [problem.repository, problem]));
  return [
    ...after
      .filter((problem) => old.get(problem.repository)?.code !== problem.code)
      .map(({ repository, reason }) => `${repository}: ${reason}`),
    ...before
      .filter(({ repository }) => !now.has(repository))
      .map(({ repository }) => `${repository}: can be compared again`),
  ];
}
