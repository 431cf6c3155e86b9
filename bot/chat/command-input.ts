import { CommandInvalid } from "../../shared/errors/catalog.ts";
import { didYouMean } from "../../shared/lib/text.ts";
import type { Word } from "./command.ts";

/**
 * How the words after an option are read: `text` takes one quoted word or everything up to the next option, `value` one word,
 * `list` every word up to the next option (commas separate too), `flag` none.
 */
export type OptionKind = "text" | "value" | "list" | "flag";

export interface OptionSpec {
  readonly kind: OptionKind;
  /** Other spellings, without hyphens. */
  readonly aliases?: readonly string[];
}

/** What was typed after a command's phrase, read piece by piece. Everything that does not fit throws CommandInvalid. */
export interface CommandInput {
  /** The next word. `what` completes "Say …". */
  word(what: string): string;
  /** The next word if there is one. */
  optionalWord(): string | undefined;
  /** The next word as a number people say: `12` or `#12`. */
  number(what: string): number;
  optionalNumber(what: string): number | undefined;
  /** Every word that is left, split at commas too. At least one when `what` is given. */
  names(what?: string): readonly string[];
  /** Every word that is left, as one text; undefined when there is none. */
  text(): string | undefined;
  /** Takes the next word when it is one of these, unquoted. */
  takes(...keywords: readonly string[]): boolean;
  option(name: string): string | undefined;
  optionList(name: string): readonly string[] | undefined;
  hasFlag(name: string): boolean;
  /** Refuses words that nothing has read. */
  end(): void;
  /** Refuses the command with this sentence and the usage. */
  fail(why: string): never;
}

/** Reads the words after `phrase`. Throws CommandInvalid for options that are unknown or have no value. */
export function createCommandInput(
  words: readonly Word[],
  command: { readonly phrase: string; readonly usage: string },
  options: Readonly<Record<string, OptionSpec>> = {},
): CommandInput {
  const { positionals, values } = separate(words, options, fail);
  let at = 0;

  return {
    word: (what) => required(optionalWord(), what),
    optionalWord,
    number: (what) => toNumber(required(optionalWord(), what), what),
    optionalNumber(what) {
      const word = optionalWord();
      return word === undefined ? undefined : toNumber(word, what);
    },
    names(what) {
      const found = rest().flatMap((word) => splitNames(word.text));
      return what !== undefined && found.length === 0 ? fail(`Say ${what}.`) : found;
    },
    text() {
      const left = rest().map((word) => word.text);
      return left.length === 0 ? undefined : left.join(" ");
    },
    takes(...keywords) {
      const next = positionals[at];
      if (!next || next.quoted || !keywords.includes(next.text.toLowerCase())) {
        return false;
      }
      at += 1;
      return true;
    },
    option: (name) => values.get(name)?.join(" "),
    optionList: (name) => values.get(name)?.flatMap(splitNames),
    hasFlag: (name) => values.has(name),
    end() {
      const left = rest();
      if (left.length > 0) {
        fail(`I do not understand "${left.map((word) => word.text).join(" ")}" here.`);
      }
    },
    fail,
  };

  function optionalWord(): string | undefined {
    const word = positionals[at];
    at += 1;
    return word?.text;
  }

  function rest(): readonly Word[] {
    const left = positionals.slice(at);
    at = positionals.length;
    return left;
  }

  function required(word: string | undefined, what: string): string {
    return word === undefined || word === "" ? fail(`Say ${what}.`) : word;
  }

  function toNumber(word: string, what: string): number {
    return /^#?[1-9]\d{0,8}$/.test(word)
      ? Number(word.replace("#", ""))
      : fail(`"${word}" is not a number. Say ${what}.`);
  }

  function fail(why: string): never {
    throw new CommandInvalid({ command: command.phrase, why, usage: command.usage });
  }
}

function separate(
  words: readonly Word[],
  options: Readonly<Record<string, OptionSpec>>,
  fail: (why: string) => never,
): {
  readonly positionals: readonly Word[];
  readonly values: ReadonlyMap<string, readonly string[]>;
} {
  const positionals: Word[] = [];
  const values = new Map<string, string[]>();
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at];
    if (!word) {
      break;
    }
    const typed = optionName(word);
    if (typed === undefined) {
      positionals.push(word);
      continue;
    }
    const name = find(typed.name, options) ?? fail(unknownOption(typed.name, options));
    const kind = options[name]?.kind ?? "flag";
    const { taken, used } = takeValue(words.slice(at + 1), kind, typed.value);
    if (kind !== "flag" && taken.length === 0) {
      fail(`${word.text} needs a value.`);
    }
    values.set(name, [...(values.get(name) ?? []), ...taken]);
    at += used;
  }
  return { positionals, values };
}

function takeValue(
  following: readonly Word[],
  kind: OptionKind,
  attached: string | undefined,
): { readonly taken: readonly string[]; readonly used: number } {
  if (kind === "flag" || attached !== undefined) {
    return { taken: attached === undefined ? [] : [attached], used: 0 };
  }
  const stop = following.findIndex((word) => optionName(word) !== undefined);
  const available = stop < 0 ? following : following.slice(0, stop);
  const onlyFirst = kind === "value" || (kind === "text" && available[0]?.quoted === true);
  const taken = (onlyFirst ? available.slice(0, 1) : available).map((word) => word.text);
  return {
    taken: kind === "text" && taken.length > 0 ? [taken.join(" ")] : taken,
    used: taken.length,
  };
}

function optionName(
  word: Word,
): { readonly name: string; readonly value: string | undefined } | undefined {
  const match = word.quoted ? null : /^--?([a-z][a-z0-9-]*)(?:=([\s\S]*))?$/i.exec(word.text);
  return match ? { name: (match[1] ?? "").toLowerCase(), value: match[2] } : undefined;
}

function find(typed: string, options: Readonly<Record<string, OptionSpec>>): string | undefined {
  return Object.entries(options).find(
    ([name, { aliases = [] }]) => name === typed || aliases.includes(typed),
  )?.[0];
}

function unknownOption(typed: string, options: Readonly<Record<string, OptionSpec>>): string {
  const names = Object.keys(options);
  const [guess] = didYouMean(typed, names);
  const hint = guess === undefined ? "" : ` Did you mean ${spell(guess)}?`;
  const spelled = spell(typed);
  return `I do not know the option ${spelled}.${hint} If ${spelled} is a name, put it in quotes.`;
}

function spell(name: string): string {
  return name.length === 1 ? `-${name}` : `--${name}`;
}

function splitNames(text: string): readonly string[] {
  return text
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
}
