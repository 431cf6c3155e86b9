import { describe, expect, it } from "vitest";
import { CommandUnknown } from "../../shared/errors/catalog.ts";
import { card } from "./card-builders.ts";
import type { Command } from "./command.ts";
import { defineCommand } from "./define-command.ts";
import { createCommandParser } from "./parse-command.ts";

function command(phrase: string, aliases: readonly string[] = []): Command {
  return defineCommand({
    id: `test.${phrase}`,
    phrase,
    aliases,
    summary: "",
    usage: `${phrase} [number]`,
    group: "help",
    permission: "anyone",
    changes: false,
    examples: [],
    read: (input) => ({ release: input.optionalNumber("a number") }),
    run: async () => ({ card: card(phrase, "neutral") }),
  });
}

const parser = createCommandParser([
  command("help", ["?"]),
  command("create-release", ["create release"]),
  command("approve"),
  command("release"),
  command("releases"),
]);

function parse(text: string, direct = true) {
  const parsed = parser.parse(text, direct);
  return parsed.type === "ignore" ? "ignore" : [parsed.command.phrase, parsed.args];
}

describe(createCommandParser.name, () => {
  it.each([
    ["approve 12", ["approve", { release: 12 }]],
    ["APPROVE #12", ["approve", { release: 12 }]],
    ["create-release 3", ["create-release", { release: 3 }]],
    ["Create Release 3", ["create-release", { release: 3 }]],
    ["help!", ["help", { release: undefined }]],
    ["?", ["help", { release: undefined }]],
    ["", ["help", { release: undefined }]],
    ["`release 4`", ["release", { release: 4 }]],
  ])("reads %j", (text, expected) => {
    expect(parse(text)).toEqual(expected);
  });

  it.each(["", "nice weather today", "approved, thanks", "x ".repeat(2_500)])(
    "ignores chatter that is not for it: %.30s",
    (text) => {
      expect(parse(text, false)).toBe("ignore");
    },
  );

  it.each([
    ["aprove 12 as dev", ["approve 12 as dev"]],
    ["relaese 12", ["release 12", "releases 12"]],
    ["create-relase uat master", ["create-release uat master"]],
    ["qwertz", []],
  ])("suggests what %j may have meant", (text, suggestions) => {
    try {
      parse(text);
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(CommandUnknown);
      expect(error).toMatchObject({ data: { suggestions } });
    }
  });

  it("says what is wrong with a known command, with its usage", () => {
    expect(() => parse("approve twelve")).toThrow('"twelve" is not a number');
  });

  it("keeps an unknown word short in the answer", () => {
    expect(() => parse("x".repeat(3_000))).toThrow(/^I do not know "x{59}…"\.$/);
  });

  it("does not start with two commands of one name", () => {
    expect(() => createCommandParser([command("a"), command("b", ["a"])])).toThrow('called "a"');
  });
});
