import { describe, expect, it } from "vitest";
import { wordsOf } from "./words.ts";

describe(wordsOf.name, () => {
  it.each([
    ["Checkout-API: überfällig", ["checkout", "api", "uberfallig"]],
    ["release/2026.11 #42", ["release", "2026", "11", "42"]],
    ["pay pay PAY", ["pay"]],
    ["ﬁx the ﬂow", ["fix", "the", "flow"]],
    ["Straße ÇA Ǆ", ["straße", "ca", "dz"]],
    ["配送 서비스", ["配送", "서비스".normalize("NFKD")]],
    [`"; DROP TABLE x; -- ' \\ * ( NEAR`, ["drop", "table", "x", "near"]],
    ["%_\0\uD800", []],
    ["", []],
  ])("of %j are %j", (text, words) => {
    expect(wordsOf(text, 100)).toEqual(words);
  });

  it("are no more than asked for and never endless", () => {
    expect(wordsOf("a b c d", 2)).toEqual(["a", "b"]);
    expect(wordsOf("x".repeat(5_000), 2)).toEqual(["x".repeat(64)]);
    expect(wordsOf("𝒳".repeat(100), 1)).toEqual(["x".repeat(64)]);
  });
});
