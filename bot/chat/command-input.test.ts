import { describe, expect, it } from "vitest";
import { createCommandInput, type OptionSpec } from "./command-input.ts";
import { splitWords } from "./words.ts";

const options: Readonly<Record<string, OptionSpec>> = {
  exclude: { kind: "list" },
  m: { kind: "text", aliases: ["message"] },
  for: { kind: "value" },
  force: { kind: "flag" },
};

function input(text: string) {
  return createCommandInput(splitWords(text), { phrase: "try", usage: "try <n>" }, options);
}

describe(createCommandInput.name, () => {
  it.each([
    ["12", 12],
    ["#12", 12],
    ["999999999", 999_999_999],
  ])("reads %s as a number", (text, expected) => {
    expect(input(text).number("a number")).toBe(expected);
  });

  it.each(["0", "-1", "1.5", "twelve", "1e3", "##12", "9999999999", "12;drop"])(
    "refuses %j as a number",
    (text) => {
      expect(() => input(`"${text}"`).number("which release")).toThrow("Say which release.");
    },
  );

  it("reads options wherever they stand", () => {
    const read = input('--for 2h a -m "why not" b --exclude c, d e --force');
    expect(read.names()).toEqual(["a", "b"]);
    expect(read.option("for")).toBe("2h");
    expect(read.option("m")).toBe("why not");
    expect(read.optionList("exclude")).toEqual(["c", "d", "e"]);
    expect(read.hasFlag("force")).toBe(true);
  });

  it("takes an unquoted message up to the next option", () => {
    const read = input("12 --message not needed any more --force");
    expect(read.option("m")).toBe("not needed any more");
    expect(read.number("a number")).toBe(12);
  });

  it("leaves words after a quoted message alone", () => {
    expect(input('-m "why" a').names()).toEqual(["a"]);
  });

  it("takes a value after an equals sign", () => {
    expect(input("--for=2h").option("for")).toBe("2h");
  });

  it("takes quoted words for names, never for options or keywords", () => {
    const read = input('"--force" "as"');
    expect(read.hasFlag("force")).toBe(false);
    expect(read.word("a name")).toBe("--force");
    expect(read.takes("as")).toBe(false);
    expect(read.word("a name")).toBe("as");
  });

  it("reads keywords in any case", () => {
    expect(input("AS dev").takes("as")).toBe(true);
  });

  it.each([
    ["--forse", "Did you mean --force?"],
    ["--zzz", "put it in quotes"],
    ["--for", "needs a value"],
    ["--exclude --force", "needs a value"],
  ])("explains what is wrong with %j", (text, words) => {
    expect(() => input(text)).toThrow(words);
  });

  it("refuses words that nothing has read", () => {
    const read = input("12 what else");
    read.number("a number");
    expect(() => {
      read.end();
    }).toThrow('I do not understand "what else" here.');
  });
});
