import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cleanLines, cleanText, didYouMean, joinWords, pluralise, webAddress } from "./text.ts";

const hidden = /[\u0000-\u001F\u007F-\u009F\u061C\u200B-\u200F\u202A-\u202E\u2060-\u2069\uFEFF]/; // eslint-disable-line no-control-regex -- they are what is looked for

describe(cleanText.name, () => {
  it.each([
    ["  two   words ", "two words"],
    ["line\nbreak\ttab\u2028end", "line break tab end"],
    ["a\u0000b\u001B[31mc", "ab[31mc"],
    ["safe\u202Etxt.exe", "safetxt.exe"],
    ["\u2066x\u2069\u200By\uFEFF", "xy"],
    ["tag\u{E0041}ged", "tagged"],
    ["half \uD83D pair", "half pair"],
    ["Zürich 東京 🚀", "Zürich 東京 🚀"],
    [" \u200B ", ""],
  ])("makes %j into %j", (text, expected) => {
    expect(cleanText(text, 100)).toBe(expected);
  });

  it("cuts what is too long, never through a character", () => {
    expect(cleanText("abcdef", 6)).toBe("abcdef");
    expect(cleanText("abcdefg", 6)).toBe("abcde…");
    expect(cleanText("abcd🚀fg", 6)).toBe("abcd…");
    expect(cleanText("abc", 1)).toBe("…");
    expect(cleanText("abc", 0)).toBe("");
  });

  it("leaves nothing hidden and nothing too long, and changes nothing the second time", () => {
    const any = fc.array(
      fc.oneof(
        fc.string({ unit: "binary" }),
        fc.constantFrom("\u202E", "\u200B", "\u0000", " ", "\n", "\uD800"),
      ),
    );
    fc.assert(
      fc.property(any, fc.integer({ min: 1, max: 50 }), (parts, limit) => {
        const clean = cleanText(parts.join(""), limit);
        expect(clean).not.toMatch(hidden);
        expect(clean.length).toBeLessThanOrEqual(limit);
        expect(cleanText(clean, limit)).toBe(clean);
      }),
      { numRuns: 500 },
    );
  });
});

describe(cleanLines.name, () => {
  it("keeps lines and indentation, not piles of empty ones", () => {
    expect(cleanLines("\n\na\r\n  b\u202E \r\n\r\n\r\n\r\nc\u0000\n", 100)).toBe("a\n  b\n\nc");
  });

  it("cuts what is too long", () => {
    expect(cleanLines("ab\ncd", 4)).toBe("ab\n…");
  });
});

describe(pluralise.name, () => {
  it.each([
    [0, "0 commits"],
    [1, "1 commit"],
    [2, "2 commits"],
    [12_345, "12,345 commits"],
  ])("%d", (count, expected) => {
    expect(pluralise(count, "commit")).toBe(expected);
  });

  it("knows words that do not just take an s", () => {
    expect(pluralise(2, "person", "people")).toBe("2 people");
  });
});

describe(joinWords.name, () => {
  it.each<[string[], string]>([
    [[], ""],
    [["a"], "a"],
    [["a", "b"], "a and b"],
    [["a", "b", "c"], "a, b and c"],
  ])("joins %j", (words, expected) => {
    expect(joinWords(words)).toBe(expected);
  });

  it("uses another last word", () => {
    expect(joinWords(["a", "b", "c"], "or")).toBe("a, b or c");
  });
});

describe(didYouMean.name, () => {
  const known = ["release", "releases", "reject", "rollback", "auth-service"];

  it.each([
    ["rel", ["release", "releases"]],
    ["relase", ["release", "releases"]],
    ["AUTH", ["auth-service"]],
    ["auht-service", ["auth-service"]],
    ["release", []],
    ["zzz", []],
    ["", []],
  ])("for %j: %j", (input, expected) => {
    expect(didYouMean(input, known)).toEqual(expected);
  });

  it("names no more than wanted, each once", () => {
    expect(didYouMean("re", known, 1)).toEqual(["reject"]);
    expect(didYouMean("releas", known)).toEqual(["release", "releases"]);
  });
});

describe(webAddress.name, () => {
  it.each([
    ["https://ci.example.com/runs/7?a=b#c", "https://ci.example.com/runs/7?a=b#c"],
    ["http://ci.example.com", "http://ci.example.com/"],
    ["javascript:alert(1)", null],
    [" JavaScript:alert(1)", null],
    ["data:text/html,x", null],
    ["/runs/7", null],
    ["", null],
  ])("%j is %j", (given, address) => {
    expect(webAddress(given)).toBe(address);
  });
});
