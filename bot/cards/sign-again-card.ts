import type { ReleaseView } from "../../shared/contract/release.ts";
import { joinWords } from "../../shared/lib/text.ts";
import type { Card } from "../chat/card.ts";
import { actions, button, card, link, note, text } from "../chat/card-builders.ts";
import { sentence } from "../chat/markdown.ts";
import { showRelease, signOff } from "./action-refs.ts";
import { releaseRoute, releaseSize } from "./release-words.ts";
import { quoteWord, roleLabel } from "./wording.ts";

/** Asks somebody to sign again, with what changed since their own signature. */
export function signAgainCard(
  release: ReleaseView,
  role: string,
  changes: readonly string[],
): Card {
  const { number, fingerprint } = release;
  const what = changes.length === 0 ? "its content changed" : joinWords(changes.slice(0, 8));
  return card(
    `Please look at release #${number} again: ${releaseRoute(release)}`,
    "warning",
    text(
      sentence(`Your sign-off as ${role} no longer counts: ${what} since you signed.`, 1_500),
      sentence(`The release now has ${releaseSize(release)}.`),
    ),
    note(
      `Next: look at it, then press the button or say \`approve ${number} as ${quoteWord(role)}\`.`,
    ),
    actions(
      button(
        `Approve as ${roleLabel(role)}`,
        signOff.call({ release: number, role, fingerprint }),
        "primary",
      ),
      button("Show release", showRelease.call({ release: number })),
      link("Open dashboard", release.url),
    ),
  );
}
