import { describe, expect, it } from "vitest";
import { contributors } from "./contributors.ts";

const ana = { name: "Ana", email: "ana@example.com" };
const ben = { name: "Ben", email: "ben@example.com" };

describe(contributors.name, () => {
  it("counts authors and co-authors once per e-mail, the busiest first", () => {
    expect(
      contributors([
        { sha: "3", authors: [ben] },
        { sha: "2", authors: [{ name: "Ana B.", email: " ANA@example.com" }, ben] },
        { sha: "1", authors: [ben, ana] },
      ]),
    ).toEqual([
      { name: "Ben", email: "ben@example.com", commitCount: 3 },
      { name: "Ana B.", email: "ana@example.com", commitCount: 2 },
    ]);
  });

  it("counts a commit once, however often it is listed", () => {
    const commit = { sha: "1", authors: [ana, ana] };
    expect(contributors([commit, commit])).toEqual([{ ...ana, commitCount: 1 }]);
  });

  it("sorts equals by name and falls back on the e-mail", () => {
    expect(
      contributors([{ sha: "1", authors: [ben, { name: " ", email: "x@example.com" }, ana] }]).map(
        ({ name }) => name,
      ),
    ).toEqual(["Ana", "Ben", "x@example.com"]);
  });

  it("takes a later name when the newest commit has none", () => {
    expect(
      contributors([
        { sha: "2", authors: [{ name: "", email: ana.email }] },
        { sha: "1", authors: [ana] },
      ]),
    ).toEqual([{ ...ana, commitCount: 2 }]);
  });

  it("has nobody for nothing", () => {
    expect(contributors([])).toEqual([]);
  });
});
