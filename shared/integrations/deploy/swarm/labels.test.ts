import { describe, expect, it } from "vitest";
import { desiredState } from "../../../testing/deploy-target-contract.ts";
import { carries, LABELS, labelsOf, readStamp, stampOf, type Labels } from "./labels.ts";

const stamp = stampOf(desiredState("billing", "1.0.0", { deployment: 7, fencingToken: 9 }), {
  digest: `sha256:${"a".repeat(64)}`,
  specHash: "f00d",
  appliedAt: new Date("2026-11-21T10:00:00.000Z"),
});

describe(readStamp, () => {
  it("reads what a deploy wrote", () => {
    expect(readStamp(labelsOf(stamp))).toEqual(stamp);
    expect(readStamp(labelsOf({ ...stamp, commit: null, digest: null }))).toEqual({
      ...stamp,
      commit: null,
      digest: null,
    });
  });

  it.each<[string, Labels | undefined]>([
    ["a service without labels", undefined],
    ["a service somebody else deployed", { team: "shop" }],
    ["a version that was taken away", { ...labelsOf(stamp), [LABELS.version]: "" }],
    ["a number that is none", { ...labelsOf(stamp), [LABELS.fencing]: "many" }],
    ["a time that is none", { ...labelsOf(stamp), [LABELS.appliedAt]: "yesterday" }],
  ])("is null for %s", (_name, labels) => {
    expect(readStamp(labels)).toBeNull();
  });
});

describe(carries, () => {
  it.each([
    ["the attempt itself", {}, true],
    ["an earlier runner of it", { fencingToken: stamp.fencingToken - 1 }, true],
    ["a later runner of it", { fencingToken: stamp.fencingToken + 1 }, false],
    ["another deployment", { deployment: stamp.deployment + 1 }, false],
    ["another version", { version: "1.0.1" }, false],
  ])("what %s left: %j → %s", (_whose, change, isSame) => {
    expect(carries({ ...stamp, ...change }, stamp)).toBe(isSame);
  });
});
