import { cleanLines, cleanText, webAddress } from "../../shared/lib/text.ts";

/** Everything that starts markup, a link, a mention, an entity or a table somewhere. */
const SPECIAL = /[\\`*_{}[\]()#+\-.!|>~<&@:$^=]/g;

/**
 * Text of people (branch names, commit titles, notes, names) as markdown that shows exactly those characters: no markup, no
 * link, no mention, one line, at most `limit` characters.
 */
export function escapeMarkdown(text: string, limit = 200): string {
  return cleanText(text, limit).replace(SPECIAL, "\\$&");
}

/** As `escapeMarkdown`, keeping line breaks. */
export function escapeMarkdownLines(text: string, limit = 2_000): string {
  return cleanLines(text, limit).replace(SPECIAL, "\\$&");
}

/** Text of people for a place that is not markdown: a title, a label, a value, a cell. */
export function plain(text: string, limit = 200): string {
  return cleanText(text, limit);
}

/** A command or a name as inline code. Back-ticks inside would end it early, so they become quotes. */
export function code(text: string, limit = 200): string {
  const inside = cleanText(text, limit).replaceAll("`", "'");
  return inside === "" ? "" : `\`${inside}\``;
}

/** A link, when the address is one of the web; the words alone otherwise. */
export function markdownLink(words: string, url: string | null | undefined): string {
  const address = url ? webAddress(url) : null;
  return address === null
    ? escapeMarkdown(words)
    : `[${escapeMarkdown(words)}](${address.replaceAll("(", "%28").replaceAll(")", "%29")})`;
}

/** A sentence that may hold words of people: escaped, except for the commands in back-ticks. */
export function sentence(text: string, limit = 2_000): string {
  return text
    .slice(0, limit)
    .split(/(`[^`\n]+`)/)
    .map((part, index) => (index % 2 === 1 ? part : escapeKeepingSpaces(part)))
    .join("");
}

/**
 * One reason of a refusal and what to do about it, as a line of a list, with a link where there is more to read. Reasons may
 * end with words of people.
 */
export function reasonLine(reason: string, remedy: string, url?: string): string {
  const ended = /[.!?…]["')\]]?$/.test(reason.trim()) ? reason.trim() : `${reason.trim()}.`;
  const line = `• ${sentence(ended)} ${sentence(remedy)}`.trimEnd();
  return url === undefined ? line : `${line} ${markdownLink("Details", url)}`;
}

/** Escaping trims, but what stands beside a command needs its space. */
function escapeKeepingSpaces(text: string): string {
  const before = /^\s/.test(text) ? " " : "";
  const escaped = escapeMarkdown(text, 2_000);
  const after = /\s$/.test(text) && escaped !== "" ? " " : "";
  return `${before}${escaped}${after}`;
}

/** Markdown as people read it without a renderer: links keep their address, commands keep their back-ticks. */
export function markdownToText(markdown: string): string {
  return markdown
    .replace(/(?<!\\)\[((?:\\.|[^\]\\])*)\]\(([^)\s]+)\)/g, "$1 ($2)")
    .replace(/(?<!\\)\*\*/g, "")
    .replace(/&#(\d{1,6});/g, (_, digits: string) => String.fromCodePoint(Number(digits)))
    .replace(/\\([\\`*_{}[\]()#+\-.!|>~<&@:$^=])/g, "$1");
}
