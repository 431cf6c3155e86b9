import type { Commit, CommitAuthor } from "../../core/ports/scm.ts";
import { cleanLines, cleanText } from "../../lib/text.ts";

const TITLE_LENGTH = 500;
const BODY_LENGTH = 10_000;
const NAME_LENGTH = 200;

/** `Token: value`, as git takes it for a trailer. */
const TRAILER = /^([A-Za-z0-9-]+)[ \t]*:(.*)$/;

/**
 * People named as author and in `Co-authored-by: Name <mail>` trailers, without repetitions. A co-author without an address
 * still counts.
 */
export function toAuthors(name: string, email: string, coAuthors: string): readonly CommitAuthor[] {
  const people = [{ name, email }, ...coAuthors.split("\n").map(parsePerson)]
    .map((person) => ({
      name: cleanText(person.name, NAME_LENGTH) || cleanText(person.email, NAME_LENGTH),
      email: cleanText(person.email, NAME_LENGTH),
    }))
    .filter((person) => person.name !== "");
  const seen = new Set<string>();
  return people.filter((person) => {
    const identity = (person.email || person.name).toLowerCase();
    return seen.has(identity) ? false : seen.add(identity);
  });
}

function parsePerson(text: string): CommitAuthor {
  const open = text.lastIndexOf("<");
  const close = text.indexOf(">", open);
  return open < 0 || close < 0
    ? { name: text, email: "" }
    : { name: text.slice(0, open), email: text.slice(open + 1, close) };
}

/**
 * What follows `Co-authored-by:` in the trailers of a message, one person a line. Trailers are the last paragraph, when it is
 * not the title and every line of it is a trailer or goes on with the one before; a paragraph with other lines in it counts
 * when it was signed off and a quarter of it are trailers. That is how git itself reads them.
 */
export function coAuthorLines(message: string): string {
  const paragraphs = message
    .replace(/\r\n?/g, "\n")
    .trim()
    .split(/\n[ \t]*\n/);
  const lines = paragraphs.length < 2 ? [] : (paragraphs.at(-1) ?? "").split("\n");
  const trailers: { key: string; value: string }[] = [];
  let others = 0;
  for (const line of lines) {
    const [, key, value] = TRAILER.exec(line) ?? [];
    const last = trailers.at(-1);
    if (key !== undefined && value !== undefined) {
      trailers.push({ key: key.toLowerCase(), value: value.trim() });
    } else if (/^[ \t]/.test(line) && last !== undefined) {
      last.value += ` ${line.trim()}`;
    } else {
      others += 1;
    }
  }
  const isSigned = trailers.some(({ key }) => key === "signed-off-by");
  const counts = others === 0 || (isSigned && trailers.length * 3 >= others);
  return trailers
    .filter(({ key }) => counts && key === "co-authored-by")
    .map(({ value }) => value)
    .join("\n");
}

/** First line and the rest of a commit message, safe to show. */
export function toMessage(message: string): Pick<Commit, "title" | "body"> {
  const text = message.replace(/^\s+/, "");
  const end = text.search(/[\r\n]/);
  return {
    title: cleanText(end < 0 ? text : text.slice(0, end), TITLE_LENGTH),
    body: end < 0 ? "" : cleanLines(text.slice(end), BODY_LENGTH),
  };
}
