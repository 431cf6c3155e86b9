import { UniqueConstraintError } from "sequelize";
import type { PromoteEnvironment } from "../../contract/environment.ts";
import type { Actor } from "../../core/actor.ts";
import type { EnvironmentDiffRow } from "../../core/environment-diff.ts";
import type { ServiceCommits } from "../../core/release-notes.ts";
import { ReleaseRow, type StoredProblem } from "../../db/rows/release.ts";
import { ServiceRow } from "../../db/rows/service.ts";
import { AppError } from "../../errors/app-error.ts";
import {
  CommitsRejected,
  InputInvalid,
  PromotionEmpty,
  PromotionStale,
  ReleaseAlreadyOpen,
  ServiceNotFound,
} from "../../errors/catalog.ts";
import { startDeadline } from "../../lib/deadline.ts";
import { OUTSIDE_TIMEOUT_MS, type DeploymentDeps } from "../deployments/deps.ts";
import { loadPeople } from "../people/person-refs.ts";
import { draftItems, draftNotes } from "../releases/draft-items.ts";
import { openKey, openRelease, type NewItem } from "../releases/open-release.ts";
import { fittingNotes } from "../releases/release-texts.ts";
import { rejectionOfCommits } from "../releases/standing-rejection.ts";
import { diffEnvironments, type EnvironmentDiff } from "./diff-environments.ts";
import { findEnvironment, type EnvironmentSettings } from "./environment-settings.ts";
import { requireInEnvironment } from "./require-in-environment.ts";

export type PromotionDeps = DeploymentDeps & {
  /** Patterns of files that are database migrations. */
  readonly migrationPaths: readonly string[];
};

/** A service that goes from one environment to the next, with what is known about it. */
type Promoted = EnvironmentDiffRow & { readonly to: NonNullable<EnvironmentDiffRow["to"]> };

/**
 * Makes a release of what one environment runs and another does not: exactly those versions, commits and artifacts, whatever
 * the first one runs later. Answers its number. Throws PromotionEmpty, PromotionStale when `hash` is not that of the present
 * difference, ReleaseAlreadyOpen, CommitsRejected, ServiceNotFound, InputInvalid, EnvironmentNotFound, PermissionDenied, and
 * what a target throws.
 */
export async function promoteEnvironment(
  deps: PromotionDeps,
  actor: Actor,
  input: PromoteEnvironment,
): Promise<number> {
  const from = findEnvironment(deps.environments, input.from);
  const to = findEnvironment(deps.environments, input.to);
  await requireInEnvironment(deps.uow, actor, "environment.promote", to.name);
  refuseWrongWay(from, to);
  const key = openKey("promotion", from.name, to.name);
  await refuseIfOpen(key, from.name, to.name);

  const diff = await diffEnvironments(deps, from.name, to.name);
  if (input.hash !== undefined && input.hash !== diff.hash) {
    throw new PromotionStale({ from: from.name, to: to.name });
  }
  const chosen = choose(diff, input.services ?? []);
  const services = new Map((await ServiceRow.findAll()).map((row) => [row.name, row]));
  const drafted = await draftPromotion(deps, chosen, services);
  const rejection = await rejectionOfCommits(
    drafted.items.map((item) => ({
      service: item.service,
      repository: item.repository,
      headSha: item.headSha ?? null,
      commits: item.commits ?? [],
    })),
  );
  if (rejection) {
    const people = await loadPeople([rejection.subject]);
    throw new CommitsRejected({
      release: rejection.release,
      by: people.of(rejection.subject).name,
      reason: rejection.reason,
      services: rejection.services,
    });
  }
  const notes = draftNotes(drafted.messages);
  try {
    const row = await deps.uow.run((tx) =>
      openRelease(deps, tx, actor, {
        kind: "promotion",
        fromEnvironment: from.name,
        targetEnvironment: to.name,
        openKey: key,
        notes: fittingNotes(notes.notes),
        draftNotes: fittingNotes(notes.notes),
        breakingChanges: fittingNotes(notes.breaking),
        problems: drafted.problems,
        diffHash: diff.hash,
        items: drafted.items,
      }),
    );
    return row.number;
  } catch (error) {
    // Two people were equally fast: the unique index let one of them through.
    if (error instanceof UniqueConstraintError) {
      await refuseIfOpen(key, from.name, to.name);
    }
    throw error;
  }
}

function refuseWrongWay(from: EnvironmentSettings, to: EnvironmentSettings): void {
  if (from.name === to.name) {
    throw new InputInvalid(
      { problems: [{ pointer: "/to", message: "is the environment to promote from" }] },
      { remedy: "Name two environments, for example `promote preprod to prod`." },
    );
  }
  if (to.promoteFrom !== null && to.promoteFrom !== from.name) {
    throw new InputInvalid(
      {
        problems: [{ pointer: "/from", message: `${to.name} is promoted from ${to.promoteFrom}` }],
      },
      { remedy: `Say \`promote ${to.promoteFrom} to ${to.name}\`.` },
    );
  }
}

