import { FilePathInvalid } from "../../errors/catalog.ts";

const LONGEST_PATH = 1_000;
const SHOWN_LENGTH = 80;

/** Why a text is no path of a file in a repository. The first that fits is the answer. */
const PROBLEMS: readonly (readonly [RegExp, string])[] = [
  [/^$/, "it is empty"],
  [/[\p{Cc}\p{Cs}]/u, "it has a control character in it"],
  [/^\//, 'it begins with "/"'],
  [/\\/, "it has a backslash in it"],
  [/(?:^|\/)\.\.(?:\/|$)/, 'it has ".." in it'],
  [/(?:^|\/)\.?(?:\/|$)/, "it has an empty part in it"],
];

/**
 * Refuses what cannot be the path of a file inside a repository, written from its root: what is absolute, would lead out of
 * it, or has more than one way to be written. Names that only look dangerous to a shell are legal: nothing goes through one.
 *
 * @throws FilePathInvalid
 */
export function requireFilePath(path: string): void {
  if (path.length > LONGEST_PATH) {
    throw new FilePathInvalid({
      path: shown(path),
      why: `it has more than ${LONGEST_PATH} characters`,
    });
  }
  const problem = PROBLEMS.find(([pattern]) => pattern.test(path));
  if (problem !== undefined) {
    throw new FilePathInvalid({ path: shown(path), why: problem[1] });
  }
}

function shown(path: string): string {
  const start = path
    .slice(0, SHOWN_LENGTH)
    .replace(/[\p{C}\p{Default_Ignorable_Code_Point}\u2028\u2029]/gu, "\uFFFD");
  return path.length > SHOWN_LENGTH ? `${start}…` : start;
}
