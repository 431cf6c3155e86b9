import { z } from "zod";
import { Ability, PageQuery, PersonRef, RequirementView, Timestamp, pageOf } from "./common.ts";

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
export const ReleaseStatus = z.enum(RELEASE_STATUSES);
export type ReleaseStatus = z.infer<typeof ReleaseStatus>;

export const RELEASE_KINDS = ["branch", "promotion", "version"] as const;
export const ReleaseKind = z.enum(RELEASE_KINDS);
export type ReleaseKind = z.infer<typeof ReleaseKind>;

export const CommitView = z
  .object({
    sha: z.string(),
    title: z.string(),
    authors: z.array(z.object({ name: z.string(), email: z.string() })),
    authoredAt: Timestamp,
    url: z.string().nullable(),
    breaking: z.boolean(),
  })
  .meta({ id: "Commit" });
export type CommitView = z.infer<typeof CommitView>;

export const PullRequestView = z
  .object({
    number: z.number().int(),
    url: z.string(),
    state: z.enum(["open", "merged", "closed"]),
    title: z.string(),
  })
  .meta({ id: "PullRequest" });

export const ReleaseItemView = z
  .object({
    id: z.string(),
    service: z.string(),
    repository: z.string(),
    path: z.string(),
    baseSha: z.string().nullable(),
    headSha: z.string().nullable(),
    fromVersion: z.string().nullable(),
    toVersion: z.string().nullable(),
    commitCount: z.number().int(),
    /** Newest first, at most 500. */
    commits: z.array(CommitView),
    truncated: z.boolean(),
    contributors: z.array(
      z.object({ name: z.string(), email: z.string(), commitCount: z.number().int() }),
    ),
    fileCount: z.number().int(),
    pullRequest: PullRequestView.nullable(),
    ci: z
      .object({
        state: z.enum(["success", "failure", "pending", "none"]),
        url: z.string().nullable(),
        summary: z.string(),
      })
      .nullable(),
    breaking: z.boolean(),
    /** Paths of migration files this item touches. */
    migrations: z.array(z.string()),
    excluded: z.boolean(),
    excludedReason: z.string().nullable(),
    dependsOn: z.array(z.string()),
    /** 1-based; null when excluded or when the order has a cycle. */
    wave: z.number().int().nullable(),
    /** Whether this exact content runs in the target environment as far as our last deployment knows. */
    deployedAt: Timestamp.nullable(),
    landedAt: Timestamp.nullable(),
    /** What the last refresh changed here, in words; null when nothing. */
    lastChange: z.string().nullable(),
  })
  .meta({ id: "ReleaseItem" });
export type ReleaseItemView = z.infer<typeof ReleaseItemView>;

export const SignOffView = z
  .object({
    id: z.string(),
    role: z.string(),
    person: PersonRef,
    signedAt: Timestamp,
    /** What was signed. */
    fingerprint: z.string(),
    state: z.enum(["counts", "stale", "revoked"]),
    /** For a stale one: what changed since, e.g. "3 new commits in payments". */
    changesSince: z.array(z.string()),
    /** The signer wrote a commit of this release. */
    byAuthor: z.boolean(),
    /** Where it was signed: room, web, api, … */
    via: z.string(),
    revokedAt: Timestamp.nullable(),
    revokedBy: PersonRef.nullable(),
  })
  .meta({ id: "SignOff" });
export type SignOffView = z.infer<typeof SignOffView>;

export const RoleProgress = z
  .object({
    role: z.string(),
    needed: z.number().int(),
    have: z.number().int(),
    signedBy: z.array(PersonRef),
    /** People who could sign in this role now. */
    eligible: z.array(PersonRef),
  })
  .meta({ id: "RoleProgress" });
export type RoleProgress = z.infer<typeof RoleProgress>;

export const DeployOrderView = z
  .object({
    /** Services by wave: those of one wave go out together, waves one after the other. */
    waves: z.array(z.array(z.string())),
    /** `[a, b, a]` when the dependencies form a cycle, which blocks the deploy. */
    cycle: z.array(z.string()).nullable(),
    notes: z.array(z.string()),
    warnings: z.array(z.string()),
  })
  .meta({ id: "DeployOrder" });
export type DeployOrderView = z.infer<typeof DeployOrderView>;

export const ReleaseAbilities = z
  .object({
    refresh: Ability,
    edit: Ability,
    openPullRequests: Ability,
    exclude: Ability,
    depend: Ability,
    reject: Ability,
    lift: Ability,
    close: Ability,
    deploy: Ability,
    /** By role. */
    signOff: z.record(z.string(), Ability),
    revoke: z.record(z.string(), Ability),
  })
  .meta({ id: "ReleaseAbilities" });
export type ReleaseAbilities = z.infer<typeof ReleaseAbilities>;

export const ReleaseDeploymentRef = z
  .object({
    number: z.number().int(),
    environment: z.string(),
    kind: z.enum(["deploy", "rollback"]),
    status: z.string(),
    startedAt: Timestamp.nullable(),
    finishedAt: Timestamp.nullable(),
  })
  .meta({ id: "ReleaseDeploymentRef" });

/** What became of one repository that was to get a pull request. */
export const PullRequestResult = z
  .object({
    repository: z.string(),
    /** The one that is open now; null when there is none. */
    pullRequest: PullRequestView.nullable(),
    /** Why there is none, and what to do. */
    reason: z.string().nullable(),
    remedy: z.string().nullable(),
  })
  .meta({ id: "PullRequestResult" });
