import { showRelease } from "../cards/action-refs.ts";
import { releaseAnswer } from "../cards/release-card.ts";
import type { CommandContext } from "../chat/command.ts";
import { readRelease } from "../chat/command-arguments.ts";
import { defineAction, defineCommand } from "../chat/define-command.ts";

export const releaseShow = defineCommand({
  id: "release.show",
  phrase: "release",
  aliases: ["show"],
  summary: "Show a release: content, sign-offs, order and what to do next",
  usage: "release <number>",
  group: "releases",
  permission: "release.read",
  changes: false,
  examples: ["release 12", "release #12"],
  read: (input) => ({ release: readRelease(input) }),
  run: (context, { release }) => show(context, release),
});

export const releaseShowAction = defineAction(showRelease, {
  permission: "release.read",
  changes: false,
  run: (context, { release }) => show(context, release),
});

async function show({ actor, services }: CommandContext, release: number) {
  return releaseAnswer(await services.releases.view(actor, release));
}
