import { nearest } from "./nearest.ts";

/** Control characters, lone surrogates, and everything invisible that can reorder or hide what people read. */
const INVISIBLE =
  /[\p{Cc}\p{Cs}\u00AD\u061C\u180E\u200B-\u200F\u202A-\u202E\u2060-\u206F\uFEFF\uFFF9-\uFFFB\u{E0000}-\u{E007F}]/gu;

/**
 * Text of people made safe to show on one line: control, bidirectional and zero-width characters go, white space becomes
 * single spaces, and what is longer than `limit` characters ends with `…` within the limit.
 */
export function cleanText(text: string, limit: number): string {
  return cut(text.replace(/\s+/g, " ").replace(INVISIBLE, "").replace(/ +/g, " ").trim(), limit);
}

/** As `cleanText`, for several lines: line breaks and indentation stay, empty lines do not pile up. */
export function cleanLines(text: string, limit: number): string {
  const lines = text
    .replace(/\r\n?|[\u0085\u2028\u2029]/g, "\n")
    .split("\n")
    .map((line) => line.replace(/\t/g, "  ").replace(INVISIBLE, "").trimEnd());
  return cut(
    lines
      .join("\n")
      .replace(/\n{3,}/g, "\n\n")
      .replace(/^\n+|\n+$/g, ""),
    limit,
  );
}

/** An address of the web, normalised; null for anything else, because what others call an address may be a script. */
export function webAddress(text: string): string | null {
  const url = URL.parse(text);
  return url !== null && /^https?:$/.test(url.protocol) ? url.href : null;
}

/** `1 item`, `2 items`, `0 items`; `plural` for words that do not just take an s. */
export function pluralise(count: number, singular: string, plural = `${singular}s`): string {
  return `${count.toLocaleString("en-US")} ${count === 1 ? singular : plural}`;
}

/** `a`, `a and b`, `a, b and c`; `last` replaces "and". */
export function joinWords(words: readonly string[], last = "and"): string {
  const final = words.at(-1) ?? "";
  return words.length < 2 ? final : `${words.slice(0, -1).join(", ")} ${last} ${final}`;
}

/**
 * Known words the input may have meant, best first: those it is the beginning of, then those a few typing mistakes away.
 * An exact match is no near miss and gives nothing.
 */
export function didYouMean(input: string, known: readonly string[], limit = 3): readonly string[] {
  const wanted = input.trim().toLowerCase();
  if (wanted === "" || known.some((word) => word.toLowerCase() === wanted)) {
    return [];
  }
  const begun = known
    .filter((word) => wanted.length >= 2 && word.toLowerCase().startsWith(wanted))
    .sort((a, b) => a.length - b.length || (a < b ? -1 : 1));
  return [...new Set([...begun, ...nearest(wanted, known, limit)])].slice(0, limit);
}

function cut(text: string, limit: number): string {
  if (text.length <= limit) {
    return text;
  }
  // A cut between the halves of a surrogate pair would leave a broken character.
  return `${text.slice(0, Math.max(0, limit - 1)).replace(/\p{Cs}$/u, "")}…`.slice(0, limit);
}

/** A size as people read it: `512 B`, `3.4 kB`, `12 MB`, `1.2 GB`. */
export function formatBytes(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let size = bytes;
  let unit = 0;
  while (size >= 999.5 && unit < units.length - 1) {
    size /= 1000;
    unit += 1;
  }
  const digits = unit === 0 || size >= 10 ? 0 : 1;
  return `${size.toFixed(digits)} ${units[unit] ?? ""}`;
}
