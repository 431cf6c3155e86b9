import { format, inspect } from "node:util";
import { describe, expect, it } from "vitest";
import { Secret } from "./secret.ts";

describe(Secret.name, () => {
  const secret = new Secret("hunter2");

  it.each([
    ["String()", String(secret)],
    ["a template", [secret].join("")],
    ["conversion to a primitive", `${secret as unknown as string}`],
    ["JSON", JSON.stringify({ secret })],
    ["inspection", inspect({ deep: { secret } }, { showHidden: true, depth: 10 })],
    ["format %s", format("%s", secret)],
    ["format %o", format("%o", secret)],
    ["keys and values", JSON.stringify([Object.entries(secret), { ...secret }])],
  ])("never shows its value through %s", (_way, shown) => {
    expect(shown).not.toContain("hunter2");
  });

  it("gives its value to whoever asks by name", () => {
    expect(secret.reveal()).toBe("hunter2");
    expect(String(secret)).toBe("[secret]");
  });
});
