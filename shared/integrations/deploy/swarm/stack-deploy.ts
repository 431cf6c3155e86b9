import type { CauseClass, DesiredState } from "../../../core/ports/deploy-target.ts";
import type { Labels } from "./labels.ts";

/** One service of a stack, rendered and ready to be handed to Swarm. */
export interface PreparedService {
  /** What people call it. */
  readonly service: string;
  /** What Swarm calls it: `<stack>_<service>`. */
  readonly serviceName: string;
  /** A stack file with exactly this service and what it uses. */
  readonly stackFile: string;
  /** As Swarm gets it, with its digest where one was recorded. */
  readonly image: string;
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
  /** Throws SwarmUnready when the docker program is missing or too old, and UpstreamUnavailable when no manager answers. */
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
