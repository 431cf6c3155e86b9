import { resolve } from "node:path";
import PQueue from "p-queue";
import type {
  ApplyContext,
  ApplyResult,
  CauseClass,
  DeployTarget,
  DesiredState,
  ObservedState,
} from "../../../core/ports/deploy-target.ts";
import { UpstreamTimeout, UpstreamUnavailable } from "../../../errors/catalog.ts";
import { pause, startDeadline } from "../../../lib/deadline.ts";
import { createRedactor, type Redact } from "../../../lib/redact.ts";
import { systemTimers } from "../../../lib/scheduler.ts";
import { defineDeployTarget, type DeployTargetDeps } from "../definition.ts";
import { howItEnded, isRunning, readObservation, type Observation } from "./observation.ts";
import { CommandOptions } from "./options.ts";
import { createOutput, type Output } from "./output.ts";
import { substitute, type PlaceholderValues } from "./placeholders.ts";
import { runCommand, type CommandEnd } from "./run-command.ts";
import { createRunMarks, isWorking, type Leftover } from "./run-marks.ts";

export const commandTarget = defineDeployTarget({
  kind: "command",
  options: CommandOptions,
  create: createCommandTarget,
});

/** Looking at many services at once must not start hundreds of processes. */
const OBSERVED_AT_ONCE = 8;

/** Names of variables whose values are kept out of output. */
const CREDENTIAL_NAME = /token|secret|passw|key|credential|auth/i;

/** What shells say instead of running a program: the command is written wrongly, the service is not at fault. */
const CAUSE_BY_EXIT_CODE: Readonly<Record<number, CauseClass>> = { 126: "config", 127: "config" };

/** Between looks at a command that an earlier run left behind. */
const LEFTOVER_POLL_MS = 100;

/** Commands fetch their sources themselves. */
type CommandDeps = Omit<DeployTargetDeps, "repositoryFiles">;

type Operation = "apply" | "observe" | "migrate" | "restart";

/**
 * Services that are deployed by programs of the team. It keeps no state: what runs is what `observe` says, and the
 * fencing token is handed to the program (`SLIPWAY_FENCING_TOKEN`), which alone can compare it with what it did before.
 *
 * A command outlives a Slipway that is killed. As long as it does, its service counts as progressing, and nothing else is
 * started for the service: whoever wants to waits, and looks again afterwards. It is never ended, for nobody knows what it
 * is in the middle of. See `createRunMarks` for how it is recognised, and where it cannot be.
 */
