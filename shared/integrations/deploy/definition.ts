import type { z } from "zod";
import type { Environment } from "../../config/environment.ts";
import type { Clock } from "../../core/ports/clock.ts";
import type { DeployTarget } from "../../core/ports/deploy-target.ts";

/** What every target gets besides its own options. */
export interface DeployTargetDeps {
  /** The environment it serves. */
  readonly environment: string;
  /** Relative paths in options start here. */
  readonly baseDir: string;
  /** Our own environment variables, of which a target hands on only what its options name. */
  readonly processEnvironment: Environment;
  /** Values that must not appear in output. */
  readonly secrets: readonly string[];
  readonly clock: Clock;
  readonly repositoryFiles: RepositoryFiles;
}

/** What a target may read of the code: exactly what was signed, whoever serves the repository. */
export interface RepositoryFiles {
  /** One file at one exact commit; null when the commit has no such file. Throws what source control throws, and RepositoryUnknown. */
  read(
    file: {
      readonly repository: string;
      readonly sha: string;
      readonly path: string;
      readonly maxBytes: number;
    },
    signal: AbortSignal,
  ): Promise<Uint8Array | null>;
  /** The commit a branch stands for now. Throws the same. */
  resolve(
    ref: { readonly repository: string; readonly branch: string },
    signal: AbortSignal,
  ): Promise<string>;
}

/** One kind of deploy target: how its section is written, and how it is made from that. */
export interface DeployTargetDefinition {
  /** `environments[].target.kind`, and the name of its folder. */
  readonly kind: string;
  /** Strict: a key it does not know is a mistake. */
  readonly options: z.ZodType;
  /** `options` must be what the schema above gave. */
  create(options: unknown, deps: DeployTargetDeps): DeployTarget;
}

/** Declares a kind of target, with its options typed by their schema. */
export function defineDeployTarget<S extends z.ZodType>(definition: {
  readonly kind: string;
  readonly options: S;
  create(options: z.output<S>, deps: DeployTargetDeps): DeployTarget;
}): DeployTargetDefinition {
  return {
    kind: definition.kind,
    options: definition.options,
    // The edge where types meet configuration: the loader parsed this value with this very schema.
    create: (options, deps) => definition.create(options as z.output<S>, deps),
  };
}
