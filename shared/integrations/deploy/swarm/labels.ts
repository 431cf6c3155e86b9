import type { DesiredState } from "../../../core/ports/deploy-target.ts";

/**
 * What a deploy writes on a Swarm service, in `deploy.labels` and never in `labels` or `environment`: labels of the service
 * restart no task, and Swarm's own rollback puts the previous ones back. So the stamp on a service says whose deploy it
 * carries now, also to a Slipway that has just started and remembers nothing.
 */
export const LABELS = {
  /** Name of the service as Slipway knows it; the Swarm one is `<stack>_<name in the stack file>`. */
  service: "slipway.service",
  environment: "slipway.environment",
  version: "slipway.version",
  /** Empty when the version is of no commit. */
  commit: "slipway.commit",
  /** Digest the deploy pinned the image to; empty when it pinned none. */
  digest: "slipway.digest",
  /** Number of the deployment. */
  deployment: "slipway.deployment",
  /** Fencing token of whoever deployed: nobody with a smaller one may change the service any more. */
  fencing: "slipway.fencing",
  /** Hash of the rendered service without its stamp: two equal ones need no update. */
  specHash: "slipway.spec-hash",
  /** When it was handed to Swarm, as an ISO timestamp. */
  appliedAt: "slipway.applied-at",
  /** Where the stack file was taken from: `<repository>@<commit>`. */
  source: "slipway.source",
  /** On one-off services only: `migrate`. */
  job: "slipway.job",
} as const;

/** Docker's own labels that are read here. */
export const DOCKER_LABELS = {
  stack: "com.docker.stack.namespace",
  /** The image as the stack file names it, before Swarm pinned it. */
  image: "com.docker.stack.image",
} as const;

export type Labels = Readonly<Record<string, string>>;

/** Who deployed what onto a service. */
export interface Stamp {
  readonly service: string;
  readonly environment: string;
  readonly version: string;
  readonly commit: string | null;
  readonly digest: string | null;
  readonly deployment: number;
  readonly fencingToken: number;
  readonly specHash: string;
  readonly appliedAt: Date;
}

/** The stamp of a deploy. `digest` is what the image is pinned to, which may be known only here. */
export function stampOf(
  desired: DesiredState,
  facts: {
    readonly digest: string | null;
    readonly specHash: string;
    readonly appliedAt: Date;
  },
): Stamp {
  const { service, environment, version, commit, deployment, fencingToken } = desired;
  return { service, environment, version, commit, deployment, fencingToken, ...facts };
}

export function labelsOf(stamp: Stamp): Labels {
  return {
    [LABELS.service]: stamp.service,
    [LABELS.environment]: stamp.environment,
    [LABELS.version]: stamp.version,
    [LABELS.commit]: stamp.commit ?? "",
    [LABELS.digest]: stamp.digest ?? "",
    [LABELS.deployment]: String(stamp.deployment),
    [LABELS.fencing]: String(stamp.fencingToken),
    [LABELS.specHash]: stamp.specHash,
    [LABELS.appliedAt]: stamp.appliedAt.toISOString(),
  };
}

/** The stamp on a service; null when we never deployed it, or somebody took the stamp apart. */
export function readStamp(labels: Labels | undefined): Stamp | null {
  const service = labels?.[LABELS.service];
  const version = labels?.[LABELS.version];
  const deployment = Number(labels?.[LABELS.deployment]);
  const fencingToken = Number(labels?.[LABELS.fencing]);
  const appliedAt = new Date(labels?.[LABELS.appliedAt] ?? "");
  if (
    labels === undefined ||
    !service ||
    !version ||
    !Number.isSafeInteger(deployment) ||
    !Number.isSafeInteger(fencingToken) ||
    Number.isNaN(appliedAt.getTime())
  ) {
    return null;
  }
  return {
    service,
    version,
    environment: labels[LABELS.environment] ?? "",
    commit: labels[LABELS.commit] || null,
    digest: labels[LABELS.digest] || null,
    deployment,
    fencingToken,
    specHash: labels[LABELS.specHash] ?? "",
    appliedAt,
  };
}

/**
 * Whether a service that carries `found` carries what `wanted` asked for. A runner that died may have left a docker program
 * behind, whose hand-over of the same deployment arrives late: that is the same, and changes nothing that runs.
 */
export function carries(
  found: Stamp,
  wanted: Pick<Stamp, "deployment" | "fencingToken" | "version">,
): boolean {
  return (
    found.deployment === wanted.deployment &&
    found.version === wanted.version &&
    found.fencingToken <= wanted.fencingToken
  );
}
