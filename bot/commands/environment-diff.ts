import { diffCard } from "../cards/diff-card.ts";
import { defineCommand } from "../chat/define-command.ts";

export const environmentDiff = defineCommand({
  id: "environment.diff",
  phrase: "diff",
  aliases: ["compare"],
  summary: "Compare what two environments run",
  usage: "diff <environment> <environment>",
  group: "environments",
  permission: "environment.read",
  changes: false,
  examples: ["diff preprod prod"],
  isOffered: ({ installation }) => installation.environments.length > 1,
  read(input) {
    const from = input.word("which two environments");
    input.takes("with", "to", "and");
    return { from, to: input.word("the second environment, too") };
  },
  async run({ actor, services }, { from, to }) {
    return { card: diffCard(await services.environments.diff(actor, from, to)) };
  },
});
