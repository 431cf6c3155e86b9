import { no, type Refusal } from "../verdict.ts";
import {
  metUnless,
  notApplicable,
  outstandingItems,
  type DeployFacts,
  type DeployItem,
  type Requirement,
} from "./requirement.ts";

/** What was signed must still be what the source branch holds, for every item that is not out yet. */
export const contentCurrent: Requirement<DeployFacts> = {
  id: "content-current",
  title: "Nothing was pushed since it was compared",
  check(facts) {
    const items = outstandingItems(facts).filter(
      (item) => item.source !== null && !isMerged(item, facts),
    );
    if (items.length === 0) {
      return notApplicable("No item comes from a branch that could have moved.");
    }
    return metUnless(items.flatMap((item) => refuse(item, facts)));
  },
};

/** Where the merge comes first, what was merged is what goes out, whatever became of the source branch since. */
function isMerged(item: DeployItem, { environment }: DeployFacts): boolean {
  return environment.land === "before" && item.isLanded;
}

function refuse(item: DeployItem, { release }: DeployFacts): readonly Refusal[] {
  const { number, source } = release;
  if (item.source === null || (item.source.ok && item.source.sha === item.headSha)) {
    return [];
  }
  return item.source.ok
    ? [
        no(
          "content.changed",
          `${source} of ${item.service} has moved to ${item.source.sha.slice(0, 8)} since release #${number} was compared at ${item.headSha?.slice(0, 8) ?? "no commit"}.`,
          `Say \`refresh ${number}\` and have it signed again, or \`exclude ${number} ${item.service}\`.`,
        ),
      ]
    : [
        no(
          "content.unreadable",
          `Nobody can tell whether ${source} of ${item.service} has moved: ${item.source.reason}`,
          `Make the repository readable and try again, or say \`exclude ${number} ${item.service}\`.`,
        ),
      ];
}
