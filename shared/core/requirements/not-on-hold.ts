import { no } from "../verdict.ts";
import { met, metUnless, timeText, type DeployFacts, type Requirement } from "./requirement.ts";

/** A hold keeps automation from undoing a rollback. People may deploy, knowing of it. */
export const notOnHold: Requirement<DeployFacts> = {
  id: "not-on-hold",
  title: "Automation is not on hold",
  check({ environment, hold, actor }) {
    if (hold === null) {
      return met();
    }
    const reason = `Automation for ${environment.name} is on hold by ${hold.by} since ${timeText(hold.since)}: ${hold.reason}`;
    return actor.isAutomation
      ? metUnless([
          no("environment.on_hold", reason, `Say \`resume ${environment.name}\` to let it go on.`),
        ])
      : met(reason);
  },
};
