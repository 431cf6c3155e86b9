import { describe, expect, it } from "vitest";
import {
  deploymentState,
  releaseStatus,
  type ReleaseStanding,
  type RepositoryRun,
} from "./forge-reports.ts";

const signed = { role: "dev", needed: 1, have: 1, by: ["Dana"] };
const open = { role: "qa", needed: 1, have: 0, by: [] };
const standing: ReleaseStanding = {
  number: 12,
  isCancelled: false,
  rejection: null,
  isApproved: false,
  roles: [signed, open],
  isExcluded: false,
};

describe(releaseStatus.name, () => {
  it.each<[Partial<ReleaseStanding>, string, string]>([
    [{}, "pending", "Release #12 waits for qa."],
    [
      { roles: [{ ...signed, have: 0, by: [] }, open] },
      "pending",
      "Release #12 waits for dev and qa.",
    ],
    [
      { roles: [{ role: "qa", needed: 2, have: 1, by: ["Quinn"] }] },
      "pending",
      "Release #12 waits for qa (1 of 2).",
    ],
    [{ roles: [signed] }, "pending", "Release #12 waits for another signature."],
    [
      { isApproved: true, roles: [signed, { ...open, have: 1, by: ["Quinn"] }] },
      "success",
      "Release #12 is approved by Dana (dev) and Quinn (qa).",
    ],
    [
      { isApproved: true, rejection: { by: "Quinn", reason: "it breaks." } },
      "failure",
      "Release #12 was rejected by Quinn: it breaks.",
    ],
    [{ isApproved: true, isExcluded: true }, "pending", "Left out of release #12."],
    [
      { isCancelled: true, isApproved: true },
      "error",
      "Release #12 was closed and will not go out.",
    ],
  ])("%j is %s: %s", (changes, state, description) => {
    expect(releaseStatus({ ...standing, ...changes })).toEqual({ state, description });
  });
});

type Step = RepositoryRun["steps"][number];

function step(stage: Step["stage"], status: Step["status"], more: Partial<Step> = {}): Step {
  return { service: "api", stage, status, cause: null, outcome: null, ...more };
}

const run: RepositoryRun = {
  number: 7,
  kind: "deploy",
  environment: "prod",
  status: "running",
  steps: [],
};
const done = [step("deploy", "succeeded"), step("verify", "succeeded")];

describe(deploymentState.name, () => {
  it.each<[string, Partial<RepositoryRun>, string, string]>([
    [
      "waiting",
      { status: "queued", steps: [step("deploy", "pending")] },
      "queued",
      "Deployment #7 to prod waits to start.",
    ],
    [
      "under way",
      { steps: [step("deploy", "succeeded"), step("verify", "running")] },
      "in_progress",
      "Deployment #7 to prod is running.",
    ],
    [
      "done while other repositories are not",
      { steps: done },
      "success",
      "Deployment #7 to prod: api verified.",
    ],
    [
      "done although the branch was not moved",
      {
        status: "succeeded",
        steps: [...done, step("land", "failed", { cause: "diverged", outcome: "moved" })],
      },
      "success",
      "Deployment #7 to prod: api verified.",
    ],
    [
      "refused by the target, while the wave still runs",
      {
        steps: [
          step("deploy", "failed", { cause: "image_pull", outcome: "no such image" }),
          step("verify", "pending"),
        ],
      },
      "failure",
      "Deployment #7 to prod: deploy of api failed: no such image",
    ],
    [
      "broken by us",
      { status: "errored", steps: [step("deploy", "failed", { cause: "internal", outcome: "x" })] },
      "error",
      "Deployment #7 to prod: deploy of api failed: x",
    ],
    [
      "stopped before its turn",
      { status: "failed", steps: [step("deploy", "skipped"), step("verify", "skipped")] },
      "error",
      "Deployment #7 to prod ended before this was deployed and verified.",
    ],
    [
      "rolled back",
      { status: "rolled_back", steps: done },
      "inactive",
      "Deployment #7 to prod was rolled back.",
    ],
    [
      "a rollback",
      { kind: "rollback", number: 8, status: "succeeded", steps: done },
      "success",
      "Rollback #8 to prod: api verified.",
    ],
  ])("tells of one that is %s", (_what, changes, state, description) => {
    expect(deploymentState({ ...run, ...changes })).toEqual({ state, description });
  });

  it("tells nothing of a repository that only lands", () => {
    expect(deploymentState({ ...run, steps: [step("land", "running")] })).toBeNull();
  });
});
