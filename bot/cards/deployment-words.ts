import type { DeploymentStatus, DeploymentView } from "../../shared/contract/deployment.ts";
import type { Tone } from "../chat/card.ts";
import { plain } from "../chat/markdown.ts";

/** Statuses after which nothing happens by itself. */
const FINISHED: readonly DeploymentStatus[] = [
  "succeeded",
  "failed",
  "errored",
  "timed_out",
  "aborted",
  "rolled_back",
];

/** Statuses somebody has to do something about. */
const BAD: readonly DeploymentStatus[] = ["failed", "errored", "timed_out"];

export const deploymentStatusWords: Readonly<Record<DeploymentStatus, string>> = {
  scheduled: "scheduled",
  queued: "waiting to start",
  running: "running",
  verifying: "checking the result",
  succeeded: "succeeded",
  paused: "paused",
  failed: "failed",
  errored: "stopped by an error of ours",
  timed_out: "ran out of time",
  aborting: "stopping",
  aborted: "stopped",
  rolled_back: "rolled back",
};

export const deploymentTones: Readonly<Record<DeploymentStatus, Tone>> = {
  scheduled: "info",
  queued: "info",
  running: "info",
  verifying: "info",
  succeeded: "success",
  paused: "warning",
  failed: "danger",
  errored: "danger",
  timed_out: "danger",
  aborting: "warning",
  aborted: "warning",
  rolled_back: "warning",
};

/** How one service of a deployment stands, in a word or two. */
export const serviceStateWords: Readonly<
  Record<DeploymentView["results"][number]["state"], string>
> = {
  waiting: "waiting",
  running: "in progress",
  succeeded: "done",
  failed: "failed",
  skipped: "skipped",
  untouched: "not touched",
};

export function isFinished({ status }: { readonly status: DeploymentStatus }): boolean {
  return FINISHED.includes(status);
}

/** Whether somebody has to do something now. */
export function hasFailed({ status }: { readonly status: DeploymentStatus }): boolean {
  return BAD.includes(status);
}

/** Services that are out while their branch was not moved: the deploy is no failure, and somebody has to do something. */
export function unlandedServices({
  status,
  steps,
}: Pick<DeploymentView, "status" | "steps">): readonly string[] {
  return status === "succeeded"
    ? steps
        .filter((step) => step.stage === "land" && step.status === "failed")
        .map(({ service }) => service)
    : [];
}

/** `Deployment #7: release #12 to prod`, `Rollback #8 of prod`. */
export function deploymentName(
  deployment: Pick<DeploymentView, "number" | "kind" | "environment" | "release">,
): string {
  const environment = plain(deployment.environment, 80);
  if (deployment.kind === "rollback") {
    return `Rollback #${deployment.number} of ${environment}`;
  }
  const what = deployment.release === null ? "" : `release #${deployment.release} `;
  return `Deployment #${deployment.number}: ${what}to ${environment}`;
}
