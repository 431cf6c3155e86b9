import { z } from "zod";
import type { Labels } from "./labels.ts";

/**
 * What the Engine API says, cut down to what is read here and in our words. Vendor JSON ends in this file: whatever does not
 * fit these schemas is refused where it arrives.
 */

export const UPDATE_STATES = [
  "updating",
  "paused",
  "completed",
  "rollback_started",
  "rollback_paused",
  "rollback_completed",
] as const;
export type UpdateState = (typeof UPDATE_STATES)[number];

/** In the order a task goes through them; the ones from `complete` on are ends. */
export const TASK_STATES = [
  "new",
  "allocated",
  "pending",
  "assigned",
  "accepted",
  "preparing",
  "ready",
  "starting",
  "running",
  "complete",
  "shutdown",
  "failed",
  "rejected",
  "remove",
  "orphaned",
] as const;
export type TaskState = (typeof TASK_STATES)[number];

export type ServiceMode = "replicated" | "global" | "replicated-job" | "global-job";

export interface SwarmService {
  readonly id: string;
  readonly name: string;
  /** Every change counts it up, Swarm's own too. */
  readonly version: number;
  readonly labels: Labels;
  /** As the tasks get it, with a digest where it is pinned. */
  readonly image: string;
  readonly mode: ServiceMode;
  /** Wanted copies; of a replicated job, completions. 0 for the global modes, which depend on the nodes. */
  readonly replicas: number;
  readonly jobIteration: number;
  readonly update: {
    readonly state: UpdateState;
    readonly startedAt: Date | null;
    readonly message: string;
  } | null;
  /**
   * Whether Swarm remembers the spec before this one. Every change leaves one, and only a rollback takes it away: the one
   * trace that lasts, because engines overwrite `rollback_completed` with `completed` a moment later.
   */
  readonly hasPrevious: boolean;
  /** How long Swarm watches a new task for failures. */
  readonly monitorMs: number;
  /** With `continue` Swarm watches nothing. */
  readonly failureAction: string;
  readonly restart: { readonly condition: string; readonly maxAttempts: number };
  /** Of the service itself; `image`: whatever the image says. */
  readonly healthcheck: "declared" | "disabled" | "image";
  readonly hasMemoryLimit: boolean;
  readonly forceUpdate: number;
  readonly tty: boolean;
  /** `NAME=value`, for keeping credentials out of logs. */
  readonly env: readonly string[];
  /** The spec as it came, to be sent back with one thing changed. */
  readonly spec: Readonly<Record<string, unknown>>;
}

export interface SwarmTask {
  readonly id: string;
  readonly serviceId: string;
  /** Null for tasks of global services. */
  readonly slot: number | null;
  readonly nodeId: string | null;
  readonly state: TaskState;
  readonly desired: TaskState;
  readonly error: string | null;
  readonly exitCode: number | null;
  readonly containerId: string | null;
  /** By the clock of the manager. */
  readonly createdAt: Date;
  /** Since when it is in its state, by the clock of its node. */
  readonly since: Date;
  readonly jobIteration: number;
}

export interface SwarmNode {
  readonly id: string;
  readonly hostname: string;
  readonly isDown: boolean;
}

/** Something happened that may concern this service; null: it may concern any. */
export interface SwarmEvent {
  readonly serviceId: string | null;
  readonly serviceName: string | null;
}

/** Swarm's own default for both, where a spec says nothing. */
const DEFAULT_MONITOR_NS = 5_000_000_000;
const NS_PER_MS = 1_000_000;

const Time = z.string().transform((text, context) => {
  const date = new Date(text);
  if (Number.isNaN(date.getTime())) {
    context.addIssue({ code: "custom", message: "is not a time" });
    return z.NEVER;
  }
  return date;
});
const OptionalTime = Time.nullish().transform((time) =>
  // Go writes times that were never set as the year 1.
  time && time.getUTCFullYear() > 1 ? time : null,
);
const Iteration = z
  .object({ Index: z.number().optional() })
  .nullish()
  .transform((iteration) => iteration?.Index ?? 0);
