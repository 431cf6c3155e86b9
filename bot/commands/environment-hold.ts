import { holdEnvironment, resumeEnvironment } from "../cards/action-refs.ts";
import { askCard } from "../cards/ask-card.ts";
import { environmentLive, resumedWords } from "../cards/environment-live.ts";
import { reasonForm } from "../chat/card-builders.ts";
import type { Answer, CommandContext } from "../chat/command.ts";
import { REASON_OPTION, readEnvironment, readReasonOrRest } from "../chat/command-arguments.ts";
import { defineAction, defineCommand } from "../chat/define-command.ts";
import { toAnswer } from "../chat/live-card.ts";

export const environmentHold = defineCommand({
  id: "environment.hold",
  phrase: "hold",
  aliases: ["pause"],
  summary: "Pause automation for an environment; people may still deploy",
  usage: 'hold <environment> "why"',
  group: "environments",
  permission: "environment.hold",
  changes: true,
  examples: ['hold prod "Looking into the outage"'],
  options: REASON_OPTION,
  read: (input) => ({ environment: readEnvironment(input), reason: readReasonOrRest(input) }),
  async run(context, { environment, reason }) {
    if (reason !== undefined) {
      return hold(context, environment, reason);
    }
    const form = reasonForm(
      `Pause automation for ${environment}`,
      "Why is it paused?",
      holdEnvironment.call({ environment }),
    );
    return {
      card: askCard("Everybody will see the reason.", "Hold", form),
      visibility: "only-you",
    };
  },
});

export const environmentHoldAction = defineAction(holdEnvironment, {
  permission: "environment.hold",
  changes: true,
  run: (context, { environment }, values) => hold(context, environment, values["reason"] ?? ""),
});

export const environmentResume = defineCommand({
  id: "environment.resume",
  phrase: "resume",
  summary: "Let automation work on an environment again",
  usage: "resume <environment>",
  group: "environments",
  permission: "environment.hold",
  changes: true,
  examples: ["resume prod"],
  read: (input) => ({ environment: readEnvironment(input) }),
  run: (context, { environment }) => resume(context, environment),
});

export const environmentResumeAction = defineAction(resumeEnvironment, {
  permission: "environment.hold",
  changes: true,
  run: (context, { environment }) => resume(context, environment),
});

async function hold(
  { actor, services }: CommandContext,
  name: string,
  reason: string,
): Promise<Answer> {
  const environment = await services.environments.hold(actor, name, reason);
  return toAnswer(environmentLive(environment));
}

async function resume({ actor, services }: CommandContext, name: string): Promise<Answer> {
  const environment = await services.environments.resume(actor, name);
  return toAnswer(environmentLive(environment, { hold: resumedWords(actor.name) }));
}
