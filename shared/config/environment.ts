/** Environment variables, frozen. */
export type Environment = Readonly<Record<string, string>>;

/** The only reader of the process environment. Entry points call it once and hand the copy on. */
export function readEnvironment(source: NodeJS.ProcessEnv = process.env): Environment {
  return Object.freeze(
    Object.fromEntries(
      Object.entries(source).filter((entry): entry is [string, string] => entry[1] !== undefined),
    ),
  );
}
