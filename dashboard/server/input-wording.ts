import { z } from "zod";
import { nearest } from "../../shared/lib/nearest.ts";

/** One mistake in a request, as problem details tell it. */
export interface InputProblem {
  /** RFC 6901. */
  readonly pointer: string;
  /** What is wrong and what to write instead, to be read after the name of the place. */
  readonly message: string;
}

type Issue = z.core.$ZodIssue;

const LONGEST_SHOWN = 60;
const defaultMessage = z.locales.en().localeError;

const NOUNS: Readonly<Record<string, string>> = {
  string: "a text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  array: "a list",
  object: "an object",
  record: "an object",
  date: "a time such as 2026-11-25T04:00:00Z",
};
const FORMATS: Readonly<Record<string, string>> = {
  datetime: "must be a time such as 2026-11-25T04:00:00Z",
  date: "must be a date such as 2026-11-25",
  url: "must be a web address such as https://example.com",
  email: "must be an e-mail address",
  uuid: "must be an id as this API gives them",
};

/** Every mistake in a value, in words. What a schema says in its own words is kept. */
export function explainInput(
  value: unknown,
  issues: readonly Issue[],
  /** Where the value is in the request, and the keys it may have. */
  { prefix = "", keys = [] }: { readonly prefix?: string; readonly keys?: readonly string[] } = {},
): readonly InputProblem[] {
  return issues.flatMap((issue) => {
    const pointer = prefix + toPointer(issue.path);
    if (issue.code === "unrecognized_keys") {
      const known = issue.path.length === 0 ? keys : [];
      return issue.keys.map((key) => ({
        pointer: `${pointer}${toPointer([key])}`,
        message: unknownKey(key, known),
      }));
    }
    return [{ pointer, message: wording(issue, valueAt(value, issue.path)) }];
  });
}

function wording(issue: Issue, found: unknown): string {
  // What was coerced is told as what it became, which nobody sent.
  const isUsual =
    issue.message.startsWith("Invalid input") || issue.message === usualMessage(issue, found);
  if (!isUsual) {
    return issue.message;
  }
  if (found === undefined) {
    return `is missing; it must be ${expected(issue)}`;
  }
  switch (issue.code) {
    case "invalid_type":
      return `must be ${expected(issue)}, not ${nameOf(found)}`;
    case "too_small":
      return bound(issue.origin, "at least", Number(issue.minimum));
    case "too_big":
      return `${bound(issue.origin, "at most", Number(issue.maximum))}${sizeOf(found)}`;
    case "invalid_value": {
      const [near] = nearest(typeof found === "string" ? found : "", issue.values.map(String));
      return `must be ${expected(issue)}, not ${nameOf(found)}${near === undefined ? "" : `; did you mean "${near}"?`}`;
    }
    case "invalid_format":
      return FORMATS[issue.format] ?? "is not written as it must be";
    case "invalid_union":
      return "has none of the forms it may have";
    default:
      return "cannot be taken as it is";
  }
}

/** What zod itself says of such a mistake: programmers' words, which are replaced. */
function usualMessage(issue: Issue, found: unknown): string | undefined {
  const said = defaultMessage({ ...issue, input: found } as z.core.$ZodRawIssue);
  return typeof said === "object" ? said?.message : said;
}

function unknownKey(key: string, known: readonly string[]): string {
  const [near] = nearest(key, known);
  if (near !== undefined) {
    return `is not known here; did you mean "${near}"?`;
  }
  return known.length === 0
    ? "is not known here; leave it out"
    : `is not known here; leave it out, or use one of ${known.join(", ")}`;
}

function expected(issue: Issue): string {
  if (issue.code === "invalid_type") {
    return NOUNS[issue.expected] ?? `a ${issue.expected}`;
  }
  return issue.code === "invalid_value"
    ? `${issue.values.length > 1 ? "one of " : ""}${issue.values.map((value) => JSON.stringify(value)).join(", ")}`
    : "given";
}

function bound(origin: string, words: string, limit: number): string {
  const number = limit.toLocaleString("en-US");
  if (origin === "string") {
    return limit === 1 && words === "at least"
      ? "must not be empty"
      : `must have ${words} ${number} ${limit === 1 ? "character" : "characters"}`;
  }
  if (origin === "array" || origin === "set") {
    return `must have ${words} ${number} ${limit === 1 ? "entry" : "entries"}`;
  }
  return `must be ${words} ${number}`;
}

function sizeOf(found: unknown): string {
  if (typeof found !== "string" && !Array.isArray(found)) {
    return "";
  }
  return `, and has ${found.length.toLocaleString("en-US")}`;
}

/** What was sent, short, and without saying more about it than its kind where it is no plain value. */
function nameOf(value: unknown): string {
  if (value === null) {
    return "null";
  }
  if (Array.isArray(value)) {
    return "a list";
  }
  if (typeof value === "string") {
    const shown = value.length > LONGEST_SHOWN ? `${value.slice(0, LONGEST_SHOWN)}…` : value;
    return JSON.stringify(shown);
  }
  return typeof value === "number" || typeof value === "boolean" ? String(value) : "an object";
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (inside, part) =>
      typeof inside === "object" && inside !== null && Object.hasOwn(inside, part)
        ? (inside as Readonly<Record<PropertyKey, unknown>>)[part]
        : undefined,
    value,
  );
}

/** RFC 6901. */
function toPointer(path: readonly PropertyKey[]): string {
  return path
    .map((part) => `/${String(part).replaceAll("~", "~0").replaceAll("/", "~1").slice(0, 200)}`)
    .join("");
}
