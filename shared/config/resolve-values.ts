import { readFileSync, statSync } from "node:fs";
import { resolve } from "node:path";
import type { Environment } from "./environment.ts";
import type { Path, Problems } from "./problems.ts";

/** Keys that may be given as `<key>_file`: what holds a credential. */
const SECRET_FILE_KEY = /^((?:\w+_)?(?:secret|token|password|key|url))_file$/;

const LARGEST_SECRET_BYTES = 64 * 1024;

/**
 * Replaces `${NAME}`, `${NAME:-default}` and `<key>_file` in values. Works on parsed values, never on the text, so what an
 * environment variable holds cannot become structure. `$${` writes a plain `${`.
 */
export function resolveValues(
  value: unknown,
  sources: { readonly env: Environment; readonly baseDir: string; readonly problems: Problems },
  path: Path = [],
): unknown {
  if (typeof value === "string") {
    return substitute(value, sources.env, sources.problems, path);
  }
  if (Array.isArray(value)) {
    return value.map((item, index) => resolveValues(item, sources, [...path, index]));
  }
  if (typeof value !== "object" || value === null) {
    return value;
  }
  const taken = new Set(Object.keys(value));
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]: [string, unknown]): [string, unknown] => {
      const at = [...path, key];
      const resolved = resolveValues(inner, sources, at);
      const secretKey = SECRET_FILE_KEY.exec(key)?.[1];
      if (secretKey === undefined) {
        return [key, resolved];
      }
      if (taken.has(secretKey)) {
        sources.problems.add(
          at,
          `both ${secretKey} and ${key} are given`,
          `Keep one of them; ${key} is the safer one.`,
        );
        sources.problems.markWrong([...path, secretKey]);
        return [secretKey, ""];
      }
      return [secretKey, readSecretFile(resolved, sources, at, [...path, secretKey])];
    }),
  );
}

function substitute(text: string, env: Environment, problems: Problems, path: Path): string {
  return text.replace(
    /\$\$\{|\$\{([^}]*)\}?/g,
    (whole: string, inside: string | undefined): string => {
      if (inside === undefined) {
        return "${";
      }
      const parts = /^([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?$/s.exec(inside);
      if (!parts?.[1] || !whole.endsWith("}")) {
        problems.add(
          path,
          `"${whole.slice(0, 60)}" is not a reference to an environment variable`,
          "Write ${NAME} or ${NAME:-default}; write $${ for a plain ${.",
        );
        return "";
      }
      const [, name, otherwise] = parts;
      const found = env[name];
      if (found !== undefined && found !== "") {
        return found;
      }
      if (otherwise !== undefined) {
        return otherwise;
      }
      problems.add(
        path,
        `the environment variable ${name} is ${found === "" ? "empty" : "not set"}`,
        `Set ${name}, or write \${${name}:-default}.`,
      );
      return "";
    },
  );
}

function readSecretFile(
  name: unknown,
  sources: { readonly baseDir: string; readonly problems: Problems },
  at: Path,
  secretAt: Path,
): string {
  const { problems } = sources;
  if (problems.covers(at)) {
    problems.markWrong(secretAt);
    return "";
  }
  if (typeof name !== "string" || name.trim() === "") {
    problems.add(at, "must be the path of a file", "Write the path of the file with the secret.");
    problems.markWrong(secretAt);
    return "";
  }
  const file = resolve(sources.baseDir, name);
  const found = readSmallFile(file);
  if ("trouble" in found) {
    problems.add(
      at,
      `the file ${file} ${found.trouble}`,
      "Check the path, and that Slipway may read the file.",
    );
    problems.markWrong(secretAt);
    return "";
  }
  return found.text;
}

function readSmallFile(file: string): { readonly text: string } | { readonly trouble: string } {
  try {
    const status = statSync(file);
    if (!status.isFile()) {
      return { trouble: "is not a file" };
    }
    if (status.size > LARGEST_SECRET_BYTES) {
      return { trouble: "is too big to be a secret" };
    }
    const text = readFileSync(file, "utf8").replace(/[\r\n]+$/, "");
    return text === "" ? { trouble: "is empty" } : { text };
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "unknown";
    return {
      trouble: code === "ENOENT" ? "does not exist" : `cannot be read (${code})`,
    };
  }
}
