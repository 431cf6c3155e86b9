import { showEnvironment } from "../cards/action-refs.ts";
import { environmentCard, environmentsCard, healthCard } from "../cards/environment-card.ts";
import type { Answer, CommandContext } from "../chat/command.ts";
import { defineAction, defineCommand } from "../chat/define-command.ts";

export const environmentStatus = defineCommand({
  id: "environment.show",
  phrase: "status",
  aliases: ["environments", "where"],
  summary: "Show what runs in an environment, or all environments at a glance",
  usage: "status [environment]",
  group: "environments",
  permission: "environment.read",
  changes: false,
  examples: ["status", "status prod"],
  read: (input) => ({ environment: input.optionalWord() }),
  async run(context, { environment }) {
    return environment === undefined ? showAll(context) : show(context, environment);
  },
});

export const environmentStatusAction = defineAction(showEnvironment, {
  permission: "environment.read",
  changes: false,
  run: (context, { environment }) => show(context, environment),
});

export const environmentHealth = defineCommand({
  id: "environment.health",
  phrase: "health",
  summary: "Say how every service is, sick ones first",
  usage: "health [environment]",
  group: "environments",
  permission: "environment.read",
  changes: false,
  examples: ["health", "health prod"],
  read: (input) => ({ environment: input.optionalWord() }),
  async run({ actor, services }, { environment }) {
    return { card: healthCard(await services.environments.health(actor, environment)) };
  },
});

async function show({ actor, services }: CommandContext, environment: string): Promise<Answer> {
  return { card: environmentCard(await services.environments.view(actor, environment)) };
}

async function showAll({ actor, services }: CommandContext): Promise<Answer> {
  return { card: environmentsCard(await services.environments.list(actor)) };
}
