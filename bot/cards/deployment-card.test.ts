import { describe, expect, it } from "vitest";
import { cardToText, pressableItems } from "../chat/card-to-text.ts";
import { deploymentCard, failureCard, logCard } from "./deployment-card.ts";
import { planCard } from "./plan-card.ts";
import { needsAction } from "./deployment-outcome.ts";
import { buildDeployment, buildFailedDeployment, buildPlan } from "./testing/sample-views.ts";

function labels(card: ReturnType<typeof deploymentCard>): readonly string[] {
  return pressableItems(card).map((item) => item.label);
}

describe(deploymentCard.name, () => {
  it("shows every service as it goes", () => {
    const told = cardToText(deploymentCard(buildDeployment()));
    expect(told).toContain("Deployment #7: release #12 to prod (running)");
    expect(told).toContain("1 | auth-service | aaaaaaaa → bbbbbbbb | in progress | deploy");
    expect(told).toContain("2 | api-gateway | cccccccc → dddddddd | waiting");
    expect(told).toContain("To stop it: `cancel 7`.");
  });

  it("says exactly which services carry the new version after a failure", () => {
    const told = cardToText(deploymentCard(buildFailedDeployment()));
    expect(told).toContain(
      "auth-service failed: It does not answer on its health check. (health check)",
    );
    expect(told).toContain("Carry the new version: auth-service.");
    expect(told).toContain("Still as before: api-gateway.");
    expect(told).toContain("Took: 1 min 30 s");
    expect(told).toContain('`rollback prod -m "…"`');
  });

  const touched = buildDeployment().results.map((result) => ({
    ...result,
    carriesNewVersion: true,
  }));
  it.each([
    ["running", buildDeployment(), ["Cancel", "Logs"]],
    ["aborting", buildDeployment({ status: "aborting" }), ["Logs"]],
    ["failed", buildFailedDeployment(), ["Retry", "Roll back", "Logs"]],
    ["failed before anything changed", buildDeployment({ status: "failed" }), ["Retry", "Logs"]],
    [
      "succeeded",
      buildDeployment({ status: "succeeded", results: touched }),
      ["Roll back", "Logs"],
    ],
    ["failed rollback", buildFailedDeployment({ kind: "rollback" }), ["Retry", "Logs"]],
    ["rolled back", buildFailedDeployment({ status: "rolled_back" }), ["Logs"]],
  ])("offers what makes sense now: %s", (_, deployment, expected) => {
    expect(labels(deploymentCard(deployment))).toEqual(expected);
  });
});

describe("a deployment of which something did not land", () => {
  const [step] = buildDeployment().steps;
  const unlanded = buildDeployment({
    status: "succeeded",
    summary: "auth-service was not landed. master was left alone: A review is missing.",
    steps: step ? [{ ...step, stage: "land", status: "failed", outcome: "refused" }] : [],
  });

  it("offers to land it again, as long as that can be done", () => {
    expect(labels(deploymentCard(unlanded))).toEqual(["Land again", "Logs"]);
    const { abilities } = unlanded;
    const done = { ...unlanded, abilities: { ...abilities, retry: abilities.cancel } };
    done.abilities.retry = { allowed: false, reason: "Nothing is left.", remedy: null };
    expect(labels(deploymentCard(done))).toEqual(["Logs"]);
  });

  it("calls for somebody, without calling the deploy a failure", () => {
    expect(needsAction(unlanded)).toBe(true);
    expect(needsAction(buildDeployment({ status: "succeeded" }))).toBe(false);
    const card = failureCard(unlanded);
    expect(card.tone).toBe("warning");
    expect(cardToText(card)).toContain("succeeded, but not everything landed");
    expect(cardToText(card)).toContain("A review is missing.");
    expect(cardToText(card)).toContain("`retry 7` lands it");
  });
});

describe(failureCard.name, () => {
  it("says what failed, what carries what, and how to go on", () => {
    const told = cardToText(failureCard(buildFailedDeployment()));
    expect(told).toContain("Deployment #7: release #12 to prod failed");
    expect(told).toContain("auth-service failed, so wave 2 was not started.");
    expect(told).toContain("[Retry] or say `retry 7`");
  });
});

describe(logCard.name, () => {
  const line = (text: string, id: number) => ({
    id,
    at: "2026-11-25T12:00:00.000Z",
    service: "auth-service",
    stage: "deploy" as const,
    line: text,
  });

  it("shows the last lines, which cannot leave their frame", () => {
    const lines = Array.from({ length: 50 }, (_, index) =>
      line(`line ${index} \`\`\` @channel`, index),
    );
    const told = cardToText(logCard(buildDeployment(), lines));
    expect(told).toContain("[auth-service deploy] line 49 ''' @channel");
    expect(told).not.toContain("line 19 ");
    expect(told).toContain("These are the last 30 lines.");
    expect(told.match(/```/g)).toHaveLength(2);
  });

  it("says when there is nothing", () => {
    expect(cardToText(logCard(buildDeployment(), []))).toContain("There is no output yet.");
  });
});

describe(planCard.name, () => {
  it("shows order, versions and duration, and offers the deploy", () => {
    const card = planCard(buildPlan(), "f1");
    const told = cardToText(card);
    expect(told).toContain("possible now");
    expect(told).toContain("1 | auth-service | aaaaaaaa | bbbbbbbb | changes");
    expect(told).toContain("2 | api-gateway | none | dddddddd | new here");
    expect(told).toContain("Expected duration: 1 min 30 s");
    expect(labels(card)).toEqual(["Deploy"]);
  });

  it("says what stands in the way, and offers nothing", () => {
    const requirements = [
      { id: "x", met: false, code: "x", reason: "prod is locked.", remedy: "Say `unlock prod`." },
    ];
    const card = planCard(
      buildPlan({ possible: false, requirements, expectedDurationMs: null }),
      "f1",
    );
    const told = cardToText(card);
    expect(told).toContain("• prod is locked. Say `unlock prod`.");
    expect(told).toContain("not known yet");
    expect(labels(card)).toEqual([]);
  });
});
