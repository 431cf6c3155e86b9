/** A variable as a stack file refers to it. */
export interface Reference {
  readonly name: string;
  /** What stands in for it where it is not set; null when nothing does. */
  readonly fallback: string | null;
  /** True for `-` and `?`: a variable that is set but empty counts as set. */
  readonly takesEmpty: boolean;
}

/** Why a text cannot be filled in as it is written. Half a sentence and a sentence. */
export interface TemplateProblem {
  readonly why: string;
  readonly fix: string;
  /** True: docker refuses the whole file for it. False: docker takes it for something else, silently. */
  readonly isRefused: boolean;
}

export type Template =
  | { readonly ok: true; readonly pieces: readonly (string | Reference)[] }
  | { readonly ok: false; readonly problem: TemplateProblem };

/**
 * One `$…`, as wide as a person means it and thus wider than docker reads it. Names are ASCII here; docker also takes the
 * letters that fold to ASCII ones.
 */
const DOLLAR = /\$(?:(\$)|([A-Za-z_][A-Za-z0-9_]*)(:?[-?])?|\{)/g;
const BRACED = /^([A-Za-z_][A-Za-z0-9_]*)(?:(:?)([-?+])([\s\S]*))?$/;

/**
 * Reads a text of a stack file the way `docker stack deploy` does, and refuses what docker gets wrong without saying so: a
 * variable inside a default is shipped as it is written, and `$NAME-x` swallows what follows. Only for finding variables
 * and for telling people beforehand; docker fills them in.
 */
export function readTemplate(text: string): Template {
  const pieces: (string | Reference)[] = [];
  let from = 0;
  for (;;) {
    DOLLAR.lastIndex = from;
    const at = text.indexOf("$", from);
    if (at < 0) {
      pieces.push(text.slice(from));
      return { ok: true, pieces: pieces.filter((piece) => piece !== "") };
    }
    pieces.push(text.slice(from, at));
    const found = DOLLAR.exec(text);
    if (found?.index !== at) {
      return refused(
        text.slice(at, at + 10),
        "is no variable",
        "Write $$ for a plain dollar sign.",
      );
    }
    const [whole, escaped, name, operator] = found;
    if (escaped !== undefined) {
      pieces.push("$");
      from = at + whole.length;
    } else if (name !== undefined) {
      if (operator !== undefined) {
        return silent(
          whole,
          `makes docker read what follows as part of the variable`,
          `Write \${${name}}${operator}, or \${${name}${operator}…} for a default.`,
        );
      }
      pieces.push({ name, fallback: null, takesEmpty: false });
      from = at + whole.length;
    } else {
      const end = text.indexOf("}", at);
      const inner = end < 0 ? null : text.slice(at + 2, end);
      if (inner === null) {
        return refused(text.slice(at, at + 40), "has no closing brace", "Add the }.");
      }
      const reference = readBraced(inner);
      if ("problem" in reference) {
        return { ok: false, problem: reference.problem };
      }
      pieces.push(reference);
      from = end + 1;
    }
  }
}

function readBraced(inner: string): Reference | { problem: TemplateProblem } {
  const shown = `\${${inner.slice(0, 60)}}`;
  const found = BRACED.exec(inner);
  const [, name = "", colon = "", operator, word = ""] = found ?? [];
  if (!found) {
    return {
      problem: {
        why: `"${shown}" is no variable docker can read`,
        fix: "Write ${NAME}, ${NAME:-default} or ${NAME:?message}; write $$ for a plain dollar sign.",
        isRefused: true,
      },
    };
  }
  if (operator === "+") {
    return {
      problem: {
        why: `docker stack deploy does not know "\${${name}${colon}+…}"`,
        fix: "Set the whole value as a variable of its own instead.",
        isRefused: true,
      },
    };
  }
  if (word.includes("$")) {
    const nested = word.slice(word.indexOf("$"));
    // The first closing brace ends the outer one for docker; the inner one's is what follows.
    const shipped = nested.startsWith("${") ? `${nested}}` : nested;
    return {
      problem: {
        why: `docker fills in nothing inside a default, and would ship "${shipped.slice(0, 60)}" as it is written`,
        fix: `Give ${name} a plain default, or require it: \${${name}:?set ${name}}.`,
        isRefused: false,
      },
    };
  }
  return {
    name,
    fallback: operator === "-" ? word : null,
    takesEmpty: colon === "" && operator !== undefined,
  };
}

function refused(shown: string, why: string, fix: string): Template {
  return { ok: false, problem: { why: `"${shown}" ${why}`, fix, isRefused: true } };
}

function silent(shown: string, why: string, fix: string): Template {
  return { ok: false, problem: { why: `"${shown}" ${why}`, fix, isRefused: false } };
}

/** Variables of one text. None for a text that cannot be read. */
export function referencesIn(text: string): readonly Reference[] {
  const template = readTemplate(text);
  return template.ok ? template.pieces.filter((piece) => typeof piece !== "string") : [];
}

/** Whether docker would get a value for it. */
export function isFilled(reference: Reference, variables: Readonly<Record<string, string>>) {
  const value = variables[reference.name];
  return (
    reference.fallback !== null || (value !== undefined && (value !== "" || reference.takesEmpty))
  );
}

/** The text with its variables filled in. Null when it cannot be read or one of them is not set. */
export function interpolate(
  text: string,
  variables: Readonly<Record<string, string>>,
): string | null {
  const template = readTemplate(text);
  if (!template.ok) {
    return null;
  }
  const filled: string[] = [];
  for (const piece of template.pieces) {
    if (typeof piece === "string") {
      filled.push(piece);
      continue;
    }
    if (!isFilled(piece, variables)) {
      return null;
    }
    const value = variables[piece.name];
    const isSet = value !== undefined && (value !== "" || piece.takesEmpty);
    filled.push(isSet ? value : (piece.fallback ?? ""));
  }
  return filled.join("");
}

/** Writes a text so that docker, filling in variables, gives it back unchanged. */
export function escapeDollars(text: string): string {
  return text.replaceAll("$", "$$$$");
}
