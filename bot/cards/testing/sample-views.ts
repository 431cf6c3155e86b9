import type { PersonRef } from "../../../shared/contract/common.ts";
import type {
  DeploymentSummary,
  DeploymentView,
  PlanView,
} from "../../../shared/contract/deployment.ts";
import type { EnvironmentDiffView, EnvironmentView } from "../../../shared/contract/environment.ts";
import type {
  ReleaseItemView,
  ReleaseView,
  SignOffView,
} from "../../../shared/contract/release.ts";

const at = "2026-11-25T12:00:00.000Z";
const yes = { allowed: true, reason: null, remedy: null };

export const danaRef: PersonRef = { subject: "sub-dana", username: "dana", name: "Dana" };
export const quinnRef: PersonRef = { subject: "sub-quinn", username: "quinn", name: "Quinn" };
export const robinRef: PersonRef = { subject: "sub-robin", username: "robin", name: "Robin" };

/** One service of a release, with every default valid. */
export function buildItem(
  service: string,
  changes: Partial<ReleaseItemView> = {},
): ReleaseItemView {
  return {
    id: `item-${service}`,
    service,
    repository: service,
    path: "",
    baseSha: "a".repeat(40),
    headSha: "b".repeat(40),
    fromVersion: null,
    toVersion: null,
    commitCount: 3,
    commits: [],
    truncated: false,
    contributors: [],
    fileCount: 4,
    pullRequest: null,
    ci: null,
    breaking: false,
    migrations: [],
    excluded: false,
    excludedReason: null,
    dependsOn: [],
    wave: 1,
    deployedAt: null,
    landedAt: null,
    lastChange: null,
    ...changes,
  };
}

/** Release #12, uat to master, waiting for both signatures. */
export function buildRelease(changes: Partial<ReleaseView> = {}): ReleaseView {
  return {
    number: 12,
    kind: "branch",
    status: "pending",
    sourceBranch: "uat",
    destinationBranch: "master",
    fromEnvironment: null,
    targetEnvironment: "prod",
    itemCount: 2,
    commitCount: 6,
    roles: [
      { role: "dev", needed: 1, have: 0 },
      { role: "qa", needed: 1, have: 0 },
    ],
    createdBy: danaRef,
    createdAt: at,
    url: "https://slipway.example.com/releases/12",
    version: 1,
    fingerprint: "f1",
    notes: "",
    breakingChanges: "",
    draftNotes: "",
    refreshedAt: at,
    lastChanges: [],
    problems: [],
    items: [
      buildItem("auth-service"),
      buildItem("api-gateway", { wave: 2, dependsOn: ["auth-service"] }),
    ],
    missingPullRequests: [],
    policy: { roles: { dev: 1, qa: 1 }, oneRolePerPerson: true, carryOver: "same-diff" },
    signOffs: [],
    progress: [
      { role: "dev", needed: 1, have: 0, signedBy: [], eligible: [danaRef, robinRef] },
      { role: "qa", needed: 1, have: 0, signedBy: [], eligible: [quinnRef, robinRef] },
    ],
    rejection: null,
    unsatisfiable: null,
    order: { waves: [["auth-service"], ["api-gateway"]], cycle: null, notes: [], warnings: [] },
    requirements: [
      {
        id: "signed-off",
        met: false,
        code: "sign_off.missing",
        reason: "Dev and QA have not signed.",
        remedy: "Say `approve 12 as dev`.",
      },
      { id: "not-locked", met: true, code: "not-locked", reason: null, remedy: null },
    ],
    abilities: {
      refresh: yes,
      edit: yes,
      openPullRequests: yes,
      exclude: yes,
      depend: yes,
      reject: yes,
      lift: yes,
      close: yes,
      deploy: yes,
      signOff: { dev: yes, qa: yes },
      revoke: { dev: yes, qa: yes },
    },
    deployments: [],
    closed: null,
    ...changes,
  };
}

export function buildSignOff(
  person: PersonRef,
  role: string,
  changes: Partial<SignOffView> = {},
): SignOffView {
  return {
    id: `${person.username}-${role}`,
    role,
    person,
    signedAt: at,
    fingerprint: "f1",
    state: "counts",
    changesSince: [],
    byAuthor: false,
    via: "room",
    revokedAt: null,
    revokedBy: null,
    ...changes,
  };
}

/** The same release with both signatures. */
export function buildApprovedRelease(changes: Partial<ReleaseView> = {}): ReleaseView {
  return buildRelease({
    status: "approved",
    requirements: [
      { id: "signed-off", met: true, code: "signed-off", reason: null, remedy: null },
      { id: "not-locked", met: true, code: "not-locked", reason: null, remedy: null },
    ],
    signOffs: [buildSignOff(danaRef, "dev"), buildSignOff(quinnRef, "qa")],
    progress: [
      { role: "dev", needed: 1, have: 1, signedBy: [danaRef], eligible: [robinRef] },
      { role: "qa", needed: 1, have: 1, signedBy: [quinnRef], eligible: [robinRef] },
    ],
    ...changes,
  });
}

