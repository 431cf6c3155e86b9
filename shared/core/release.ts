import type { DeploymentStatus } from "../contract/deployment.ts";
import type { ReleaseStatus } from "../contract/release.ts";
import { isActive } from "./deployment.ts";

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
    /** The fingerprint that was deployed (or taken back) is the fingerprint the release has now. */
    readonly isSameContent: boolean;
  } | null;
}

const TRANSITIONS: Readonly<Record<ReleaseStatus, readonly ReleaseStatus[]>> = {
  pending: ["approved", "deploying", "deployed", "rolled_back", "rejected", "cancelled"],
  approved: ["pending", "deploying", "deployed", "rolled_back", "rejected", "cancelled"],
  deploying: ["pending", "approved", "deployed", "failed", "rolled_back", "rejected", "cancelled"],
  // Closing or rejecting it shows once it has been rolled back.
  deployed: ["deploying", "rolled_back", "rejected", "cancelled"],
  failed: ["pending", "approved", "deploying", "deployed", "rolled_back", "rejected", "cancelled"],
  rolled_back: ["pending", "approved", "deploying", "deployed", "failed", "rejected", "cancelled"],
  rejected: ["pending", "approved", "deploying", "deployed", "rolled_back", "cancelled"],
  cancelled: [],
};

/** Whether a release may go from one status to the other. Staying is not a transition. */
export function canTransition(from: ReleaseStatus, to: ReleaseStatus): boolean {
  return TRANSITIONS[from].includes(to);
}

/** No sign-off, refresh or new content can change it any more: `deployed` and `cancelled`. */
export function isClosed(status: ReleaseStatus): boolean {
  return status === "deployed" || status === "cancelled";
}

/**
 * The status a release has, given what is true now. Call it in the transaction that changes any of the facts and store the
 * answer; calling it again with the same facts changes nothing.
 *
 * A failure speaks of the content that was tried: new content, or losing and winning approval again, ends it.
 */
export function statusAfter(from: ReleaseStatus, facts: ReleaseFacts): ReleaseStatus {
  if (from === "cancelled") {
    return "cancelled";
  }
  if (facts.attempt !== null && isActive(facts.attempt.status)) {
    return "deploying";
  }
  const outcome = outcomeOf(facts.attempt);
  if (outcome === "none" && (facts.isFullyDeployed || from === "deployed")) {
    return "deployed";
  }
  if (outcome === "failed" && from === "deployed") {
    return "deployed";
  }
  if (facts.isCancelled) {
    return "cancelled";
  }
  if (facts.isRejected) {
    return "rejected";
  }
  if (outcome === "rolled_back") {
    return "rolled_back";
  }
  if (!facts.isApproved) {
    return "pending";
  }
  const wasTried = from === "deploying" || from === "failed" || from === "rolled_back";
  return outcome === "failed" && wasTried ? "failed" : "approved";
}

/** How the newest attempt ended for the content the release has now; `none` when it says nothing about it. */
function outcomeOf(attempt: ReleaseFacts["attempt"]): "none" | "failed" | "rolled_back" {
  if (!attempt?.isSameContent) {
    return "none";
  }
  switch (attempt.status) {
    case "rolled_back":
      return "rolled_back";
    case "succeeded":
      return attempt.isRollback ? "rolled_back" : "none";
    case "failed":
    case "errored":
    case "timed_out":
      return "failed";
    default:
      return "none";
  }
}

/** Canonical text of the content; independent of the order of items and of excluded ones. */
export function fingerprintText(items: readonly ContentItem[]): string {
  const lines = items
    .filter((item) => !item.isExcluded)
    .map((item) =>
      JSON.stringify([
        item.service,
        item.repository,
        item.path,
        item.headSha,
        item.version,
        item.digest,
      ]),
    )
    // By code unit: a locale would give the same content two fingerprints on two machines.
    .sort((a, b) => (a < b ? -1 : Number(a > b)));
  return ["slipway fingerprint 1", ...lines].join("\n");
}

/** What a sign-off signs, e.g. `f1:9c1e…`. `hash` is SHA-256 in hexadecimal, handed in because rules use no Node modules. */
export function fingerprint(items: readonly ContentItem[], hash: (text: string) => string): string {
  return `f1:${hash(fingerprintText(items))}`;
}
