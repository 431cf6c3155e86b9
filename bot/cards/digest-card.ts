import type { ReleaseView } from "../../shared/contract/release.ts";
import { joinWords, pluralise } from "../../shared/lib/text.ts";
import { relativeTime } from "../../shared/lib/time.ts";
import type { Card } from "../chat/card.ts";
import { actions, button, card, link, note, text } from "../chat/card-builders.ts";
import { escapeMarkdown } from "../chat/markdown.ts";
import { showRelease } from "./action-refs.ts";
import { releaseRoute } from "./release-words.ts";
import { roleLabel } from "./wording.ts";

/** A release that waits for somebody, and as what they could sign it. */
export interface Owed {
  readonly release: ReleaseView;
  readonly roles: readonly string[];
}

/** More are counted, not listed. */
const LISTED = 10;
const BUTTONS = 5;

/** What waits for one person's sign-off, the oldest first. */
export function digestCard(owed: readonly Owed[], now: Date): Card {
  const oldestFirst = [...owed].sort((a, b) =>
    a.release.createdAt < b.release.createdAt ? -1 : 1,
  );
  const rest = owed.length - LISTED;
  const [first] = oldestFirst;
  return card(
    `${pluralise(owed.length, "release waits", "releases wait")} for your sign-off`,
    "info",
    text(
      ...oldestFirst.slice(0, LISTED).map((each) => lineOf(each, now)),
      rest > 0 ? `…and ${rest.toLocaleString("en-US")} more: \`releases pending\`` : undefined,
    ),
    note("To be told at another time, elsewhere or not at all: `notifications`."),
    actions(
      ...oldestFirst
        .slice(0, BUTTONS)
        .map(({ release: { number } }) =>
          button(`Show release #${String(number)}`, showRelease.call({ release: number })),
        ),
      first && owed.length === 1 ? link("Open dashboard", first.release.url) : undefined,
    ),
  );
}

function lineOf({ release, roles }: Owed, now: Date): string {
  const as = joinWords(roles.map(roleLabel), "or");
  const since = relativeTime(new Date(release.createdAt), now);
  return `• **#${String(release.number)}** ${escapeMarkdown(releaseRoute(release))}: as ${escapeMarkdown(as)}, made ${since}`;
}
