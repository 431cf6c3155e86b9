import { spawnSync } from "node:child_process";
import { hostname } from "node:os";
import { describe, expect, it } from "vitest";
import { isRunnerDead, runnerIdentity } from "./runner-identity.ts";

describe(isRunnerDead.name, () => {
  const self = runnerIdentity();
  const gone = spawnSync(process.execPath, ["--version"]).pid;

  it.each([
    ["itself", self, false],
    ["an earlier process with the same number", `${hostname()}:${process.pid}:earlier`, true],
    ["a process that is gone", `${hostname()}:${gone}:other`, true],
    ["a process that lives", `${hostname()}:${process.ppid}:other`, false],
    ["a process on another machine", `not-${hostname()}:${gone}:other`, false],
    ["something that is no identity", "runner", false],
    ["a number that is none", `${hostname()}:x:other`, false],
  ])("knows about %s", (_, owner, isDead) => {
    expect(isRunnerDead(owner, self)).toBe(isDead);
  });

  it("is never the same twice", () => {
    expect(runnerIdentity()).not.toBe(self);
  });
});
