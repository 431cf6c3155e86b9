import type { ServiceVersion } from "./deployment.ts";

export const ENVIRONMENT_CHANGES = [
  "version_bump",
  "no_change",
  "new_service",
  "removed_service",
] as const;
export type EnvironmentChange = (typeof ENVIRONMENT_CHANGES)[number];

/** One service side by side. Promoting takes it from `to` into the environment that runs `from` now. */
export interface EnvironmentDiffRow {
  readonly service: string;
  readonly change: EnvironmentChange;
  /** What the destination runs; null when it does not run the service. */
  readonly from: ServiceVersion | null;
  /** What the source runs; null when it does not run the service. */
  readonly to: ServiceVersion | null;
}

/** Compares two environments; sorted by service. */
export declare function environmentDiff(
  source: ReadonlyMap<string, ServiceVersion>,
  destination: ReadonlyMap<string, ServiceVersion>,
): readonly EnvironmentDiffRow[];

/** Canonical text of a diff: hash it to tell later whether either environment has changed since. */
export declare function diffHashText(rows: readonly EnvironmentDiffRow[]): string;
