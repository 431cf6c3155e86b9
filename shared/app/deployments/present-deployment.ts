import type {
  DeploymentServiceView,
  DeploymentStepView,
  DeploymentSummary,
  DeploymentView,
} from "../../contract/deployment.ts";
import type { Actor } from "../../core/actor.ts";
import { isActive, isFinished } from "../../core/deployment.ts";
import { no, yes, type Verdict } from "../../core/verdict.ts";
import type { DeploymentRow } from "../../db/rows/deployment.ts";
import type { DeploymentStepRow } from "../../db/rows/deployment-step.ts";
import type { AppError } from "../../errors/app-error.ts";
import { ability } from "../ability.ts";
import { denial } from "../access.ts";
import type { People } from "../people/person-refs.ts";

/** A line of a list of deployments. */
export function presentDeploymentSummary(
  row: DeploymentRow,
  baseUrl: string,
  people: People,
): DeploymentSummary {
  return {
    number: row.number,
    environment: row.environment,
    kind: row.kind,
    status: row.status,
    release: row.releaseNumber,
    rollbackOf: row.rollbackOf,
    requestedBy: { ...people.ref(row.requestedBy), name: row.requestedByName },
    reason: row.reason,
    // One that only lands has no waves.
    services: row.waves.length === 0 ? row.desired.map(({ service }) => service) : row.waves.flat(),
    createdAt: row.createdAt.toISOString(),
    startedAt: row.startedAt?.toISOString() ?? null,
    finishedAt: row.finishedAt?.toISOString() ?? null,
    url: `${baseUrl}/deployments/${row.number}`,
  };
}

/** One deployment as people see it, with what the asking person may do now. */
export function presentDeployment(
  row: DeploymentRow,
  steps: readonly DeploymentStepRow[],
  context: {
    readonly baseUrl: string;
    readonly people: People;
    readonly actor: Actor;
    /** Whether the environment can be rolled back now. */
    readonly rollback: Verdict;
    /** Services that were brought and could not be landed. */
    readonly unlanded: readonly string[];
  },
): DeploymentView {
  return {
    ...presentDeploymentSummary(row, context.baseUrl, context.people),
    waves: row.waves.map((wave) => [...wave]),
    results: results(row, steps),
    steps: steps.map(presentStep),
    summary: row.summary,
    cancelRequestedBy:
      row.cancelRequestedBy === null ? null : context.people.ref(row.cancelRequestedBy),
    abilities: {
      cancel: ability(refused(context.actor, "deployment.cancel", row), canCancel(row)),
      retry: ability(
        refused(context.actor, "deployment.request", row),
        canRetry(row, steps, context.unlanded),
      ),
      rollback: ability(refused(context.actor, "deployment.roll_back", row), context.rollback),
    },
  };
}

function refused(
  actor: Actor,
  permission: "deployment.cancel" | "deployment.request" | "deployment.roll_back",
  { environment }: DeploymentRow,
): AppError | null {
  return denial(actor, permission, { environment });
}

function canCancel({ number, status }: DeploymentRow): Verdict {
  if (status === "aborting") {
    return no(
      "deployment.aborting",
      `Deployment #${number} is being cancelled already.`,
      "Wait until it has stopped.",
    );
  }
  return isActive(status)
    ? yes
    : no(
        "deployment.finished",
        `Deployment #${number} has ended.`,
        "Roll back to undo what it changed.",
      );
}

function canRetry(
  row: DeploymentRow,
  steps: readonly DeploymentStepRow[],
  unlanded: readonly string[],
): Verdict {
  const { number, status } = row;
  if (!isFinished(status)) {
    return no(
      "deployment.active",
      `Deployment #${number} has not ended yet.`,
      `Wait for it, or say \`cancel ${number}\`.`,
    );
  }
  const isOpen = steps.some((step) => step.stage !== "land" && step.status !== "succeeded");
  const isUndone = status !== "succeeded" && status !== "rolled_back" && isOpen;
  return isUndone || (status === "succeeded" && unlanded.length > 0)
    ? yes
    : no(
        "deployment.finished",
        `Deployment #${number} has nothing left to do.`,
        "Deploy a release to change something.",
      );
}

function presentStep(step: DeploymentStepRow): DeploymentStepView {
  return {
    id: step.id,
    wave: step.wave,
    service: step.service,
    stage: step.stage,
    status: step.status,
    startedAt: step.startedAt?.toISOString() ?? null,
    finishedAt: step.finishedAt?.toISOString() ?? null,
    timeoutMs: step.timeoutMs,
    outcome: step.outcome,
    cause: step.cause,
  };
}

function results(row: DeploymentRow, steps: readonly DeploymentStepRow[]): DeploymentServiceView[] {
  const desired = new Map(row.desired.map((one) => [one.service, one]));
  return row.waves.flatMap((services, index) =>
    services.flatMap((service): DeploymentServiceView[] => {
      const wanted = desired.get(service);
      const own = steps.filter((step) => step.service === service);
      if (!wanted) {
        return [];
      }
      const last = own.findLast((step) => step.outcome !== null);
      const failed = own.find((step) => step.status === "failed");
      return [
        {
          service,
          wave: index + 1,
          fromVersion: wanted.fromVersion,
          toVersion: wanted.version,
          fromCommit: wanted.fromCommit,
          toCommit: wanted.commit,
          state: stateOf(own),
          carriesNewVersion: own.find((step) => step.stage === "deploy")?.carried ?? false,
          detail: (failed ?? last)?.outcome ?? null,
          cause: failed?.cause ?? null,
        },
      ];
    }),
  );
}

/** Landing is about the branch, not about whether the service is out. */
function stateOf(steps: readonly DeploymentStepRow[]): DeploymentServiceView["state"] {
  const own = steps.filter((step) => step.stage !== "land");
  if (own.some((step) => step.status === "failed")) {
    return "failed";
  }
  if (own.some((step) => step.status === "running")) {
    return "running";
  }
  if (own.every((step) => step.status === "succeeded")) {
    return "succeeded";
  }
  if (own.every((step) => step.status === "skipped")) {
    return "untouched";
  }
  if (own.some((step) => step.status === "skipped")) {
    return "skipped";
  }
  return own.some((step) => step.status === "succeeded") ? "running" : "waiting";
}