/** Deployment #7 of release #12 to prod, in its first wave. */
export function buildDeployment(changes: Partial<DeploymentView> = {}): DeploymentView {
  return {
    number: 7,
    environment: "prod",
    kind: "deploy",
    status: "running",
    release: 12,
    rollbackOf: null,
    requestedBy: danaRef,
    reason: null,
    services: ["auth-service", "api-gateway"],
    createdAt: at,
    startedAt: at,
    finishedAt: null,
    url: "https://slipway.example.com/deployments/7",
    waves: [["auth-service"], ["api-gateway"]],
    results: [
      {
        service: "auth-service",
        wave: 1,
        fromVersion: null,
        toVersion: "b".repeat(40),
        fromCommit: "a".repeat(40),
        toCommit: "b".repeat(40),
        state: "running",
        carriesNewVersion: false,
        detail: null,
        cause: null,
      },
      {
        service: "api-gateway",
        wave: 2,
        fromVersion: null,
        toVersion: "d".repeat(40),
        fromCommit: "c".repeat(40),
        toCommit: "d".repeat(40),
        state: "waiting",
        carriesNewVersion: false,
        detail: null,
        cause: null,
      },
    ],
    steps: [
      {
        id: "s1",
        wave: 1,
        service: "auth-service",
        stage: "deploy",
        status: "running",
        startedAt: at,
        finishedAt: null,
        timeoutMs: 60_000,
        outcome: null,
        cause: null,
      },
    ],
    summary: "Wave 1 of 2 is being deployed.",
    cancelRequestedBy: null,
    abilities: { cancel: yes, retry: yes, rollback: yes },
    ...changes,
  };
}

/** The same deployment after its first service failed. */
export function buildFailedDeployment(changes: Partial<DeploymentView> = {}): DeploymentView {
  const running = buildDeployment();
  return {
    ...running,
    status: "failed",
    finishedAt: "2026-11-25T12:01:30.000Z",
    summary: "auth-service failed, so wave 2 was not started.",
    results: running.results.map((result) =>
      result.service === "auth-service"
        ? {
            ...result,
            state: "failed",
            carriesNewVersion: true,
            detail: "It does not answer on its health check.",
            cause: "health_check",
          }
        : { ...result, state: "untouched" },
    ),
    ...changes,
  };
}

export function buildDeploymentSummary(
  changes: Partial<DeploymentSummary> = {},
): DeploymentSummary {
  return { ...buildDeployment({ status: "succeeded" }), ...changes };
}

export function buildPlan(changes: Partial<PlanView> = {}): PlanView {
  return {
    release: 12,
    environment: "prod",
    possible: true,
    requirements: [],
    order: { waves: [["auth-service"], ["api-gateway"]], cycle: null, notes: [], warnings: [] },
    changes: [
      {
        service: "auth-service",
        wave: 1,
        from: "a".repeat(40),
        to: "b".repeat(40),
        change: "update",
      },
      { service: "api-gateway", wave: 2, from: null, to: "d".repeat(40), change: "create" },
    ],
    expectedDurationMs: 90_000,
    warnings: [],
    ...changes,
  };
}

export function buildEnvironment(changes: Partial<EnvironmentView> = {}): EnvironmentView {
  return {
    name: "prod",
    branch: "master",
    promoteFrom: "preprod",
    target: "command",
    signOff: { dev: 1, qa: 1 },
    land: "after",
    lock: null,
    hold: null,
    activeDeployment: null,
    services: [
      {
        service: "auth-service",
        version: "a".repeat(40),
        commit: "a".repeat(40),
        health: "healthy",
        detail: null,
        copies: null,
        since: at,
        deployment: 5,
        deployedBy: danaRef,
        drifted: false,
        checkedAt: at,
      },
    ],
    unreachable: null,
    abilities: { lock: yes, unlock: yes, hold: yes, resume: yes, rollback: yes },
    ...changes,
  };
}

export function buildDiff(changes: Partial<EnvironmentDiffView> = {}): EnvironmentDiffView {
  return {
    from: "preprod",
    to: "prod",
    hash: "h1",
    rows: [
      {
        service: "auth-service",
        change: "version_bump",
        fromVersion: "1.3.0",
        toVersion: "1.2.0",
        fromCommit: null,
        toCommit: null,
      },
      {
        service: "api-gateway",
        change: "no_change",
        fromVersion: "2.0.0",
        toVersion: "2.0.0",
        fromCommit: null,
        toCommit: null,
      },
    ],
    ...changes,
  };
}
