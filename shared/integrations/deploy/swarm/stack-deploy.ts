import type { CauseClass, DesiredState } from "../../../core/ports/deploy-target.ts";
import { pause } from "../../../lib/deadline.ts";
import type { Timers } from "../../../lib/scheduler.ts";
import { howItEnded } from "../command/observation.ts";
import type { DockerCli, ManagerEndpoint } from "./docker-cli.ts";
import type { Labels } from "./labels.ts";
import type { SwarmOptions } from "./options.ts";
import type { RegistryCredentials } from "./registry-auth.ts";

/** One service of a stack, rendered and ready to be handed to Swarm. */
export interface PreparedService {
  /** What people call it. */
  readonly service: string;
  /** What Swarm calls it: `<stack>_<service>`. */
  readonly serviceName: string;
  /** A stack file with exactly this service and what it uses. */
  readonly stackFile: string;
  /** What it names beside itself, by path. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** As Swarm gets it, with its digest where one was recorded. */
  readonly image: string;
  /** For the registry of the image. */
  readonly credentials: RegistryCredentials | null;
  /** The stamp, as it stands in `deploy.labels` of the file. */
  readonly labels: Labels;
  /** Of the rendered service without its stamp: equal ones need no update. */
  readonly specHash: string;
  /** What a person should know before; each a sentence. */
  readonly warnings: readonly string[];
}

/** How handing over ended. What Swarm makes of it is told by observing. */
export type HandOver =
  | { readonly outcome: "sent" }
  /** Docker said no: nothing was changed, or what was is harmless without the service. */
  | { readonly outcome: "refused"; readonly cause: CauseClass; readonly detail: string }
  /** It took too long: Swarm may have got it. Only the labels of the service can tell. */
  | { readonly outcome: "unknown"; readonly detail: string };

export interface HandOverContext {
  log(line: string): void;
  readonly signal: AbortSignal;
}

/** Makes stack files from what the repository says, and hands them to a Swarm. */
export interface StackApplier {
  /** Throws SwarmUnready when the docker program is missing or too old. */
  check(signal: AbortSignal): Promise<void>;
  /**
   * Reads the stack file at the signed commit and renders one service of it. Changes nothing. Throws StackFileRefused for a
   * file that must not be applied, and what source control and the manager throw.
   */
  prepare(desired: DesiredState, signal: AbortSignal): Promise<PreparedService>;
  /** The same for the one-off service that migrates; null when the options name none. */
  prepareMigration(desired: DesiredState, signal: AbortSignal): Promise<PreparedService | null>;
  /** Hands it over. Never prunes. Throws the signal's reason when aborted. */
  deploy(prepared: PreparedService, run: HandOverContext): Promise<HandOver>;
}

/** What docker says when Swarm itself changed the service between its reading and its writing. */
const OUT_OF_SEQUENCE = /update out of sequence/i;
const MOST_ATTEMPTS = 5;
const FIRST_PAUSE_MS = 150;

/** What it says when nobody can tell how far it came: the connection was lost or never there. */
const DISCONNECTED =
  /cannot connect to the docker daemon|error during connect|connection (?:refused|reset)|no such host|i\/o timeout|deadline exceeded|unexpected EOF|broken pipe|TLS handshake|ssh: |command ssh|kex_exchange|connection closed/i;

const CAUSES: readonly (readonly [RegExp, CauseClass, string])[] = [
  [
    /only updates to Labels are allowed/i,
    "config",
    "A config or secret with a name of its own has other content now: put a version into its name, or leave `name:` out.",
  ],
  [/port .*already|host-mode port|port '\d+' is already in use/i, "port", "Publish another port."],
  [/network/i, "network", "Look at the networks of the stack file."],
  [/config|secret|invalid|not allowed|must be|unsupported/i, "config", "Mend the stack file."],
  [/no space left|disk quota/i, "disk_full", "Free some space on the manager."],
];

export interface StackDeployDeps {
  readonly docker: DockerCli;
  readonly timers: Timers;
  /** The manager to talk to now. Throws UpstreamUnavailable when none answers. */
  manager(signal: AbortSignal): Promise<ManagerEndpoint>;
}

/** Hands prepared services to Swarm with `docker stack deploy`. */
export function createStackDeploy(
  options: SwarmOptions,
  deps: StackDeployDeps,
): (prepared: PreparedService, run: HandOverContext) => Promise<HandOver> {
  const { docker, timers } = deps;
  return async (prepared, run) => {
    for (let attempt = 1; ; attempt += 1) {
      const answer = await once(prepared, run);
      const isLast = attempt === MOST_ATTEMPTS;
      if (answer.outcome !== "refused" || !OUT_OF_SEQUENCE.test(answer.detail) || isLast) {
        return answer;
      }
      run.log("Swarm changed the service at the same moment. Trying again.");
      // Not all at the same time: whoever else tries may be doing this too.
      await pause(timers, FIRST_PAUSE_MS * attempt * (1 + Math.random()), run.signal);
      run.signal.throwIfAborted();
    }
  };

  async function once(prepared: PreparedService, run: HandOverContext): Promise<HandOver> {
    const { end, said } = await docker.run({
      args: [
        ...["stack", "deploy", "--compose-file", "-", "--detach=true"],
        `--resolve-image=${options.resolve_image}`,
        // Without credentials of ours Swarm keeps those the service has; with the flag it would forget them.
        ...(prepared.credentials === null ? [] : ["--with-registry-auth"]),
        options.stack,
      ],
      files: prepared.files,
      input: prepared.stackFile,
      cwd: ".",
      variables: {},
      manager: await deps.manager(run.signal),
      credentials: prepared.credentials,
      signal: run.signal,
      onLine: (line) => run.log(line),
    });
    if (end.how === "timed_out") {
      return { outcome: "unknown", detail: "docker stack deploy took too long." };
    }
    if (end.how === "exited" && end.code === 0) {
      return { outcome: "sent" };
    }
    if (end.how === "unstartable") {
      return { outcome: "refused", cause: "config", detail: `Not deployed, because ${end.why}.` };
    }
    const why = said.at(-1) ?? `it ${howItEnded(end)} and said nothing`;
    if (end.how === "killed" || said.some((line) => DISCONNECTED.test(line))) {
      return { outcome: "unknown", detail: `docker stack deploy lost the manager: ${why}` };
    }
    const [, cause = "unknown" as const, remedy = ""] =
      CAUSES.find(([pattern]) => pattern.test(why)) ?? [];
    return {
      outcome: "refused",
      cause,
      detail: `Docker refused ${prepared.serviceName}: ${why}${remedy === "" ? "" : ` ${remedy}`}`,
    };
  }
}
