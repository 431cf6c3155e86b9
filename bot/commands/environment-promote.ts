import type { PromoteEnvironment } from "../../shared/contract/environment.ts";
import { promoteEnvironment } from "../cards/action-refs.ts";
import { releaseAnswer } from "../cards/release-card.ts";
import type { CommandContext } from "../chat/command.ts";
import { defineAction, defineCommand } from "../chat/define-command.ts";

export const environmentPromote = defineCommand({
  id: "environment.promote",
  phrase: "promote",
  summary: "Open a release of what one environment runs and another does not",
  usage: "promote <environment> to <environment> [service…]",
  group: "environments",
  permission: "environment.promote",
  changes: true,
  examples: ["promote preprod to prod", "promote preprod to prod auth-service"],
  isOffered: ({ installation }) => installation.environments.length > 1,
  read(input) {
    const from = input.word("from which environment");
    input.takes("to");
    const to = input.word("to which environment");
    const services = input.names();
    return { from, to, ...(services.length > 0 ? { services: [...services] } : {}) };
  },
  run: (context, input) => promote(context, input),
});

export const environmentPromoteAction = defineAction(promoteEnvironment, {
  permission: "environment.promote",
  changes: true,
  run: (context, { from, to, services, hash }) =>
    promote(context, { from, to, hash, ...(services ? { services } : {}) }),
});

async function promote({ actor, services }: CommandContext, input: PromoteEnvironment) {
  return releaseAnswer(await services.environments.promote(actor, input));
}
