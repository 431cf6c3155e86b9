import { Op } from "sequelize";
import type { Clock } from "../../core/ports/clock.ts";
import type { RepoRef, ScmProvider } from "../../core/ports/scm.ts";
import { ForgeReportRow } from "../../db/rows/forge-report.ts";
import type { UnitOfWork } from "../../db/unit-of-work.types.ts";
import { AppError } from "../../errors/app-error.ts";
import { RateLimited } from "../../errors/catalog.ts";
import { newId } from "../../lib/ids.ts";
import type { Logger } from "../../lib/logger.ts";
import type { WantedReport } from "./wanted-reports.ts";

/** Reports in one go, before they are written down: what is lost by a crash is told once more. */
const BATCH = 20;
/** Below this part of an allowance, reports wait for the next one: people who refresh and deploy come first. */
const RESERVE = 0.2;

export interface TellDeps {
  readonly uow: UnitOfWork;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly scm: (providerId: string) => ScmProvider;
  readonly findRepository: (name: string, signal: AbortSignal) => Promise<RepoRef>;
}

interface Told {
  readonly report: WantedReport;
  /** Why the forge did not take it; null when it did. */
  readonly refusal: string | null;
}

/**
 * Tells forges what they do not show yet, and remembers it. A forge that says no to one report is not asked again until there
 * is something else to tell; one that does not answer, or has given us little to spend, stops its own reports only. Answers
 * how many were sent.
 *
 * @throws the first failure that may pass, after everything else was told: the same reports again are few then
 */
export async function tellForges(
  deps: TellDeps,
  wanted: readonly WantedReport[],
  signal: AbortSignal,
): Promise<number> {
  const news = await withoutTold(wanted);
  const silent = new Map<string, AppError>();
  let sent = 0;
  for (let at = 0; at < news.length; at += BATCH) {
    const told: Told[] = [];
    for (const report of news.slice(at, at + BATCH)) {
      signal.throwIfAborted();
      const answer = await tellOne(deps, report, silent, signal);
      if (answer !== undefined) {
        told.push(answer);
      }
    }
    await remember(deps, told);
    sent += told.filter(({ refusal }) => refusal === null).length;
  }
  const [failure] = silent.values();
  if (failure) {
    throw failure;
  }
  return sent;
}

/** Those that say something else than was said last. */
async function withoutTold(wanted: readonly WantedReport[]): Promise<readonly WantedReport[]> {
  if (wanted.length === 0) {
    return [];
  }
  const rows = await ForgeReportRow.findAll({
    where: { sha: { [Op.in]: [...new Set(wanted.map(({ sha }) => sha))] } },
  });
  const told = new Map(rows.map((row) => [keyOf(row), row.hash]));
  return wanted.filter((report) => told.get(keyOf(report)) !== report.hash);
}

/** Undefined when there was nobody to tell it to, or it is to be told later. */
async function tellOne(
  deps: TellDeps,
  report: WantedReport,
  silent: Map<string, AppError>,
  signal: AbortSignal,
): Promise<Told | undefined> {
  let provider = "";
  try {
    const repository = await deps.findRepository(report.repository, signal);
    provider = repository.provider;
    const scm = deps.scm(provider);
    if (!canTake(scm, report) || silent.has(provider)) {
      return undefined;
    }
    requireBudget(scm, deps.clock.now());
    await send(scm, repository, report, signal);
    return { report, refusal: null };
  } catch (error) {
    if (!(error instanceof AppError)) {
      throw error;
    }
    if (mayPass(error)) {
      silent.set(provider, error);
      return undefined;
    }
    deps.logger.warn(
      { err: error, repository: report.repository, kind: report.kind },
      "a forge did not take a report",
    );
    // One that is not configured any more is nobody's refusal.
    return provider === "" ? undefined : { report, refusal: error.message };
  }
}

function canTake(scm: ScmProvider, { kind }: WantedReport): boolean {
  return (kind === "status" ? "reportStatus" : "reportDeployment") in scm;
}

function send(
  scm: ScmProvider,
  repository: RepoRef,
  report: WantedReport,
  signal: AbortSignal,
): Promise<void> | undefined {
  return report.kind === "status"
    ? scm.reportStatus?.(repository, report.sha, report.status, signal)
    : scm.reportDeployment?.(repository, report.report, signal);
}

/** What the other side will say differently when it is asked later. */
function mayPass(error: AppError): boolean {
  return (
    error.kind === "rate_limited" ||
    error.kind === "timeout" ||
    (error.kind === "upstream" && error.code !== "upstream.rejected")
  );
}

/** Throws RateLimited with the time to wait when what is left of an allowance is kept for people. */
function requireBudget(scm: ScmProvider, now: Date): void {
  for (const { limit, remaining, resetsAt, pausedUntil } of scm.budgets?.() ?? []) {
    const isPaused = pausedUntil !== null && pausedUntil > now;
    const isShort = remaining < limit * RESERVE && resetsAt > now;
    if (isPaused || isShort) {
      const until = isPaused ? pausedUntil : resetsAt;
      throw new RateLimited({ retryAfterMs: until.getTime() - now.getTime() });
    }
  }
}

async function remember({ uow, clock }: TellDeps, told: readonly Told[]): Promise<void> {
  if (told.length === 0) {
    return;
  }
  await uow.run(async (tx) => {
    await ForgeReportRow.bulkCreate(
      told.map(({ report, refusal }) => ({
        id: newId(),
        kind: report.kind,
        repository: report.repository,
        sha: report.sha,
        context: report.context,
        hash: report.hash,
        refusal,
        reportedAt: clock.now(),
      })),
      {
        updateOnDuplicate: ["hash", "refusal", "reportedAt"],
        conflictAttributes: ["repository", "sha", "kind", "context"],
        transaction: tx.sequelize,
      },
    );
  });
}

function keyOf(report: {
  readonly kind: string;
  readonly repository: string;
  readonly sha: string;
  readonly context: string;
}): string {
  return JSON.stringify([report.kind, report.repository, report.sha, report.context]);
}
