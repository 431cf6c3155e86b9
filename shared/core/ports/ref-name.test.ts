import { describe, expect, it } from "vitest";
import { RefInvalid } from "../../errors/catalog.ts";
import { isCommitId, requireCommitId, requireRefName, requireRefPrefix } from "./ref-name.ts";

describe(requireRefName, () => {
  it.each([
    "uat",
    'feature/it\'s-"quoted"',
    "$(touch-x)",
    "a;b|c&d>e<f`g`",
    "release/2026.11",
    "größe",
    "日本語",
    "a@b",
    "-".padStart(2, "x"),
    "x".repeat(250),
    "0123456789".repeat(4),
  ])("lets %j pass", (ref) => {
    expect(() => requireRefName(ref)).not.toThrow();
  });

  it.each([
    ["", "empty"],
    ["-f", "begins with"],
    ["--upload-pack=x", "begins with"],
    ["a..b", '".."'],
    ["a@{1}", '"@{"'],
    ["@", "only"],
    ["a b", "space"],
    ["a\u00a0b", "space"],
    ["a\nb", "control"],
    ["a\0b", "control"],
    ["a\u007fb", "control"],
    ["a\ud800b", "control"],
    ["a~1", "~ ^"],
    ["a^", "~ ^"],
    ["a:b", "~ ^"],
    ["a?b", "~ ^"],
    ["a*b", "~ ^"],
    ["a[b", "~ ^"],
    ["a\\b", "~ ^"],
    ["/a", "empty part"],
    ["a/", "empty part"],
    ["a//b", "empty part"],
    [".a", 'begins with "."'],
    ["a/.b", 'begins with "."'],
    ["a.", 'ends with "."'],
    ["a.lock", ".lock"],
    ["a.lock/b", ".lock"],
    ["ma\u202ester", "invisible"],
    ["ma\u2066ster", "invisible"],
    ["ma\u200bster", "invisible"],
    ["ma\ufeffster", "invisible"],
    ["ma\u00adster", "invisible"],
    ["ma\u3164ster", "invisible"],
    ["x".repeat(251), "more than 250"],
  ])("refuses %j because of %s", (ref, why) => {
    expect(() => requireRefName(ref)).toThrow(RefInvalid);
    expect(() => requireRefName(ref)).toThrow(why);
  });

  it("answers a name of 5 MB with a short sentence", () => {
    const message = messageOf(() => requireRefName("x".repeat(5_000_000)));
    expect(message).toContain("5,000,000 characters");
    expect(message.length).toBeLessThan(250);
  });

  it("shows no character that could reorder or hide its own sentence", () => {
    expect(messageOf(() => requireRefName("ma\u202ester\u200b"))).not.toMatch(/\p{Cf}/u);
  });
});

describe(requireRefPrefix, () => {
  it.each(["", "feature/", "a."])("lets %j pass", (prefix) => {
    expect(() => requireRefPrefix(prefix)).not.toThrow();
  });
  it.each(["-", "a b", "*", "a//", "x".repeat(300)])("refuses %j", (prefix) => {
    expect(() => requireRefPrefix(prefix)).toThrow(RefInvalid);
  });
});

describe(requireCommitId, () => {
  it.each([
    ["0".repeat(40), true],
    ["a".repeat(64), true],
    ["A".repeat(40), false],
    ["0".repeat(39), false],
    [`${"0".repeat(40)}\n`, false],
    ["HEAD", false],
  ])("%j → %s", (sha, isId) => {
    expect(isCommitId(sha)).toBe(isId);
    if (isId) {
      requireCommitId(sha);
    } else {
      expect(() => requireCommitId(sha)).toThrow(RefInvalid);
    }
  });
});

function messageOf(run: () => void): string {
  try {
    run();
  } catch (error) {
    return error instanceof Error ? error.message : "";
  }
  return "";
}
