import type { ReleaseItemRow } from "../../db/rows/release-item.ts";
import type { ReleaseRow } from "../../db/rows/release.ts";
import type { Texts } from "../../db/search.ts";

type Places = Pick<
  ReleaseRow,
  "sourceBranch" | "destinationBranch" | "fromEnvironment" | "targetEnvironment"
>;
type Content = Pick<ReleaseItemRow, "service" | "repository" | "commits">;

/** What a release is found by: where it goes, and what each of its services brings. */
export function textsOf(release: Places, items: readonly Content[]): Texts {
  const places = [
    release.sourceBranch,
    release.destinationBranch,
    release.fromEnvironment,
    release.targetEnvironment,
  ];
  return new Map([["", places.join("\n")], ...textsOfItems(items)]);
}

/** What the services of a release add to it, each by its name. */
export function textsOfItems(items: readonly Content[]): Texts {
  return new Map(
    items.map(({ service, repository, commits }) => [
      service,
      [service, repository, ...commits.map(({ title }) => title)].join("\n"),
    ]),
  );
}
