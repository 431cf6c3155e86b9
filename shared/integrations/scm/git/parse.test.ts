import { describe, expect, it } from "vitest";
import type { ChangedFile, Commit } from "../../../core/ports/scm.ts";
import {
  createCommitReader,
  createFieldReader,
  createFileReader,
  parseCounts,
  parseObjectNames,
  parseWorktrees,
} from "./parse.ts";

/** Every way to cut the same output in two must read the same. */
function inTwoPieces<T>(
  output: Buffer,
  read: (give: (item: T) => void) => (piece: Buffer) => void,
): T[] {
  const whole: T[] = [];
  read((item) => whole.push(item))(output);
  for (let at = 1; at < output.length; at += 1) {
    const items: T[] = [];
    const take = read((item) => items.push(item));
    take(output.subarray(0, at));
    take(output.subarray(at));
    expect(items).toEqual(whole);
  }
  return whole;
}

describe(createFieldReader, () => {
  it("keeps at most 64 kB of a field and all of the next", () => {
    const fields: string[] = [];
    const take = createFieldReader((field) => fields.push(field));
    for (let piece = 0; piece < 100; piece += 1) {
      take(Buffer.alloc(10_000, "x"));
    }
    take(Buffer.from("\0next\0"));
    expect(fields.map((field) => field.length)).toEqual([64_000, 4]);
  });
});

describe(createCommitReader, () => {
  it("reads records however they arrive", () => {
    const records = [
      [
        ">",
        "a".repeat(40),
        "Ana Müller",
        "ana@x",
        "1770000000",
        "feat: ü\n\nbody\n",
        "Bo <bo@x>\n\n",
      ],
      ["<", "b".repeat(40), "", "", "99999999999999999", "", ""],
    ];
    const output = Buffer.from(records.map((fields) => `${fields.join("\0")}\0`).join(""));
    const commits = inTwoPieces<readonly [Commit, string]>(output, (give) =>
      createCommitReader((commit, side) => give([commit, side])),
    );
    expect(commits.map(([, side]) => side)).toEqual(["head", "base"]);
    expect(commits.map(([commit]) => commit)).toEqual([
      {
        sha: "a".repeat(40),
        title: "feat: ü",
        body: "body",
        authors: [
          { name: "Ana Müller", email: "ana@x" },
          { name: "Bo", email: "bo@x" },
        ],
        authoredAt: new Date("2026-02-02T02:40:00Z"),
        url: null,
      },
      { sha: "b".repeat(40), title: "", body: "", authors: [], authoredAt: new Date(0), url: null },
    ]);
  });
});

describe(createFileReader, () => {
  it("reads every kind of change", () => {
    const output = Buffer.from("M\0a b\0A\0ü\0D\0x\ny\0R087\0old\0new\0C100\0one\0two\0T\0link\0");
    expect(inTwoPieces<ChangedFile>(output, createFileReader)).toEqual([
      { path: "a b", change: "modified" },
      { path: "ü", change: "added" },
      { path: "x\ny", change: "removed" },
      { path: "new", change: "renamed" },
      { path: "two", change: "added" },
      { path: "link", change: "modified" },
    ]);
  });
});

describe("small answers", () => {
  it("reads commit ids, and null for what is missing", () => {
    expect(parseObjectNames(`${"a".repeat(40)}\nrefs/heads/x^{commit} missing\n`)).toEqual([
      "a".repeat(40),
      null,
    ]);
  });
  it("reads counts", () => {
    expect(parseCounts("3\t12\n")).toEqual({ behind: 3, ahead: 12 });
  });
  it("reads where branches are checked out", () => {
    const output =
      "worktree /a b\nHEAD 1\nbranch refs/heads/x/y\n\nworktree /c\nHEAD 1\ndetached\n\nworktree /d\nbare\n\n";
    expect(parseWorktrees(output)).toEqual([{ path: "/a b", branch: "x/y" }]);
  });
});
