import { retryDeployment } from "../cards/action-refs.ts";
import { deploymentAnswer } from "../cards/deployment-card.ts";
import type { CommandContext } from "../chat/command.ts";
import { readDeployment } from "../chat/command-arguments.ts";
import { defineAction, defineCommand } from "../chat/define-command.ts";

export const deploymentRetry = defineCommand({
  id: "deployment.retry",
  phrase: "retry",
  summary: "Deploy, or land, again what a deployment did not manage",
  usage: "retry <deployment>",
  group: "deploys",
  permission: "deployment.request",
  changes: true,
  examples: ["retry 7"],
  read: (input) => ({ deployment: readDeployment(input) }),
  run: (context, { deployment }) => retry(context, deployment),
});

export const deploymentRetryAction = defineAction(retryDeployment, {
  permission: "deployment.request",
  changes: true,
  run: (context, { deployment }) => retry(context, deployment),
});

async function retry({ actor, services }: CommandContext, number: number) {
  return deploymentAnswer(await services.deployments.retry(actor, number));
}
