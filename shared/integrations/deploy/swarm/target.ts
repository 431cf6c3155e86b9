import PQueue from "p-queue";
import type {
  ApplyContext,
  DeployTarget,
  DesiredState,
  ObservedState,
  PlannedChange,
} from "../../../core/ports/deploy-target.ts";
import { AppError } from "../../../errors/app-error.ts";
import type { Clock } from "../../../core/ports/clock.ts";
import type { Timers } from "../../../lib/scheduler.ts";
import { applyService, type ChangeDeps } from "./apply.ts";
import type { Engine } from "./engine.ts";
import { DOCKER_LABELS } from "./labels.ts";
import { createLogReader } from "./logs.ts";
import { createLooker } from "./look.ts";
import { migrateService, removeJobs } from "./migrate.ts";
import { standingOf, toObserved } from "./observe.ts";
import { createPulses } from "./pulses.ts";
import { restartService } from "./restart.ts";
import type { StackApplier } from "./stack-deploy.ts";
import type { ServiceFacts } from "./tasks.ts";
import { LIMITS } from "./verdict.ts";
import type { Patience } from "./watch.ts";

export const PATIENCE: Patience = {
  ...LIMITS,
  pollMs: 1_000,
  stuckMs: 10 * 60_000,
  unreachableMs: 2 * 60_000,
};

/** Reading stack files starts processes; a plan of many services must not start hundreds. */
const PREPARED_AT_ONCE = 4;

export interface SwarmTargetParts {
  readonly engine: Engine;
  readonly applier: StackApplier;
  readonly stack: string;
  /** What it is called in errors. */
  readonly system: string;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly secrets: readonly string[];
  readonly hasMigrations: boolean;
  readonly patience?: Partial<Patience>;
  /** Between 0 and 1. */
  readonly random?: () => number;
}

/**
 * Services of one stack on a Swarm. It keeps no state: what a deploy left is written on the services themselves, and every
 * answer comes from there, so that a Slipway that has just started knows as much as the one that was killed.
 *
 * An aborted apply ends what it started here and lets go. What Swarm has taken over it goes on with; `observe` says
 * `progressing` as long as it does.
 */
export function createSwarmTarget(parts: SwarmTargetParts): DeployTarget {
  const { engine, applier, stack, clock, timers, system } = parts;
  const looker = createLooker(engine, { stack, clock, stackLabel: DOCKER_LABELS.stack });
  const pulses = createPulses(engine, timers);
  const readTaskLog = createLogReader(engine, parts.secrets);
  const patience: Patience = { ...PATIENCE, ...parts.patience };
  const deps: ChangeDeps = {
    engine,
    applier,
    looker,
    pulses,
    readTaskLog,
    stack,
    system,
    timers,
    patience,
  };
  const random = parts.random ?? Math.random;
  const prefix = `${stack}_`;

  return {
    id: "swarm",
    check: (signal) => applier.check(signal),
    plan,
    observe,
    async apply(desired, run) {
      const result = await applyService(deps, desired, run);
      if (result.outcome !== "failed" && parts.hasMigrations) {
        await removeJobs(deps, desired.service, run.signal);
      }
      return result;
    },
    restart: (service, run) => restartService({ ...deps, random }, service, run),
    ...(parts.hasMigrations && {
      migrate: (desired: DesiredState, run: ApplyContext) => migrateService(deps, desired, run),
      migratesOnce: true,
    }),
    watch(onChange, signal) {
      return new Promise((resolve) => {
        const stop = pulses.listen(({ serviceName }) => {
          if (serviceName === null) {
            onChange(null);
          } else if (serviceName.startsWith(prefix)) {
            onChange(serviceName.slice(prefix.length));
          }
        });
        const end = (): void => {
          stop();
          resolve();
        };
        if (signal.aborted) {
          end();
        } else {
          signal.addEventListener("abort", end, { once: true });
        }
      });
    },
  };

  async function plan(
    desired: readonly DesiredState[],
    signal: AbortSignal,
  ): Promise<readonly PlannedChange[]> {
    const found = await lookAll(
      desired.map(({ service }) => service),
      signal,
    );
    const queue = new PQueue({ concurrency: PREPARED_AT_ONCE });
    const planned = desired.map((wanted) =>
      queue.add(() => planOne(wanted, found.get(wanted.service), signal)),
    );
    await Promise.allSettled(planned);
    return Promise.all(planned);
  }

  async function planOne(
    wanted: DesiredState,
    facts: ServiceFacts | undefined,
    signal: AbortSignal,
  ): Promise<PlannedChange> {
    const now = facts && observed(wanted.service, facts);
    const isThere =
      now?.health === "healthy" &&
      now.version === wanted.version &&
      now.commit === wanted.commit &&
      (wanted.digest === null || now.digest === null || now.digest === wanted.digest);
    const change = {
      service: wanted.service,
      from: now?.version ?? null,
      to: wanted.version,
    };
    if (isThere) {
      return { ...change, change: "none" };
    }
    const warnings = await warningsOf(wanted, signal);
    return {
      ...change,
      change: facts ? "update" : "create",
      ...(warnings.length > 0 && { warnings }),
    };
  }

  /** What keeps one service from being deployed is a warning here: the plan of the others is worth having. */
  async function warningsOf(wanted: DesiredState, signal: AbortSignal): Promise<readonly string[]> {
    try {
      return (await applier.prepare(wanted, signal)).warnings;
    } catch (error) {
      if (error instanceof AppError && error.kind === "blocked") {
        return [[error.message, error.remedy].filter(Boolean).join(" ")];
      }
      throw error;
    }
  }

  async function observe(
    services: readonly string[],
    signal: AbortSignal,
  ): Promise<readonly ObservedState[]> {
    const found = await lookAll(services, signal);
    return Promise.all(
      services.map(async (service) => {
        const facts = found.get(service);
        const observedAt = clock.now();
        if (!facts) {
          return { ...ABSENT, service, observedAt };
        }
        const state = observed(service, facts);
        const log = state.failed ? await readTaskLog(facts.service, state.failed, signal) : [];
        return { ...state.told, log, observedAt };
      }),
    );
  }

  async function lookAll(
    services: readonly string[],
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, ServiceFacts>> {
    const found = await looker.look(
      services.map((service) => prefix + service),
      signal,
    );
    return new Map([...found].map(([name, facts]) => [name.slice(prefix.length), facts]));
  }

  function observed(service: string, facts: ServiceFacts) {
    const standing = standingOf(service, facts, patience, looker);
    const told = toObserved(service, facts, standing, looker);
    const { verdict } = standing;
    return { ...told, told, failed: verdict.state === "failed" ? verdict.task : null };
  }
}

const ABSENT = {
  version: null,
  commit: null,
  digest: null,
  health: "absent",
  cause: null,
  detail: null,
  log: [],
} as const;
