import { z } from "zod";
import { nearest } from "../lib/nearest.ts";
import { createRedactor } from "../lib/redact.ts";
import type { Path, Problems } from "./problems.ts";

/** The parts of JSON Schema that zod writes and that are needed to know which keys a place has. */
interface JsonSchema {
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly additionalProperties?: boolean | JsonSchema;
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly allOf?: readonly JsonSchema[];
}

type Issue = z.core.$ZodIssue;

/**
 * Checks a value and turns every mistake into words with a fix, at `at` in the file. Undefined when there was a mistake.
 * Places that are already known to be wrong (an environment variable that is not set) are not reported twice.
 */
export function check<S extends z.ZodType>(
  schema: S,
  value: unknown,
  at: Path,
  problems: Problems,
): z.output<S> | undefined {
  const result = schema.safeParse(value);
  if (result.success) {
    return result.data;
  }
  const json = z.toJSONSchema(schema, { io: "input", unrepresentable: "any" }) as JsonSchema;
  for (const issue of result.error.issues) {
    explain(issue, [], { json, value, at, problems });
  }
  return undefined;
}

/** The keys a value may have at a place in a schema's input. */
function knownKeys(json: JsonSchema, path: Path): readonly string[] {
  const here = path.reduce<readonly JsonSchema[]>(
    (schemas, part) => schemas.flatMap((schema) => inner(schema, part)),
    alternatives(json),
  );
  return [...new Set(here.flatMap((schema) => Object.keys(schema.properties ?? {})))];
}

interface Context {
  readonly json: JsonSchema;
  readonly value: unknown;
  readonly at: Path;
  readonly problems: Problems;
}

function explain(issue: Issue, above: Path, context: Context): void {
  const local = [...above, ...issue.path];
  const at = [...context.at, ...local];
  const { problems } = context;
  if (problems.covers(at)) {
    return;
  }
  if (issue.code === "unrecognized_keys") {
    explainUnknownKeys(issue.keys, local, context);
    return;
  }
  if (issue.code === "invalid_union" && issue.errors.length > 0) {
    explainUnion(issue, local, context);
    return;
  }
  const found = valueAt(context.value, local);
  if (found === undefined && issue.code !== "custom") {
    problems.add(at, "is missing", `Add ${String(at.at(-1) ?? "it")}${expectation(issue)}.`);
    return;
  }
  if (issue.code === "invalid_type") {
    const meant = nearest(String(local.at(-1)), knownKeys(context.json, local.slice(0, -1)))[0];
    problems.add(
      at,
      `must be ${article(issue.expected)}, not ${nameOf(found)}`,
      // Where any key is allowed, a misspelt one shows by its value.
      meant === undefined || meant === local.at(-1)
        ? `Write ${article(issue.expected)} here.`
        : `Did you mean ${meant}?`,
    );
    return;
  }
  if (issue.code === "invalid_value") {
    const known = issue.values.map(String);
    const near = nearest(String(found), known)[0];
    problems.add(
      at,
      `${show(found, at)} is not one of ${known.join(", ")}`,
      near === undefined ? `Write one of ${known.join(", ")}.` : `Did you mean ${near}?`,
    );
    return;
  }
  if (issue.code === "invalid_key") {
    problems.add(at, issue.issues[0]?.message ?? issue.message, "Choose another name.");
    return;
  }
  problems.add(at, sentence(issue, found, at), fixOf(issue));
}

function explainUnknownKeys(keys: readonly string[], local: Path, context: Context): void {
  const known = knownKeys(context.json, local);
  for (const key of keys) {
    const near = nearest(key, known)[0];
    context.problems.add(
      [...context.at, ...local, key],
      "there is no such key here",
      near === undefined
        ? `Remove it. The keys here are ${known.join(", ") || "none"}.`
        : `Did you mean ${near}?`,
    );
  }
}

