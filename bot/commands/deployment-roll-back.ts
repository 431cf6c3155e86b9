import type { RequestRollback } from "../../shared/contract/deployment.ts";
import { rollBack } from "../cards/action-refs.ts";
import { askCard } from "../cards/ask-card.ts";
import { deploymentAnswer } from "../cards/deployment-card.ts";
import { reasonForm } from "../chat/card-builders.ts";
import type { Answer, CommandContext } from "../chat/command.ts";
import {
  REASON_OPTION,
  readDeployment,
  readEnvironment,
  readReason,
} from "../chat/command-arguments.ts";
import { defineAction, defineCommand } from "../chat/define-command.ts";

export const deploymentRollBack = defineCommand({
  id: "deployment.roll_back",
  phrase: "rollback",
  aliases: ["roll back", "roll-back"],
  summary: "Go back to what an earlier deployment left, and pause automation there",
  usage: 'rollback <environment> [to <deployment>] [service…] -m "why"',
  group: "deploys",
  permission: "deployment.roll_back",
  changes: true,
  examples: [
    'rollback prod -m "Errors since 14:00"',
    'rollback prod to 5 -m "Errors since 14:00"',
    'rollback prod to 5 auth-service api-gateway -m "Only these two"',
  ],
  options: REASON_OPTION,
  read(input) {
    const environment = readEnvironment(input);
    const to = input.takes("to") ? readDeployment(input) : undefined;
    const services = input.names();
    return {
      environment,
      ...(to === undefined ? {} : { to }),
      ...(services.length > 0 ? { services: [...services] } : {}),
      reason: readReason(input),
    };
  },
  async run(context, { reason, ...target }) {
    if (reason !== undefined) {
      return start(context, { ...target, reason });
    }
    const title = `Roll back ${target.environment}`;
    const form = reasonForm(title, "Why do you roll back?", rollBack.call(target));
    return {
      card: askCard("The reason is kept with the rollback.", "Roll back", form),
      visibility: "only-you",
    };
  },
});

export const deploymentRollBackAction = defineAction(rollBack, {
  permission: "deployment.roll_back",
  changes: true,
  run: (context, target, values) => start(context, { ...target, reason: values["reason"] ?? "" }),
});

async function start(
  { actor, services }: CommandContext,
  { environment, to, services: only, reason }: RequestRollback,
): Promise<Answer> {
  const input = {
    environment,
    reason,
    ...(to === undefined ? {} : { to }),
    ...(only ? { services: only } : {}),
  };
  return deploymentAnswer(await services.deployments.rollBack(actor, input));
}
