import { describe, expect, it } from "vitest";
import { newId, randomToken } from "./ids.ts";

describe(randomToken.name, () => {
  it.each([0, 1, 10, 43])("is %d letters and digits long", (length) => {
    expect(randomToken(length)).toMatch(new RegExp(`^[0-9A-Za-z]{${length}}$`));
  });

  it("does not repeat and uses the whole alphabet", () => {
    const tokens = Array.from({ length: 1000 }, () => randomToken(22));
    expect(new Set(tokens).size).toBe(1000);
    expect(new Set(tokens.join("")).size).toBe(62);
  });
});

describe(newId.name, () => {
  it("is a UUID", () => {
    expect(newId()).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
  });
});
