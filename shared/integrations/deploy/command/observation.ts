import type { DesiredState, ObservedState } from "../../../core/ports/deploy-target.ts";
import type { CommandEnd } from "./run-command.ts";
import type { Output } from "./output.ts";

/** Exit code of an observe command for a service that runs but is not well. */
const UNHEALTHY = 3;
const LONGEST_VERSION = 200;
const COMMIT = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/;

export type Observation =
  | { readonly seen: true; readonly state: ObservedState }
  /** `why` is half a sentence. */
  | { readonly seen: false; readonly why: string; readonly timedOut?: boolean };

/**
 * What an observe command said. Its last line on standard output is what runs: a version, a commit, or `version commit`;
 * nothing means the service does not run here. Exit 0: healthy. Exit 3: unhealthy, with the reason as the last line on
 * standard error. Anything else: it could not tell.
 */
export function readObservation(
  service: string,
  end: CommandEnd,
  output: Output,
  observedAt: Date,
): Observation {
  if (end.how === "unstartable") {
    return { seen: false, why: end.why };
  }
  if (end.how === "timed_out") {
    return { seen: false, why: `it ${howItEnded(end)}`, timedOut: true };
  }
  if (end.how !== "exited" || (end.code !== 0 && end.code !== UNHEALTHY)) {
    const said = output.lastLines().at(-1);
    return { seen: false, why: `it ${howItEnded(end)}${said === undefined ? "" : `: ${said}`}` };
  }
  const isHealthy = end.code === 0;
  const answer = output.lastLines("stdout").at(-1)?.trim();
  const complaint = output.lastLines("stderr").at(-1);
  const log = isHealthy ? [] : output.lastLines();
  if (!isHealthy && complaint === undefined) {
    const detail = answer ?? "It is unhealthy and does not say why.";
    return { seen: true, state: state(service, null, null, { health: "unhealthy", detail, log }) };
  }
  const running = answer === undefined ? undefined : parseRunning(answer);
  if (answer !== undefined && running === undefined) {
    return {
      seen: false,
      why: `its last line must be a version or a commit, but is "${answer.slice(0, 100)}"`,
    };
  }
  const whenFine = running ? "healthy" : "absent";
  return {
    seen: true,
    state: state(service, running?.version ?? null, running?.commit ?? null, {
      health: isHealthy ? whenFine : "unhealthy",
      detail: isHealthy ? null : (complaint ?? null),
      log,
    }),
  };

  function state(
    name: string,
    version: string | null,
    commit: string | null,
    rest: Pick<ObservedState, "health" | "detail" | "log">,
  ): ObservedState {
    const cause = rest.health === "unhealthy" ? "health_check" : null;
    return { service: name, version, commit, digest: null, cause, observedAt, ...rest };
  }
}

/** True when exactly the wanted version runs. A commit says more than a version, where both are known. */
export function isRunning(desired: DesiredState, observed: ObservedState): boolean {
  if (desired.commit !== null && observed.commit !== null) {
    return desired.commit === observed.commit;
  }
  return observed.version !== null && observed.version === desired.version;
}

export function howItEnded(end: Exclude<CommandEnd, { how: "unstartable" }>): string {
  switch (end.how) {
    case "exited":
      return `exited with ${end.code}`;
    case "killed":
      return `was ended by ${end.by}`;
    case "timed_out":
      return "took too long";
  }
}

function parseRunning(
  line: string,
): { readonly version: string; readonly commit: string | null } | undefined {
  const [first = "", second, ...more] = line.split(/\s+/);
  if (first.length > LONGEST_VERSION || more.length > 0) {
    return undefined;
  }
  if (second === undefined) {
    return COMMIT.test(first)
      ? { version: first.slice(0, 8), commit: first }
      : { version: first, commit: null };
  }
  return COMMIT.test(second) ? { version: first, commit: second } : undefined;
}
