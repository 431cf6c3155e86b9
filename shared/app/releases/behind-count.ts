import type { CompareDetails, Comparison, ScmProvider } from "../../core/ports/scm.ts";

/**
 * How many commits the destination has that matter for landing the source on it. Where a provider lands by merging, the
 * merges of earlier releases stand on the destination alone; as long as they changed nothing there, landing leaves exactly
 * what was signed, and nothing has to be merged back first. A provider that only moves branches needs the destination to be
 * part of the source, whatever it changed. Asks only where the comparison does not tell.
 */
export async function behindCount(
  scm: ScmProvider,
  compared: { readonly comparison: Comparison; readonly details?: CompareDetails },
  signal: AbortSignal,
): Promise<number> {
  const { repository, baseSha, headSha, mergeBaseSha, behindCount: all } = compared.comparison;
  if (all === 0 || !scm.pullRequest || mergeBaseSha === null) {
    return all;
  }
  const told = compared.details?.isBaseUnchanged;
  if (told !== undefined) {
    return told ? 0 : all;
  }
  for await (const back of scm.compareMany(
    [{ repository, base: headSha, head: baseSha }],
    signal,
  )) {
    if (back.ok && back.comparison.fileCount === 0) {
      return 0;
    }
  }
  return all;
}
