import { describe, expect, it } from "vitest";
import { CommandOptions } from "./options.ts";

const minimal = { apply: ["./deploy.sh", "{service}"], observe: ["./current.sh", "{service}"] };

describe("the options of the command target", () => {
  it("need no more than apply and observe", () => {
    expect(CommandOptions.parse(minimal)).toMatchObject({
      ...minimal,
      env: {},
      pass_env: ["PATH"],
      grace: 5_000,
      observe_timeout: 30_000,
    });
  });

  it.each([
    ["a line for a shell", { apply: "./deploy.sh {service}" }, ["apply"], "expected array"],
    ["no program", { apply: [] }, ["apply"], "must name a program"],
    ["an empty program", { observe: [" "] }, ["observe"], "must name a program"],
    [
      "a placeholder as the program",
      { apply: ["{service}"] },
      ["apply", 0],
      "cannot be a placeholder",
    ],
    ["an unknown placeholder", { apply: ["x", "{comit}"] }, ["apply", 1], "no placeholder {comit}"],
    [
      "a version to observe",
      { observe: ["x", "{version}"] },
      ["observe", 1],
      "no placeholder {version}",
    ],
    [
      "a reserved variable",
      { env: { SLIPWAY_COMMIT: "x" } },
      ["env", "SLIPWAY_COMMIT"],
      "Invalid key",
    ],
    ["passing one of our own on", { pass_env: ["SLIPWAY_CONFIG"] }, ["pass_env", 0], "reserved"],
    ["a time-out without a unit", { timeout: 60 }, ["timeout"], "not a duration"],
    ["an unknown key", { aply: ["x"] }, [], "Unrecognized key"],
  ])("refuse %s", (_what, more, path, message) => {
    const { error } = CommandOptions.safeParse({ ...minimal, ...more });
    expect(error?.issues[0]?.path).toEqual(path);
    expect(error?.issues[0]?.message).toContain(message);
  });

  it("suggest the placeholder that was meant", () => {
    const { error } = CommandOptions.safeParse({ ...minimal, apply: ["x", "{comit}"] });
    expect(error?.issues[0]).toMatchObject({ params: { fix: "Did you mean {commit}?" } });
  });
});
