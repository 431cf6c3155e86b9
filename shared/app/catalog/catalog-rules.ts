import type { SaveService } from "../../contract/catalog.ts";
import { checkDependency } from "../../core/deploy-order.ts";
import { DependencyInvalid, InputInvalid } from "../../errors/catalog.ts";
import { cleanText } from "../../lib/text.ts";

/** Names stand in routes, in chat and in folders of deploys, so they have no slash and no space. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;

/** Throws InputInvalid. */
export function requireName(name: string): string {
  if (!NAME.test(name)) {
    throw invalid(
      "/name",
      "may only have letters, digits, dots, dashes and underscores, at most 100",
    );
  }
  return name;
}

/** A thing keeps its name: history, releases and dependencies speak of it. Throws InputInvalid. */
export function requireSameName(name: string, wanted: string): void {
  if (wanted !== name) {
    throw invalid("/name", "cannot be changed; make a new one and remove this one");
  }
}

/** A folder inside a repository, without a slash at the end; empty: all of it. Throws InputInvalid. */
export function requireInnerPath(path: string): string {
  const clean = path.replace(/^(?:\.\/)+/, "").replace(/\/+$/, "");
  const isInside =
    !/^[/-]/.test(clean) &&
    !/[\\\p{Cc}]/u.test(clean) &&
    !clean.split("/").some((part) => part === ".." || (part === "" && clean !== ""));
  if (!isInside) {
    throw invalid("/path", "must be a relative path that stays inside the repository");
  }
  return clean;
}

/** What a service depends on, each once. Throws DependencyInvalid for itself and for names nobody knows. */
export function requireDependencies(
  { name, dependsOn }: Pick<SaveService, "name" | "dependsOn">,
  known: readonly string[],
): readonly string[] {
  const distinct = [...new Set(dependsOn)];
  for (const on of distinct) {
    const verdict = checkDependency(name, on, known);
    if (!verdict.ok) {
      const isSelf = verdict.code === "dependency.self";
      throw new DependencyInvalid(
        {
          service: name,
          on,
          why: isSelf ? "a service cannot wait for itself" : "no such service is known",
        },
        { remedy: verdict.remedy },
      );
    }
  }
  return distinct;
}

/** Optional text of one line; null when it says nothing. */
export function optionalText(text: string | null): string | null {
  return cleanText(text ?? "", 200) || null;
}

function invalid(pointer: string, message: string): InstanceType<typeof InputInvalid> {
  return new InputInvalid({ problems: [{ pointer, message }] });
}