async function refuseIfOpen(key: string, from: string, to: string): Promise<void> {
  const open = await ReleaseRow.findOne({ where: { openKey: key }, attributes: ["number"] });
  if (open) {
    throw new ReleaseAlreadyOpen(
      { number: open.number, source: from, destination: to },
      { remedy: `Deploy it, or say \`close ${open.number} -m "…"\` first.` },
    );
  }
}

/** What can be promoted of what was asked for. A service that is named must have something to promote. */
function choose(diff: EnvironmentDiff, named: readonly string[]): readonly Promoted[] {
  const known = diff.rows.map((row) => row.service);
  const stranger = named.find((service) => !known.includes(service));
  if (stranger !== undefined) {
    throw new ServiceNotFound({ service: stranger, known });
  }
  const promotable = diff.rows.flatMap((row): Promoted[] =>
    row.to !== null && (row.change === "version_bump" || row.change === "new_service")
      ? [{ ...row, to: row.to }]
      : [],
  );
  const idle = named.filter((service) => !promotable.some((row) => row.service === service));
  if (promotable.length > 0 && idle.length > 0) {
    throw new InputInvalid(
      {
        problems: idle.map((service) => ({
          pointer: "/services",
          message: idleWords(diff, service),
        })),
      },
      { remedy: `Leave ${idle.length === 1 ? "it" : "them"} out.` },
    );
  }
  const chosen = promotable.filter((row) => named.length === 0 || named.includes(row.service));
  if (chosen.length === 0) {
    throw new PromotionEmpty({ from: diff.from, to: diff.to });
  }
  return chosen;
}

function idleWords({ rows, from, to }: EnvironmentDiff, service: string): string {
  const row = rows.find((one) => one.service === service);
  return row?.to === null
    ? `${service} does not run in ${from}`
    : `${to} already runs ${row?.to?.version ?? "the same"} of ${service}`;
}

interface DraftedPromotion {
  readonly items: readonly NewItem[];
  readonly messages: readonly ServiceCommits[];
  readonly problems: readonly StoredProblem[];
}

async function draftPromotion(
  deps: PromotionDeps,
  chosen: readonly Promoted[],
  services: ReadonlyMap<string, ServiceRow>,
): Promise<DraftedPromotion> {
  const items: NewItem[] = [];
  const messages: ServiceCommits[] = [];
  const problems: StoredProblem[] = [];
  const deadline = startDeadline(deps.timers, OUTSIDE_TIMEOUT_MS);
  try {
    const drafts = await Promise.all(
      chosen.map(async (row) => {
        const service = services.get(row.service);
        if (!service) {
          throw new ServiceNotFound({ service: row.service, known: [...services.keys()] });
        }
        const history = await readHistory(deps, row, service, deadline.signal);
        return { row, service, history };
      }),
    );
    for (const { row, service, history } of drafts) {
      if ("problem" in history) {
        problems.push(history.problem);
      }
      const { messages: own, ...known } = "draft" in history ? history.draft : { messages: null };
      if (own) {
        messages.push(own);
      }
      items.push({
        ...known,
        service: service.name,
        repository: service.repository,
        path: service.path,
        baseSha: row.from?.commit ?? null,
        headSha: row.to.commit,
        fromVersion: row.from?.version ?? null,
        toVersion: row.to.version,
        digest: row.to.digest,
        // What is signed is the version itself: nothing carries over to another one.
        patchIdentity: null,
        behindCount: 0,
        dependsOn: service.dependsOn,
      });
    }
  } finally {
    deadline.end();
  }
  return { items, messages, problems };
}

type History =
  | { readonly draft: ReturnType<typeof draftItems>["items"][number] }
  | { readonly problem: StoredProblem }
  | { readonly unknown: true };

/** The commits between what runs there and what is to run there, where both are known. */
async function readHistory(
  deps: PromotionDeps,
  { from, to }: Promoted,
  service: ServiceRow,
  signal: AbortSignal,
): Promise<History> {
  if (from === null || from.commit === null || to.commit === null || from.commit === to.commit) {
    return { unknown: true };
  }
  try {
    const repository = await deps.findRepository(service.repository, signal);
    const pair = { repository, base: from.commit, head: to.commit };
    for await (const result of deps.scm(repository.provider).compareMany([pair], signal)) {
      if (!result.ok) {
        return { problem: { repository: service.repository, ...result.failure } };
      }
      const { comparison } = result;
      const [draft] = draftItems(
        { comparison, patchIdentity: null, pullRequest: null, ci: null },
        [{ name: service.name, repository: service.repository, path: service.path }],
        deps.migrationPaths,
      ).items;
      return draft ? { draft } : { unknown: true };
    }
    return { unknown: true };
  } catch (error) {
    // The versions are known from the targets; their history is only a help for whoever signs.
    if (error instanceof AppError) {
      return {
        problem: {
          repository: service.repository,
          code: error.code,
          reason: error.message,
          remedy: error.remedy ?? "Look at the commits yourself before you sign.",
        },
      };
    }
    throw error;
  }
}
