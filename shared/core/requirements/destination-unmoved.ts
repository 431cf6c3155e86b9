import { pluralise } from "../../lib/text.ts";
import { no, type Refusal } from "../verdict.ts";
import {
  metUnless,
  notApplicable,
  selectedItems,
  type DeployFacts,
  type DeployItem,
  type Requirement,
} from "./requirement.ts";

/** Landing must leave the destination with exactly the signed content, so it may hold nothing the source lacks. */
export const destinationUnmoved: Requirement<DeployFacts> = {
  id: "destination-unmoved",
  title: "The destination has nothing the source lacks",
  check(facts) {
    if (facts.environment.land === "off") {
      return notApplicable("This deploy leaves branches alone.");
    }
    const items = selectedItems(facts).filter(
      (item) => item.destination !== null && !item.isLanded,
    );
    return metUnless(items.flatMap((item) => refuse(item, facts)));
  },
};

function refuse(item: DeployItem, { release }: DeployFacts): readonly Refusal[] {
  const { number, source, destination } = release;
  if (item.destination === null || (item.destination.ok && item.destination.behindCount === 0)) {
    return [];
  }
  return item.destination.ok
    ? [
        no(
          "destination.moved",
          `${destination} of ${item.service} has ${pluralise(item.destination.behindCount, "commit")} that ${source} lacks.`,
          `Merge ${destination} into ${source} first, then say \`refresh ${number}\`.`,
        ),
      ]
    : [
        no(
          "destination.unreadable",
          `Nobody can tell whether ${destination} of ${item.service} has moved on: ${item.destination.reason}`,
          `Make the repository readable and try again, or say \`exclude ${number} ${item.service}\`.`,
        ),
      ];
}
