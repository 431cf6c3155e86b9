import { isSameVersion, type ServiceVersion } from "./deployment.ts";

export type EnvironmentChange = "version_bump" | "no_change" | "new_service" | "removed_service";

/** One service side by side. Promoting takes `to` into the environment that runs `from` now. */
export interface EnvironmentDiffRow {
  readonly service: string;
  readonly change: EnvironmentChange;
  /** What the destination runs; null when it does not run the service. */
  readonly from: ServiceVersion | null;
  /** What the source runs; null when it does not run the service. */
  readonly to: ServiceVersion | null;
}

/** Compares what two environments run; sorted by service. A service that neither runs is no row. */
export function environmentDiff(
  source: ReadonlyMap<string, ServiceVersion>,
  destination: ReadonlyMap<string, ServiceVersion>,
): readonly EnvironmentDiffRow[] {
  return [...new Set([...source.keys(), ...destination.keys()])].sort().map((service) => {
    const from = destination.get(service) ?? null;
    const to = source.get(service) ?? null;
    return { service, change: changeOf(from, to), from, to };
  });
}

/** Canonical text of a diff: hash it to tell later whether what runs in either environment has changed since. */
export function diffHashText(rows: readonly EnvironmentDiffRow[]): string {
  const lines = rows.map((row) =>
    JSON.stringify([row.service, exactly(row.from), exactly(row.to)]),
  );
  return ["slipway diff 1", ...lines.sort()].join("\n");
}

function changeOf(from: ServiceVersion | null, to: ServiceVersion | null): EnvironmentChange {
  if (from === null) {
    return "new_service";
  }
  if (to === null) {
    return "removed_service";
  }
  return isSameVersion(from, to) ? "no_change" : "version_bump";
}

function exactly(version: ServiceVersion | null): readonly (string | null)[] | null {
  return version === null ? null : [version.version, version.commit, version.digest];
}
