import { describe, expect, it } from "vitest";
import { AppError } from "../../shared/errors/app-error.ts";
import { MAX_COMMAND_LENGTH, splitWords } from "./words.ts";

function texts(input: string): readonly string[] {
  return splitWords(input).map((word) => word.text);
}

describe(splitWords.name, () => {
  it.each([
    ["approve 12 as dev", ["approve", "12", "as", "dev"]],
    ["  approve\t12\n as   dev ", ["approve", "12", "as", "dev"]],
    ["approve\u00A012\u3000as dev", ["approve", "12", "as", "dev"]],
    ['close 12 -m "no longer needed"', ["close", "12", "-m", "no longer needed"]],
    ["close 12 -m “no longer needed”", ["close", "12", "-m", "no longer needed"]],
    ["close 12 -m „no longer needed“", ["close", "12", "-m", "no longer needed"]],
    ["close 12 -m «no longer needed»", ["close", "12", "-m", "no longer needed"]],
    ["close 12 -m 'no longer needed'", ["close", "12", "-m", "no longer needed"]],
    ["close 12 -m 'it isn't needed'", ["close", "12", "-m", "it isn't needed"]],
    ["close 12 -m don't", ["close", "12", "-m", "don't"]],
    ['notes 12 "say \\"hi\\" twice"', ["notes", "12", 'say "hi" twice']],
    ['notes 12 "one\ntwo"', ["notes", "12", "one\ntwo"]],
    ["notes 12 ```\n# Title\n\ntext\n```", ["notes", "12", "# Title\n\ntext"]],
    ["`approve 12 as dev`", ["approve", "12", "as", "dev"]],
    ["```\napprove 12 as dev\n```", ["approve", "12", "as", "dev"]],
    ["approve `12` as `dev`", ["approve", "12", "as", "dev"]],
    ["app\u200Brove 12 as \u202Edev\uFEFF", ["approve", "12", "as", "dev"]],
    ['create-release a b --notes="two words"', ["create-release", "a", "b", "--notes=two words"]],
    ["create-release a b —exclude c", ["create-release", "a", "b", "--exclude", "c"]],
    ['notes 12 ""', ["notes", "12", ""]],
    ["", []],
    [" \u200B ", []],
  ])("cuts %j into words", (input, expected) => {
    expect(texts(input)).toEqual(expected);
  });

  it("remembers which words were quoted", () => {
    expect(splitWords('deploy "--only" x')).toEqual([
      { text: "deploy", quoted: false },
      { text: "--only", quoted: true },
      { text: "x", quoted: false },
    ]);
  });

  it.each(['notes 12 "open', "notes 12 “open", "notes 12 ```open"])(
    "says that a quote is not closed in %j",
    (input) => {
      expect(() => splitWords(input)).toThrow(/never closed/);
    },
  );

  it("refuses a pasted novel with the limit, and takes what just fits", () => {
    expect(() => splitWords("x".repeat(MAX_COMMAND_LENGTH + 1))).toThrow("4,000 characters");
    expect(texts("x".repeat(MAX_COMMAND_LENGTH))).toHaveLength(1);
  });

  it("throws nothing but errors for people, whatever comes", () => {
    const alphabet = ['"', "“", "'", "`", "```", "\\", " ", "-", "=", "a", "\u202E", "\n"];
    for (let seed = 0; seed < 3_000; seed += 1) {
      const input = Array.from(
        { length: seed % 12 },
        (_, index) => alphabet[(seed * 7 + index * (seed % 11)) % alphabet.length],
      ).join("");
      try {
        splitWords(input);
      } catch (error) {
        expect(error).toBeInstanceOf(AppError);
      }
    }
  });
});
