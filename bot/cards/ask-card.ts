import type { Card, FormSpec } from "../chat/card.ts";
import { actions, card, form, text } from "../chat/card-builders.ts";
import { code, sentence } from "../chat/markdown.ts";

/** Asks for what a command still needs: a button that opens the form, and the words that do the same. */
export function askCard(question: string, label: string, spec: FormSpec): Card {
  const twin = spec.submit.text;
  return card(
    spec.title,
    "info",
    text(sentence(question), twin === undefined ? undefined : `You can also say ${code(twin)}.`),
    actions(form(label, spec, "primary")),
  );
}
