import { no } from "../verdict.ts";
import { met, metUnless, type DeployFacts, type Requirement } from "./requirement.ts";

export const notRejected: Requirement<DeployFacts> = {
  id: "not-rejected",
  title: "Nobody rejected it",
  check({ release }) {
    const { number, rejection, status } = release;
    if (rejection !== null) {
      const what =
        rejection.release === number
          ? `Release #${number} was rejected by ${rejection.by}`
          : `Commits of release #${number} were rejected by ${rejection.by} in release #${rejection.release}`;
      return metUnless([
        no(
          "release.rejected",
          `${what}: ${rejection.reason}`,
          `Release other commits, or ask for the rejection to be taken back: \`lift ${rejection.release}\`.`,
        ),
      ]);
    }
    return status === "rejected"
      ? metUnless([
          no(
            "release.rejected",
            `Release #${number} is rejected.`,
            `Release other commits, or ask for the rejection to be taken back: \`lift ${number}\`.`,
          ),
        ])
      : met();
  },
};
