import { describe, expect, it } from "vitest";
import { buildDeployFacts } from "../testing/build-facts.ts";
import { notRejected } from "./not-rejected.ts";

const facts = buildDeployFacts();

describe(notRejected.id, () => {
  it("is met when nobody did", () => {
    expect(notRejected.check(facts)).toEqual({ state: "met", notes: [] });
  });

  it.each([
    [12, "Release #12 was rejected by Quinn: totals are wrong", "`lift 12`"],
    [
      9,
      "Commits of release #12 were rejected by Quinn in release #9: totals are wrong",
      "`lift 9`",
    ],
  ])("refuses what was rejected in release #%d", (release, reason, remedy) => {
    const rejection = { release, by: "Quinn", reason: "totals are wrong" };
    expect(notRejected.check({ ...facts, release: { ...facts.release, rejection } })).toMatchObject(
      {
        refusals: [{ code: "release.rejected", reason, remedy: expect.stringContaining(remedy) }],
      },
    );
  });

  it("believes the status where the rejection itself is not known", () => {
    expect(
      notRejected.check({ ...facts, release: { ...facts.release, status: "rejected" } }),
    ).toMatchObject({ state: "unmet", refusals: [{ code: "release.rejected" }] });
  });
});
