import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ServiceVersion } from "./deployment.ts";
import { diffHashText, environmentDiff } from "./environment-diff.ts";

function runs(services: Record<string, string>): ReadonlyMap<string, ServiceVersion> {
  return new Map(
    Object.entries(services).map(([service, version]) => [
      service,
      { version, commit: `commit-${version}`, digest: null },
    ]),
  );
}

describe(environmentDiff.name, () => {
  it("puts two environments side by side, by service", () => {
    const rows = environmentDiff(
      runs({ web: "2", auth: "1", billing: "1" }),
      runs({ legacy: "1", auth: "1", web: "1" }),
    );
    expect(
      rows.map((row) => [row.service, row.change, row.from?.version, row.to?.version]),
    ).toEqual([
      ["auth", "no_change", "1", "1"],
      ["billing", "new_service", undefined, "1"],
      ["legacy", "removed_service", "1", undefined],
      ["web", "version_bump", "1", "2"],
    ]);
  });

  it("sees another digest of the same version", () => {
    const one = new Map([["auth", { version: "1", commit: null, digest: "a" }]]);
    const two = new Map([["auth", { version: "1", commit: null, digest: "b" }]]);
    expect(environmentDiff(one, two)[0]?.change).toBe("version_bump");
  });

  it("has nothing to say about two empty environments", () => {
    expect(environmentDiff(new Map(), new Map())).toEqual([]);
  });
});

describe(diffHashText.name, () => {
  const state = fc
    .dictionary(fc.constantFrom("a", "b", "c"), fc.constantFrom("1", "2"))
    .map((services) => ({ services, map: runs(services) }));

  it("is the same exactly when both environments run the same", () => {
    fc.assert(
      fc.property(
        state,
        state,
        state,
        state,
        (source, destination, laterSource, laterDestination) => {
          const before = diffHashText(environmentDiff(source.map, destination.map));
          const after = diffHashText(environmentDiff(laterSource.map, laterDestination.map));
          const isSame =
            sorted(source.services) === sorted(laterSource.services) &&
            sorted(destination.services) === sorted(laterDestination.services);
          expect(before === after).toBe(isSame);
        },
      ),
      { numRuns: 500 },
    );
  });
});

function sorted(services: Record<string, string>): string {
  return JSON.stringify(Object.entries(services).sort());
}
