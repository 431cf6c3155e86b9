import { met, type DeployFacts, type Requirement } from "./requirement.ts";

/** Warns only: a repository that could not be compared brings no item, so nothing of it can go out unsigned. */
export const comparedCompletely: Requirement<DeployFacts> = {
  id: "compared-completely",
  title: "Every repository was compared",
  check({ release, uncompared }) {
    return met(
      ...uncompared.map(
        ({ repository, reason }) =>
          `${repository} could not be compared, so release #${release.number} carries nothing of it: ${reason}`,
      ),
    );
  },
};
