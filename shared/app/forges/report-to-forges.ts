import { Op } from "sequelize";
import { ForgeReportRow } from "../../db/rows/forge-report.ts";
import { ReleaseRow } from "../../db/rows/release.ts";
import type { Tx } from "../../db/unit-of-work.types.ts";
import type { Job } from "../../db/work-queue.types.ts";
import type { EventName, EventOf, Subscriber } from "../../events/events.ts";
import { REFRESHED_STATUSES } from "../releases/refresh-open-releases.ts";
import { tellForges, type TellDeps } from "./tell-forges.ts";
import {
  wantedDeployments,
  wantedStatuses,
  type WantedDeps,
  type WantedReport,
} from "./wanted-reports.ts";

export type ReportDeps = TellDeps & WantedDeps;

/** What follows quickly is told as one: only the last state matters. */
const DELAY_MS = 2_000;
/** How often what was missed is looked for: facts of an hour in which a forge did not answer. */
export const SWEEP_EVERY_MS = 60 * 60_000;
/** What was told is remembered this long; commits that old are told of nothing any more. */
const KEEP_MS = 180 * 24 * 60 * 60_000;
/** Things change while they are told; after so many rounds the next fact goes on. */
const MOST_ROUNDS = 5;

const ABOUT_RELEASES = [
  "release.created",
  "release.refreshed",
  "release.item_excluded",
  "release.item_included",
  "release.signed_off",
  "release.sign_off_revoked",
  "release.sign_off_outdated",
  "release.approved",
  "release.approval_lost",
  "release.rejected",
  "release.rejection_lifted",
  "release.closed",
  "release.status_changed",
] as const satisfies readonly EventName[];
const ABOUT_DEPLOYMENTS = [
  "deployment.requested",
  "deployment.started",
  "deployment.step_changed",
  "deployment.finished",
] as const satisfies readonly EventName[];
type Name = (typeof ABOUT_RELEASES)[number] | (typeof ABOUT_DEPLOYMENTS)[number];

/** What is reported: a release beside its commits, or a deployment. */
type Subject = { readonly release: number } | { readonly deployment: number };

/** Asks for a report after each fact that may change what forges show. Telling itself is background work, and holds up nobody. */
export function createReportToForges(deps: Pick<ReportDeps, "uow" | "clock">): Subscriber<Name> {
  return {
    name: "report-to-forges",
    events: [...ABOUT_RELEASES, ...ABOUT_DEPLOYMENTS],
    async handle(event) {
      if (!isNews(event)) {
        return;
      }
      const { number } = event.payload;
      const subject = event.name.startsWith("release.")
        ? { release: number }
        : { deployment: number };
      await deps.uow.run((tx) => enqueue(deps, tx, subject, DELAY_MS));
    },
  };
}

/** Does what `createReportToForges` asked for: the job `forge.report`. */
export async function reportToForges(
  deps: ReportDeps,
  payload: Job["payload"],
  signal: AbortSignal,
): Promise<void> {
  const { release, deployment } = payload;
  for (let round = 1; round <= MOST_ROUNDS; round += 1) {
    const wanted: readonly WantedReport[] = [
      ...(typeof release === "number" ? await wantedStatuses(deps, release) : []),
      ...(typeof deployment === "number" ? await wantedDeployments(deps, deployment) : []),
    ];
    // Whatever changed meanwhile, or was overtaken by another process, shows as a difference again.
    if ((await tellForges(deps, wanted, signal)) === 0) {
      return;
    }
  }
}

/** Looks at every open release again, and forgets what was told long ago. For the scheduler, every `SWEEP_EVERY_MS`. */
export async function sweepReports(deps: ReportDeps): Promise<void> {
  const open = await ReleaseRow.findAll({
    attributes: ["number"],
    where: { kind: "branch", status: [...REFRESHED_STATUSES] },
  });
  await deps.uow.run(async (tx) => {
    for (const { number } of open) {
      await enqueue(deps, tx, { release: number }, 0);
    }
    await ForgeReportRow.destroy({
      where: { reportedAt: { [Op.lt]: new Date(deps.clock.now().getTime() - KEEP_MS) } },
      transaction: tx.sequelize,
    });
  });
}

/** Of the steps of a deployment only those that settle something for a repository. */
function isNews(event: EventOf<Name>): boolean {
  if (event.name !== "deployment.step_changed") {
    return true;
  }
  const { stage, status } = event.payload;
  return (
    stage !== "land" && (status === "failed" || (stage === "verify" && status === "succeeded"))
  );
}

async function enqueue(
  { clock }: Pick<ReportDeps, "clock">,
  tx: Tx,
  subject: Subject,
  delayMs: number,
): Promise<void> {
  const key =
    "release" in subject ? `release/${subject.release}` : `deployment/${subject.deployment}`;
  await tx.enqueue({
    name: "forge.report",
    payload: { ...subject },
    key: `forge.report/${key}`,
    runAt: new Date(clock.now().getTime() + delayMs),
  });
}
