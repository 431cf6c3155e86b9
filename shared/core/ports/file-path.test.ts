import { describe, expect, it } from "vitest";
import { FilePathInvalid } from "../../errors/catalog.ts";
import { requireFilePath } from "./file-path.ts";

describe("a path inside a repository", () => {
  it.each([
    "stack.yml",
    "deploy/stack.yml",
    ".env",
    "a/.b/c",
    "-x",
    "größe/日本.txt",
    "a b/$(x)",
    "..a/b..",
  ])("may be %j", (path) => {
    expect(() => requireFilePath(path)).not.toThrow();
  });

  it.each([
    ["", "it is empty"],
    ["/etc/passwd", 'it begins with "/"'],
    ["../stack.yml", 'it has ".." in it'],
    ["deploy/../../x", 'it has ".." in it'],
    ["deploy/..", 'it has ".." in it'],
    ["deploy//x", "it has an empty part in it"],
    ["./x", "it has an empty part in it"],
    ["deploy/./x", "it has an empty part in it"],
    ["deploy/", "it has an empty part in it"],
    ["a\\b", "it has a backslash in it"],
    ["a\nb", "it has a control character in it"],
    ["a\0b", "it has a control character in it"],
    ["x".repeat(1_001), "it has more than 1000 characters"],
    ["x".repeat(5_000_000), "it has more than 1000 characters"],
  ])("may not be %j", (path, why) => {
    expect(() => requireFilePath(path)).toThrow(FilePathInvalid);
    expect(() => requireFilePath(path)).toThrow(why);
  });

  it("shows no character that could turn the sentence around", () => {
    expect(() => requireFilePath("/a\u202eb")).toThrow('"/a\uFFFDb" cannot be the path');
  });
});
