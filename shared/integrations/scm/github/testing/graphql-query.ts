/** A field somebody asked for, or a fragment of fields. */
export type Selection =
  | {
      readonly kind: "field";
      readonly name: string;
      readonly alias: string;
      readonly args: Readonly<Record<string, unknown>>;
      readonly selections: readonly Selection[] | null;
    }
  | { readonly kind: "fragment"; readonly on: string; readonly selections: readonly Selection[] };

/**
 * Reads a GraphQL query: the part of https://spec.graphql.org/October2021/#sec-Language that queries about repositories use.
 * Variables are put in. Throws what a server answers to a query it cannot read.
 */
export function parseQuery(
  text: string,
  variables: Readonly<Record<string, unknown>>,
): readonly Selection[] {
  const tokens = [
    ...text.matchAll(/\s+|,|#.*|(\.\.\.|[{}()[\]:$!=]|"(?:[^"\\]|\\.)*"|-?\d+|\w+)|(.)/g),
  ]
    .map(([, token, wrong]) => {
      if (wrong !== undefined) {
        throw new Error(`Parse error on "${wrong}"`);
      }
      return token;
    })
    .filter((token) => token !== undefined);
  let at = 0;
  const named = new Map<string, { on: string; selections: readonly Selection[] }>();
  const operations: (readonly Selection[])[] = [];

  // Fragments may come after the operation that uses them, so they are read first.
  const operationsAt: number[] = [];
  while (at < tokens.length) {
    if (tokens[at] === "fragment") {
      at += 1;
      const name = take();
      expect("on");
      const on = take();
      named.set(name, { on, selections: readSelections() });
    } else {
      operationsAt.push(at);
      while (tokens[at] !== "{") {
        at += 1;
        if (at >= tokens.length) {
          throw new Error("Unexpected end of document");
        }
      }
      skipBraces();
    }
  }
  for (const start of operationsAt) {
    at = start;
    while (tokens[at] !== "{") {
      at += 1;
    }
    operations.push(readSelections());
  }
  return operations.flat();

  function take(): string {
    const token = tokens[at];
    if (token === undefined) {
      throw new Error("Unexpected end of document");
    }
    at += 1;
    return token;
  }

  function expect(wanted: string): void {
    const token = take();
    if (token !== wanted) {
      throw new Error(`Expected ${wanted}, actual: ${token}`);
    }
  }

  function skipBraces(): void {
    let depth = 0;
    do {
      const token = take();
      depth += token === "{" ? 1 : 0;
      depth -= token === "}" ? 1 : 0;
    } while (depth > 0);
  }

  function readSelections(): readonly Selection[] {
    expect("{");
    const selections: Selection[] = [];
    while (tokens[at] !== "}") {
      selections.push(readSelection());
    }
    at += 1;
    return selections;
  }

  function readSelection(): Selection {
    if (tokens[at] === "...") {
      at += 1;
      if (tokens[at] === "on") {
        at += 1;
        return { kind: "fragment", on: take(), selections: readSelections() };
      }
      const name = take();
      const found = named.get(name);
      if (found === undefined) {
        throw new Error(`Fragment ${name} was used, but not defined`);
      }
      return { kind: "fragment", ...found };
    }
    const first = take();
    let name = first;
    if (tokens[at] === ":") {
      at += 1;
      name = take();
    }
    const args = tokens[at] === "(" ? readArguments("(", ")") : {};
    const selections = tokens[at] === "{" ? readSelections() : null;
    return { kind: "field", name, alias: first, args, selections };
  }

  function readArguments(open: string, close: string): Readonly<Record<string, unknown>> {
    expect(open);
    const args: Record<string, unknown> = {};
    while (tokens[at] !== close) {
      const name = take();
      expect(":");
      args[name] = readValue();
    }
    at += 1;
    return args;
  }

  function readValue(): unknown {
    const token = tokens[at];
    if (token === "{") {
      return readArguments("{", "}");
    }
    at += 1;
    if (token === "$") {
      const name = take();
      if (!Object.hasOwn(variables, name)) {
        throw new Error(`Variable $${name} is not provided`);
      }
      return variables[name];
    }
    if (token === "[") {
      const values: unknown[] = [];
      while (tokens[at] !== "]") {
        values.push(readValue());
      }
      at += 1;
      return values;
    }
    if (token?.startsWith('"')) {
      return JSON.parse(token) as unknown;
    }
    return /^-?\d+$/.test(token ?? "") ? Number(token) : token;
  }
}

/** An error that belongs to one field, as GitHub types them. */
export class FieldError extends Error {
  readonly type: string;
  constructor(type: string, message: string) {
    super(message);
    this.type = type;
  }
}

/** A value with fields: plain ones, and functions of their arguments. */
export type Resolvable = Readonly<Record<string, unknown>>;

export interface FieldProblem {
  readonly type?: string;
  readonly path: readonly (string | number)[];
  readonly message: string;
}

/** Works out what was asked for. A field that fails is null, and why is told beside. */
export async function execute(
  selections: readonly Selection[],
  root: Resolvable,
): Promise<{ readonly data: unknown; readonly errors: readonly FieldProblem[] }> {
  const errors: FieldProblem[] = [];
  const data = await resolveObject(selections, root, []);
  return { data, errors };

  async function resolveObject(
    wanted: readonly Selection[],
    value: Resolvable,
    path: readonly (string | number)[],
  ): Promise<Record<string, unknown>> {
    const result: Record<string, unknown> = {};
    for (const selection of wanted) {
      if (selection.kind === "fragment") {
        if (value["__typename"] === selection.on || value["__interface"] === selection.on) {
          Object.assign(result, await resolveObject(selection.selections, value, path));
        }
        continue;
      }
      const { name, alias, args } = selection;
      if (!Object.hasOwn(value, name)) {
        throw new Error(`Field '${name}' doesn't exist on type '${String(value["__typename"])}'`);
      }
      const at = [...path, alias];
      try {
        const field = value[name];
        const found: unknown =
          typeof field === "function" ? await (field as (args: unknown) => unknown)(args) : field;
        result[alias] = await resolveValue(found, selection, at);
      } catch (error) {
        if (!(error instanceof FieldError)) {
          throw error;
        }
        result[alias] = null;
        errors.push({ type: error.type, path: at, message: error.message });
      }
    }
    return result;
  }

  async function resolveValue(
    value: unknown,
    selection: Extract<Selection, { kind: "field" }>,
    path: readonly (string | number)[],
  ): Promise<unknown> {
    if (Array.isArray(value)) {
      return Promise.all(
        value.map((item, index) => resolveValue(item, selection, [...path, index])),
      );
    }
    return selection.selections !== null && typeof value === "object" && value !== null
      ? resolveObject(selection.selections, value as Resolvable, path)
      : value;
  }
}

/**
 * Points and nodes of a query: https://docs.github.com/en/graphql/overview/rate-limits-and-query-limits-for-the-graphql-api.
 * Requests needed for each connection, divided by 100, at least 1; nodes are what `first` allows.
 */
export function measure(selections: readonly Selection[]): {
  readonly cost: number;
  readonly nodes: number;
  readonly largestPage: number;
} {
  let requests = 0;
  let nodes = 0;
  let largestPage = 0;
  visit(selections, 1);
  return { cost: Math.max(1, Math.round(requests / 100)), nodes, largestPage };

  function visit(wanted: readonly Selection[], times: number): void {
    for (const selection of wanted) {
      const first = selection.kind === "field" ? selection.args["first"] : undefined;
      let inside = times;
      if (typeof first === "number") {
        requests += times;
        nodes += times * first;
        inside = times * first;
        largestPage = Math.max(largestPage, first);
      }
      visit(selection.selections ?? [], inside);
    }
  }
}
