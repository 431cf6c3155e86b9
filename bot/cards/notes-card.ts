import type { ReleaseView } from "../../shared/contract/release.ts";
import { cleanLines } from "../../shared/lib/text.ts";
import type { Card } from "../chat/card.ts";
import { actions, card, form, link, note, text } from "../chat/card-builders.ts";
import { escapeMarkdownLines } from "../chat/markdown.ts";
import { editNotes } from "./action-refs.ts";
import { releaseRoute } from "./release-words.ts";

const LABELS = { notes: "Release notes", breaking: "Breaking changes" } as const;

/** What a release says about itself, with a form to write it. User text is shown as written, never as markup. */
export function notesCard(release: ReleaseView, field: "notes" | "breaking"): Card {
  const { number, draftNotes, url } = release;
  const written = field === "notes" ? release.notes : release.breakingChanges;
  const initial = written === "" && field === "notes" ? draftNotes : written;
  const label = LABELS[field];
  const isDraft = field === "notes" && initial !== "" && initial === draftNotes;
  return card(
    `${label} of release #${number}: ${releaseRoute(release)}`,
    "info",
    initial === "" && text("Nothing is written yet."),
    // The draft is our own markdown, with the words of commits escaped already. What people write is shown as written.
    text(isDraft ? cleanLines(initial, 6_000) : escapeMarkdownLines(initial, 3_000)),
    isDraft && note("This is the draft made from the commits. Nobody has edited it yet."),
    note(`To write them: \`${field} ${number} "…"\`.`),
    actions(
      form(`Edit ${label.toLowerCase()}`, {
        title: `${label} of release #${number}`,
        fields: [
          { name: "text", label, type: "textarea", initial, maxLength: 100_000, required: true },
        ],
        submit: editNotes.call({ release: number, field }),
      }),
      link("Open dashboard", url),
    ),
  );
}
