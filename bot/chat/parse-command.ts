import { CommandUnknown } from "../../shared/errors/catalog.ts";
import { didYouMean } from "../../shared/lib/text.ts";
import type { Command, Word } from "./command.ts";
import { MAX_COMMAND_LENGTH, splitWords } from "./words.ts";

/** What a message asks for. `ignore` is chatter that names no command. */
export type Parsed =
  | { readonly type: "command"; readonly command: Command; readonly args: unknown }
  | { readonly type: "ignore" };

/** Reads messages against a fixed set of commands. */
export interface CommandParser {
  /**
   * `direct` messages deserve an answer: what is not understood throws CommandUnknown with near misses. Throws CommandInvalid
   * with the usage when the command is known and the rest is not, and InputTooLarge.
   */
  parse(text: string, direct: boolean): Parsed;
}

/** Prepares a parser: looking up a command costs the same however many there are. An empty direct message asks for help. */
export function createCommandParser(commands: readonly Command[]): CommandParser {
  const byPhrase = new Map<string, Command>();
  for (const command of commands) {
    for (const phrase of [command.phrase, ...(command.aliases ?? [])]) {
      if (byPhrase.has(phrase)) {
        throw new Error(`two commands are called "${phrase}"`);
      }
      byPhrase.set(phrase, command);
    }
  }
  const phrases = [...byPhrase.keys()];

  return {
    parse(text, direct) {
      if (!direct && text.length > MAX_COMMAND_LENGTH) {
        return { type: "ignore" };
      }
      const words = splitWords(text);
      const found = words.length === 0 && direct ? lookUp([HELP]) : lookUp(words);
      if (found) {
        return { type: "command", command: found.command, args: found.command.parse(found.rest) };
      }
      if (!direct) {
        return { type: "ignore" };
      }
      throw unknown(words, suggest(words[0]?.text ?? ""));
    },
  };

  /** The phrases of the commands that a mistyped word is near to, each command once. */
  function suggest(typed: string): readonly string[] {
    const near = didYouMean(typed, phrases, 6).map(
      (phrase) => byPhrase.get(phrase)?.phrase ?? phrase,
    );
    return [...new Set(near)].slice(0, 3);
  }

  function lookUp(
    words: readonly Word[],
  ): { readonly command: Command; readonly rest: readonly Word[] } | undefined {
    const first = toPhrase(words[0]);
    const second = toPhrase(words[1]);
    // "create release uat master" is as good as "create-release uat master".
    const long = second === "" ? undefined : byPhrase.get(`${first} ${second}`);
    const command = long ?? byPhrase.get(first);
    return command && { command, rest: words.slice(long ? 2 : 1) };
  }
}

const HELP: Word = { text: "help", quoted: false };

function toPhrase(word: Word | undefined): string {
  // "status?" and "help!" are questions, not other words.
  return word?.text.toLowerCase().replace(/(?<=.)[?!.,:;]+$/, "") ?? "";
}

function unknown(words: readonly Word[], guesses: readonly string[]): Error {
  const first = words[0]?.text ?? "";
  const rest = words.slice(1).map((word) => (word.quoted ? `"${word.text}"` : word.text));
  const tail = rest.join(" ").length <= 100 ? rest : [];
  return new CommandUnknown({
    text: first.length > 60 ? `${first.slice(0, 59)}…` : first,
    suggestions: guesses.map((guess) => [guess, ...tail].join(" ")),
  });
}