export function createCommandTarget(options: CommandOptions, deps: CommandDeps): DeployTarget {
  const { environment, clock } = deps;
  const cwd = resolve(deps.baseDir, options.cwd ?? ".");
  const baseEnv = environmentOf(options, deps);
  const redact = redactorOf(options, deps);
  const system = `the command target of ${environment}`;
  const marks = createRunMarks(deps);
  const { migrate, restart } = options;

  return {
    id: "command",
    plan,
    apply,
    observe,
    ...(restart && {
      restart: (service: string, run: ApplyContext) =>
        startAlone("restart", restart, { service, environment }, run),
    }),
    ...(migrate && {
      migrate: (desired: DesiredState, run: ApplyContext) =>
        startAlone("migrate", migrate, valuesOf(desired), run),
    }),
  };

  async function plan(desired: readonly DesiredState[], signal: AbortSignal) {
    const states = await look(
      desired.map(({ service }) => service),
      signal,
    );
    return desired.map((wanted, index) => {
      const observation = states[index];
      if (!observation?.seen) {
        throw unseen(wanted.service, observation);
      }
      return {
        service: wanted.service,
        from: observation.state.version,
        to: wanted.version,
        change: changeOf(wanted, observation.state),
      };
    });
  }

  async function apply(desired: DesiredState, run: ApplyContext): Promise<ApplyResult> {
    await untilAlone("apply", desired.service, run);
    const before = await lookAt(desired.service, run.signal);
    if (!before.seen) {
      throw unseen(desired.service, before);
    }
    if (changeOf(desired, before.state) === "none") {
      return { outcome: "unchanged" };
    }
    return start("apply", options.apply, valuesOf(desired), run);
  }

  async function observe(
    services: readonly string[],
    signal: AbortSignal,
  ): Promise<readonly ObservedState[]> {
    // Before looking: what is seen after a command was found to have ended is what it left.
    const leftovers = marks.leftovers(services);
    const observations = await look(services, signal);
    const [first] = observations;
    // One command that cannot tell says something about its service; when none can, the target is out of reach.
    if (first && !first.seen && observations.every(({ seen }) => !seen)) {
      throw unseen(services[0] ?? "", first);
    }
    return observations.map((observation, index) => {
      const service = services[index] ?? "";
      const leftover = leftovers.get(service);
      if (!observation.seen) {
        return unknown(service, observation.why);
      }
      return leftover
        ? { ...observation.state, ...stillChanging(service, leftover) }
        : observation.state;
    });
  }

  async function startAlone(
    operation: "migrate" | "restart",
    argv: readonly [string, ...string[]],
    values: PlaceholderValues & { readonly service: string },
    run: ApplyContext,
  ): Promise<ApplyResult> {
    await untilAlone(operation, values.service, run);
    return start(operation, argv, values, run);
  }

  /** Waits while a command that an earlier run started still changes the service. */
  async function untilAlone(
    operation: Exclude<Operation, "observe">,
    service: string,
    run: ApplyContext,
  ): Promise<void> {
    run.signal.throwIfAborted();
    const deadline = startDeadline(systemTimers, timeoutOf(operation), [run.signal]);
    try {
      for (;;) {
        const leftover = marks.leftovers([service]).get(service);
        if (!leftover) {
          return;
        }
        run.log(`${stillWorking(service, leftover)} Waiting for it.`);
        while (isWorking(leftover)) {
          await pause(systemTimers, LEFTOVER_POLL_MS, deadline.signal);
          run.signal.throwIfAborted();
          if (deadline.isOver) {
            throw stuck(operation, service, leftover);
          }
        }
        run.log("The earlier run has ended.");
      }
    } finally {
      deadline.end();
    }
  }

  /** Waits for all of them, also after a failure or an abort, so that nothing is left running. */
  async function look(
    services: readonly string[],
    signal: AbortSignal,
  ): Promise<readonly Observation[]> {
    const queue = new PQueue({ concurrency: OBSERVED_AT_ONCE });
    const looks = services.map((service) => queue.add(() => lookAt(service, signal)));
    await Promise.allSettled(looks);
    return Promise.all(looks);
  }

  async function lookAt(service: string, signal: AbortSignal): Promise<Observation> {
    const filled = substitute(options.observe, { service, environment });
    if (!filled.ok) {
      return { seen: false, why: filled.why };
    }
    const output = createOutput(redact, () => undefined);
    const end = await execute("observe", filled.argv, { service, environment }, signal, output);
    if (end.how === "unstartable") {
      return { seen: false, why: `${end.why} (${keyOf("observe")})` };
    }
    return readObservation(service, end, output, clock.now());
  }

  async function start(
    operation: Exclude<Operation, "observe">,
    argv: readonly [string, ...string[]],
    values: PlaceholderValues & { readonly service: string },
    run: ApplyContext,
  ): Promise<ApplyResult> {
    run.signal.throwIfAborted();
    const filled = substitute(argv, values);
    if (!filled.ok) {
      return failed("config", `Not run, because ${filled.why} (${keyOf(operation)}).`);
    }
    await run.confirm?.();
    const output = createOutput(redact, (line) => run.log(line));
    const end = await execute(operation, filled.argv, values, run.signal, output);
    return conclude(operation, values.service, end, output);
  }

  async function execute(
    operation: Operation,
    argv: readonly [string, ...string[]],
    values: PlaceholderValues & { readonly service: string },
    signal: AbortSignal,
    output: Output,
  ): Promise<CommandEnd> {
    // Looking changes nothing, so an observe command that was left behind need not be found.
    const mark = operation === "observe" ? {} : marks.variablesOf(values.service);
    try {
      return await runCommand({
        argv,
        cwd,
        env: { ...baseEnv, ...factsOf(values), ...mark },
        timeoutMs: timeoutOf(operation),
        graceMs: options.grace,
        // What was deployed or restarted may well be a process that goes on running.
        leavesProcesses: operation === "apply" || operation === "restart",
        signal,
        onOutput: (stream, chunk) => output.write(stream, chunk),
      });
    } finally {
      output.end();
    }
  }

  function conclude(
    operation: Exclude<Operation, "observe">,
    service: string,
    end: CommandEnd,
    output: Output,
  ): ApplyResult {
    if (end.how === "unstartable") {
      return failed("config", `${capitalised(end.why)} (${keyOf(operation)}).`);
    }
    if (end.how === "timed_out") {
      throw timedOut(operation, service);
    }
    if (end.how === "exited" && end.code === 0) {
      return { outcome: "applied" };
    }
    const said = output.lastLines().at(-1);
    const cause = end.how === "exited" ? (CAUSE_BY_EXIT_CODE[end.code] ?? "command") : "command";
    return failed(
      cause,
      `The ${operation} command of ${service} ${howItEnded(end)}${said === undefined ? " and said nothing" : `: ${said}`}`,
    );
  }

  function valuesOf(desired: DesiredState): PlaceholderValues & { readonly service: string } {
    return {
      service: desired.service,
      environment: desired.environment,
      version: desired.version,
      commit: desired.commit,
      digest: desired.digest,
      repository: desired.repository,
      repository_url: desired.repositoryUrl,
      path: desired.path,
      deployment: String(desired.deployment),
      fencing_token: String(desired.fencingToken),
    };
  }

  function timeoutOf(operation: Operation): number {
    return operation === "observe" ? options.observe_timeout : options.timeout;
  }

  function keyOf(operation: Operation): string {
    return `target.${operation} of environment ${environment}`;
  }

  function timedOut(operation: Operation, service: string) {
    return new UpstreamTimeout({
      system,
      operation: `${operation} of ${service}`,
      timeoutMs: timeoutOf(operation),
    });
  }

  function stuck(operation: Operation, service: string, leftover: Leftover) {
    return new UpstreamTimeout(
      { system, operation: `an earlier run for ${service}`, timeoutMs: timeoutOf(operation) },
      {
        remedy: `Look at process ${leftover.pid} on the machine of Slipway. Let it finish or end it, then try again.`,
      },
    );
  }

  function unseen(service: string, observation: Extract<Observation, { seen: false }> | undefined) {
    if (observation?.timedOut) {
      return timedOut("observe", service);
    }
    return new UpstreamUnavailable(
      { system, operation: `observe of ${service}`, why: observation?.why ?? "it says nothing" },
      {
        remedy:
          "Run the observe command by hand. It must exit with 0 and print the running version, or nothing when the service does not run.",
      },
    );
  }

  function unknown(service: string, why: string): ObservedState {
    return {
      service,
      version: null,
      commit: null,
      digest: null,
      health: "unknown",
      cause: null,
      detail: `Its observe command cannot tell: ${why}.`,
      log: [],
      observedAt: clock.now(),
    };
  }
}

