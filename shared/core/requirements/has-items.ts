import { didYouMean, joinWords } from "../../lib/text.ts";
import { no } from "../verdict.ts";
import {
  met,
  metUnless,
  selectedItems,
  type DeployFacts,
  type Requirement,
} from "./requirement.ts";

export const hasItems: Requirement<DeployFacts> = {
  id: "has-items",
  title: "There is something to deploy",
  check(facts) {
    const { number } = facts.release;
    const included = facts.items.filter((item) => !item.isExcluded).map((item) => item.service);
    if (included.length === 0) {
      return metUnless([
        no(
          "release.empty",
          `Release #${number} has nothing to deploy: ${facts.items.length === 0 ? "it has no services" : "every service is excluded"}.`,
          facts.items.length === 0
            ? `Say \`refresh ${number}\`, or \`close ${number}\`.`
            : `Say \`include ${number} <service>\`, or \`close ${number}\`.`,
        ),
      ]);
    }
    const strangers = (facts.only ?? []).filter((service) => !included.includes(service));
    if (strangers.length > 0) {
      const near = strangers.flatMap((service) => didYouMean(service, included, 1));
      return metUnless([
        no(
          "release.item_missing",
          `Release #${number} does not deploy ${joinWords(strangers, "or")}.`,
          near.length > 0
            ? `Did you mean ${joinWords(near, "or")}?`
            : `It deploys ${joinWords(included.slice(0, 20))}; \`include ${number} <service>\` takes one back in.`,
        ),
      ]);
    }
    if (selectedItems(facts).length === 0) {
      return metUnless([
        no(
          "release.empty",
          `Nothing of release #${number} is left from wave ${facts.fromWave ?? 1} on.`,
          `Say \`order ${number}\` to see its waves.`,
        ),
      ]);
    }
    return met();
  },
};
