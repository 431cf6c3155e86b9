import type { z } from "zod";
import type { Path, Problems } from "./problems.ts";
import { ConfigFile } from "./schema.ts";

const ROUNDS = 4;

/**
 * What is left of a file with mistakes of form, so that mistakes of meaning in the rest can be told in the same breath.
 * Names stay, positions stay, and what was cut out is marked as wrong. Undefined when too little is left.
 */
export function salvage(raw: unknown, problems: Problems): ConfigFile | undefined {
  const rest: unknown = structuredClone(raw);
  for (let round = 0; round < ROUNDS; round += 1) {
    const result = ConfigFile.safeParse(rest);
    if (result.success) {
      return result.data;
    }
    for (const place of result.error.issues.flatMap(placesOf)) {
      cut(rest, place, problems);
    }
  }
  return undefined;
}

function placesOf(issue: z.core.$ZodIssue): readonly Path[] {
  return issue.code === "unrecognized_keys"
    ? issue.keys.map((key) => [...issue.path, key])
    : [issue.path];
}

/** Removes one key: of an entry for lists, else of a section. An entry that lacks what it needs gets a stand-in. */
function cut(root: unknown, place: Path, problems: Problems): void {
  const [section, index, key] = place;
  if (!isObject(root) || section === undefined) {
    return;
  }
  const list = root[String(section)];
  if (!Array.isArray(list) || typeof index !== "number") {
    const inside = root[String(section)];
    const part = isObject(inside) && index !== undefined ? String(index) : undefined;
    problems.markWrong(part === undefined ? [section] : [section, part]);
    if (isObject(inside) && part !== undefined && part in inside) {
      delete inside[part];
    } else {
      delete root[String(section)];
    }
    return;
  }
  const entry: unknown = list[index];
  problems.markWrong(place.slice(0, 3));
  if (isObject(entry) && key !== undefined && !isNeeded(key)) {
    delete entry[String(key)];
    return;
  }
  const name = isObject(entry) && typeof entry["name"] === "string" ? entry["name"] : "";
  list[index] = {
    name: /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/.test(name) ? name : `unnamed-${index}`,
    ...(section === "services" ? { repository: "unknown" } : {}),
    ...(section === "environments" ? { target: { kind: "unknown" } } : {}),
    ...(section === "repositories" ? { provider: "unknown" } : {}),
  };
}

function isNeeded(key: PropertyKey): boolean {
  return ["name", "repository", "target", "provider"].includes(String(key));
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
