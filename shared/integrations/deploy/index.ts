import type { z } from "zod";
import type { DeployTarget } from "../../core/ports/deploy-target.ts";
import { ProviderNotConfigured } from "../../errors/catalog.ts";
import { commandTarget } from "./command/index.ts";
import type { DeployTargetDefinition, DeployTargetDeps } from "./definition.ts";
import { swarmTarget } from "./swarm/index.ts";

/** Every kind of deploy target there is. */
export const deployTargets: readonly DeployTargetDefinition[] = [commandTarget, swarmTarget];

/** Kind → schema of its options, for `loadConfig`. */
export const deployTargetSchemas: Readonly<Record<string, z.ZodType>> = Object.fromEntries(
  deployTargets.map(({ kind, options }) => [kind, options]),
);

/** Makes the target of one environment from what the configuration says. Throws `ProviderNotConfigured` for an unknown kind. */
export function createDeployTarget(
  target: { readonly kind: string; readonly options: unknown },
  deps: DeployTargetDeps,
): DeployTarget {
  const definition = deployTargets.find(({ kind }) => kind === target.kind);
  if (!definition) {
    throw new ProviderNotConfigured({
      kind: "deploy target",
      id: target.kind,
      key: "environments[].target.kind",
    });
  }
  return definition.create(target.options, deps);
}
