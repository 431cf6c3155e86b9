import type { Card } from "../chat/card.ts";
import { card, note, text } from "../chat/card-builders.ts";
import { code, escapeMarkdown } from "../chat/markdown.ts";

/** Tells somebody in a chat that they are known now. */
export function linkedCard(name: string): Card {
  return card(
    "Now I know you",
    "success",
    text(
      `This account is linked to **${escapeMarkdown(name)}**. What you say and press here counts as theirs.`,
    ),
    note(
      `If you did not do this, say ${code("unlink")}. ${code("whoami")} shows your roles, ${code("help")} what you can say.`,
    ),
  );
}
