import { describe, expect, it } from "vitest";
import { commands } from "../../commands/index.ts";
import { createSlashCommand, lastWord, toChoices } from "./slash.ts";
import { readCommands } from "./testing/fake-rules.ts";

const slash = createSlashCommand(commands);

/** As Discord sends it: groups, commands, fields. */
function filled(path: readonly string[], fields: Readonly<Record<string, string | boolean>>) {
  const options = Object.entries(fields).map(([name, value]) => ({
    name,
    type: typeof value === "boolean" ? 5 : 3,
    value,
  }));
  const [command = "", group] = [...path].reverse();
  const inner = { name: command, type: 1, options };
  return [group === undefined ? inner : { name: group, type: 2, options: [inner] }];
}

describe(createSlashCommand, () => {
  it("is a command that Discord takes", () => {
    expect(() => readCommands([slash.definition])).not.toThrow();
  });

  it("has every command of ours, in the groups of help, and one for everything else", () => {
    const names = slash.definition.options.flatMap(({ name, type, options = [] }) =>
      type === 2 ? options.map((each) => `${name} ${each.name}`) : [name],
    );
    const expected = commands.map(({ group, phrase }) =>
      group === "help" || group === "history" ? phrase : `${group} ${phrase}`,
    );
    expect([...names].sort()).toEqual(["say", ...expected].sort());
  });

  it("asks for what a command needs first, and completes what we know", () => {
    const deploys = slash.definition.options.find(({ name }) => name === "deploys");
    expect(deploys?.options?.find(({ name }) => name === "rollback")).toEqual({
      type: 1,
      name: "rollback",
      description: "Go back to what an earlier deployment left, and pause automation there",
      options: [
        {
          type: 3,
          name: "environment",
          description: "Environment",
          required: true,
          autocomplete: true,
        },
        { type: 3, name: "why", description: "Why", required: true },
        {
          type: 3,
          name: "deployment",
          description: "Number of the deployment (to …)",
          autocomplete: true,
        },
        {
          type: 3,
          name: "service",
          description: "Service, or several with spaces between",
          autocomplete: true,
        },
      ],
    });
  });

  it.each([
    [["sign-off", "approve"], { release: "12", role: "dev" }, "approve 12 as dev"],
    [["deploys", "deployment"], { deployment: "7" }, "deployment 7"],
    [["deploys", "cancel"], { deployment: "7", "roll-back": true }, "cancel 7 --roll-back"],
    [["deploys", "cancel"], { deployment: "7", "roll-back": false }, "cancel 7"],
    [
      ["deploys", "deploy"],
      { release: "12", environment: "prod", only: "auth-service, api" },
      "deploy 12 to prod --only auth-service api",
    ],
    [
      ["environments", "promote"],
      { environment: "preprod", to: "prod", service: "api" },
      "promote preprod to prod api",
    ],
    [
      ["environments", "diff"],
      { environment: "preprod", "other-environment": "prod" },
      "diff preprod prod",
    ],
    [
      ["releases", "depends"],
      { release: "12", repository: "web", on: "api auth-service" },
      "depends 12 web on api auth-service",
    ],
    [
      ["environments", "lock"],
      { environment: "prod", why: 'Sale "is" on', for: "2h" },
      'lock prod "Sale \\"is\\" on" --for 2h',
    ],
    [["whoami"], {}, "whoami"],
    [["say"], { command: "help deploy" }, "help deploy"],
  ])("says what is filled in at %j %j", (path, fields, text) => {
    expect(slash.toText(filled(path, fields))).toBe(text);
  });

  it("says no more than its name of a command that it no longer has", () => {
    expect(slash.toText(filled(["old"], { release: "12" }))).toBe("old");
    expect(slash.toText([])).toBe("");
  });

  it("knows what somebody is typing", () => {
    const typing = [
      {
        name: "deploys",
        type: 2,
        options: [
          {
            name: "deploy",
            type: 1,
            options: [
              { name: "release", type: 3, value: "12" },
              { name: "only", type: 3, value: "auth", focused: true },
            ],
          },
        ],
      },
    ];
    expect(slash.focused(typing)).toEqual({ kind: "service", typed: "auth" });
    expect(slash.focused(filled(["whoami"], {}))).toBeUndefined();
  });
});

describe(toChoices, () => {
  it("keeps what was typed before the last word", () => {
    const typed = "auth-service, bill";
    expect(lastWord(typed)).toBe("bill");
    expect(toChoices([{ label: "billing", value: "billing" }], typed)).toEqual([
      { name: "auth-service, billing", value: "auth-service, billing" },
    ]);
  });

  it("offers no more and nothing longer than Discord takes", () => {
    const many = Array.from({ length: 40 }, (_, index) => ({
      label: `${"x".repeat(150)}${String(index)}`,
      value: String(index),
    }));
    const choices = toChoices([{ label: "long", value: "y".repeat(101) }, ...many], "");
    expect(choices).toHaveLength(25);
    expect(choices[0]?.value).toBe("0");
    expect(choices[0]?.name).toHaveLength(100);
  });
});
