import { cycleText } from "../deploy-order.ts";
import { no } from "../verdict.ts";
import { metUnless, type DeployFacts, type Requirement } from "./requirement.ts";

export const orderAcyclic: Requirement<DeployFacts> = {
  id: "order-acyclic",
  title: "The services can be put in an order",
  check({ release, order }) {
    const { cycle, notes } = order;
    return metUnless(
      cycle === null
        ? []
        : [
            no(
              "order.cyclic",
              `The services depend on each other in a circle: ${cycleText(cycle)}.`,
              `Take one of them out, for example ${cycle[1] ?? ""} from what ${cycle[0] ?? ""} depends on: \`depends ${release.number} ${cycle[0] ?? ""} on <the others>\`.`,
            ),
          ],
      notes.map((note) => note.text),
    );
  },
};
