import { no } from "../verdict.ts";
import { met, metUnless, timeText, type DeployFacts, type Requirement } from "./requirement.ts";

export const noActiveDeployment: Requirement<
  Pick<DeployFacts, "environment" | "activeDeployment">
> = {
  id: "no-active-deployment",
  title: "Nothing else is being deployed there",
  check({ environment, activeDeployment }) {
    if (activeDeployment === null) {
      return met();
    }
    const { number, by, since, progress } = activeDeployment;
    return metUnless([
      no(
        "environment.busy",
        `Deployment #${number} by ${by} is under way in ${environment.name} since ${timeText(since)} (${progress}).`,
        `Wait for it, or say \`cancel ${number}\`.`,
      ),
    ]);
  },
};
