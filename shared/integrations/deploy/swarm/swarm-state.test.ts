import { describe, expect, it } from "vitest";
import { ContainerAnswer } from "./swarm-state.ts";

describe("what ended a container", () => {
  // Of Docker 20.10: once a container has ended, Status is "unhealthy" whether or not its check ever failed.
  it.each([
    ["it exited before its check was run", { FailingStreak: 0, Log: [] }, { Retries: 20 }, false],
    ["it exited while checks might fail", { FailingStreak: 2 }, { Retries: 20 }, false],
    ["its check failed as often as it may", { FailingStreak: 5 }, { Retries: 5 }, true],
    ["it was stopped long after that", { FailingStreak: 10 }, { Retries: 3 }, true],
    ["Docker's three failures were enough", { FailingStreak: 3 }, {}, true],
    ["they were not reached", { FailingStreak: 2 }, { Retries: 0 }, false],
  ])("%s", (_what, health, check, isUnhealthy) => {
    const answer = ContainerAnswer.parse({
      Config: { Healthcheck: { Test: ["CMD", "/check"], ...check } },
      State: { OOMKilled: false, Health: { Status: "unhealthy", ...health } },
    });
    expect(answer.isUnhealthy).toBe(isUnhealthy);
  });

  it("no check: never unhealthy", () => {
    expect(ContainerAnswer.parse({ Config: {}, State: {} })).toEqual({
      isOutOfMemory: false,
      isUnhealthy: false,
      lastCheck: "",
    });
  });
});
