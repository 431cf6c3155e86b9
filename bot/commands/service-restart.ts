import { saidCard } from "../cards/said-card.ts";
import { quoteWord } from "../cards/wording.ts";
import { readEnvironment } from "../chat/command-arguments.ts";
import { defineCommand } from "../chat/define-command.ts";
import { sentence } from "../chat/markdown.ts";

export const serviceRestart = defineCommand({
  id: "service.restart",
  phrase: "restart",
  summary: "Restart one service with the version it has",
  usage: "restart <service> in <environment>",
  group: "environments",
  permission: "service.restart",
  changes: true,
  examples: ["restart auth-service in prod"],
  read(input) {
    const service = input.word("which service");
    input.takes("in");
    return { service, environment: readEnvironment(input) };
  },
  async run({ actor, services }, { service, environment }) {
    const state = await services.environments.restart(actor, environment, service);
    const well = state.health === "healthy" || state.health === "progressing";
    return {
      card: saidCard(
        `${state.service} was restarted in ${environment}`,
        well ? "success" : "warning",
        [
          `Health: ${sentence(state.health)}.`,
          state.detail === null ? undefined : sentence(state.detail),
        ],
        `Next: \`health ${quoteWord(environment)}\`.`,
      ),
    };
  },
});
