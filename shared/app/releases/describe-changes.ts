import type { CiState } from "../../core/ports/scm.ts";
import type { ContentDelta } from "../../core/sign-off.ts";
import { pluralise } from "../../lib/text.ts";

/** What can be told about the history of one item. */
export interface ItemHistory {
  readonly service: string;
  readonly excluded: boolean;
  readonly headSha: string | null;
  readonly commitCount: number;
  /** Newest first. */
  readonly commits: readonly { readonly sha: string }[];
}

/** How an item was when somebody looked at it before. */
export interface ItemSnapshot {
  readonly headSha: string | null;
  readonly commitCount: number;
  readonly patchIdentity: string | null;
  readonly ci: CiState | null;
  /** Commits of the destination that the item lacks. */
  readonly behindCount: number;
}

/** What changed since a signature, service by service, e.g. `3 new commits in payments`. */
export function describeDelta(
  delta: readonly ContentDelta[],
  items: readonly ItemHistory[],
): readonly string[] {
  const byService = new Map(items.map((item) => [item.service, item]));
  return delta.map(({ service, change, from, to }) => {
    const item = byService.get(service);
    switch (change) {
      case "added":
        return `${service} was added`;
      case "removed":
        return item?.excluded ? `${service} was excluded` : `${service} was taken out`;
      case "changed": {
        if (!item || item.headSha === null) {
          return `${service} is now ${to ?? "something else"} instead of ${from ?? "nothing"}`;
        }
        const count = newCommits(from, item);
        return count === null
          ? `the commits of ${service} were replaced by others`
          : `${pluralise(count, "new commit")} in ${service}`;
      }
    }
  });
}

/** What a refresh found in one item, e.g. `2 new commits, same diff`; null when nothing. */
export function describeItemChange(
  before: ItemSnapshot,
  after: ItemHistory & ItemSnapshot,
): string | null {
  const words = [
    historyWords(before, after),
    destinationWords(before, after),
    checkWords(before.ci, after.ci),
  ].filter((word) => word !== null);
  return words.length === 0 ? null : words.join("; ");
}

function historyWords(before: ItemSnapshot, after: ItemHistory & ItemSnapshot): string | null {
  const counts = `${pluralise(after.commitCount, "commit")} instead of ${before.commitCount}`;
  if (before.headSha === after.headSha) {
    return before.commitCount === after.commitCount ? null : `${counts}, the same newest one`;
  }
  const count = newCommits(before.headSha, after);
  const what =
    count === null ? `other commits than before: ${counts}` : pluralise(count, "new commit");
  const isSameDiff = before.patchIdentity !== null && before.patchIdentity === after.patchIdentity;
  return isSameDiff ? `${what}, same diff` : what;
}

function destinationWords(before: ItemSnapshot, after: ItemSnapshot): string | null {
  if (before.behindCount === after.behindCount) {
    return null;
  }
  return after.behindCount === 0
    ? "it has everything of the destination again"
    : `the destination has ${pluralise(after.behindCount, "commit")} that it lacks`;
}

function checkWords(before: CiState | null, after: CiState | null): string | null {
  const [from, to] = [before?.state ?? "none", after?.state ?? "none"];
  return from === to ? null : `checks: ${to} instead of ${from}`;
}

/** How many commits came on top of one that was seen before; null when it is not there any more. */
function newCommits(seen: string | null, item: ItemHistory): number | null {
  const position = item.commits.findIndex(({ sha }) => sha === seen);
  return position === -1 ? null : position;
}
