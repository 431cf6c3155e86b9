import { describe, expect, it } from "vitest";
import { z } from "zod";
import { AuditQuery } from "../../shared/contract/audit.ts";
import { CreateApiToken } from "../../shared/contract/me.ts";
import { CreateRelease } from "../../shared/contract/release.ts";
import { explainInput } from "./input-wording.ts";

function explain(schema: z.ZodObject, value: unknown) {
  const result = schema.strict().safeParse(value);
  return result.success
    ? []
    : explainInput(value, result.error.issues, { keys: Object.keys(schema.shape) });
}

describe(explainInput.name, () => {
  it.each<[string, z.ZodObject, unknown, string, RegExp]>([
    ["something left out", CreateApiToken, {}, "/name", /^is missing; it must be a text$/],
    ["another type", CreateApiToken, { name: 7 }, "/name", /^must be a text, not 7$/],
    ["null", CreateApiToken, { name: null }, "/name", /^must be a text, not null$/],
    ["nothing in a text", CreateApiToken, { name: " " }, "/name", /^must not be empty$/],
    [
      "a text that is too long",
      CreateApiToken,
      { name: "n".repeat(120) },
      "/name",
      /^must have at most 100 characters, and has 120$/,
    ],
    [
      "a word that is none of the known ones",
      CreateApiToken,
      { name: "ci", scopes: ["raed"] },
      "/scopes/0",
      /^must be one of "read", "write", not "raed"; did you mean "read"\?$/,
    ],
    [
      "a number out of range",
      CreateApiToken,
      { name: "ci", expiresInDays: 4000 },
      "/expiresInDays",
      /^must be at most 365$/,
    ],
    [
      "half a number",
      CreateApiToken,
      { name: "ci", expiresInDays: 1.5 },
      "/expiresInDays",
      /^must be a whole number, not 1\.5$/,
    ],
    [
      "an empty list",
      CreateApiToken,
      { name: "ci", scopes: [] },
      "/scopes",
      /^must have at least 1 entry$/,
    ],
    [
      "letters for a number",
      AuditQuery,
      { limit: "many" },
      "/limit",
      /^must be a number, not "many"$/,
    ],
    ["a time nobody knows", AuditQuery, { from: "yesterday" }, "/from", /^must be a time such as/],
    [
      "a misspelt key",
      CreateRelease,
      { source: "uat", destination: "master", repositoris: [] },
      "/repositoris",
      /^is not known here; did you mean "repositories"\?$/,
    ],
    [
      "a key from elsewhere",
      CreateApiToken,
      { name: "ci", zzzzzzzzzz: 1 },
      "/zzzzzzzzzz",
      /^is not known here; leave it out, or use one of name, scopes, expiresInDays$/,
    ],
    [
      "what a schema says itself",
      z.object({ n: z.string().regex(/^\d+$/, "must be a number such as 12 or #12") }),
      { n: "x" },
      "/n",
      /^must be a number such as 12 or #12$/,
    ],
    [
      "a pattern without words of its own",
      z.object({ n: z.string().regex(/^\d+$/) }),
      { n: "x" },
      "/n",
      /^is not written as it must be$/,
    ],
    [
      "none of several forms",
      z.object({ n: z.union([z.string(), z.number()]) }),
      { n: true },
      "/n",
      /^has none of the forms/,
    ],
  ])("says what to write instead of %s", (_what, schema, value, pointer, words) => {
    expect(explain(schema, value)).toEqual([{ pointer, message: expect.stringMatching(words) }]);
  });

  it("never speaks of types as programs do", () => {
    const mistakes = [
      explain(CreateRelease, { source: 1, destination: [], repositories: "x", exclude: {} }),
      explain(CreateApiToken, { name: {}, scopes: "read", expiresInDays: "1" }),
    ].flat();

    expect(mistakes.length).toBeGreaterThan(6);
    for (const { message } of mistakes) {
      expect(message).not.toMatch(/invalid|expected|received|undefined/i);
    }
  });

  it("cuts what was sent, and escapes it", () => {
    const [mistake] = explain(z.object({ n: z.enum(["a"]) }), { n: `"${"x".repeat(500)}` });

    expect(mistake?.message.length).toBeLessThan(120);
    expect(mistake?.message).toContain('\\"');
  });
});
