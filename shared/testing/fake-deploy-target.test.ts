import { describe, expect, it } from "vitest";
import { createManualClock } from "./clock.ts";
import { deployTargetContract, desiredState } from "./deploy-target-contract.ts";
import { createFakeDeployTarget } from "./fake-deploy-target.ts";

deployTargetContract("the fake", () => {
  const target = createFakeDeployTarget(createManualClock());
  return {
    target,
    failApply: (service) => target.failNext("apply", service),
    hangApply: (service) => target.hang("apply", service),
    unplug: () => target.setReachable(false),
    runningCount: () => target.runningCount,
    close: () => undefined,
  };
});

describe(createFakeDeployTarget.name, () => {
  const run = { log: () => undefined, signal: new AbortController().signal };

  it("refuses to go back behind a newer fencing token", async () => {
    const target = createFakeDeployTarget(createManualClock());
    await target.apply(desiredState("billing", "1.1.0", { fencingToken: 7 }), run);
    expect(
      await target.apply(desiredState("billing", "1.0.0", { fencingToken: 6 }), run),
    ).toMatchObject({ outcome: "failed", cause: "superseded" });
    expect(target.effects).toEqual([{ operation: "apply", service: "billing", version: "1.1.0" }]);
  });

  it("tells what it was told about a service's health", async () => {
    const target = createFakeDeployTarget(createManualClock());
    await target.apply(desiredState("billing", "1.0.0"), run);
    target.setHealth("billing", { health: "unhealthy", cause: "crash", detail: "It crashes." });
    expect(await target.observe(["billing"], run.signal)).toMatchObject([
      { health: "unhealthy", cause: "crash", detail: "It crashes.", version: "1.0.0" },
    ]);
    target.setHealth("billing", null);
    target.drift("billing", null);
    expect(await target.observe(["billing"], run.signal)).toMatchObject([{ health: "absent" }]);
  });

  it("goes on when a hanging operation is released", async () => {
    const target = createFakeDeployTarget(createManualClock());
    const hanging = target.hang("apply", "billing");
    const applying = target.apply(desiredState("billing", "1.0.0"), run);
    await hanging.reached;
    expect(target.runningCount).toBe(1);
    hanging.release();
    expect(await applying).toEqual({ outcome: "applied" });
  });
});
