import type { Clock } from "../core/ports/clock.ts";
import type {
  ApplyContext,
  ApplyResult,
  CauseClass,
  DeployTarget,
  DesiredState,
  ObservedState,
} from "../core/ports/deploy-target.ts";
import { UpstreamUnavailable } from "../errors/catalog.ts";

type FakeOperation = "apply" | "migrate" | "restart";

/** A deploy target in memory that does what a test tells it. It refuses to go back behind a newer fencing token. */
export interface FakeDeployTarget extends Omit<Required<DeployTarget>, "migratesOnce" | "watch"> {
  /** Everything that took effect, in order. */
  readonly effects: readonly {
    readonly operation: FakeOperation;
    readonly service: string;
    readonly version: string;
  }[];
  /** The next run of this operation on the service says no. */
  failNext(
    operation: FakeOperation,
    service: string,
    failure?: {
      readonly cause?: CauseClass;
      readonly detail?: string;
      readonly log?: readonly string[];
    },
  ): void;
  /** Runs of this operation on the service do not end before they are aborted or `release` is called. */
  hang(
    operation: FakeOperation,
    service: string,
  ): { release(): void; /** Resolves when a run hangs. */ readonly reached: Promise<void> };
  /** What `observe` says about a running service from now on; null: healthy again. */
  setHealth(
    service: string,
    health: {
      readonly health: "unhealthy" | "progressing" | "unknown";
      readonly cause?: CauseClass;
      readonly detail?: string;
      readonly log?: readonly string[];
    } | null,
  ): void;
  /** Somebody else changes what runs, behind our back. Null: removes it. */
  drift(
    service: string,
    running: { readonly version: string; readonly commit: string | null } | null,
  ): void;
  setReachable(isReachable: boolean): void;
  /** Applies that have started and not ended. */
  readonly runningCount: number;
}

type Health = NonNullable<Parameters<FakeDeployTarget["setHealth"]>[1]>;
type Failure = NonNullable<Parameters<FakeDeployTarget["failNext"]>[2]>;

interface Running {
  readonly version: string;
  readonly commit: string | null;
  readonly digest: string | null;
  readonly fencingToken: number;
}

export function createFakeDeployTarget(clock: Clock): FakeDeployTarget {
  const running = new Map<string, Running>();
  const health = new Map<string, Health>();
  const failures = new Map<string, Failure[]>();
  const hangs = new Map<string, { readonly until: Promise<void>; reach(): void }>();
  const effects: FakeDeployTarget["effects"][number][] = [];
  let reachable = true;
  let runningCount = 0;

  return {
    id: "fake",
    check: async () => undefined,
    effects,
    get runningCount() {
      return runningCount;
    },
    async plan(desired, signal) {
      reach("plan", signal);
      return desired.map((wanted) => {
        const now = running.get(wanted.service);
        return {
          service: wanted.service,
          from: now?.version ?? null,
          to: wanted.version,
          change: changeOf(wanted, now),
        };
      });
    },
    apply: (desired, run) =>
      perform("apply", desired.service, desired.version, run, () => {
        const now = running.get(desired.service);
        if (now && now.fencingToken > desired.fencingToken) {
          return {
            outcome: "failed",
            cause: "superseded",
            detail: `A newer deployment of ${desired.service} has already been here.`,
          };
        }
        if (now && changeOf(desired, now) === "none" && !health.has(desired.service)) {
          return { outcome: "unchanged" };
        }
        const { version, commit, digest, fencingToken } = desired;
        running.set(desired.service, { version, commit, digest, fencingToken });
        return { outcome: "applied" };
      }),
    async observe(services, signal) {
      reach("observe", signal);
      return services.map((service) => observed(service));
    },
    restart: (service, run) =>
      perform("restart", service, running.get(service)?.version ?? "", run, () =>
        running.has(service)
          ? { outcome: "applied" }
          : { outcome: "failed", cause: "config", detail: `${service} does not run here.` },
      ),
    migrate: (desired, run) =>
      perform("migrate", desired.service, desired.version, run, () => ({ outcome: "applied" })),

    failNext(operation, service, failure = {}) {
      const key = keyOf(operation, service);
      failures.set(key, [...(failures.get(key) ?? []), failure]);
    },
    hang(operation, service) {
      let release = () => {};
      let reach = () => {};
      const until = new Promise<void>((resolve) => (release = resolve));
      const reached = new Promise<void>((resolve) => (reach = resolve));
      const key = keyOf(operation, service);
      hangs.set(key, { until, reach });
      return {
        reached,
        release() {
          hangs.delete(key);
          release();
        },
      };
    },
    setHealth(service, state) {
      if (state) {
        health.set(service, state);
      } else {
        health.delete(service);
      }
    },
    drift(service, now) {
      if (now) {
        running.set(service, { ...now, digest: null, fencingToken: 0 });
      } else {
        running.delete(service);
      }
    },
    setReachable(isReachable) {
      reachable = isReachable;
    },
  };

  async function perform(
    operation: FakeOperation,
    service: string,
    version: string,
    run: ApplyContext,
    effect: () => ApplyResult,
  ): Promise<ApplyResult> {
    reach(operation, run.signal);
    const key = keyOf(operation, service);
    runningCount += 1;
    try {
      run.log(`${operation} ${service} ${version}`.trim());
      const hanging = hangs.get(key);
      if (hanging) {
        hanging.reach();
        await untilAborted(hanging.until, run.signal);
      }
      await run.confirm?.();
      const failure = failures.get(key)?.shift();
      if (failure) {
        failure.log?.forEach((line) => run.log(line));
        return {
          outcome: "failed",
          cause: failure.cause ?? "command",
          detail: failure.detail ?? `The ${operation} command of ${service} exited with 1.`,
        };
      }
      const result = effect();
      if (result.outcome === "applied") {
        effects.push({ operation, service, version });
      }
      return result;
    } finally {
      runningCount -= 1;
    }
  }

  function observed(service: string): ObservedState {
    const now = running.get(service);
    const state = now ? health.get(service) : undefined;
    return {
      service,
      version: now?.version ?? null,
      commit: now?.commit ?? null,
      digest: now?.digest ?? null,
      health: now ? (state?.health ?? "healthy") : "absent",
      cause: state?.cause ?? null,
      detail: state ? (state.detail ?? `${service} is ${state.health}.`) : null,
      log: state?.log ?? [],
      observedAt: clock.now(),
    };
  }

  function reach(operation: string, signal: AbortSignal): void {
    signal.throwIfAborted();
    if (!reachable) {
      throw new UpstreamUnavailable({ system: "the fake target", operation, why: "unplugged" });
    }
  }
}

function changeOf(wanted: DesiredState, now: Running | undefined): "create" | "update" | "none" {
  if (!now) {
    return "create";
  }
  return now.version === wanted.version && now.commit === wanted.commit ? "none" : "update";
}

function keyOf(operation: FakeOperation, service: string): string {
  return `${operation} ${service}`;
}

function untilAborted(until: Promise<void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason as Error);
    signal.addEventListener("abort", onAbort, { once: true });
    void until.then(() => {
      signal.removeEventListener("abort", onAbort);
      resolve();
    });
  });
}