const LabelMap = z
  .record(z.string(), z.string())
  .nullish()
  .transform((labels) => labels ?? {});

const Spec = z.looseObject({
  Name: z.string(),
  Labels: LabelMap,
  TaskTemplate: z.looseObject({
    ContainerSpec: z
      .looseObject({
        Image: z.string(),
        Env: z.array(z.string()).nullish(),
        TTY: z.boolean().optional(),
        Healthcheck: z.looseObject({ Test: z.array(z.string()).nullish() }).nullish(),
      })
      .nullish(),
    Resources: z
      .looseObject({ Limits: z.looseObject({ MemoryBytes: z.number().optional() }).nullish() })
      .nullish(),
    RestartPolicy: z
      .looseObject({ Condition: z.string().optional(), MaxAttempts: z.number().optional() })
      .nullish(),
    ForceUpdate: z.number().optional(),
  }),
  Mode: z.looseObject({
    Replicated: z.looseObject({ Replicas: z.number().optional() }).nullish(),
    Global: z.looseObject({}).nullish(),
    ReplicatedJob: z.looseObject({ TotalCompletions: z.number().optional() }).nullish(),
    GlobalJob: z.looseObject({}).nullish(),
  }),
  UpdateConfig: z
    .looseObject({ Monitor: z.number().optional(), FailureAction: z.string().optional() })
    .nullish(),
});

const ServiceJson = z.object({
  ID: z.string().min(1),
  Version: z.object({ Index: z.number() }),
  // Both: the parts that are read, and the whole as it came.
  Spec,
  UpdateStatus: z
    .object({
      State: z.enum(UPDATE_STATES).or(z.literal("")).optional(),
      StartedAt: OptionalTime,
      Message: z.string().optional(),
    })
    .nullish(),
  PreviousSpec: z.looseObject({}).nullish(),
  JobStatus: z.object({ JobIteration: Iteration }).nullish(),
});

const TaskJson = z.object({
  ID: z.string().min(1),
  ServiceID: z.string(),
  Slot: z.number().optional(),
  NodeID: z.string().optional(),
  CreatedAt: Time,
  DesiredState: z.enum(TASK_STATES),
  Status: z.object({
    Timestamp: Time,
    State: z.enum(TASK_STATES),
    Err: z.string().optional(),
    ContainerStatus: z
      .object({ ContainerID: z.string().optional(), ExitCode: z.number().optional() })
      .nullish(),
  }),
  JobIteration: Iteration,
});

const NodeJson = z.object({
  ID: z.string().min(1),
  Description: z.object({ Hostname: z.string().optional() }).nullish(),
  Status: z.object({ State: z.string().optional() }),
});

const EventJson = z.object({
  Type: z.string(),
  Actor: z.object({
    ID: z.string().optional(),
    Attributes: z.record(z.string(), z.string()).nullish(),
  }),
});

export const ServiceAnswer = ServiceJson.transform(toService);
export const ServicesAnswer = z.array(ServiceAnswer);
export const TasksAnswer = z.array(TaskJson.transform(toTask));
export const NodesAnswer = z.array(NodeJson.transform(toNode));
export const InfoAnswer = z.object({ SystemTime: Time }).transform(({ SystemTime }) => SystemTime);
export const EventLine = EventJson.transform(toEvent);
export const ImageAnswer = z
  .object({
    Config: z
      .object({ Healthcheck: z.object({ Test: z.array(z.string()).nullish() }).nullish() })
      .nullish(),
  })
  .transform(({ Config }) => hasTest(Config?.Healthcheck?.Test));
/** What Docker assumes where a check does not say how often it may fail in a row. */
const USUAL_RETRIES = 3;
export const ContainerAnswer = z
  .object({
    Config: z
      .object({ Healthcheck: z.object({ Retries: z.number().optional() }).nullish() })
      .nullish(),
    State: z.object({
      OOMKilled: z.boolean().optional(),
      Health: z
        .object({
          FailingStreak: z.number().optional(),
          Log: z.array(z.object({ Output: z.string().optional() })).nullish(),
        })
        .nullish(),
    }),
  })
  .transform(({ Config, State }) => ({
    isOutOfMemory: State.OOMKilled === true,
    // Not by its status: Docker calls every container with a check unhealthy once it has ended, whatever ended it.
    isUnhealthy:
      (State.Health?.FailingStreak ?? 0) >= (Config?.Healthcheck?.Retries || USUAL_RETRIES),
    lastCheck: State.Health?.Log?.at(-1)?.Output?.trim() ?? "",
  }));
