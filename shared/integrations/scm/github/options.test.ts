import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import { addressesOf, GithubOptions } from "./options.ts";

const token = "ghp_0123456789abcdefghijklmnopqrstuvwxyz";

function problemsOf(options: unknown): readonly string[] {
  const parsed = GithubOptions.safeParse(options);
  return parsed.success ? [] : parsed.error.issues.map(({ message }) => message);
}

describe("options", () => {
  it.each([
    { organization: "acme", token },
    { user: "dana", token },
    { repositories: ["acme/api", "acme/.github"], token },
    { organization: "acme", topic: "service", include: ["a*"], exclude: ["b?"], token },
    { organization: "acme", app: { id: 12, private_key: "pem", installation_id: "34" } },
    { organization: "acme", token, base_url: "https://github.example.com/api/v3" },
    { organization: "acme", token, base_url: "https://api.acme.ghe.com" },
  ])("take %j", (options) => {
    expect(problemsOf(options)).toEqual([]);
  });

  it.each<readonly [Readonly<Record<string, unknown>>, RegExp]>([
    [{ token }, /names no repository/],
    [{ organization: "acme" }, /has no token/],
    [
      { organization: "acme", token, app: { id: 1, private_key: "k", installation_id: 1 } },
      /a token and an app/,
    ],
    [{ organization: "acme", user: "dana", token }, /both given/],
    [{ repositories: ["acme/api"], topic: "x", token }, /need an organization or user/],
    [{ repositories: ["acme/api", "Acme/API"], token }, /listed twice/],
    [{ repositories: ["api"], token }, /is not a repository/],
    [{ repositories: ["../x"], token }, /is not a repository/],
    [{ repositories: ["acme/.."], token }, /is not a repository/],
    [{ organization: "a/b", token }, /is not the name of an account/],
    [
      { organization: "acme", token, base_url: "https://github.example.com" },
      /not the address of GitHub's API/,
    ],
    [
      { organization: "acme", token, base_url: "http://github.example.com/api/v3" },
      /could read the token/,
    ],
    [
      { organization: "acme", token, base_url: "https://u:p@github.example.com/api/v3" },
      /credentials/,
    ],
    [{ organization: "acme", token, base_url: "ftp://x" }, /not an https address/],
    [{ organization: "acme", token, land: "squash" }, /Invalid option/],
    [{ organization: "acme", token, concurrency: 500 }, /at most 50/],
    [{ organization: "acme", token, unknown: 1 }, /Unrecognized key/],
  ])("refuse %j", (options, problem) => {
    expect(problemsOf(options).join()).toMatch(problem);
  });

  it("never show what is secret in them", () => {
    const options = GithubOptions.parse({
      organization: "acme",
      token,
      webhook_secret: "hush-hush",
    });
    expect(`${JSON.stringify(options)}${inspect(options, { depth: 9 })}`).not.toMatch(/ghp_|hush/);
  });
});

describe(addressesOf, () => {
  it.each([
    ["https://api.github.com", "https://api.github.com/graphql", "https://github.com"],
    ["https://ghe.acme.com/api/v3/", "https://ghe.acme.com/api/graphql", "https://ghe.acme.com"],
    ["https://api.acme.ghe.com", "https://api.acme.ghe.com/graphql", "https://acme.ghe.com"],
  ])("%s", (base, graphql, web) => {
    expect(addressesOf(base)).toEqual({ rest: base.replace(/\/$/, ""), graphql, web });
  });
});
