import { describe, expect, it } from "vitest";
import { commands } from "../commands/index.ts";
import { createCommandParser } from "./parse-command.ts";
import { parseUsage, sayUsage } from "./usage.ts";

/** What a part looks like in one line: `name kind [before] of`, `!` when it must be said. */
function lines(usage: string): readonly string[] {
  return parseUsage(usage).map(({ name, kind, required, before, of, choices }) =>
    [`${name}${required ? "!" : ""}`, kind, before, of === name ? "" : of, choices.join("|")]
      .filter((word) => word !== "")
      .join(" "),
  );
}

describe(parseUsage, () => {
  it.each([
    ["whoami", []],
    ["release <number>", ["number! word"]],
    ["plan <number> [to <environment>]", ["number! word", "environment word to"]],
    ["approve <number> as <role>", ["number! word", "role! word as"]],
    ["revoke <number> as <role> [of person]", ["number! word", "role! word as", "person word of"]],
    [
      "deploy <number> [--only service,…] [--from-wave wave]",
      ["number! word", "only list --only service", "from-wave word --from-wave wave"],
    ],
    [
      'cancel <n> [--roll-back] [-m "why"]',
      ["n! word", "roll-back flag --roll-back", "why text -m"],
    ],
    [
      'lock <environment> "why" [--for 2h]',
      ["environment! word", "why! text", "for word --for 2h"],
    ],
    ['notes <number> ["text"]', ["number! word", "text text"]],
    ['x [repository…] [--notes "…"]', ["repository list", "notes text --notes"]],
    [
      "depends <number> <repository> on <repository>[, …] | nothing",
      ["number! word", "repository! word", "repository! list on"],
    ],
    [
      "releases [all|open] [--branch name]",
      ["status choice all|open", "branch word --branch name"],
    ],
  ])("reads %s", (usage, parts) => {
    expect(lines(usage)).toEqual(parts);
  });

  it("refuses what it cannot read, so that no field is lost", () => {
    expect(() => parseUsage("x [one two three]")).toThrow(/cannot read "one two three"/);
    expect(() => parseUsage("x ???")).toThrow(/cannot read "\?\?\?"/);
  });
});

describe(sayUsage, () => {
  const parser = createCommandParser(commands);
  /** Something for each part, as somebody would fill it in. */
  const filled: Readonly<Record<string, string>> = {
    number: "12",
    deployment: "7",
    environment: "prod",
    service: "auth-service",
    repository: "auth-service",
    role: "dev",
    wave: "2",
    "2h": "2h",
    source: "feature/a b",
    destination: "master",
    name: "master",
    person: "quinn",
    command: "deploy",
  };

  it.each(commands.map((command) => [command.phrase, command] as const))(
    "says %s so that it is understood, with everything filled in and with as little as possible",
    (phrase, command) => {
      const parts = parseUsage(command.usage);
      const value = (kind: string, of: string, choices: readonly string[]) =>
        ({
          flag: true,
          text: 'They said: "no" @everyone\nand -m left',
          choice: choices[0] ?? "",
          list: `${filled[of] ?? ""}, user-service`,
          word: filled[of] ?? "",
        })[kind];
      const everything = parts.map((part) => {
        return { part, value: value(part.kind, part.of, part.choices) };
      });
      const least = everything.filter(({ part }) => part.required);

      for (const given of [everything, least]) {
        const parsed = parser.parse(sayUsage(phrase, given), true);
        expect(parsed).toMatchObject({ type: "command", command: { id: command.id } });
      }
    },
  );

  it("lets nobody slip an option or another word into a field", () => {
    const [number, role] = parseUsage("approve <number> as <role>");
    if (!number || !role) {
      throw new Error("there are two");
    }
    const said = sayUsage("approve", [
      { part: number, value: "12" },
      { part: role, value: 'qa" --as "admin' },
    ]);
    expect(said).toBe('approve 12 as "qa\\" --as \\"admin"');
    expect(parser.parse(said, true)).toMatchObject({ args: { role: 'qa" --as "admin' } });
  });
});
