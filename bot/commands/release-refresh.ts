import { pluralise } from "../../shared/lib/text.ts";
import { refreshRelease } from "../cards/action-refs.ts";
import { releaseAnswer } from "../cards/release-card.ts";
import { saidCard } from "../cards/said-card.ts";
import type { Answer, CommandContext } from "../chat/command.ts";
import { readRelease } from "../chat/command-arguments.ts";
import { defineAction, defineCommand } from "../chat/define-command.ts";
import { sentence } from "../chat/markdown.ts";

export const releaseRefresh = defineCommand({
  id: "release.refresh",
  phrase: "refresh",
  summary: "Read everything of a release again from source control",
  usage: "refresh <number>",
  group: "releases",
  permission: "release.refresh",
  changes: true,
  examples: ["refresh 12"],
  read: (input) => ({ release: readRelease(input) }),
  run: (context, { release }) => refresh(context, release),
});

export const releaseRefreshAction = defineAction(refreshRelease, {
  permission: "release.refresh",
  changes: true,
  run: (context, { release }) => refresh(context, release),
});

async function refresh(context: CommandContext, number: number): Promise<Answer> {
  const { actor, services, progress } = context;
  const release = await services.releases.refresh(actor, number, progress);
  const changes = release.lastChanges;
  const title =
    changes.length === 0
      ? `Release #${number} is up to date: nothing changed`
      : `Release #${number}: ${pluralise(changes.length, "change")}`;
  const lines = changes.slice(0, 10).map((change) => `• ${sentence(change)}`);
  return { ...releaseAnswer(release), notice: saidCard(title, "info", lines) };
}
