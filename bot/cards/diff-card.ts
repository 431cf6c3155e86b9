import type { EnvironmentDiffView } from "../../shared/contract/environment.ts";
import { pluralise } from "../../shared/lib/text.ts";
import type { Card } from "../chat/card.ts";
import { actions, button, card, note, table, text } from "../chat/card-builders.ts";
import { plain } from "../chat/markdown.ts";
import { promoteEnvironment } from "./action-refs.ts";
import { quoteWord, versionWords } from "./wording.ts";

const changeWords: Readonly<Record<EnvironmentDiffView["rows"][number]["change"], string>> = {
  version_bump: "other version",
  no_change: "same",
  new_service: "missing there",
  removed_service: "only there",
};

/** Two environments side by side: what differs first, what is the same as a number. */
export function diffCard(diff: EnvironmentDiffView): Card {
  const { from, to, hash, rows } = diff;
  const different = rows.filter(({ change }) => change !== "no_change");
  const same = rows.length - different.length;
  const promotable = different.some(({ change }) => change !== "removed_service");
  return card(
    `${plain(from, 80)} compared with ${plain(to, 80)}`,
    different.length === 0 ? "success" : "info",
    different.length === 0 && text("Both run the same."),
    table(
      ["Service", "Difference", plain(from, 40), plain(to, 40)],
      different.map((row) => [
        row.service,
        changeWords[row.change],
        versionWords(row.fromVersion, row.fromCommit),
        versionWords(row.toVersion, row.toCommit),
      ]),
      25,
    ),
    different.length > 0 &&
      same > 0 &&
      text(`${pluralise(same, "service runs", "services run")} the same in both.`),
    promotable &&
      note(`Next: \`promote ${quoteWord(from)} to ${quoteWord(to)}\` makes a release of this.`),
    actions(
      promotable &&
        button(
          `Promote to ${plain(to, 40)}`,
          promoteEnvironment.call({ from, to, hash }),
          "primary",
        ),
    ),
  );
}
