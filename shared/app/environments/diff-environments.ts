import type { EnvironmentDiffView } from "../../contract/environment.ts";
import type { Actor } from "../../core/actor.ts";
import type { ServiceVersion } from "../../core/deployment.ts";
import {
  diffHashText,
  environmentDiff,
  type EnvironmentDiffRow,
} from "../../core/environment-diff.ts";
import { requireToRead } from "../access.ts";
import { sha256 } from "../deployments/deployment-row.ts";
import type { DeploymentDeps } from "../deployments/deps.ts";
import { observeServices, runningVersion } from "./ask-target.ts";
import { findEnvironment } from "./environment-settings.ts";
import { servicesOf } from "./observe-environment.ts";

/** Two environments side by side, as their targets tell it now. */
export interface EnvironmentDiff {
  readonly from: string;
  readonly to: string;
  readonly rows: readonly EnvironmentDiffRow[];
  /** Changes whenever what either of them runs changes. */
  readonly hash: string;
}

/** Compares what two environments run. Throws EnvironmentNotFound, PermissionDenied, and what a target throws. */
export async function viewDiff(
  deps: Pick<DeploymentDeps, "environments" | "timers" | "targets">,
  actor: Actor,
  from: string,
  to: string,
): Promise<EnvironmentDiffView> {
  requireToRead(actor, "environment.read");
  const diff = await diffEnvironments(deps, from, to);
  return {
    from: diff.from,
    to: diff.to,
    hash: diff.hash,
    rows: diff.rows.map((row) => ({
      service: row.service,
      change: row.change,
      fromVersion: row.from?.version ?? null,
      toVersion: row.to?.version ?? null,
      fromCommit: row.from?.commit ?? null,
      toCommit: row.to?.commit ?? null,
    })),
  };
}

/**
 * The difference itself. Both targets must answer: a promotion is made from it. Throws EnvironmentNotFound and what a target
 * throws.
 */
export async function diffEnvironments(
  deps: Pick<DeploymentDeps, "environments" | "timers" | "targets">,
  from: string,
  to: string,
): Promise<EnvironmentDiff> {
  const source = findEnvironment(deps.environments, from).name;
  const destination = findEnvironment(deps.environments, to).name;
  const [there, here] = await Promise.all([running(deps, source), running(deps, destination)]);
  const rows = environmentDiff(there, here);
  return { from: source, to: destination, rows, hash: sha256(diffHashText(rows)) };
}

async function running(
  deps: Pick<DeploymentDeps, "timers" | "targets">,
  environment: string,
): Promise<ReadonlyMap<string, ServiceVersion>> {
  const states = await observeServices(deps, environment, await servicesOf(environment));
  const versions = new Map<string, ServiceVersion>();
  for (const [service, state] of states) {
    const version = runningVersion(state);
    if (version) {
      versions.set(service, version);
    }
  }
  return versions;
}
