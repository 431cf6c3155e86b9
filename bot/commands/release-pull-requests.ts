import type { PullRequestResult } from "../../shared/contract/release.ts";
import { pluralise } from "../../shared/lib/text.ts";
import { openPullRequests } from "../cards/action-refs.ts";
import { releaseAnswer } from "../cards/release-card.ts";
import { saidCard } from "../cards/said-card.ts";
import type { Answer, CommandContext } from "../chat/command.ts";
import { readRelease } from "../chat/command-arguments.ts";
import { defineAction, defineCommand } from "../chat/define-command.ts";
import { escapeMarkdown, markdownLink, reasonLine } from "../chat/markdown.ts";

/** Results named one by one; the page shows the rest. */
const SHOWN = 12;

export const releaseOpenPullRequests = defineCommand({
  id: "release.open_pull_requests",
  phrase: "open-pr",
  aliases: ["open pr", "open-prs", "open pull requests"],
  summary: "Open the pull requests that a release lacks",
  usage: "open-pr <number> [repository…]",
  group: "releases",
  permission: "release.edit",
  changes: true,
  examples: ["open-pr 12", "open-pr 12 billing-service user-service"],
  read: (input) => ({ release: readRelease(input), repositories: input.names() }),
  run: (context, { release, repositories }) =>
    open(context, release, repositories.length === 0 ? undefined : repositories),
});

export const releaseOpenPullRequestsAction = defineAction(openPullRequests, {
  permission: "release.edit",
  changes: true,
  run: (context, { release }) => open(context, release),
});

async function open(
  { actor, services, progress }: CommandContext,
  number: number,
  repositories?: readonly string[],
): Promise<Answer> {
  const { release, results } = await services.releases.openPullRequests(
    actor,
    number,
    repositories === undefined ? {} : { repositories: [...repositories] },
    progress,
  );
  const failed = results.filter(({ reason }) => reason !== null);
  const title =
    results.length === 0
      ? `Release #${number}: every repository has its pull request`
      : `Release #${number}: ${pluralise(results.length - failed.length, "pull request")} open${
          failed.length === 0 ? "" : `, ${failed.length} not`
        }`;
  // What went wrong first: it is what somebody has to do something about.
  const ordered = [...failed, ...results.filter(({ reason }) => reason === null)];
  const hidden = ordered.length - SHOWN;
  return {
    ...releaseAnswer(release),
    notice: saidCard(title, failed.length === 0 ? "success" : "warning", [
      ...ordered.slice(0, SHOWN).map(resultLine),
      hidden > 0 ? `… and ${hidden} more` : undefined,
    ]),
  };
}

function resultLine({ repository, pullRequest, reason, remedy }: PullRequestResult): string {
  return pullRequest === null
    ? reasonLine(`${repository}: ${reason ?? "no pull request"}`, remedy ?? "")
    : `• ${escapeMarkdown(repository)}: ${markdownLink(`#${pullRequest.number}`, pullRequest.url)}`;
}
