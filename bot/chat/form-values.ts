import { InputInvalid } from "../../shared/errors/catalog.ts";
import type { FormField, FormSpec } from "./card.ts";

/** What is allowed in a field that names no limit of its own. */
const LONGEST_ANSWER = 4_000;

/**
 * The answers of a form, only for the fields it has. A platform may let anything through, so everything is checked again here.
 * Throws InputInvalid with every mistake.
 */
export function readFormValues(
  form: FormSpec,
  values: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const problems = form.fields.flatMap((field) => {
    const message = check(field, values[field.name] ?? "");
    return message === undefined ? [] : [{ pointer: field.label, message }];
  });
  if (problems.length > 0) {
    throw new InputInvalid({ problems }, { remedy: "Fill it in and send it again." });
  }
  return Object.fromEntries(form.fields.map(({ name }) => [name, values[name] ?? ""]));
}

function check(field: FormField, value: string): string | undefined {
  if (value.trim() === "") {
    return field.required ? "is missing" : undefined;
  }
  const limit = field.maxLength ?? LONGEST_ANSWER;
  if (value.length > limit) {
    return `is longer than ${limit.toLocaleString("en-US")} characters`;
  }
  const known = field.options?.map((option) => option.value) ?? [];
  if (field.type === "select" && !known.includes(value)) {
    return `must be one of ${known.join(", ")}`;
  }
  return undefined;
}
