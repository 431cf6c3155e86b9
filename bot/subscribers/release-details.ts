import type { DomainEvent } from "../../shared/events/events.ts";
import { joinWords } from "../../shared/lib/text.ts";
import type { Card } from "../chat/card.ts";
import { card, text } from "../chat/card-builders.ts";
import { escapeMarkdown, markdownLink, reasonLine, sentence } from "../chat/markdown.ts";

/**
 * What a fact about a release adds to the thread of its card. Undefined for facts that the card itself shows well enough, so
 * that the thread stays worth reading.
 */
export function releaseDetail(event: DomainEvent): Card | undefined {
  const who = event.actor.name;
  switch (event.name) {
    case "release.refreshed":
      return event.payload.changes.length === 0
        ? undefined
        : detail(
            "New content",
            event.payload.changes.map((change) => `• ${sentence(change)}`),
          );
    case "release.edited":
      return detail("Edited", [
        said(
          `${who} changed the ${event.payload.field.replace("_", " ")}. Sign-offs stay as they are.`,
        ),
      ]);
    case "release.item_excluded": {
      const { services, reason } = event.payload;
      const why = reason === null ? "" : `: ${reason}`;
      return detail("Excluded", [said(`${who} excluded ${joinWords(services)}${why}`)]);
    }
    case "release.item_included":
      return detail("Included", [said(`${who} included ${joinWords(event.payload.services)}`)]);
    case "release.dependencies_changed": {
      const { service, after } = event.payload;
      const on = after.length === 0 ? "nothing" : joinWords(after);
      return detail("Deploy order", [said(`${who}: ${service} now depends on ${on}`)]);
    }
    case "release.pull_requests_opened": {
      const { opened, failed } = event.payload;
      return opened.length + failed.length === 0
        ? undefined
        : detail("Pull requests", [
            ...failed.map(({ repository, reason, remedy }) =>
              reasonLine(`${repository}: ${reason}`, remedy),
            ),
            ...opened.map(
              (one) =>
                `• ${escapeMarkdown(one.repository)}: ${markdownLink(`#${one.number}`, one.url)}`,
            ),
          ]);
    }
    case "release.sign_off_revoked":
      return detail("Sign-off revoked", [
        said(`${who} revoked a sign-off as ${event.payload.role}`),
      ]);
    case "release.sign_off_outdated":
      return detail(
        "Signatures that no longer count",
        event.payload.signOffs.map(({ name, role, changes }) =>
          said(`• ${name} as ${role}: ${joinWords(changes)}`),
        ),
      );
    case "release.rejected":
      return detail("Rejected", [said(`${who} rejected it: ${event.payload.reason}`)]);
    case "release.rejection_lifted":
      return detail("Rejection lifted", [said(`${who} lifted the rejection`)]);
    case "release.closed":
      return detail("Closed", [said(`${who} closed it: ${event.payload.reason}`)]);
    default:
      return undefined;
  }
}

function detail(title: string, lines: readonly string[]): Card {
  const shown = lines.slice(0, 12);
  const hidden = lines.length - shown.length;
  return card(title, "neutral", text(...shown, hidden > 0 && `… and ${hidden} more`));
}

function said(words: string): string {
  return escapeMarkdown(words, 1_000);
}
