import type { z } from "zod";
import type { ScmProvider } from "../../core/ports/scm.ts";
import { ProviderNotConfigured } from "../../errors/catalog.ts";
import type { ScmDefinition, ScmDeps } from "./definition.ts";
import { gitScm } from "./git/index.ts";
import { githubScm } from "./github/index.ts";

/** Every kind of source control there is. */
export const scmProviders: readonly ScmDefinition[] = [gitScm, githubScm];

/** Kind → schema of its options, for `loadConfig`. */
export const scmSchemas: Readonly<Record<string, z.ZodType>> = Object.fromEntries(
  scmProviders.map(({ provider, options }) => [provider, options]),
);

/** Makes the provider of one entry of `repositories`. Throws `ProviderNotConfigured` for an unknown kind. */
export function createScm(
  entry: { readonly provider: string; readonly options: unknown },
  deps: ScmDeps,
): ScmProvider {
  const definition = scmProviders.find(({ provider }) => provider === entry.provider);
  if (!definition) {
    throw new ProviderNotConfigured({
      kind: "source control",
      id: entry.provider,
      key: "repositories[].provider",
    });
  }
  return definition.create(entry.options, deps);
}
