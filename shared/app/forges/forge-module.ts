import type { Job } from "../../db/work-queue.types.ts";
import type { Subscriber } from "../../events/events.ts";
import { createForgeEars, type ForgeEar } from "./hear-forge.ts";
import {
  createReportToForges,
  reportToForges,
  sweepReports,
  type ReportDeps,
} from "./report-to-forges.ts";
import type { ScmConnection, WatchedScm } from "./watch-scm.ts";

/** What goes on between us and the forges without being asked. */
export interface ForgeModule {
  /** Takes their calls, by kind of provider. */
  readonly ears: ReadonlyMap<string, ForgeEar>;
  /** Whether any can be told anything. */
  readonly canTell: boolean;
  /** Asks for reports; only where somebody can be told. */
  readonly subscribers: readonly Subscriber[];
  /** How each provider answered last; never asks. */
  connections(): readonly ScmConnection[];
  /** Handles the job `forge.report`. */
  handleReportJob(payload: Job["payload"], signal: AbortSignal): Promise<void>;
  /** Finds what was not told; for the scheduler, every `SWEEP_EVERY_MS`. */
  sweep(): Promise<void>;
}

/** Wires it. */
export function createForgeModule(deps: ReportDeps, scms: readonly WatchedScm[]): ForgeModule {
  const canTell = scms.some(
    (scm) => scm.reportStatus !== undefined || scm.reportDeployment !== undefined,
  );
  return {
    ears: createForgeEars(deps, scms),
    canTell,
    subscribers: canTell ? [createReportToForges(deps)] : [],
    connections: () => scms.map((scm) => scm.connection()),
    handleReportJob: (payload, signal) => reportToForges(deps, payload, signal),
    sweep: () => sweepReports(deps),
  };
}