export type ContainerFacts = z.output<typeof ContainerAnswer>;

function toService(json: z.output<typeof ServiceJson>): SwarmService {
  const { Spec: spec, UpdateStatus: update } = json;
  const { ContainerSpec: container, RestartPolicy: restart, ForceUpdate } = spec.TaskTemplate;
  const [mode, replicas] = modeOf(spec.Mode);
  return {
    id: json.ID,
    name: spec.Name,
    version: json.Version.Index,
    labels: spec.Labels,
    image: container?.Image ?? "",
    mode,
    replicas,
    jobIteration: json.JobStatus?.JobIteration ?? 0,
    update: update?.State
      ? { state: update.State, startedAt: update.StartedAt, message: update.Message ?? "" }
      : null,
    hasPrevious: Boolean(json.PreviousSpec),
    monitorMs: (spec.UpdateConfig?.Monitor || DEFAULT_MONITOR_NS) / NS_PER_MS,
    failureAction: spec.UpdateConfig?.FailureAction || "pause",
    restart: {
      condition: restart?.Condition || "any",
      maxAttempts: restart?.MaxAttempts ?? 0,
    },
    healthcheck: healthcheckOf(container?.Healthcheck?.Test),
    hasMemoryLimit: (spec.TaskTemplate.Resources?.Limits?.MemoryBytes ?? 0) > 0,
    forceUpdate: ForceUpdate ?? 0,
    tty: container?.TTY ?? false,
    env: container?.Env ?? [],
    spec,
  };
}

function modeOf(mode: z.output<typeof Spec>["Mode"]): readonly [ServiceMode, number] {
  if (mode.Global) {
    return ["global", 0];
  }
  if (mode.ReplicatedJob) {
    return ["replicated-job", mode.ReplicatedJob.TotalCompletions ?? 1];
  }
  if (mode.GlobalJob) {
    return ["global-job", 0];
  }
  return ["replicated", mode.Replicated?.Replicas ?? 1];
}

function healthcheckOf(test: readonly string[] | null | undefined): SwarmService["healthcheck"] {
  if (test?.[0] === "NONE") {
    return "disabled";
  }
  return hasTest(test) ? "declared" : "image";
}

function hasTest(test: readonly string[] | null | undefined): boolean {
  return test !== null && test !== undefined && test.length > 0 && test[0] !== "NONE";
}

function toTask(json: z.output<typeof TaskJson>): SwarmTask {
  const { Status: status } = json;
  return {
    id: json.ID,
    serviceId: json.ServiceID,
    slot: json.Slot || null,
    nodeId: json.NodeID || null,
    state: status.State,
    desired: json.DesiredState,
    error: status.Err || null,
    exitCode: status.ContainerStatus?.ExitCode ?? null,
    containerId: status.ContainerStatus?.ContainerID || null,
    createdAt: json.CreatedAt,
    since: status.Timestamp,
    jobIteration: json.JobIteration,
  };
}

function toNode(json: z.output<typeof NodeJson>): SwarmNode {
  return {
    id: json.ID,
    hostname: json.Description?.Hostname ?? json.ID,
    isDown: json.Status.State === "down",
  };
}

function toEvent(json: z.output<typeof EventJson>): SwarmEvent {
  const attributes = json.Actor.Attributes ?? {};
  switch (json.Type) {
    case "service":
      return { serviceId: json.Actor.ID ?? null, serviceName: attributes["name"] ?? null };
    case "container":
      return {
        serviceId: attributes["com.docker.swarm.service.id"] ?? "",
        serviceName: attributes["com.docker.swarm.service.name"] ?? "",
      };
    default:
      return { serviceId: null, serviceName: null };
  }
}
