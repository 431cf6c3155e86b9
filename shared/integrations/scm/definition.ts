import type { z } from "zod";
import type { Environment } from "../../config/environment.ts";
import type { HttpCache } from "../../core/ports/http-cache.ts";
import type { ScmProvider } from "../../core/ports/scm.ts";
import type { Logger } from "../../lib/logger.ts";

/** What every provider of source control gets besides its own options. */
export interface ScmDeps {
  /** Which configured instance it is, e.g. `git:0`; part of every `RepoRef` it gives. */
  readonly id: string;
  /** Where it may keep files of its own. */
  readonly dataDirectory: string;
  /** Relative paths in options start here. */
  readonly baseDir: string;
  /** Our own environment variables, of which a provider hands on only what it names. */
  readonly processEnvironment: Environment;
  readonly logger?: Logger;
  /** Answers of remote systems, kept over restarts; without it they are kept in memory. */
  readonly httpCache?: HttpCache;
}

/** One kind of source control: how its entry is written, and how it is made from that. */
export interface ScmDefinition {
  /** `repositories[].provider`, and the name of its folder. */
  readonly provider: string;
  /** Strict: a key it does not know is a mistake. */
  readonly options: z.ZodType;
  /** `options` must be what the schema above gave. */
  create(options: unknown, deps: ScmDeps): ScmProvider;
}

/** Declares a kind of source control, with its options typed by their schema. */
export function defineScm<S extends z.ZodType>(definition: {
  readonly provider: string;
  readonly options: S;
  create(options: z.output<S>, deps: ScmDeps): ScmProvider;
}): ScmDefinition {
  return {
    provider: definition.provider,
    options: definition.options,
    // The edge where types meet configuration: the loader parsed this value with this very schema.
    create: (options, deps) => definition.create(options as z.output<S>, deps),
  };
}
