import { describe, expect, it } from "vitest";
import { substitute } from "./placeholders.ts";

describe(substitute.name, () => {
  const values = {
    service: "billing",
    version: "1.2.0",
    commit: "c".repeat(40),
    digest: null,
    path: "",
  };

  it.each([
    [
      ["./d.sh", "{service}"],
      ["./d.sh", "billing"],
    ],
    [
      ["./d.sh", "--to={version}", "{service}-{version}"],
      ["./d.sh", "--to=1.2.0", "billing-1.2.0"],
    ],
    [
      ["awk", "{{print $1}}"],
      ["awk", "{print $1}"],
    ],
    [
      ["x", "${HOME} {service}"],
      ["x", "${HOME} billing"],
    ],
    [
      ["x", "{path}", "{ }", "{}"],
      ["x", "", "{ }", "{}"],
    ],
  ] as const)("fills %j", ([program, ...args], expected) => {
    expect(substitute([program, ...args], values)).toEqual({ ok: true, argv: expected });
  });

  it.each([
    ["an option", { version: "--upload-pack=x" }, "read as an option"],
    ["an option behind a prefix", { version: "-rf" }, "read as an option"],
    ["a way out of the folder", { version: "../../etc" }, "out of its folder"],
    ["control characters", { version: "1\n2" }, "control characters"],
    ["a zero character", { version: "1\u00002" }, "control characters"],
    ["nothing", { version: null }, "not known"],
  ])("refuses a value that is %s", (_what, more, why) => {
    const result = substitute(["x", "v{version}"], { ...values, ...more });
    expect(result).toMatchObject({ ok: false, why: expect.stringContaining(why) as unknown });
  });

  it("does not mind such a value where it is not used", () => {
    expect(substitute(["x", "{service}"], { ...values, version: "-rf" }).ok).toBe(true);
  });

  it("keeps one argument one argument, whatever it contains", () => {
    const service = `a b; rm -rf "$HOME" $(id) \`id\``;
    expect(substitute(["x", "{service}"], { service })).toEqual({ ok: true, argv: ["x", service] });
  });
});
