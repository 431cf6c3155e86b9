import { no, type Refusal } from "../verdict.ts";
import {
  metUnless,
  notApplicable,
  selectedItems,
  type DeployFacts,
  type DeployItem,
  type Requirement,
} from "./requirement.ts";

/** Applies to items whose commit has checks; an installation without CI is not held up by it. */
export const ciGreen: Requirement<DeployFacts> = {
  id: "ci-green",
  title: "Automatic checks passed",
  check(facts) {
    const items = selectedItems(facts).filter(
      ({ ci }) => ci !== null && !("state" in ci && ci.state === "none"),
    );
    if (items.length === 0) {
      return notApplicable("No automatic checks are known for these commits.");
    }
    return metUnless(items.flatMap((item) => refuse(item, facts.release.number)));
  },
};

function refuse({ ci, service }: DeployItem, number: number): readonly Refusal[] {
  if (ci === null) {
    return [];
  }
  if (!("state" in ci)) {
    return [
      no(
        "ci.unreadable",
        `Nobody can tell whether the checks of ${service} passed: ${ci.reason}`,
        "Try again when the CI system answers.",
      ),
    ];
  }
  switch (ci.state) {
    case "failure":
      return [
        no(
          "ci.failed",
          `The checks of ${service} failed: ${ci.summary}`,
          `Mend them and say \`refresh ${number}\`, or \`exclude ${number} ${service}\`.`,
          ci.url,
        ),
      ];
    case "pending":
      return [
        no(
          "ci.pending",
          `The checks of ${service} are still running: ${ci.summary}`,
          `Wait until they have passed; \`why ${number}\` shows how it stands.`,
          ci.url,
        ),
      ];
    case "success":
    case "none":
      return [];
  }
}
