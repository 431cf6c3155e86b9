import { describe, expect, it } from "vitest";
import { nearest } from "./nearest.ts";

describe(nearest.name, () => {
  const known = ["deploy", "plan", "promote", "rollback", "status"];

  it.each([
    ["depoly", "deploy"],
    ["Promot", "promote"],
    ["rolback", "rollback"],
    ["statsu", "status"],
    ["plna", "plan"],
  ])("takes %s for %s", (word, meant) => {
    expect(nearest(word, known)).toEqual([meant]);
  });

  it("suggests nothing for a word that is like none", () => {
    expect(nearest("banana", known)).toEqual([]);
    expect(nearest("x".repeat(1_000_000), known)).toEqual([]);
  });

  it("gives several, nearest first, when asked", () => {
    expect(nearest("prod", ["preprod", "prod1", "pod", "prodx2"], 2)).toEqual(["pod", "prod1"]);
  });
});
