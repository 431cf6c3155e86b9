import { describe, expect, it } from "vitest";
import { safeReturnTo } from "./return-to.ts";

const BASE = "https://releases.example.com";

describe(safeReturnTo.name, () => {
  it.each([
    "/",
    "/releases/12",
    "/releases?status=open#top",
    "/link/abc",
    "/room?channel=releases",
  ])("goes to %s", (path) => {
    expect(safeReturnTo(path, BASE)).toBe(path);
  });

  it.each([
    "https://evil.example/",
    "//evil.example",
    "/\\evil.example",
    "/\t//evil.example",
    "/.//evil.example",
    "/a/..//evil.example",
    "\\\\evil.example",
    "javascript:alert(1)",
    "releases",
    "",
    "/auth/logout",
    "/idp/session/end",
    "/api/v1/me",
    `/${"a".repeat(3_000)}`,
    undefined,
    ["/releases"],
  ])("goes to the start page instead of %j", (wanted) => {
    expect(safeReturnTo(wanted, BASE)).toBe("/");
  });
});
