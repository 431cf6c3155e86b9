/** One thing that can be said after a command's phrase, read out of its usage. */
export interface UsagePart {
  /** What the usage calls it: `number`, `environment`, `exclude`, `why`. */
  readonly name: string;
  /**
   * `word` is one word, `text` any text, `list` one or more words, `flag` is either there or not, and of `choice` there are only
   * these.
   */
  readonly kind: "word" | "text" | "list" | "flag" | "choice";
  readonly required: boolean;
  /** The word or option that has to stand before it, e.g. `to` or `--exclude`; empty when there is none. */
  readonly before: string;
  /** Of a `choice`. */
  readonly choices: readonly string[];
  /** What kind of thing it is, e.g. `environment`, also where an option is called otherwise. */
  readonly of: string;
}

/**
 * The parts of a usage, in the order in which they are said. It is the line people read in help: `<x>` must be said, `[x]` may be,
 * `x…` is a list, quotes are text, `--x` and `-m` are options. So a platform with fields for commands needs no second description.
 * What cannot be read throws: a test reads every usage.
 */
export function parseUsage(usage: string): readonly UsagePart[] {
  const [, ...words] = tokensOf(
    usage
      // "<repository>[, …] | nothing": a list, or a word of its own instead of one.
      .replace(/>\[, …\]/g, "…>")
      .replace(/ \| [a-z]+$/, ""),
  );
  const parts: UsagePart[] = [];
  let before = "";
  for (const word of words) {
    if (/^\[[\s\S]+\]$/.test(word)) {
      parts.push(optionalPart(word.slice(1, -1), usage));
    } else if (/^(?:-{1,2})?[a-z][a-z-]*$/.test(word)) {
      before = word;
    } else {
      parts.push(slot(word, before, true, usage));
      before = "";
    }
  }
  return parts;
}

/** Cut at spaces, except in brackets and quotes. */
function tokensOf(usage: string): readonly string[] {
  return usage.match(/\[[^\]]*\]|"[^"]*"|<[^>]*>|\S+/g) ?? [];
}

function optionalPart(inside: string, usage: string): UsagePart {
  const [first = "", ...rest] = tokensOf(inside);
  if (rest.length === 0) {
    return /^-{1,2}[a-z]/.test(first)
      ? { ...named(first.replace(/^-+/, "")), kind: "flag", required: false, before: first }
      : slot(first.includes("<") || first.includes('"') ? first : `<${first}>`, "", false, usage);
  }
  const [value = "", ...more] = rest;
  if (more.length > 0) {
    throw new Error(`cannot read "${inside}" in the usage "${usage}"`);
  }
  return slot(/^[<"]/.test(value) ? value : `<${value}>`, first, false, usage);
}

function slot(word: string, before: string, required: boolean, usage: string): UsagePart {
  const option = /^--([a-z][a-z-]*)$/.exec(before)?.[1];
  if (/^".*"$/.test(word)) {
    const inside = word.slice(1, -1);
    const name = option ?? (/^[a-z]+$/.test(inside) ? inside : "text");
    return { ...named(name), kind: "text", required, before };
  }
  const inside = /^<(.+)>$/.exec(word)?.[1];
  if (inside === undefined) {
    throw new Error(`cannot read "${word}" in the usage "${usage}"`);
  }
  if (inside.includes("|")) {
    const choices = inside.split("|");
    return { ...named(option ?? "status"), kind: "choice", required, before, choices };
  }
  const of = inside.replace(/,?…$/, "");
  return {
    ...named(option ?? of),
    kind: of === inside ? "word" : "list",
    required,
    before,
    of,
  };
}

function named(name: string): Pick<UsagePart, "name" | "of" | "choices"> {
  return { name, of: name, choices: [] };
}

/** What somebody filled in for each part, as the command they could have typed. Parts that nobody filled in are left out. */
export function sayUsage(
  phrase: string,
  parts: readonly { readonly part: UsagePart; readonly value: string | boolean | undefined }[],
): string {
  const said = parts.flatMap(({ part, value }): readonly string[] => {
    if (value === undefined || value === false || value === "") {
      return [];
    }
    return [part.before, ...wordsOf(part, value)].filter((word) => word !== "");
  });
  return [phrase, ...said].join(" ");
}

function wordsOf({ kind }: UsagePart, value: string | true): readonly string[] {
  if (value === true || kind === "flag") {
    return [];
  }
  switch (kind) {
    case "text":
      return [quote(value)];
    case "list":
      return value
        .split(/[\s,]+/)
        .filter((name) => name !== "")
        .map(quoteWord);
    case "word":
    case "choice":
      return [quoteWord(value.trim())];
    default:
      return unreachable(kind);
  }
}

/** In quotes where it would be read as something else than one word. */
function quoteWord(word: string): string {
  return /^[\p{L}\p{N}#][\p{L}\p{N}#._/@:+-]*$/u.test(word) ? word : quote(word);
}

function quote(text: string): string {
  return `"${text.replace(/[\\"“”„]/g, "\\$&")}"`;
}

function unreachable(kind: never): never {
  throw new Error(`unknown kind ${String(kind)}`);
}
