import { spawnSync } from "node:child_process";
import { hostname } from "node:os";
import { describe, expect, it } from "vitest";
import { isProcessDead, processIdentity, spokenIdentity } from "./process-identity.ts";

describe(isProcessDead.name, () => {
  const self = processIdentity();
  const here = self.split(":").slice(0, -2).join(":");
  const gone = spawnSync(process.execPath, ["--version"]).pid;

  it.each([
    ["itself", self, false],
    ["an earlier process with the same number", `${here}:${process.pid}:earlier`, true],
    ["a process that is gone", `${here}:${gone}:other`, true],
    ["a process that lives", `${here}:${process.ppid}:other`, false],
    ["a process on another machine", `not-${here}:${gone}:other`, false],
    [
      "a process with our number in another container of the same name",
      `${hostname()}@00000000.1:${process.pid}:other`,
      false,
    ],
    ["something that is no identity", "runner", false],
    ["a number that is none", `${here}:x:other`, false],
  ])("knows about %s", (_, owner, isDead) => {
    expect(isProcessDead(owner, self)).toBe(isDead);
  });

  it("is never the same twice", () => {
    expect(processIdentity()).not.toBe(self);
  });
});

describe(spokenIdentity.name, () => {
  it("tells people machine and process, and nothing they cannot use", () => {
    expect(spokenIdentity("node-3@1a2b3c4d.4026531836:17:abc")).toBe("node-3, process 17");
  });
});
