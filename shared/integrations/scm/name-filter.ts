import { Text } from "../../config/values.ts";
import type { RepoRef } from "../../core/ports/scm.ts";

/** A name with `*` for any characters and `?` for one, as `include` and `exclude` take it. */
export const NamePattern = Text.refine(
  (text) => text.length <= 200,
  "is longer than 200 characters",
);

/** Which repositories an entry of the configuration takes and which it leaves out. */
export interface NamePatterns {
  readonly include?: readonly string[] | undefined;
  readonly exclude?: readonly string[] | undefined;
}

/** Whether a name is among the included and not among the excluded ones. */
export function createNameFilter(
  options: NamePatterns,
): (repository: Pick<RepoRef, "name">) => boolean {
  const include = options.include?.map(toPattern);
  const exclude = (options.exclude ?? []).map(toPattern);
  return ({ name }) =>
    (include?.some((pattern) => pattern.test(name)) ?? true) &&
    !exclude.some((pattern) => pattern.test(name));
}

function toPattern(glob: string): RegExp {
  const source = glob
    .replace(/[.+^${}()|[\]\\]/g, "\\$&")
    .replace(/\*+/g, ".*")
    .replaceAll("?", ".");
  return new RegExp(`^${source}$`, "su");
}
