import type { ReleaseView } from "../../../../shared/contract/release.ts";

const yes = { allowed: true, reason: null, remedy: null };
const no = {
  allowed: false,
  reason: "QA has not signed off.",
  remedy: "Ask Quinn to say `approve 12 as qa`.",
};
const dana = { subject: "dana", username: "dana", name: "Dana" };

/** A release as the server presents it, every default valid; override what a test is about. */
export function buildRelease(changes: Partial<ReleaseView> = {}): ReleaseView {
  return {
    number: 12,
    kind: "branch",
    status: "pending",
    sourceBranch: "uat",
    destinationBranch: "master",
    fromEnvironment: null,
    targetEnvironment: "prod",
    itemCount: 1,
    commitCount: 2,
    roles: [{ role: "qa", needed: 1, have: 0 }],
    createdBy: dana,
    createdAt: "2026-11-21T08:00:00.000Z",
    url: "http://localhost:8080/releases/12",
    version: 3,
    fingerprint: "v1:abc",
    notes: "",
    breakingChanges: "",
    draftNotes: "",
    refreshedAt: "2026-11-21T08:00:00.000Z",
    lastChanges: [],
    problems: [],
    items: [],
    missingPullRequests: [],
    policy: { roles: { dev: 1, qa: 1 }, oneRolePerPerson: true, carryOver: "same-diff" },
    signOffs: [],
    progress: [
      { role: "qa", needed: 1, have: 0, signedBy: [], eligible: [{ ...dana, name: "Quinn" }] },
    ],
    rejection: null,
    unsatisfiable: null,
    order: { waves: [["auth-service"]], cycle: null, notes: [], warnings: [] },
    requirements: [],
    abilities: {
      refresh: yes,
      edit: yes,
      openPullRequests: yes,
      exclude: yes,
      depend: yes,
      reject: yes,
      lift: no,
      close: yes,
      deploy: no,
      signOff: { qa: yes },
      revoke: { qa: no },
    },
    deployments: [],
    closed: null,
    ...changes,
  };
}
