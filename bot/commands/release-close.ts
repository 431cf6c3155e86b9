import { closeRelease } from "../cards/action-refs.ts";
import { askCard } from "../cards/ask-card.ts";
import { releaseRoute } from "../cards/release-words.ts";
import { saidCard } from "../cards/said-card.ts";
import { reasonForm } from "../chat/card-builders.ts";
import type { Answer, CommandContext } from "../chat/command.ts";
import { REASON_OPTION, readReasonOrRest, readRelease } from "../chat/command-arguments.ts";
import { defineAction, defineCommand } from "../chat/define-command.ts";
import { escapeMarkdown } from "../chat/markdown.ts";

export const releaseClose = defineCommand({
  id: "release.close",
  phrase: "close",
  summary: "Close a release that will not go out",
  usage: 'close <number> -m "why"',
  group: "releases",
  permission: ["release.close", "release.close_any"],
  changes: true,
  examples: ['close 12 -m "Replaced by the next one"'],
  options: REASON_OPTION,
  read: (input) => ({ release: readRelease(input), reason: readReasonOrRest(input) }),
  async run(context, { release, reason }) {
    if (reason !== undefined) {
      return close(context, release, reason);
    }
    const form = reasonForm(
      `Close release #${release}`,
      "Why will it not go out?",
      closeRelease.call({ release }),
    );
    return {
      card: askCard("A closed release cannot be opened again.", "Close", form),
      visibility: "only-you",
    };
  },
});

export const releaseCloseAction = defineAction(closeRelease, {
  permission: "release.close",
  changes: true,
  run: (context, { release }, values) => close(context, release, values["reason"] ?? ""),
});

async function close(
  { actor, services }: CommandContext,
  number: number,
  reason: string,
): Promise<Answer> {
  const release = await services.releases.close(actor, number, reason);
  const route = [release.sourceBranch, release.destinationBranch];
  const again = route.every((branch) => branch !== null)
    ? `Next: \`create-release ${route.join(" ")}\` opens a new one.`
    : undefined;
  return {
    card: saidCard(
      `${actor.name} closed release #${number}`,
      "neutral",
      [escapeMarkdown(releaseRoute(release)), `Why: ${escapeMarkdown(reason, 1_000)}`],
      again,
    ),
  };
}
