import type { CancelDeployment } from "../../shared/contract/deployment.ts";
import { cancelDeployment } from "../cards/action-refs.ts";
import { deploymentAnswer } from "../cards/deployment-card.ts";
import { saidCard } from "../cards/said-card.ts";
import { quoteWord } from "../cards/wording.ts";
import type { Answer, CommandContext } from "../chat/command.ts";
import { REASON_OPTION, readDeployment, readReason } from "../chat/command-arguments.ts";
import { defineAction, defineCommand } from "../chat/define-command.ts";

export const deploymentCancel = defineCommand({
  id: "deployment.cancel",
  phrase: "cancel",
  aliases: ["abort", "stop"],
  summary: "Stop a deployment before its next step; leave what it touched, or roll that back",
  usage: 'cancel <deployment> [--roll-back] [-m "why"]',
  group: "deploys",
  permission: "deployment.cancel",
  changes: true,
  examples: ["cancel 7", "cancel 7 --roll-back", 'cancel 7 -m "Wrong release"'],
  options: { "roll-back": { kind: "flag", aliases: ["rollback"] }, ...REASON_OPTION },
  read: (input) => ({
    deployment: readDeployment(input),
    then: input.hasFlag("roll-back") ? ("roll_back" as const) : ("leave" as const),
    reason: readReason(input),
  }),
  run: (context, { deployment, then, reason }) => cancel(context, deployment, then, reason),
});

export const deploymentCancelAction = defineAction(cancelDeployment, {
  permission: "deployment.cancel",
  changes: true,
  run: (context, { deployment }, values) =>
    cancel(
      context,
      deployment,
      values["then"] === "roll_back" ? "roll_back" : "leave",
      values["reason"]?.trim() || undefined,
    ),
});

async function cancel(
  { actor, services }: CommandContext,
  number: number,
  then: CancelDeployment["then"],
  reason: string | undefined,
): Promise<Answer> {
  const input = { then, ...(reason === undefined ? {} : { reason }) };
  const deployment = await services.deployments.cancel(actor, number, input);
  const environment = quoteWord(deployment.environment);
  const said =
    then === "roll_back"
      ? "It stops before its next step, then rolls back what it touched."
      : "It stops before its next step. What it touched stays as it is.";
  const next =
    then === "roll_back"
      ? undefined
      : `To undo what it did: \`rollback ${environment} -m "…"\` once it has stopped.`;
  return {
    ...deploymentAnswer(deployment),
    notice: saidCard(`Stopping deployment #${number}`, "warning", [said], next),
  };
}
