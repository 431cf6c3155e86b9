import { z } from "zod";
import { Ability, PageQuery, PersonRef, RequirementView, Timestamp, pageOf } from "./common.ts";
import { DeployOrderView } from "./release.ts";

export const DEPLOYMENT_STATUSES = [
  "scheduled",
  "queued",
  "running",
  "verifying",
  "succeeded",
  "paused",
  "failed",
  "errored",
  "timed_out",
  "aborting",
  "aborted",
  "rolled_back",
] as const;
export const DeploymentStatus = z.enum(DEPLOYMENT_STATUSES);
export type DeploymentStatus = z.infer<typeof DeploymentStatus>;

export const STAGES = ["merge", "migrate", "deploy", "verify", "land"] as const;
export const Stage = z.enum(STAGES);
export type Stage = z.infer<typeof Stage>;

export const STEP_STATUSES = ["pending", "running", "succeeded", "failed", "skipped"] as const;
export const StepStatus = z.enum(STEP_STATUSES);
export type StepStatus = z.infer<typeof StepStatus>;

export const DeploymentStepView = z
  .object({
    id: z.string(),
    wave: z.number().int(),
    service: z.string(),
    stage: Stage,
    status: StepStatus,
    startedAt: Timestamp.nullable(),
    finishedAt: Timestamp.nullable(),
    timeoutMs: z.number().int(),
    /** One sentence about how it ended; null while it has not. */
    outcome: z.string().nullable(),
    cause: z.string().nullable(),
  })
  .meta({ id: "DeploymentStep" });
export type DeploymentStepView = z.infer<typeof DeploymentStepView>;

/** Where one service of the deployment stands. */
export const DeploymentServiceView = z
  .object({
    service: z.string(),
    wave: z.number().int(),
    fromVersion: z.string().nullable(),
    toVersion: z.string(),
    fromCommit: z.string().nullable(),
    toCommit: z.string().nullable(),
    state: z.enum(["waiting", "running", "succeeded", "failed", "skipped", "untouched"]),
    /** Whether the service carries the new version now, as the target said last. */
    carriesNewVersion: z.boolean(),
    detail: z.string().nullable(),
    cause: z.string().nullable(),
  })
  .meta({ id: "DeploymentService" });
export type DeploymentServiceView = z.infer<typeof DeploymentServiceView>;

export const DeploymentSummary = z
  .object({
    number: z.number().int(),
    environment: z.string(),
    kind: z.enum(["deploy", "rollback"]),
    status: DeploymentStatus,
    release: z.number().int().nullable(),
    rollbackOf: z.number().int().nullable(),
    requestedBy: PersonRef,
    reason: z.string().nullable(),
    services: z.array(z.string()),
    createdAt: Timestamp,
    startedAt: Timestamp.nullable(),
    finishedAt: Timestamp.nullable(),
    url: z.string(),
  })
  .meta({ id: "DeploymentSummary" });
export type DeploymentSummary = z.infer<typeof DeploymentSummary>;
export const DeploymentPage = pageOf(DeploymentSummary);

export const DeploymentView = DeploymentSummary.extend({
  waves: z.array(z.array(z.string())),
  results: z.array(DeploymentServiceView),
  steps: z.array(DeploymentStepView),
  /** In a sentence: what happened, which services carry the new version. */
  summary: z.string(),
  cancelRequestedBy: PersonRef.nullable(),
  abilities: z.object({ cancel: Ability, retry: Ability, rollback: Ability }),
}).meta({ id: "Deployment" });
export type DeploymentView = z.infer<typeof DeploymentView>;

export const DeploymentLogView = z
  .object({
    items: z.array(
      z.object({
        id: z.number().int(),
        at: Timestamp,
        service: z.string().nullable(),
        stage: Stage.nullable(),
        line: z.string(),
      }),
    ),
    /** Ask again with `after` this to get what came since. */
    next: z.number().int(),
  })
  .meta({ id: "DeploymentLog" });
export type DeploymentLogView = z.infer<typeof DeploymentLogView>;

export const PlanView = z
  .object({
    release: z.number().int(),
    environment: z.string(),
    possible: z.boolean(),
    requirements: z.array(RequirementView),
    order: DeployOrderView,
    changes: z.array(
      z.object({
        service: z.string(),
        wave: z.number().int(),
        from: z.string().nullable(),
        to: z.string(),
        change: z.enum(["create", "update", "none"]),
      }),
    ),
    /** From the history of successful deployments here; null without any. */
    expectedDurationMs: z.number().int().nullable(),
    /** What could not be found out about the target, in words. */
    warnings: z.array(z.string()),
  })
  .meta({ id: "Plan" });
export type PlanView = z.infer<typeof PlanView>;

const name = z.string().min(1).max(200);

export const RequestDeployment = z
  .object({
    /** The release's target environment when absent. */
    environment: name.optional(),
    only: z.array(name).max(1_000).optional(),
    fromWave: z.number().int().min(1).optional(),
  })
  .meta({ id: "RequestDeployment" });
export type RequestDeployment = z.infer<typeof RequestDeployment>;

export const CancelDeployment = z
  .object({
    then: z.enum(["leave", "roll_back"]).default("leave"),
    reason: z.string().max(2_000).optional(),
  })
  .meta({ id: "CancelDeployment" });
export type CancelDeployment = z.infer<typeof CancelDeployment>;

export const RequestRollback = z
  .object({
    environment: name,
    /** Number of the successful deployment to go back to; the one before the last change when absent. */
    to: z.number().int().min(1).optional(),
    services: z.array(name).max(1_000).optional(),
    reason: z.string().trim().max(2_000).min(1, "say why"),
  })
  .meta({ id: "RequestRollback" });
export type RequestRollback = z.infer<typeof RequestRollback>;

export const DeploymentQuery = PageQuery.extend({
  environment: z.string().optional(),
  status: DeploymentStatus.or(z.enum(["active", "finished"])).optional(),
  release: z.coerce.number().int().optional(),
  service: z.string().optional(),
});
export type DeploymentQuery = z.infer<typeof DeploymentQuery>;
