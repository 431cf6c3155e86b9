import { execFileSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { coAuthorLines, toAuthors, toMessage } from "./commit-text.ts";

describe(toAuthors, () => {
  it.each([
    ["", [{ name: "Ana", email: "ana@x" }]],
    [
      "Bo <bo@x>",
      [
        { name: "Ana", email: "ana@x" },
        { name: "Bo", email: "bo@x" },
      ],
    ],
    ["Ana again <ANA@x>", [{ name: "Ana", email: "ana@x" }]],
    [
      "Bo",
      [
        { name: "Ana", email: "ana@x" },
        { name: "Bo", email: "" },
      ],
    ],
    [
      "<bo@x>",
      [
        { name: "Ana", email: "ana@x" },
        { name: "bo@x", email: "bo@x" },
      ],
    ],
    [
      "B\u202eo\u200b <bo@x>\nBo <bo@x>",
      [
        { name: "Ana", email: "ana@x" },
        { name: "Bo", email: "bo@x" },
      ],
    ],
  ])("with co-authors %j", (coAuthors, expected) => {
    expect(toAuthors("Ana", "ana@x", coAuthors)).toEqual(expected);
  });
});

describe(toMessage, () => {
  it.each([
    ["title", { title: "title", body: "" }],
    ["\n\n title \r\n\r\nbody\r\nmore\n", { title: "title", body: "body\nmore" }],
    ["", { title: "", body: "" }],
  ])("%j", (message, expected) => {
    expect(toMessage(message)).toEqual(expected);
  });
});

describe(coAuthorLines, () => {
  /** git is the judge of what a trailer is. */
  function asGit(message: string): string {
    const out = execFileSync("git", ["interpret-trailers", "--parse"], { input: message });
    return out
      .toString()
      .split("\n")
      .flatMap((line) => /^co-authored-by: (.*)$/i.exec(line)?.[1] ?? [])
      .join("\n");
  }

  it.each([
    ["none", "feat: a\n\nbody"],
    ["one", "feat: a\n\nCo-authored-by: Bo <bo@x>"],
    [
      "several, in any letters",
      "feat: a\n\nbody\n\nCO-AUTHORED-BY: Bo <bo@x>\nco-authored-by: Ci <ci@x>\n",
    ],
    ["among others", "feat: a\n\nReviewed-by: Di <di@x>\nCo-authored-by: Bo <bo@x>\nRefs: 12"],
    ["folded", "feat: a\n\nCo-authored-by: Bo\n <bo@x>\nRefs: 12"],
    ["only in the title", "Co-authored-by: Bo <bo@x>"],
    ["in a paragraph that is not the last", "feat: a\n\nCo-authored-by: Bo <bo@x>\n\nbody"],
    ["in a paragraph with prose", "feat: a\n\nI worked with\nCo-authored-by: Bo <bo@x>"],
    [
      "with prose, but signed off",
      "feat: a\n\n(see the list)\nSigned-off-by: Di <di@x>\nCo-authored-by: Bo <bo@x>",
    ],
    ["with carriage returns", "feat: a\r\n\r\nCo-authored-by: Bo <bo@x>\r\n"],
    ["after an empty line with spaces", "feat: a\n  \nCo-authored-by: Bo <bo@x>"],
  ])("%s", (_what, message) => {
    expect(coAuthorLines(message)).toBe(asGit(message).replaceAll("\r", ""));
  });
});
