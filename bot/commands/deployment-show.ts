import { showDeployment, showLogs } from "../cards/action-refs.ts";
import { deploymentAnswer, logCard } from "../cards/deployment-card.ts";
import type { Answer, CommandContext } from "../chat/command.ts";
import { readDeployment } from "../chat/command-arguments.ts";
import { defineAction, defineCommand } from "../chat/define-command.ts";
import { readLogTail } from "../chat/log-tail.ts";

export const deploymentShow = defineCommand({
  id: "deployment.show",
  phrase: "deployment",
  summary: "Show a deployment: every service, how far it is, how it ended",
  usage: "deployment <number>",
  group: "deploys",
  permission: "deployment.read",
  changes: false,
  examples: ["deployment 7"],
  read: (input) => ({ deployment: readDeployment(input) }),
  run: (context, { deployment }) => show(context, deployment),
});

export const deploymentShowAction = defineAction(showDeployment, {
  permission: "deployment.read",
  changes: false,
  run: (context, { deployment }) => show(context, deployment),
});

export const deploymentLogs = defineCommand({
  id: "deployment.logs",
  phrase: "logs",
  aliases: ["log"],
  summary: "Show the last lines of a deployment's log, of one service or of all",
  usage: "logs <deployment> [service]",
  group: "deploys",
  permission: "deployment.read",
  changes: false,
  examples: ["logs 7", "logs 7 auth-service"],
  read: (input) => ({ deployment: readDeployment(input), service: input.optionalWord() }),
  run: (context, { deployment, service }) => logs(context, deployment, service),
});

export const deploymentLogsAction = defineAction(showLogs, {
  permission: "deployment.read",
  changes: false,
  run: (context, { deployment }) => logs(context, deployment, undefined),
});

async function show({ actor, services }: CommandContext, number: number): Promise<Answer> {
  return deploymentAnswer(await services.deployments.view(actor, number));
}

async function logs(
  { actor, services }: CommandContext,
  number: number,
  service: string | undefined,
): Promise<Answer> {
  const deployment = await services.deployments.view(actor, number);
  const lines = await readLogTail(services.deployments, actor, number);
  const shown = lines.filter((line) => service === undefined || line.service === service);
  return { card: logCard(deployment, shown, service) };
}
