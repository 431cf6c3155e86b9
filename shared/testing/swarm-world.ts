import type {
  ApplyContext,
  ApplyResult,
  DeployTarget,
  DesiredState,
  ObservedState,
} from "../core/ports/deploy-target.ts";
import { createEngine, type Engine } from "../integrations/deploy/swarm/engine.ts";
import { createSwarmTarget } from "../integrations/deploy/swarm/target.ts";
import {
  createLiteralApplier,
  type LiteralApplier,
  type ServiceDefinition,
} from "../integrations/deploy/swarm/testing/literal-applier.ts";
import { startSwarm, type TestSwarm } from "../integrations/deploy/swarm/testing/swarm.ts";
import type { Patience } from "../integrations/deploy/swarm/watch.ts";
import { systemTimers } from "../lib/scheduler.ts";

/** Name of the stack everything in the test Swarm belongs to. */
export const STACK = "shop";

/** Everything that takes seconds in production takes a moment. */
export const HURRIED: Partial<Patience> = {
  swarmActsMs: 8_000,
  settleMs: 400,
  settleUncheckedMs: 700,
  unschedulableMs: 1_500,
  pollMs: 200,
  stuckMs: 20_000,
  unreachableMs: 15_000,
};

/** Update settings under which a whole rollout takes about a second. */
export const BRISK = {
  restart_policy: { delay: "100ms" },
  update_config: { monitor: "600ms", failure_action: "pause", order: "start-first" },
  rollback_config: { monitor: "100ms", order: "start-first" },
} as const;

/** A real Swarm with a target in front of it. */
export interface SwarmWorld {
  readonly swarm: TestSwarm;
  readonly target: DeployTarget;
  readonly applier: LiteralApplier;
  readonly engine: Engine;
  /** What the stack file says of a service, on top of `BRISK`. */
  define(service: string, definition: Definition | ((desired: DesiredState) => Definition)): void;
  /** Applies and keeps what was logged. `onLog` sees each line when it comes. */
  apply(
    desired: DesiredState,
    onLog?: (line: string) => void,
  ): Promise<{ readonly result: ApplyResult; readonly log: readonly string[] }>;
  observe(service: string): Promise<ObservedState>;
  /** What the docker program says of a service. */
  truth(service: string): Promise<Truth>;
  close(): Promise<void>;
}

export interface Definition extends Omit<ServiceDefinition, "image" | "deploy"> {
  readonly image?: string;
  readonly deploy?: Readonly<Record<string, unknown>>;
}

/** The cluster in the words of the docker program. */
export interface Truth {
  readonly image: string;
  /** Of the last update; empty when there was none. */
  readonly update: string;
  readonly version: number;
  readonly labels: Readonly<Record<string, string>>;
  /** Ids of tasks that run now and are meant to; ones that are told to stop take a few seconds. */
  readonly running: readonly string[];
  /** `<state>: <error>` of tasks that do not. */
  readonly ended: readonly string[];
}

const LONGEST_TEST_MS = 60_000;

/** Test images by tag: each is `shop/app:<tag>`. */
export async function importTestImages(swarm: TestSwarm): Promise<void> {
  for (const version of ["1.0.0", "1.1.0", "2.0.0"]) {
    await swarm.image(`shop/app:${version}`);
  }
  await swarm.image("shop/app:crash", { behaviour: "crash" });
  await swarm.image("shop/app:crash-later", { behaviour: "crash-later" });
  await swarm.image("shop/app:slow", { behaviour: "slow", health: "green" });
  await swarm.image("shop/app:never-green", { health: "never" });
}

export async function createSwarmWorld(patience: Partial<Patience> = {}): Promise<SwarmWorld> {
  const swarm = await startSwarm();
  await importTestImages(swarm);
  const applier = createLiteralApplier(swarm, STACK);
  const { target, engine } = createTestTarget(swarm.host, applier, patience);

  return {
    swarm,
    target,
    applier,
    engine,
    define(service, definition) {
      applier.define(service, (desired) => {
        const given = typeof definition === "function" ? definition(desired) : definition;
        const isJob = String(given.deploy?.["mode"]).endsWith("-job");
        return {
          image: `shop/app:${desired.version}`,
          ...given,
          // Swarm refuses update settings on jobs.
          deploy: { ...(isJob ? {} : BRISK), ...given.deploy },
        };
      });
    },
    async apply(desired, onLog) {
      const log: string[] = [];
      const run: ApplyContext = {
        signal: AbortSignal.timeout(LONGEST_TEST_MS),
        log(line) {
          log.push(line);
          onLog?.(line);
        },
      };
      return { result: await target.apply(desired, run), log };
    },
    async observe(service) {
      const [state] = await target.observe([service], AbortSignal.timeout(LONGEST_TEST_MS));
      if (!state) {
        throw new Error(`nothing was said about ${service}`);
      }
      return state;
    },
    truth: (service) => readTruth(swarm, `${STACK}_${service}`),
    close: () => swarm.stop(),
  };
}

/** A target for a Swarm that runs somewhere, as a process of its own makes it, too. */
export function createTestTarget(
  host: string,
  applier: LiteralApplier,
  patience: Partial<Patience> = {},
): { readonly target: DeployTarget; readonly engine: Engine } {
  const system = "the Swarm of prod";
  const engine = createEngine({
    endpoints: [{ host, tls: null }],
    system,
    timers: systemTimers,
    ssh: "ssh",
    sshEnvironment: {},
    requestTimeoutMs: 2_000,
  });
  const target = createSwarmTarget({
    engine,
    applier,
    stack: STACK,
    system,
    clock: { now: () => new Date() },
    timers: systemTimers,
    secrets: ["hunter2-hunter2"],
    hasMigrations: true,
    patience: { ...HURRIED, ...patience },
  });
  return { target, engine };
}

async function readTruth(swarm: TestSwarm, name: string): Promise<Truth> {
  const [inspected] = JSON.parse(await swarm.docker("service", "inspect", name)) as readonly {
    readonly Version: { readonly Index: number };
    readonly Spec: {
      readonly Labels: Readonly<Record<string, string>>;
      readonly TaskTemplate: { readonly ContainerSpec: { readonly Image: string } };
    };
    readonly UpdateStatus?: { readonly State?: string };
  }[];
  const rows = await swarm.docker(
    ..."service ps --no-trunc --format".split(" "),
    "{{.ID}}\t{{.DesiredState}}\t{{.CurrentState}}\t{{.Error}}",
    name,
  );
  const tasks = rows
    .split("\n")
    .filter((row) => row !== "")
    .map((row) => row.split("\t"));
  if (!inspected) {
    throw new Error(`there is no service ${name}`);
  }
  return {
    image: inspected.Spec.TaskTemplate.ContainerSpec.Image,
    update: inspected.UpdateStatus?.State ?? "",
    version: inspected.Version.Index,
    labels: inspected.Spec.Labels,
    running: tasks.flatMap(([id = "", desired, state = ""]) =>
      desired === "Running" && state.startsWith("Running") ? [id] : [],
    ),
    ended: tasks.flatMap(([, , state = "", error = ""]) =>
      state.startsWith("Running") ? [] : [`${state.split(" ")[0]}: ${error}`],
    ),
  };
}