/** Of the forms a value may have, the one it nearly has is the one worth talking about. */
function explainUnion(
  issue: Extract<Issue, { readonly code: "invalid_union" }>,
  local: Path,
  context: Context,
): void {
  const [best] = issue.errors
    .filter((issues) => !issues.some(isWrongForm))
    .sort((a, b) => a.length - b.length);
  if (best) {
    best.forEach((inside) => explain(inside, local, context));
    return;
  }
  const forms = [...new Set(issue.errors.flat().filter(isWrongForm).map(formOf))];
  const found = valueAt(context.value, local);
  context.problems.add(
    [...context.at, ...local],
    found === undefined ? "is missing" : `must be ${forms.join(" or ")}, not ${nameOf(found)}`,
    `Write ${forms.join(" or ")} here.`,
  );
}

function isWrongForm(issue: Issue): boolean {
  return (
    issue.path.length === 0 &&
    (issue.code === "invalid_type" ||
      issue.code === "invalid_value" ||
      (issue.code === "custom" && issue.params?.["fix"] === undefined))
  );
}

function formOf(issue: Issue): string {
  if (issue.code === "invalid_type") {
    return article(issue.expected);
  }
  return issue.code === "invalid_value" ? issue.values.map(String).join(" or ") : "a secret";
}

function sentence(issue: Issue, found: unknown, at: Path): string {
  const shown = typeof found === "string" && found.length <= 60 && !/^\s*$/.test(found);
  return shown && /^(?:is|are|must|may|has|cannot|needs) /.test(issue.message)
    ? `${show(found, at)} ${issue.message}`
    : issue.message;
}

function fixOf(issue: Issue): string {
  const fix: unknown = issue.code === "custom" ? issue.params?.["fix"] : undefined;
  if (typeof fix === "string") {
    return fix;
  }
  if (issue.code === "too_small" && issue.origin === "array") {
    return "Add at least one entry, or leave the key out.";
  }
  return "Correct this value; config.example.yaml shows what it looks like.";
}

function expectation(issue: Issue): string {
  if (issue.code === "invalid_type") {
    return ` (${article(issue.expected)})`;
  }
  return issue.code === "invalid_value" ? ` (one of ${issue.values.map(String).join(", ")})` : "";
}

function inner(schema: JsonSchema, part: PropertyKey): readonly JsonSchema[] {
  if (typeof part === "number") {
    return schema.items ? alternatives(schema.items) : [];
  }
  const named = schema.properties?.[String(part)];
  if (named) {
    return alternatives(named);
  }
  return typeof schema.additionalProperties === "object"
    ? alternatives(schema.additionalProperties)
    : [];
}

function alternatives(schema: JsonSchema): readonly JsonSchema[] {
  const parts = [...(schema.anyOf ?? []), ...(schema.oneOf ?? []), ...(schema.allOf ?? [])];
  return [schema, ...parts.flatMap(alternatives)];
}

function valueAt(value: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (inside, part) =>
      typeof inside === "object" && inside !== null
        ? (inside as Readonly<Record<PropertyKey, unknown>>)[part]
        : undefined,
    value,
  );
}

const ARTICLES: Readonly<Record<string, string>> = {
  string: "a text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  array: "a list",
  object: "a section of keys",
  record: "a section of keys",
};

function article(type: string): string {
  return ARTICLES[type] ?? `a ${type}`;
}

function nameOf(value: unknown): string {
  if (value === null) {
    return "nothing";
  }
  if (Array.isArray(value)) {
    return "a list";
  }
  return article(typeof value);
}

const redact = createRedactor();

/** A value, short; not at all where it could be a secret. */
function show(value: unknown, at: Path): string {
  if (at.some((part) => /secret|token|password|key|credential/i.test(String(part)))) {
    return "the value";
  }
  const text = redact(typeof value === "string" ? value : (JSON.stringify(value) ?? ""));
  return `"${text.length > 60 ? `${text.slice(0, 60)}…` : text}"`;
}
