/** What should run: one service at one exact version. */
export interface DesiredState {
  readonly service: string;
  readonly environment: string;
  /** What people call it, e.g. `1.4.2` or a short commit. */
  readonly version: string;
  readonly commit: string | null;
  /** Content address of the artifact where the target knows one (image digest). */
  readonly digest: string | null;
  /** Where the source can be fetched from; never holds credentials. */
  readonly repositoryUrl: string | null;
  readonly repository: string;
  /** Path of the service inside its repository; empty for the whole repository. */
  readonly path: string;
  /** Commits the same deployment brings of every repository, its own among them, by repository. */
  readonly commits: Readonly<Record<string, string>>;
  /** Stamp of the attempt: number of the deployment and its fencing token. A target refuses to go back behind a newer token where it can. */
  readonly deployment: number;
  readonly fencingToken: number;
}

export interface PlannedChange {
  readonly service: string;
  /** Version that runs now; null when it does not run. */
  readonly from: string | null;
  readonly to: string;
  readonly change: "create" | "update" | "none";
  /** What a person should know before; each a sentence. None when left out. */
  readonly warnings?: readonly string[];
}

/** Why a target failed, in one word people and runbooks can be matched by. */
export type CauseClass =
  | "image_pull"
  | "out_of_memory"
  | "crash"
  | "health_check"
  | "scheduling"
  | "network"
  | "port"
  | "disk_full"
  | "config"
  | "command"
  | "timeout"
  | "superseded"
  | "unknown";

/** What runs, told by the target and not by our memory. */
export interface ObservedState {
  readonly service: string;
  /** Null: the service does not run here. */
  readonly version: string | null;
  readonly commit: string | null;
  readonly digest: string | null;
  /** `progressing`: still converging, ask again. */
  readonly health: "healthy" | "unhealthy" | "progressing" | "absent" | "unknown";
  readonly cause: CauseClass | null;
  /** One sentence for a person; null when all is well. */
  readonly detail: string | null;
  /** Last output worth showing, redacted, newest last. */
  readonly log: readonly string[];
  readonly observedAt: Date;
  /** Copies of the service, where the target runs several. */
  readonly copies?: {
    readonly running: number;
    readonly desired: number;
    /** Since when the youngest of the running ones has been running, by our clock; null when none runs. */
    readonly since: Date | null;
  };
  /** The target took its last change back by itself, so that what runs is what ran before. */
  readonly turnedBack?: {
    /** When that change began, by our clock. */
    readonly at: Date;
    readonly cause: CauseClass;
    readonly detail: string;
  };
}

export type ApplyResult =
  | { readonly outcome: "applied" | "unchanged" }
  /** The target said no. Not an error of ours. */
  | { readonly outcome: "failed"; readonly cause: CauseClass; readonly detail: string };

export interface ApplyContext {
  /** Takes one line of output, already redacted and capped by the target. */
  log(line: string): void;
  /** Aborting ends everything the apply started before the promise settles. */
  readonly signal: AbortSignal;
  /**
   * Asked right before the first change, after everything that takes time: rejects when another runner has taken over while
   * this one slept, and then nothing is changed. Absent: nobody else can.
   */
  confirm?(): Promise<void>;
}

/**
 * A place services run. `apply` is idempotent: applying what is already there is a no-op. There is no rollback: it is
 * `apply` of an older state. What a process that died left half done goes on in many a target: as long as it does, `observe`
 * says `progressing` where the target can tell, and a new `apply`, `restart` or `migrate` of the service never starts beside
 * it; it waits, within its signal, says so in its log, and looks again. Throws `UpstreamUnavailable | UpstreamTimeout` when the target cannot be reached.
 */
export interface DeployTarget {
  readonly id: string;
  /**
   * Looks, when Slipway starts, whether what it needs on this machine is there. Throws an AppError that says what is
   * missing; what may come back by itself, such as a network, is no reason to. Absent: there is nothing to look for.
   */
  check?(signal: AbortSignal): Promise<void>;
  /** Reads only. */
  plan(desired: readonly DesiredState[], signal: AbortSignal): Promise<readonly PlannedChange[]>;
  apply(desired: DesiredState, run: ApplyContext): Promise<ApplyResult>;
  /** What runs of the named services; one entry for each name. */
  observe(services: readonly string[], signal: AbortSignal): Promise<readonly ObservedState[]>;
  /** Restarts one service without changing its version. Absent: not possible here. */
  restart?(service: string, run: ApplyContext): Promise<ApplyResult>;
  /** Runs the service's migration once. Absent: this target has no migrations. */
  migrate?(desired: DesiredState, run: ApplyContext): Promise<ApplyResult>;
  /**
   * True: `migrate` of the same deployment may be asked again after a crash. It finds the run that was begun, or how it
   * ended, and never runs a second time.
   */
  readonly migratesOnce?: boolean;
  /**
   * Tells that what runs of a service may have changed (null: of any), until the signal aborts. A hint and no truth: some
   * are missed, some are false. Absent: this target has to be asked.
   */
  watch?(onChange: (service: string | null) => void, signal: AbortSignal): Promise<void>;
}
