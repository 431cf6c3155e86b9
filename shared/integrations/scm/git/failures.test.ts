import { describe, expect, it } from "vitest";
import { complaint, sortGitFailure } from "./failures.ts";

describe(sortGitFailure, () => {
  it.each([
    ["fatal: unable to access 'https://h/': Could not resolve host: h", "unavailable"],
    ["ssh: connect to host h port 22: Connection refused", "unavailable"],
    ["fatal: unable to access 'https://h/': The requested URL returned error: 503", "unavailable"],
    ["fatal: the remote end hung up unexpectedly", "unavailable"],
    ["fatal: write error: No space left on device", "unavailable"],
    ["fatal: Authentication failed for 'https://h/x'", "repository_unreadable"],
    [
      "fatal: could not read Username for 'https://h': terminal prompts disabled",
      "repository_unreadable",
    ],
    ["git@h: Permission denied (publickey).", "repository_unreadable"],
    ["fatal: detected dubious ownership in repository at '/x'", "repository_unreadable"],
    ["fatal: repository 'https://h/x/' not found", "repository_missing"],
    ["fatal: '/x' does not appear to be a git repository", "repository_missing"],
    ["fatal: not a git repository: '/x'", "repository_unreadable"],
    ["error: unable to open object: Permission denied", "repository_unreadable"],
    ["", "repository_unreadable"],
  ])("%j is %s", (stderr, code) => {
    const failure = sortGitFailure({ operation: "reading", stderr });
    expect(failure.code).toBe(code);
    expect(failure.remedy).not.toBe("");
  });
});

describe(complaint, () => {
  it.each([
    ["hint: a\nwarning: b\nfatal: it broke.\n", "it broke"],
    ["something\nerror: worse", "worse"],
    ["", "it gave no reason"],
    ["fatal: \u202e\u001b[31mred", "[31mred"],
    ["fatal: https://ana:hush@h/x", "https://[secret]@h/x"],
  ])("%j → %j", (stderr, expected) => {
    expect(complaint(stderr)).toBe(expected);
  });

  it("is short however much was printed", () => {
    expect(complaint(`fatal: ${"x".repeat(5_000_000)}`).length).toBeLessThanOrEqual(300);
  });
});
