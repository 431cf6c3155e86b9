import { describe, expect, it } from "vitest";
import {
  andMore,
  cut,
  cutBytes,
  disarmLinks,
  disarmMentions,
  firstOf,
  visible,
  ZERO_WIDTH_SPACE,
} from "./fit.ts";

describe("making text fit", () => {
  it.each([
    ["short", 10, "short"],
    ["exactly10!", 10, "exactly10!"],
    ["longer than ten", 10, "longer th…"],
    // Never half of a character.
    ["12345678😀90", 10, "12345678…"],
    ["anything", 0, ""],
  ])("cuts %j to %i characters", (text, limit, expected) => {
    expect(cut(text, limit)).toBe(expected);
  });

  it.each([
    ["plain", 24, "plain"],
    ["größer als erlaubt", 12, "größer …"],
    ["😀😀😀", 9, "😀…"],
  ])("cuts %j to %i bytes", (text, limit, expected) => {
    const kept = cutBytes(text, limit);
    expect(kept).toBe(expected);
    expect(Buffer.byteLength(kept)).toBeLessThanOrEqual(limit);
  });

  it("keeps one place for saying what is left out", () => {
    expect(firstOf([1, 2, 3], 3)).toEqual({ shown: [1, 2, 3], hidden: 0 });
    expect(firstOf([1, 2, 3, 4], 3)).toEqual({ shown: [1, 2], hidden: 2 });
    expect(andMore(1_200)).toBe("…and 1,200 more");
  });
});

describe("making text harmless", () => {
  it.each([
    ["\u202Egnp.exe", "gnp.exe"],
    ["a\u0000b\u200Bc\uFEFF", "abc"],
    ["broken \uD83D half", "broken  half"],
    ["two\nlines\tand a tab", "two\nlines\tand a tab"],
    ["whole 😀", "whole 😀"],
  ])("leaves out what nobody sees in %j", (text, expected) => {
    expect(visible(text)).toBe(expected);
  });

  it.each([
    ["@channel", `@${ZERO_WIDTH_SPACE}channel`],
    ["ask @Éva and @_x", `ask @${ZERO_WIDTH_SPACE}Éva and @${ZERO_WIDTH_SPACE}_x`],
    ["a @ b", "a @ b"],
  ])("takes the mention out of %j", (text, expected) => {
    expect(disarmMentions(text)).toBe(expected);
  });

  it.each([
    ["https://evil.example", `https:${ZERO_WIDTH_SPACE}//evil.example`],
    ["WWW.evil.example", `www${ZERO_WIDTH_SPACE}.evil.example`],
    ["mailto:a@b.c", `mailto${ZERO_WIDTH_SPACE}:a@b.c`],
    ["awww.x a:/b", "awww.x a:/b"],
  ])("takes the link out of %j", (text, expected) => {
    expect(disarmLinks(text)).toBe(expected);
  });
});