/** An unhealthy service of the right version is not what was wanted: applying it again may heal it. */
function changeOf(wanted: DesiredState, state: ObservedState): "create" | "update" | "none" {
  if (state.health === "healthy" && isRunning(wanted, state)) {
    return "none";
  }
  return state.health === "absent" ? "create" : "update";
}

/** What is seen beside a command that still works may be half done: neither healthy nor broken means anything yet. */
function stillChanging(
  service: string,
  leftover: Leftover,
): Pick<ObservedState, "health" | "cause" | "detail"> {
  return { health: "progressing", cause: null, detail: stillWorking(service, leftover) };
}

function stillWorking(service: string, { pid }: Leftover): string {
  return `An earlier run of the command for ${service} is still working (process ${pid}).`;
}

function failed(cause: CauseClass, detail: string): ApplyResult {
  return { outcome: "failed", cause, detail };
}

/** Only what the options name; everything else of our environment, tokens above all, stays with us. */
function environmentOf(
  options: CommandOptions,
  { processEnvironment }: CommandDeps,
): Readonly<Record<string, string>> {
  const passed = options.pass_env.flatMap((name) => {
    const value = processEnvironment[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return { ...Object.fromEntries(passed), ...options.env };
}

function redactorOf(options: CommandOptions, { secrets, processEnvironment }: CommandDeps): Redact {
  const credentials = [
    ...Object.entries(options.env),
    ...options.pass_env.map((name) => [name, processEnvironment[name] ?? ""] as const),
  ].flatMap(([name, value]) => (CREDENTIAL_NAME.test(name) ? [value] : []));
  return createRedactor([...secrets, ...credentials]);
}

/** The facts of the deploy as variables, so that a command need not take them as arguments. */
function factsOf(values: PlaceholderValues): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(values).flatMap(([name, value]) =>
      value === null ? [] : [[`SLIPWAY_${name.toUpperCase()}`, value]],
    ),
  );
}

function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
