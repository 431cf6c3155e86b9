/** Invisible: keeps two characters apart without showing anything. */
export const ZERO_WIDTH_SPACE = "\u200B";

/** Control characters, halves of characters, and everything that hides or turns around what people read. */
const HIDDEN =
  /[\p{Cc}\p{Cs}\u00AD\u061C\u180E\u200B-\u200F\u202A-\u202E\u2060-\u206F\uFEFF\uFFF9-\uFFFB\u{E0000}-\u{E007F}]/gu;

/** What people see of a text. Line breaks and tabs stay. */
export function visible(text: string): string {
  return text.replace(HIDDEN, (character) => (/[\n\t]/.test(character) ? character : ""));
}

/** `text`, or its beginning with `…`, at most `limit` characters. */
export function cut(text: string, limit: number): string {
  if (text.length <= limit) {
    return text;
  }
  // A cut between the halves of a surrogate pair would leave a broken character.
  return `${text.slice(0, Math.max(0, limit - 1)).replace(/\p{Cs}$/u, "")}…`.slice(0, limit);
}

/** As `cut`, for limits that count bytes of UTF-8. */
export function cutBytes(text: string, limit: number): string {
  if (Buffer.byteLength(text) <= limit) {
    return text;
  }
  const room = limit - Buffer.byteLength("…");
  let kept = "";
  let size = 0;
  for (const character of text) {
    size += Buffer.byteLength(character);
    if (size > room) {
      break;
    }
    kept += character;
  }
  return `${kept}…`;
}

/** The first `limit` of them and how many were left out. One place is kept for saying so. */
export function firstOf<T>(
  things: readonly T[],
  limit: number,
): { readonly shown: readonly T[]; readonly hidden: number } {
  if (things.length <= limit) {
    return { shown: things, hidden: 0 };
  }
  const shown = things.slice(0, Math.max(0, limit - 1));
  return { shown, hidden: things.length - shown.length };
}

/** What stands for the rest. */
export function andMore(hidden: number): string {
  return `…and ${hidden.toLocaleString("en-US")} more`;
}

/** Mentions are found by the character they begin with; an invisible one behind it makes them plain text. */
export function disarmMentions(text: string): string {
  return text.replace(/@(?=[\p{L}\p{N}_.-])/gu, `@${ZERO_WIDTH_SPACE}`);
}

/** Addresses that a chat would turn into links by itself stay text. */
export function disarmLinks(text: string): string {
  return text
    .replace(/:(?=\/\/)/g, `:${ZERO_WIDTH_SPACE}`)
    .replace(/\bwww(?=\.)/gi, `www${ZERO_WIDTH_SPACE}`)
    .replace(/\bmailto(?=:)/gi, `mailto${ZERO_WIDTH_SPACE}`);
}
