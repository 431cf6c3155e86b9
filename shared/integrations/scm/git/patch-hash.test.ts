import { describe, expect, it } from "vitest";
import { createPatchHash } from "./patch-hash.ts";

function identityOf(...pieces: readonly (string | Buffer)[]): string {
  const hash = createPatchHash();
  pieces.forEach((piece) => hash.take(Buffer.from(piece)));
  return hash.identity();
}

const id = (digit: string) => digit.repeat(40);
const text = (index: string, hunk: string) =>
  `diff --git a/x b/x\nindex ${index} 100644\n--- a/x\n+++ b/x\n${hunk}`;
const patch = text(
  `${id("1")}..${id("2")}`,
  "@@ -10,2 +10,3 @@ function a() {\n one\n+two\n three\n",
);
const binary = (from: string, to: string) =>
  `diff --git a/x b/x\nindex ${from}..${to} 100644\nBinary files a/x and b/x differ\n`;

describe(createPatchHash, () => {
  it.each([
    [
      "line numbers",
      text(`${id("1")}..${id("2")}`, "@@ -99 +101,3 @@ function a() {\n one\n+two\n three\n"),
    ],
    [
      "ids of text contents",
      text(`${id("3")}..${id("4")}`, "@@ -10,2 +10,3 @@ function a() {\n one\n+two\n three\n"),
    ],
  ])("does not depend on %s", (_what, same) => {
    expect(identityOf(same)).toBe(identityOf(patch));
  });

  it.each([
    ["a changed line", patch.replace("+two", "+zwei")],
    ["white space", patch.replace("+two", "+two ")],
    ["a line end", patch.replace("+two", "+two\r")],
    ["context", patch.replace(" one", " eins")],
    ["the heading", patch.replace("function a()", "function b()")],
    ["a missing last line break", `${patch}\\ No newline at end of file\n`],
    ["the mode", patch.replace("100644", "100755")],
    ["the file's name", patch.replaceAll("/x", "/y")],
    ["another file", `${patch}${binary(id("1"), id("2"))}`],
    ["content that looks like a header", patch.replace("+two", "+index 1..2")],
  ])("depends on %s", (_what, other) => {
    expect(identityOf(other)).not.toBe(identityOf(patch));
  });

  it("depends on both contents of binary files", () => {
    const pairs = [
      [id("1"), id("2")],
      [id("1"), id("3")],
      [id("3"), id("2")],
    ] as const;
    expect(new Set(pairs.map(([from, to]) => identityOf(binary(from, to)))).size).toBe(3);
  });

  it("tells an empty new file from none", () => {
    const empty = `diff --git a/x b/x\nnew file mode 100644\nindex ${id("0")}..${id("e")}\n`;
    expect(identityOf(empty)).not.toBe(identityOf(""));
    expect(identityOf(empty)).not.toBe(identityOf(empty.replace("100644", "120000")));
  });

  it("is the same however the patch arrives", () => {
    const bytes = Buffer.from(patch + binary(id("1"), id("2")) + patch.replaceAll("/x", "/ü"));
    const whole = identityOf(bytes);
    for (let at = 1; at < bytes.length; at += 1) {
      expect(identityOf(bytes.subarray(0, at), bytes.subarray(at))).toBe(whole);
    }
    expect(identityOf(...Array.from(bytes, (byte) => Buffer.from([byte])))).toBe(whole);
  });
});
