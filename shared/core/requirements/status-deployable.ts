import { no } from "../verdict.ts";
import {
  met,
  metUnless,
  notApplicable,
  type DeployFacts,
  type Requirement,
} from "./requirement.ts";

/** Waiting for signatures and rejections have gates of their own, which say more. */
export const statusDeployable: Requirement<DeployFacts> = {
  id: "status-deployable",
  title: "The release is open",
  check({ release, environment, activeDeployment }) {
    const { number, status } = release;
    if (status === "cancelled") {
      return metUnless([
        no(
          "release.closed",
          `Release #${number} was closed, so it cannot be deployed.`,
          "Create a new release.",
        ),
      ]);
    }
    if (!environment.isTargetOfRelease) {
      return met();
    }
    if (status === "deployed") {
      return metUnless([
        no(
          "release.deployed",
          `Release #${number} is already deployed to ${environment.name}.`,
          `Say \`status ${environment.name}\` to see what runs; \`rollback ${environment.name}\` goes back.`,
        ),
      ]);
    }
    if (status === "deploying") {
      return activeDeployment === null
        ? metUnless([
            no(
              "release.busy",
              `Release #${number} is being deployed to ${environment.name} already.`,
              `Wait for it; \`release ${number}\` shows how far it is.`,
            ),
          ])
        : notApplicable("The deployment that is running says more.");
    }
    return met();
  },
};
