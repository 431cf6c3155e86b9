import type { ReleaseRow } from "../../db/rows/release.ts";
import { EnvironmentMissing } from "../../errors/catalog.ts";
import { findEnvironment, type EnvironmentSettings } from "../environments/environment-settings.ts";

/** Where a release goes: the environment that was named, else its target. Throws EnvironmentMissing, EnvironmentNotFound. */
export function chooseEnvironment(
  environments: readonly EnvironmentSettings[],
  release: Pick<ReleaseRow, "number" | "targetEnvironment">,
  named: string | undefined,
): EnvironmentSettings {
  const name = named ?? release.targetEnvironment;
  if (name === null) {
    throw new EnvironmentMissing({ number: release.number });
  }
  return findEnvironment(environments, name);
}
