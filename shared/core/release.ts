import type { DeploymentStatus } from "./deployment.ts";

export const RELEASE_KINDS = ["branch", "promotion", "version"] as const;
export type ReleaseKind = (typeof RELEASE_KINDS)[number];

/** What a release says about its target environment. Deploying elsewhere leaves it alone. */
export const RELEASE_STATUSES = [
  "pending",
  "approved",
  "deploying",
  "deployed",
  "failed",
  "rolled_back",
  "rejected",
  "cancelled",
] as const;
export type ReleaseStatus = (typeof RELEASE_STATUSES)[number];

/** The exact content of one service in a release: what a sign-off signs. */
export interface ContentItem {
  readonly service: string;
  readonly repository: string;
  /** Path inside the repository; empty for the whole repository. */
  readonly path: string;
  /** Commit of a branch release; null where only a version is known. */
  readonly headSha: string | null;
  /** Version of a promotion or version release; null for a branch release. */
  readonly version: string | null;
  /** Content address of the artifact; null where none is known. */
  readonly digest: string | null;
  /** `ScmProvider.patchIdentity` of the item; null where none is known. Not part of the fingerprint. */
  readonly patchIdentity: string | null;
  readonly isExcluded: boolean;
}

/** Everything the status of a release follows from. */
export interface ReleaseFacts {
  /** Somebody closed the release for good. */
  readonly isCancelled: boolean;
  /** Somebody rejected this content and the rejection was not lifted. */
  readonly isRejected: boolean;
  /** The sign-offs that count fulfil the policy of the target environment (`judgeSignOffs(…).isApproved`). */
  readonly isApproved: boolean;
  /** Every non-excluded item was deployed to the target environment by this release and not rolled back since. */
  readonly isFullyDeployed: boolean;
  /**
   * Newest deployment of this release to its target environment, rollbacks of it included; null when there is none, and
   * null when the release has no target environment.
   */
  readonly attempt: {
    readonly status: DeploymentStatus;
    readonly isRollback: boolean;
    /** The fingerprint that was deployed is the fingerprint the release has now. */
    readonly isSameContent: boolean;
  } | null;
}

/** Whether a release may go from one status to the other. Staying is not a transition. */
export declare function canTransition(from: ReleaseStatus, to: ReleaseStatus): boolean;

/** No sign-off, refresh or deploy can change it any more: `deployed` and `cancelled`. */
export declare function isClosed(status: ReleaseStatus): boolean;

/**
 * The status a release has, given what is true now. Call it in the transaction that changes any of the facts and store the
 * answer; calling it again with the same facts changes nothing.
 */
export declare function statusAfter(from: ReleaseStatus, facts: ReleaseFacts): ReleaseStatus;

/** Canonical text of the content; independent of the order of items and of excluded ones. */
export declare function fingerprintText(items: readonly ContentItem[]): string;

/** What a sign-off signs, e.g. `f1:9c1e…`. `hash` is SHA-256 in hexadecimal, handed in because rules use no Node modules. */
export declare function fingerprint(
  items: readonly ContentItem[],
  hash: (text: string) => string,
): string;
