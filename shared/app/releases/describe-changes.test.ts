import { describe, expect, it } from "vitest";
import { describeDelta, describeItemChange, type ItemSnapshot } from "./describe-changes.ts";

const item = {
  service: "payments",
  excluded: false,
  headSha: "c3",
  commitCount: 3,
  commits: [{ sha: "c3" }, { sha: "c2" }, { sha: "c1" }],
};

describe(describeDelta.name, () => {
  it.each([
    ["changed", "c2", "c3", "1 new commit in payments"],
    ["changed", "c1", "c3", "2 new commits in payments"],
    ["changed", "x9", "c3", "the commits of payments were replaced by others"],
    ["added", null, "c3", "payments was added"],
  ] as const)("%s from %s to %s: %s", (change, from, to, words) => {
    expect(describeDelta([{ service: "payments", change, from, to }], [item])).toEqual([words]);
  });

  it("tells an exclusion from a service that is gone", () => {
    const delta = [{ service: "payments", change: "removed", from: "c3", to: null }] as const;

    expect(describeDelta(delta, [{ ...item, excluded: true }])).toEqual(["payments was excluded"]);
    expect(describeDelta(delta, [])).toEqual(["payments was taken out"]);
  });

  it("names versions where there are no commits", () => {
    expect(
      describeDelta(
        [{ service: "payments", change: "changed", from: "1.4.2", to: "1.4.3" }],
        [{ ...item, headSha: null, commits: [] }],
      ),
    ).toEqual(["payments is now 1.4.3 instead of 1.4.2"]);
  });
});

describe(describeItemChange.name, () => {
  const before: ItemSnapshot = {
    headSha: "c2",
    commitCount: 2,
    patchIdentity: "p1",
    ci: null,
    behindCount: 0,
  };
  const after = { ...item, ...before, headSha: "c3", commitCount: 3, patchIdentity: "p2" };
  const passed = { state: "success", url: null, summary: "" } as const;

  it.each([
    ["nothing", {}, { headSha: "c2", commitCount: 2 }, null],
    ["a commit on top", {}, {}, "1 new commit"],
    ["a commit that changes nothing", {}, { patchIdentity: "p1" }, "1 new commit, same diff"],
    ["another history", { headSha: "x9" }, {}, "other commits than before: 3 commits instead of 2"],
    [
      "a destination that took some",
      { headSha: "c3", commitCount: 5 },
      {},
      "3 commits instead of 5, the same newest one",
    ],
    [
      "a destination that moved on",
      { headSha: "c3", commitCount: 3 },
      { behindCount: 1 },
      "the destination has 1 commit that it lacks",
    ],
    [
      "a destination merged back",
      { headSha: "c3", commitCount: 3, behindCount: 1 },
      { behindCount: 0 },
      "it has everything of the destination again",
    ],
    [
      "checks",
      { headSha: "c3", commitCount: 3 },
      { ci: passed },
      "checks: success instead of none",
    ],
  ])("tells %s", (_what, old, now, words) => {
    expect(describeItemChange({ ...before, ...old }, { ...after, ...now })).toBe(words);
  });
});
