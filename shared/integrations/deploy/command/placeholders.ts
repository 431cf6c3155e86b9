/** What `{…}` in an argument can stand for. */
export const DEPLOY_PLACEHOLDERS = [
  "service",
  "environment",
  "version",
  "commit",
  "digest",
  "repository",
  "repository_url",
  "path",
  "deployment",
  "fencing_token",
] as const;

/** Reading and restarting know no version. */
export const SERVICE_PLACEHOLDERS = ["service", "environment"] as const;

type Placeholder = (typeof DEPLOY_PLACEHOLDERS)[number];

/** Null: unknown for this version. */
export type PlaceholderValues = Readonly<Partial<Record<Placeholder, string | null>>>;

/** `${NAME}` is left alone: it is a variable of whatever reads the argument. */
const PLACEHOLDER = /\{\{|\}\}|(?<!\$)\{([A-Za-z_][A-Za-z0-9_]*)\}/g;

/** Names used in one argument. `{{` and `}}` are plain braces. */
export function placeholdersIn(argument: string): readonly string[] {
  return [...argument.matchAll(PLACEHOLDER)].flatMap(([, name]) => name ?? []);
}

export type Substituted =
  | { readonly ok: true; readonly argv: readonly [string, ...string[]] }
  /** `why` is half a sentence. */
  | { readonly ok: false; readonly why: string };

/**
 * Puts values into arguments, each staying one argument. A value that would be read as an option, leave its folder or
 * carry control characters is refused, because it comes from repositories and people, not from whoever wrote the command.
 */
export function substitute(
  argv: readonly [string, ...string[]],
  values: PlaceholderValues,
): Substituted {
  const [program, ...args] = argv;
  const filled: string[] = [];
  for (const argument of args) {
    for (const name of placeholdersIn(argument)) {
      const trouble = troubleWith(name, values[name as Placeholder]);
      if (trouble !== undefined) {
        return { ok: false, why: trouble };
      }
    }
    filled.push(fill(argument, values));
  }
  return { ok: true, argv: [fill(program, {}), ...filled] };
}

function fill(argument: string, values: PlaceholderValues): string {
  return argument.replace(PLACEHOLDER, (whole, name: string | undefined) =>
    name === undefined ? whole.charAt(0) : (values[name as Placeholder] ?? ""),
  );
}

function troubleWith(name: string, value: string | null | undefined): string | undefined {
  if (value === null || value === undefined) {
    return `the command needs {${name}}, which is not known here`;
  }
  if (value.startsWith("-")) {
    return `{${name}} would be "${value.slice(0, 60)}", which could be read as an option`;
  }
  if (/[\p{Cc}]/u.test(value)) {
    return `{${name}} contains control characters`;
  }
  if (name !== "repository_url" && value.split("/").includes("..")) {
    return `{${name}} would be "${value.slice(0, 60)}", which could lead out of its folder`;
  }
  return undefined;
}
