import { rejectRelease } from "../cards/action-refs.ts";
import { askCard } from "../cards/ask-card.ts";
import { releaseRoute, nextStep } from "../cards/release-words.ts";
import { saidCard } from "../cards/said-card.ts";
import { reasonForm } from "../chat/card-builders.ts";
import type { Answer, CommandContext } from "../chat/command.ts";
import { REASON_OPTION, readReasonOrRest, readRelease } from "../chat/command-arguments.ts";
import { defineAction, defineCommand } from "../chat/define-command.ts";
import { escapeMarkdown, sentence } from "../chat/markdown.ts";

export const releaseReject = defineCommand({
  id: "release.reject",
  phrase: "reject",
  summary: "Stop a release with a reason; its commits cannot be released until that is lifted",
  usage: 'reject <number> -m "why"',
  group: "sign-off",
  permission: "release.reject",
  changes: true,
  examples: ['reject 12 -m "Login is broken on preprod"'],
  options: REASON_OPTION,
  read: (input) => ({ release: readRelease(input), reason: readReasonOrRest(input) }),
  async run(context, { release, reason }) {
    if (reason !== undefined) {
      return reject(context, release, reason);
    }
    const form = reasonForm(
      `Reject release #${release}`,
      "Why is it rejected?",
      rejectRelease.call({ release }),
    );
    return {
      card: askCard("Everybody will see the reason.", "Reject", form),
      visibility: "only-you",
    };
  },
});

export const releaseRejectAction = defineAction(rejectRelease, {
  permission: "release.reject",
  changes: true,
  run: (context, { release }, values) => reject(context, release, values["reason"] ?? ""),
});

export const releaseLift = defineCommand({
  id: "release.lift_rejection",
  phrase: "lift",
  summary: "Lift the rejection of a release, so that it can be signed again",
  usage: "lift <number>",
  group: "sign-off",
  permission: "release.lift_rejection",
  changes: true,
  examples: ["lift 12"],
  read: (input) => ({ release: readRelease(input) }),
  async run({ actor, services }, { release: number }) {
    const release = await services.releases.liftRejection(actor, number);
    return {
      card: saidCard(
        `The rejection of release #${number} is lifted`,
        "success",
        [escapeMarkdown(releaseRoute(release))],
        nextStep(release),
      ),
    };
  },
});

async function reject(
  { actor, services }: CommandContext,
  number: number,
  reason: string,
): Promise<Answer> {
  const release = await services.releases.reject(actor, number, reason);
  return {
    card: saidCard(
      `${actor.name} rejected release #${number}`,
      "danger",
      [sentence(`Why: ${reason}`, 1_000), "Its commits cannot be released until this is lifted."],
      nextStep(release),
    ),
  };
}
