import type { ReleaseSummary } from "../../shared/contract/release.ts";
import type { Card } from "../chat/card.ts";
import { actions, card, link, note, text } from "../chat/card-builders.ts";
import { escapeMarkdown } from "../chat/markdown.ts";
import { releaseRoute, releaseSize } from "./release-words.ts";
import { personName, releaseStatusWords } from "./wording.ts";

/** Releases, newest first, one line each with its link. `title` says which ones. */
export function releaseListCard(
  title: string,
  releases: readonly ReleaseSummary[],
  total: number,
  dashboardUrl: string,
): Card {
  const [newest] = releases;
  const hidden = total - releases.length;
  return card(
    `${title} (${total.toLocaleString("en-US")})`,
    "info",
    text(...releases.map(toLine)),
    text(hidden > 0 ? `… and ${hidden.toLocaleString("en-US")} more.` : undefined),
    newest === undefined
      ? note("There are none. Next: `create-release <source> <destination>`.")
      : note(`Next: \`release ${newest.number}\` shows one.`),
    actions(link("Open dashboard", `${dashboardUrl}/releases`)),
  );
}

function toLine(release: ReleaseSummary): string {
  const { number, url, status, roles, createdBy } = release;
  const signed = roles.map(({ role, have, needed }) => `${role} ${have}/${needed}`).join(", ");
  const details = [
    releaseStatusWords[status],
    signed,
    releaseSize(release),
    `by ${personName(createdBy)}`,
  ];
  const words = details.filter((part) => part !== "").join("; ");
  const name = /^https?:\/\/[^\s()]+$/.test(url) ? `[#${number}](${url})` : `#${number}`;
  return `• ${name} ${escapeMarkdown(releaseRoute(release))}: ${escapeMarkdown(words, 300)}`;
}
