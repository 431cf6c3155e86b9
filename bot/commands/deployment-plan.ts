import { planDeployment } from "../cards/action-refs.ts";
import { planCard } from "../cards/plan-card.ts";
import type { Answer, CommandContext } from "../chat/command.ts";
import { readEnvironment, readRelease } from "../chat/command-arguments.ts";
import { defineAction, defineCommand } from "../chat/define-command.ts";

export const deploymentPlan = defineCommand({
  id: "deployment.plan",
  phrase: "plan",
  aliases: ["dry-run"],
  summary: "Dry run: what would happen, in which order, and what stands in the way",
  usage: "plan <number> [to <environment>]",
  group: "deploys",
  permission: "deployment.plan",
  changes: false,
  examples: ["plan 12", "plan 12 to prod"],
  read: (input) => ({
    release: readRelease(input),
    environment: input.takes("to") ? readEnvironment(input) : input.optionalWord(),
  }),
  run: (context, { release, environment }) => plan(context, release, environment),
});

export const deploymentPlanAction = defineAction(planDeployment, {
  permission: "deployment.plan",
  changes: false,
  run: (context, { release, environment }) => plan(context, release, environment),
});

async function plan(
  { actor, services }: CommandContext,
  release: number,
  environment: string | undefined,
): Promise<Answer> {
  const { fingerprint } = await services.releases.view(actor, release);
  return {
    card: planCard(await services.deployments.plan(actor, release, environment), fingerprint),
  };
}
