import { CommandInvalid, InputTooLarge } from "../../shared/errors/catalog.ts";
import type { Word } from "./command.ts";

/** More than this in one message is a paste by mistake; longer texts go through a form or the dashboard. */
export const MAX_COMMAND_LENGTH = 4_000;

/** Zero-width, bidirectional and other characters that people cannot see; line breaks and tabs stay. */
const INVISIBLE =
  // eslint-disable-next-line no-control-regex -- control characters are exactly what is removed
  /[\u0000-\u0008\u000B\u000C\u000E-\u001F\u007F-\u0084\u0086-\u009F\u00AD\u061C\u180E\u200B-\u200F\u202A-\u202E\u2060-\u206F\uFEFF]/g;

const FENCE = "```";

/** What closes a quote that opens with the key. Phones and office programs turn straight quotes into curly ones. */
const CLOSING: Readonly<Record<string, string>> = {
  '"': '"“”„',
  "“": '"”',
  "„": '"“”',
  "”": '"”',
  "«": "»",
  "'": "'’",
  "‘": "'’",
  "`": "`",
};

/**
 * Cuts what a person typed into words. Quotes of every kind, back-ticks and code fences keep words together; a back-slash
 * keeps a quote inside quotes. Invisible characters and a code fence around the whole command are dropped.
 * Throws InputTooLarge, and CommandInvalid for a quote that is never closed.
 */
export function splitWords(input: string): readonly Word[] {
  if (input.length > MAX_COMMAND_LENGTH) {
    throw new InputTooLarge({
      what: "This message",
      limit: MAX_COMMAND_LENGTH,
      unit: "characters",
    });
  }
  const text = unwrap(input.replace(INVISIBLE, "").trim());
  const words: Word[] = [];
  let at = 0;
  for (;;) {
    while (at < text.length && isSpace(text.charAt(at))) {
      at += 1;
    }
    if (at >= text.length) {
      return words;
    }
    const [word, next] = readWord(text, at);
    words.push(word);
    at = next;
  }
}

/** `approve 12 as dev` out of a message that is all code. */
function unwrap(text: string): string {
  const fenced = /^```(?:[a-z]*\n)?([^`]*)```$/i.exec(text)?.[1];
  const ticked = /^`([^`]*)`$/.exec(text)?.[1];
  return (fenced ?? ticked ?? text).trim();
}

function readWord(text: string, start: number): readonly [Word, number] {
  if (text.startsWith(FENCE, start)) {
    return readFence(text, start);
  }
  if (CLOSING[text.charAt(start)] !== undefined) {
    const [inside, next] = readQuote(text, start);
    return [{ text: inside, quoted: true }, next];
  }
  let word = "";
  let at = start;
  while (at < text.length && !isSpace(text.charAt(at))) {
    const character = text.charAt(at);
    // --notes="two words"
    if (word.endsWith("=") && word.startsWith("-") && CLOSING[character] !== undefined) {
      const [inside, next] = readQuote(text, at);
      word += inside;
      at = next;
    } else {
      word += character;
      at += 1;
    }
  }
  // Phones turn two hyphens into a dash.
  return [{ text: word.replace(/^[–—](?=[a-z])/i, "--"), quoted: false }, at];
}

function readFence(text: string, start: number): readonly [Word, number] {
  const end = text.indexOf(FENCE, start + FENCE.length);
  if (end < 0) {
    throw unclosed(FENCE);
  }
  const inside = text.slice(start + FENCE.length, end).replace(/^[a-z]*\n/i, "");
  return [{ text: inside.trim(), quoted: true }, end + FENCE.length];
}

function readQuote(text: string, start: number): readonly [string, number] {
  const opening = text.charAt(start);
  const closing = CLOSING[opening] ?? opening;
  // An apostrophe inside a sentence ends no quote.
  const endsAtWord = closing.includes("'");
  let inside = "";
  for (let at = start + 1; at < text.length; at += 1) {
    const character = text.charAt(at);
    const following = text.charAt(at + 1);
    if (character === "\\" && (following === "\\" || closing.includes(following))) {
      inside += following;
      at += 1;
    } else if (
      closing.includes(character) &&
      (!endsAtWord || following === "" || isSpace(following))
    ) {
      return [inside, at + 1];
    } else {
      inside += character;
    }
  }
  throw unclosed(opening);
}

function unclosed(quote: string): Error {
  return new CommandInvalid(
    { command: "", why: `The quote that starts with ${quote} is never closed.`, usage: "" },
    { remedy: "Close it and send the whole command again; nothing was changed." },
  );
}

function isSpace(character: string): boolean {
  return character.trim() === "";
}
