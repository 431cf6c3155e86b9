import { describe, expect, it } from "vitest";
import { GitOptions } from "./options.ts";

describe("options of the git provider", () => {
  it.each([
    { root: "./repos" },
    {
      provider: "git",
      root: "./repos",
      include: ["*-service"],
      exclude: ["old-*"],
      timeout: "2m",
      concurrency: 3,
    },
    { url: "https://h/a.git", name: "gateway" },
    { urls: ["https://h/a.git", "git@h:b.git"] },
    { root: "./repos", url: "file:///a" },
  ])("take %j", (written) => {
    expect(GitOptions.safeParse(written).success).toBe(true);
  });

  it.each([
    [{}, "names no repository"],
    [{ root: "" }, "must not be empty"],
    [{ root: "r", name: "x" }, "there is no url"],
    [{ url: "http://h/a" }, "not an https, ssh or file address"],
    [{ urls: ["https://h/a", "https://i/a.git"] }, "two repositories would be called"],
    [{ url: "https://h/a", urls: ["https://i/a.git"] }, "two repositories would be called"],
    [{ root: "r", timeout: "30" }, "not a duration"],
    [{ root: "r", timeout: "0s" }, "longer than nothing"],
    [{ root: "r", concurrency: 0 }, "at least 1"],
    [{ root: "r", branch: "x" }, "branch"],
  ])("refuse %j", (written, message) => {
    expect(GitOptions.safeParse(written).error?.message).toContain(message);
  });

  it("have a limit on time and on processes by default", () => {
    const parsed = GitOptions.parse({ root: "r" });
    expect(parsed.timeout).toBe(30_000);
    expect(parsed.concurrency).toBeGreaterThanOrEqual(4);
  });
});
