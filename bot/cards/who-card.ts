import type { ReleaseView } from "../../shared/contract/release.ts";
import type { Card } from "../chat/card.ts";
import { card, note, table, text } from "../chat/card-builders.ts";
import { sentence } from "../chat/markdown.ts";
import { nextStep, releaseRoute, staleSentences } from "./release-words.ts";
import { peopleNames, roleLabel } from "./wording.ts";

/** Which signatures are missing, and who could give them. */
export function whoCard(release: ReleaseView): Card {
  const { number, progress, unsatisfiable } = release;
  const missing = progress.filter(({ have, needed }) => have < needed);
  return card(
    `Sign-offs of release #${number} (${releaseRoute(release)})`,
    missing.length === 0 ? "success" : "info",
    progress.length === 0
      ? text("No signature is needed.")
      : table(
          ["Role", "Signed", "By", "Can sign"],
          progress.map(({ role, have, needed, signedBy, eligible }) => [
            roleLabel(role),
            `${have} of ${needed}`,
            peopleNames(signedBy) || "nobody yet",
            have < needed ? peopleNames(eligible) || "nobody" : "",
          ]),
        ),
    text(unsatisfiable === null ? undefined : sentence(unsatisfiable)),
    text(...staleSentences(release)),
    note(missing.length === 0 ? "Every signature is there." : undefined, nextStep(release)),
  );
}
