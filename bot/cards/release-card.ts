import type { ReleaseItemView, ReleaseView } from "../../shared/contract/release.ts";
import { pluralise } from "../../shared/lib/text.ts";
import type { ActionItem, Card } from "../chat/card.ts";
import { actions, button, card, fields, link, note, table, text } from "../chat/card-builders.ts";
import { releaseSubject } from "../chat/live-card.ts";
import { escapeMarkdown, sentence } from "../chat/markdown.ts";
import type { Answer } from "../chat/command.ts";
import { toAnswer, type LiveCard } from "../chat/live-card.ts";
import {
  openPullRequests,
  planDeployment,
  refreshRelease,
  requestDeployment,
  signOff,
} from "./action-refs.ts";
import { orderLines } from "./order-card.ts";
import {
  deployObstacles,
  isOpen,
  nextStep,
  releaseRoute,
  releaseSize,
  releaseWarnings,
  repositoryCount,
  signOffFields,
  staleSentences,
} from "./release-words.ts";
import {
  personName,
  releaseStatusWords,
  releaseTones,
  roleLabel,
  shortSha,
  timeWords,
  versionWords,
} from "./wording.ts";

/** Everything about a release that fits on a card. The same for everybody who looks, so it can be edited in place. */
export function releaseCard(release: ReleaseView): Card {
  const { number, status } = release;
  const obstacles = deployObstacles(release);
  return card(
    `Release #${number}: ${releaseRoute(release)} (${releaseStatusWords[status]})`,
    releaseTones[status],
    text(...standing(release)),
    fields([
      [
        "Content",
        `${pluralise(repositoryCount(release), "repository", "repositories")}, ${releaseSize(release)}`,
      ],
      ["Target", release.targetEnvironment ?? "no environment follows this branch"],
      ["Created", `by ${personName(release.createdBy)}, ${timeWords(release.createdAt)}`],
      ...signOffFields(release),
    ]),
    text(...releaseWarnings(release)),
    text(...staleSentences(release)),
    table(["Wave", "Service", "Commits", "Change", "CI", "Remarks"], release.items.map(itemRow)),
    text(...orderLines(release.order)),
    text(...lastChanges(release)),
    text(...obstacles),
    note(obstacles.length === 0 ? nextStep(release) : undefined),
    actions(...releaseButtons(release), link("Open dashboard", release.url)),
  );
}

/** The live card of a release; a typed approve signs the fingerprint it shows. */
export function releaseLive(release: ReleaseView): LiveCard {
  return {
    subject: releaseSubject(release.number),
    shown: { fingerprint: release.fingerprint },
    card: releaseCard(release),
  };
}

/** The live card of a release as the answer to a command. */
export function releaseAnswer(release: ReleaseView): Answer {
  return toAnswer(releaseLive(release));
}

/** The buttons that make sense now, whoever looks: what a person may do is decided when they press. */
function releaseButtons(release: ReleaseView): readonly (ActionItem | undefined)[] {
  if (!isOpen(release)) {
    return [];
  }
  const { number, fingerprint, status } = release;
  const environment = release.targetEnvironment ?? undefined;
  const missing = release.progress.filter(({ have, needed }) => have < needed);
  return [
    ...(status === "pending" ? missing : []).map(({ role }) =>
      button(
        `Approve as ${roleLabel(role)}`,
        signOff.call({ release: number, role, fingerprint }),
        "primary",
      ),
    ),
    status === "approved" && environment !== undefined && deployObstacles(release).length === 0
      ? button(
          "Deploy",
          requestDeployment.call({ release: number, environment, fingerprint }),
          "primary",
        )
      : undefined,
    status === "deploying"
      ? undefined
      : button("Refresh", refreshRelease.call({ release: number })),
    status === "deploying" || release.missingPullRequests.length === 0
      ? undefined
      : button("Open pull requests", openPullRequests.call({ release: number })),
    environment === undefined || status === "deploying"
      ? undefined
      : button("Plan", planDeployment.call({ release: number, environment })),
  ];
}

/** What stands in the way or has ended it. */
function standing({
  rejection,
  closed,
  deployments,
}: ReleaseView): readonly (string | undefined)[] {
  const [latest] = deployments;
  return [
    rejection
      ? `**Rejected** by ${escapeMarkdown(personName(rejection.person))}: ${escapeMarkdown(rejection.reason, 500)}`
      : undefined,
    closed
      ? `**Closed** by ${escapeMarkdown(personName(closed.by))}: ${escapeMarkdown(closed.reason, 500)}`
      : undefined,
    latest
      ? sentence(
          `Latest ${latest.kind === "rollback" ? "rollback" : "deployment"}: #${latest.number} to ${latest.environment}, ${latest.status.replace("_", " ")}.`,
        )
      : undefined,
  ];
}

function lastChanges({ lastChanges: changes }: ReleaseView): readonly string[] {
  return changes.length === 0
    ? []
    : [
        "**Changed at the last refresh**",
        ...changes.slice(0, 8).map((change) => `• ${sentence(change)}`),
      ];
}

function itemRow(item: ReleaseItemView): readonly string[] {
  return [
    item.wave === null ? "" : String(item.wave),
    item.service,
    String(item.commitCount),
    item.toVersion === null
      ? `${shortSha(item.baseSha)} → ${shortSha(item.headSha)}`
      : `${versionWords(item.fromVersion, null)} → ${versionWords(item.toVersion, null)}`,
    item.ci?.state ?? "",
    remarks(item),
  ];
}

function remarks(item: ReleaseItemView): string {
  return [
    item.excluded && `excluded${item.excludedReason ? `: ${item.excludedReason}` : ""}`,
    item.breaking && "breaking",
    item.migrations.length > 0 && "migration",
    item.pullRequest && `PR #${item.pullRequest.number} ${item.pullRequest.state}`,
    item.deployedAt !== null && "deployed",
    item.landedAt !== null && "landed",
  ]
    .filter(Boolean)
    .join(", ");
}
