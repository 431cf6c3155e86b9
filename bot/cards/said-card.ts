import type { Card, Tone } from "../chat/card.ts";
import { card, note, text } from "../chat/card-builders.ts";

/** A short answer: what was done, and what comes next. Lines are markdown; words of people in them are escaped already. */
export function saidCard(
  title: string,
  tone: Tone,
  lines: readonly (string | undefined)[],
  next?: string,
): Card {
  return card(title, tone, text(...lines), note(next));
}
