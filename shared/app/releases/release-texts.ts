import { InputInvalid, InputTooLarge } from "../../errors/catalog.ts";
import { cleanLines, cleanText } from "../../lib/text.ts";

/** Longest notes, in characters. */
export const LONGEST_NOTES = 100_000;
const LONGEST_REASON = 2_000;

/** Text of several lines as it is stored: nothing invisible in it. Throws InputTooLarge. */
export function storableNotes(what: string, text: string): string {
  if (text.length > LONGEST_NOTES) {
    throw new InputTooLarge({ what, limit: LONGEST_NOTES, unit: "characters" });
  }
  return cleanLines(text, LONGEST_NOTES);
}

/** A generated text cut to what may be stored. */
export function fittingNotes(text: string): string {
  return cleanLines(text, LONGEST_NOTES);
}

/** A reason somebody must give. Throws InputInvalid, InputTooLarge. */
export function storableReason(text: string): string {
  const reason = optionalReason(text);
  if (reason === null) {
    throw new InputInvalid(
      { problems: [{ pointer: "/reason", message: "say why" }] },
      { remedy: 'Add a reason, for example `-m "payments is not tested"`.' },
    );
  }
  return reason;
}

/** A reason somebody may give; null without one. Throws InputTooLarge. */
export function optionalReason(text: string | null): string | null {
  if (text !== null && text.length > LONGEST_REASON) {
    throw new InputTooLarge({ what: "The reason", limit: LONGEST_REASON, unit: "characters" });
  }
  return cleanText(text ?? "", LONGEST_REASON) || null;
}
