import { joinWords } from "../../lib/text.ts";
import { no, type Refusal } from "../verdict.ts";
import {
  met,
  metUnless,
  notApplicable,
  selectedItems,
  type DeployFacts,
  type DeployItem,
  type Requirement,
} from "./requirement.ts";

/** A partial deploy may not leave out what its services depend on, unless this release brought it there already. */
export const orderRespected: Requirement<DeployFacts> = {
  id: "order-respected",
  title: "Nothing goes out before what it depends on",
  check(facts) {
    if (facts.only === null && facts.fromWave === null) {
      return met();
    }
    if (facts.order.cycle !== null) {
      return notApplicable("There is no order to respect.");
    }
    const byName = new Map(facts.items.map((item) => [item.service, item]));
    const selected = selectedItems(facts);
    const present = new Set(
      facts.items.filter((item) => item.isExcluded || item.isDeployedHere).map((i) => i.service),
    );
    selected.forEach((item) => present.add(item.service));
    return metUnless(selected.flatMap((item) => refuse(item, byName, present, facts)));
  },
};

function refuse(
  item: DeployItem,
  byName: ReadonlyMap<string, DeployItem>,
  present: ReadonlySet<string>,
  facts: DeployFacts,
): readonly Refusal[] {
  const missing = missingBelow(item, byName, present);
  if (missing.length === 0) {
    return [];
  }
  const { number } = facts.release;
  const { name } = facts.environment;
  const selection = [...missing, ...selectedItems(facts).map((i) => i.service)].sort();
  return [
    no(
      "order.skipped",
      `${item.service} depends on ${joinWords(missing)}, which release #${number} has not brought to ${name} yet.`,
      `Say \`deploy ${number} to ${name} --only ${selection.join(",")}\`, or deploy everything.`,
    ),
  ];
}

/** What the item depends on, directly or not, that is neither there nor on its way. */
function missingBelow(
  item: DeployItem,
  byName: ReadonlyMap<string, DeployItem>,
  present: ReadonlySet<string>,
): readonly string[] {
  const missing = new Set<string>();
  const open = [...item.dependsOn];
  for (let on = open.pop(); on !== undefined; on = open.pop()) {
    const dependency = byName.get(on);
    if (dependency && !present.has(on) && !missing.has(on)) {
      missing.add(on);
      open.push(...dependency.dependsOn);
    }
  }
  return [...missing].sort();
}
