import type { DeploymentStatus, Stage, StepStatus } from "../contract/deployment.ts";
import { joinWords } from "../lib/text.ts";
import { CAUSE_INTERNAL, isFinished } from "./deployment.ts";
import type { CommitStatus, DeploymentReport } from "./ports/scm.ts";

/** How a release stands, as far as somebody who looks at one of its commits wants to know. */
export interface ReleaseStanding {
  readonly number: number;
  /** Somebody closed it for good. */
  readonly isCancelled: boolean;
  readonly rejection: { readonly by: string; readonly reason: string } | null;
  readonly isApproved: boolean;
  readonly roles: readonly {
    readonly role: string;
    readonly needed: number;
    readonly have: number;
    /** Names of those whose signature counts. */
    readonly by: readonly string[];
  }[];
  /** The commit is left out of the release. */
  readonly isExcluded: boolean;
}

/** Whether this very commit may go out, in one word and one sentence. */
export function releaseStatus(
  release: ReleaseStanding,
): Pick<CommitStatus, "state" | "description"> {
  const { number, rejection, roles } = release;
  if (release.isCancelled) {
    return { state: "error", description: `Release #${number} was closed and will not go out.` };
  }
  if (rejection !== null) {
    const { by, reason } = rejection;
    return {
      state: "failure",
      description: `Release #${number} was rejected by ${by}: ${reason}`,
    };
  }
  if (release.isExcluded) {
    return { state: "pending", description: `Left out of release #${number}.` };
  }
  if (release.isApproved) {
    const signers = roles.flatMap(({ role, by }) => by.map((name) => `${name} (${role})`));
    return {
      state: "success",
      description: `Release #${number} is approved by ${joinWords(signers)}.`,
    };
  }
  const missing = roles.filter(({ have, needed }) => have < needed);
  return {
    state: "pending",
    description: `Release #${number} waits for ${
      missing.length === 0 ? "another signature" : joinWords(missing.map(roleWords))
    }.`,
  };
}

function roleWords({ role, needed, have }: ReleaseStanding["roles"][number]): string {
  return needed === 1 ? role : `${role} (${have} of ${needed})`;
}

/** What one deployment did with the services of one repository. */
export interface RepositoryRun {
  readonly number: number;
  readonly kind: "deploy" | "rollback";
  readonly environment: string;
  readonly status: DeploymentStatus;
  /** Steps of these services, landing included. */
  readonly steps: readonly {
    readonly service: string;
    readonly stage: Stage;
    readonly status: StepStatus;
    readonly cause: string | null;
    readonly outcome: string | null;
  }[];
}

/** How far that is; null when the deployment deploys nothing of the repository. */
export function deploymentState(
  run: RepositoryRun,
): Pick<DeploymentReport, "state" | "description"> | null {
  const what = `${run.kind === "rollback" ? "Rollback" : "Deployment"} #${run.number} to ${run.environment}`;
  // Whether the branch was moved afterwards does not change what runs.
  const steps = run.steps.filter(({ stage }) => stage !== "land");
  if (steps.length === 0) {
    return null;
  }
  if (run.status === "rolled_back") {
    return { state: "inactive", description: `${what} was rolled back.` };
  }
  const failed = steps.find(({ status }) => status === "failed");
  if (failed) {
    const { service, stage, cause, outcome } = failed;
    return {
      state: cause === CAUSE_INTERNAL || cause === null ? "error" : "failure",
      description: `${what}: ${stage} of ${service} failed: ${outcome ?? "no reason is known"}`,
    };
  }
  if (steps.every(({ status }) => status === "succeeded")) {
    const services = [...new Set(steps.map(({ service }) => service))].sort();
    return { state: "success", description: `${what}: ${joinWords(services)} verified.` };
  }
  if (isFinished(run.status)) {
    return { state: "error", description: `${what} ended before this was deployed and verified.` };
  }
  return run.status === "queued" || run.status === "scheduled"
    ? { state: "queued", description: `${what} waits to start.` }
    : { state: "in_progress", description: `${what} is running.` };
}