export type PullRequestResult = z.infer<typeof PullRequestResult>;

/** A line of a list: enough for a table row. */
export const ReleaseSummary = z
  .object({
    number: z.number().int(),
    kind: ReleaseKind,
    status: ReleaseStatus,
    sourceBranch: z.string().nullable(),
    destinationBranch: z.string().nullable(),
    fromEnvironment: z.string().nullable(),
    targetEnvironment: z.string().nullable(),
    itemCount: z.number().int(),
    commitCount: z.number().int(),
    roles: z.array(
      z.object({ role: z.string(), needed: z.number().int(), have: z.number().int() }),
    ),
    createdBy: PersonRef,
    createdAt: Timestamp,
    url: z.string(),
  })
  .meta({ id: "ReleaseSummary" });
export type ReleaseSummary = z.infer<typeof ReleaseSummary>;
export const ReleasePage = pageOf(ReleaseSummary);

export const ReleaseView = ReleaseSummary.extend({
  version: z.number().int(),
  fingerprint: z.string(),
  notes: z.string(),
  breakingChanges: z.string(),
  /** Draft made from the commits; what `notes` starts from. */
  draftNotes: z.string(),
  refreshedAt: Timestamp,
  /** What changed at the last refresh, per repository, in words. */
  lastChanges: z.array(z.string()),
  /** Repositories that could not be compared: never silently dropped. */
  problems: z.array(
    z.object({ repository: z.string(), code: z.string(), reason: z.string(), remedy: z.string() }),
  ),
  items: z.array(ReleaseItemView),
  /** Repositories without an open pull request, at providers that can open one. */
  missingPullRequests: z.array(z.string()),
  policy: z.object({
    roles: z.record(z.string(), z.number().int()),
    oneRolePerPerson: z.boolean(),
    carryOver: z.enum(["same-diff", "never"]),
  }),
  signOffs: z.array(SignOffView),
  progress: z.array(RoleProgress),
  rejection: z.object({ person: PersonRef, reason: z.string(), rejectedAt: Timestamp }).nullable(),
  /** Why the policy cannot be met by anybody; null when it can. */
  unsatisfiable: z.string().nullable(),
  order: DeployOrderView,
  /** Gates before a deploy to the target environment. */
  requirements: z.array(RequirementView),
  abilities: ReleaseAbilities,
  deployments: z.array(ReleaseDeploymentRef),
  closed: z.object({ by: PersonRef, at: Timestamp, reason: z.string() }).nullable(),
}).meta({ id: "Release" });
export type ReleaseView = z.infer<typeof ReleaseView>;

/** The release afterwards, and what became of each repository. */
export const OpenedPullRequests = z
  .object({ release: ReleaseView, results: z.array(PullRequestResult) })
  .meta({ id: "OpenedPullRequests" });
export type OpenedPullRequests = z.infer<typeof OpenedPullRequests>;

const text = (limit: number) => z.string().max(limit, `is longer than ${limit} characters`);
/** Branch names are checked again, strictly, by the source control provider. */
const branch = text(1_000).min(1);
const names = z.array(text(200).min(1)).max(1_000);

export const CreateRelease = z
  .object({
    source: branch,
    destination: branch,
    /** Repositories to compare; all configured ones when absent. */
    repositories: names.optional(),
    exclude: names.optional(),
    notes: text(100_000).optional(),
  })
  .meta({ id: "CreateRelease" });
export type CreateRelease = z.infer<typeof CreateRelease>;

/** `version`, when given, must be the one last seen; otherwise the last writer wins. */
export const PatchRelease = z
  .object({
    notes: text(100_000).optional(),
    breakingChanges: text(100_000).optional(),
    version: z.number().int().optional(),
  })
  .meta({ id: "PatchRelease" });
export type PatchRelease = z.infer<typeof PatchRelease>;

export const PatchReleaseItem = z
  .object({
    excluded: z.boolean().optional(),
    excludedReason: text(2_000).optional(),
    dependsOn: names.optional(),
  })
  .meta({ id: "PatchReleaseItem" });
export type PatchReleaseItem = z.infer<typeof PatchReleaseItem>;

export const OpenPullRequests = z
  .object({
    /** Repositories or services; all that lack one when absent. */
    repositories: names.optional(),
  })
  .meta({ id: "OpenPullRequests" });
export type OpenPullRequests = z.infer<typeof OpenPullRequests>;

export const CreateSignOff = z
  .object({ role: text(100).min(1), fingerprint: text(200).optional() })
  .meta({ id: "CreateSignOff" });
export type CreateSignOff = z.infer<typeof CreateSignOff>;

export const RejectRelease = z
  .object({ reason: text(2_000).trim().min(1, "say why") })
  .meta({ id: "RejectRelease" });
export const CloseRelease = z
  .object({ reason: text(2_000).trim().min(1, "say why") })
  .meta({ id: "CloseRelease" });

export const ReleaseQuery = PageQuery.extend({
  status: ReleaseStatus.or(z.enum(["open", "closed"])).optional(),
  source: z.string().optional(),
  destination: z.string().optional(),
  environment: z.string().optional(),
  creator: z.string().optional(),
  text: z.string().max(200).optional(),
});
export type ReleaseQuery = z.infer<typeof ReleaseQuery>;
