import { render, screen } from "@testing-library/vue";
import { describe, expect, it } from "vitest";
import type { DeploymentView } from "../../../../../shared/contract/deployment.ts";
import DeploymentStages from "./DeploymentStages.vue";

const allowed = { allowed: true, reason: null, remedy: null };
const landing: DeploymentView = {
  number: 8,
  environment: "prod",
  kind: "deploy",
  status: "succeeded",
  release: 12,
  rollbackOf: null,
  requestedBy: { subject: "o", username: "olivia", name: "Olivia" },
  reason: null,
  services: ["billing"],
  createdAt: "2026-11-25T12:00:00.000Z",
  startedAt: null,
  finishedAt: null,
  url: "http://localhost/deployments/8",
  waves: [],
  results: [],
  steps: [
    {
      id: "s1",
      wave: 1,
      service: "billing",
      stage: "land",
      status: "succeeded",
      startedAt: null,
      finishedAt: null,
      timeoutMs: 120_000,
      outcome: "master is at bbbbbbbb now.",
      cause: null,
    },
  ],
  summary: "Landed.",
  cancelRequestedBy: null,
  abilities: { cancel: allowed, retry: allowed, rollback: allowed },
};

describe("DeploymentStages", () => {
  it("shows what only lands, which is out already", () => {
    render(DeploymentStages, { props: { deployment: landing } });
    expect(screen.getByRole("rowheader", { name: "billing" })).toBeTruthy();
    expect(screen.getByText("land: done")).toBeTruthy();
    expect(screen.getByText("master is at bbbbbbbb now.")).toBeTruthy();
  });
});
