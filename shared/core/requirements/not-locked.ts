import { no } from "../verdict.ts";
import { met, metUnless, timeText, type DeployFacts, type Requirement } from "./requirement.ts";

export const notLocked: Requirement<Pick<DeployFacts, "environment" | "lock">> = {
  id: "not-locked",
  title: "The environment is not locked",
  check({ environment, lock }) {
    if (lock === null) {
      return met();
    }
    const until = lock.until === null ? "" : ` until ${timeText(lock.until)}`;
    return metUnless([
      no(
        "environment.locked",
        `${environment.name} is locked by ${lock.by} since ${timeText(lock.since)}${until}: ${lock.reason}`,
        `Ask ${lock.by}, or say \`unlock ${environment.name}\`.`,
      ),
    ]);
  },
};
