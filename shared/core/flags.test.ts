import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { itemFlags, matchesPath } from "./flags.ts";

describe(matchesPath.name, () => {
  it.each([
    ["**/migrations/**", "migrations/1.js", true],
    ["**/migrations/**", "services/auth/migrations/deep/1.js", true],
    ["**/migrations/**", "services/migrations-old/1.js", false],
    ["**/migrations/**", "docs/migrations", true],
    ["**/*.sql", "a.sql", true],
    ["**/*.sql", "db/x/a.sql", true],
    ["**/*.sql", "a.sql.txt", false],
    ["db/*.sql", "db/x/a.sql", false],
    ["db/**/a.sql", "db/a.sql", true],
    ["**", "anything/at/all", true],
    ["v?.sql", "v1.sql", true],
    ["v?.sql", "v12.sql", false],
    ["v?.sql", "v/.sql", false],
    ["*", "", true],
    ["a/**/b/**/c", "a/x/b/y/b/z/c", true],
    ["a/**/b/**/c", "a/x/c/y/c", false],
    ["*a*b", "xaxbxab", true],
    ["file.(sql)+", "file.(sql)+", true],
    ["file.sql", "fileXsql", false],
    ["**/é*.sql", "x/élan.sql", true],
  ])("%s against %s: %s", (pattern, path, expected) => {
    expect(matchesPath(pattern, path)).toBe(expected);
  });

  it("is not slowed down by a hostile pattern", () => {
    const pattern = `${"**/*a*a*a*/".repeat(50)}b`;
    expect(matchesPath(pattern, `${`${"a".repeat(100)}/`.repeat(100)}c`)).toBe(false);
  });

  it("agrees with trying every way to read a wildcard", () => {
    const piece = fc.constantFrom("a", "b", "*", "?");
    const name = fc.array(piece, { maxLength: 4 }).map((parts) => parts.join(""));
    const text = fc.array(fc.constantFrom("a", "b"), { maxLength: 4 }).map((c) => c.join(""));
    const pattern = fc.array(fc.oneof(fc.constant("**"), name), { minLength: 1, maxLength: 4 });
    const path = fc.array(text, { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(pattern, path, (parts, names) => {
        expect(matchesPath(parts.join("/"), names.join("/"))).toBe(slowly(parts, names));
      }),
      { numRuns: 2_000 },
    );
  });
});

function slowly(pattern: readonly string[], names: readonly string[]): boolean {
  const [part, ...rest] = pattern;
  const [name, ...others] = names;
  if (part === undefined) {
    return name === undefined;
  }
  if (part === "**") {
    return slowly(rest, names) || (name !== undefined && slowly(pattern, others));
  }
  return name !== undefined && slowlyOne(part, name) && slowly(rest, others);
}

function slowlyOne(part: string, name: string): boolean {
  if (part === "") {
    return name === "";
  }
  if (part.startsWith("*")) {
    return slowlyOne(part.slice(1), name) || (name !== "" && slowlyOne(part, name.slice(1)));
  }
  return (
    name !== "" &&
    (part[0] === "?" || part[0] === name[0]) &&
    slowlyOne(part.slice(1), name.slice(1))
  );
}

describe(itemFlags.name, () => {
  const files = ["src/app.ts", "db/2.sql", "auth/migrations/1.ts"].map((path) => ({ path }));

  it("finds migrations under the usual paths, sorted", () => {
    expect(itemFlags({ commits: [], files })).toEqual({
      hasBreakingChange: false,
      migrations: ["auth/migrations/1.ts", "db/2.sql"],
    });
  });

  it("looks under other paths when told to", () => {
    expect(itemFlags({ commits: [], files }, ["src/**"]).migrations).toEqual(["src/app.ts"]);
    expect(itemFlags({ commits: [], files }, []).migrations).toEqual([]);
  });

  it.each([
    ["feat!: new tokens", "", true],
    ["feat(auth)!: new tokens", "", true],
    ["feat: new tokens", "Text.\n\nBREAKING CHANGE: old tokens end", true],
    ["feat: wow! new tokens", "nothing BREAKING CHANGE: here", false],
  ])("reads %s", (title, body, expected) => {
    expect(itemFlags({ commits: [{ title, body }], files: [] }).hasBreakingChange).toBe(expected);
  });
});
