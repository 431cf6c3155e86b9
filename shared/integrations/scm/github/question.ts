import type { ProviderFailure } from "../../../core/ports/scm.ts";
import type { GithubClient, GraphqlProblem } from "./client.ts";
import { isRecord } from "./client.ts";
import { GithubFailed, nonsenseFailure, sortRefusal } from "./failures.ts";

/** One GraphQL query about several repositories. Values travel as variables, never in the text. */
export interface Question {
  /** Name of the variable that holds the value; equal values share one. */
  variable(value: string, type?: "String!" | "GitObjectID!"): string;
  /** Adds what is wanted of one repository. */
  repository(address: RepoAddress, selection: (question: Question) => string): void;
  /** Parts of the query used by several selections. */
  fragment(name: string, text: string): void;
  /** Asks, and gives what came of each repository, in the order they were added. */
  ask(
    client: GithubClient,
    about: { readonly operation: string },
    signal: AbortSignal,
  ): Promise<readonly RepositoryAnswer[]>;
}

export interface RepoAddress {
  readonly owner: string;
  readonly name: string;
}

export type RepositoryAnswer =
  | {
      /** Parts GitHub did not tell are left out: null means that there is nothing. */
      readonly data: Readonly<Record<string, unknown>>;
      /** What it refused, by the name of the field. */
      readonly refused: ReadonlyMap<string, ProviderFailure>;
    }
  | { readonly failure: ProviderFailure };

/** Reads `owner/name`. */
export function parseLocator(locator: string): RepoAddress {
  const slash = locator.indexOf("/");
  return { owner: locator.slice(0, slash), name: locator.slice(slash + 1) };
}

/** What GitHub cannot or will not tell, and asking about fewer would not change. */
const FINAL = /^(?:NOT_FOUND|FORBIDDEN|INSUFFICIENT_SCOPES|UNPROCESSABLE)$/;

export function createQuestion(): Question {
  const variables = new Map<string, { readonly name: string; readonly value: string }>();
  const fragments = new Map<string, string>();
  const repositories: { readonly address: RepoAddress; readonly text: string }[] = [];
  const question: Question = { variable, repository, fragment, ask };
  return question;

  function variable(value: string, type = "String!"): string {
    const key = `${type}${value}`;
    const known = variables.get(key) ?? { name: `$v${variables.size}: ${type}`, value };
    variables.set(key, known);
    return known.name.slice(0, known.name.indexOf(":"));
  }

  function repository(address: RepoAddress, selection: (question: Question) => string): void {
    const { owner, name } = address;
    const alias = `r${repositories.length}`;
    const asked = `repository(owner: ${variable(owner)}, name: ${variable(name)})`;
    repositories.push({ address, text: `${alias}: ${asked} { ${selection(question)} }` });
  }

  function fragment(name: string, text: string): void {
    fragments.set(name, `fragment ${name} ${text}`);
  }

  async function ask(
    client: GithubClient,
    { operation }: { readonly operation: string },
    signal: AbortSignal,
  ): Promise<readonly RepositoryAnswer[]> {
    const declared = [...variables.values()];
    const text = [
      `query(${declared.map(({ name }) => name).join(", ")}) {`,
      ...repositories.map((one) => one.text),
      "}",
      ...fragments.values(),
    ].join("\n");
    const values = Object.fromEntries(
      declared.map(({ name, value }) => [name.slice(1, name.indexOf(":")), value]),
    );
    const [first] = repositories;
    const about =
      repositories.length === 1 && first !== undefined
        ? `${first.address.owner}/${first.address.name}`
        : `${repositories.length} repositories`;
    const { data, errors } = await client.graphql(text, values, { operation, about }, signal);
    const isOne = repositories.length === 1;
    const passing = errors.find(({ type }) => !FINAL.test(type ?? ""));
    if (passing !== undefined && !isOne) {
      throw tooMuch(passing, about);
    }
    return repositories.map(({ address }, index) => answerFor(`r${index}`, address));

    function answerFor(alias: string, { owner, name }: RepoAddress): RepositoryAnswer {
      const found = data[alias];
      if (isRecord(found)) {
        // What is not found is null, and nothing else is meant by that.
        const inside = errors.filter(
          ({ path, type }) => path[0] === alias && path.length > 1 && type !== "NOT_FOUND",
        );
        inside.forEach(({ path }) => leaveOut(found, path.slice(1)));
        const refused = inside.flatMap(({ path, message }) =>
          path.length > 2
            ? []
            : [
                [
                  String(path[1]),
                  sortRefusal({ status: 403, message }, `${owner}/${name}`),
                ] as const,
              ],
        );
        return { data: found, refused: new Map(refused) };
      }
      const problem =
        errors.find(({ path }) => path[0] === alias) ?? errors.find(({ path }) => !path.length);
      if (problem !== undefined && !FINAL.test(problem.type ?? "")) {
        throw tooMuch(problem, `${owner}/${name}`);
      }
      if (problem === undefined && found !== null) {
        return { failure: nonsenseFailure(operation) };
      }
      const isForbidden = problem !== undefined && problem.type !== "NOT_FOUND";
      const refusal = { status: isForbidden ? 403 : 404, message: problem?.message ?? "" };
      return { failure: sortRefusal(refusal, `${owner}/${name}`) };
    }
  }
}

/** Takes away what stands where an error is: a null there does not mean that there is nothing. */
function leaveOut(
  data: Readonly<Record<string, unknown>>,
  path: readonly (string | number)[],
): void {
  let parent: unknown = data;
  for (const [index, key] of path.entries()) {
    if (typeof parent !== "object" || parent === null) {
      return;
    }
    const value: unknown = Reflect.get(parent, key);
    // The null may have moved up to the next field that can be null.
    if (index === path.length - 1 || value === null || value === undefined) {
      Reflect.deleteProperty(parent, key);
      return;
    }
    parent = value;
  }
}

/** Time, nodes or resources ran out, or something broke: https://docs.github.com/en/graphql/overview/rate-limits-and-query-limits-for-the-graphql-api */
function tooMuch({ message }: GraphqlProblem, about: string): GithubFailed {
  return new GithubFailed(sortRefusal({ status: 500, message }, about), {
    refusal: { status: 200, message },
    isTooMuch: true,
  });
}
