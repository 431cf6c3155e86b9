import { no } from "../verdict.ts";
import { met, metUnless, type DeployFacts, type Requirement } from "./requirement.ts";

export const targetConfigured: Requirement<DeployFacts> = {
  id: "target-configured",
  title: "There is somewhere to deploy to",
  check({ environment }) {
    return environment.hasTarget
      ? met()
      : metUnless([
          no(
            "environment.no_target",
            `${environment.name} has no deploy target.`,
            `Give ${environment.name} a \`target\` under \`environments\` in config.yaml and restart.`,
          ),
        ]);
  },
};
