import { RefInvalid } from "../../errors/catalog.ts";

/** Longest name of a branch or tag anybody needs; file systems end at 255 bytes. */
const LONGEST_REF = 250;

const SHOWN_LENGTH = 80;

/**
 * What git refuses in names (git-check-ref-format), what it would read as something else than a name, and what a person
 * cannot see. The first that fits is the answer.
 */
const PROBLEMS: readonly (readonly [RegExp, string])[] = [
  [/^$/, "it is empty"],
  [/^-/, 'it begins with "-"'],
  [/[\p{Cc}\p{Cs}]/u, "it has a control character in it"],
  [/[\p{Cf}\p{Default_Ignorable_Code_Point}]/u, "it has an invisible character in it"],
  [/[\p{Z}]/u, "it has a space in it"],
  [/[~^:?*[\\]/, "it has one of ~ ^ : ? * [ \\ in it"],
  [/\.\./, 'it has ".." in it'],
  [/@\{/, 'it has "@{" in it'],
  [/^@$/, 'it is only "@"'],
  [/^\/|\/$|\/\//, 'it has an empty part before or after a "/"'],
  [/(?:^|\/)\./, 'one of its parts begins with "."'],
  [/\.$/, 'it ends with "."'],
  [/\.lock(?:\/|$)/, 'one of its parts ends with ".lock"'],
];

/**
 * Refuses a ref given by a person that no branch, tag or commit can be called, before any system sees it. Answers names of
 * any length at once. Names that merely look dangerous to a shell (`$(x)`, `a;b`, quotes) are legal and pass: nothing here
 * ever goes through one.
 *
 * @throws RefInvalid
 */
export function requireRefName(ref: string): void {
  if (ref.length > LONGEST_REF) {
    throw new RefInvalid({
      ref: shown(ref),
      why: `it has ${ref.length.toLocaleString("en-US")} characters, more than ${LONGEST_REF}`,
    });
  }
  const problem = PROBLEMS.find(([pattern]) => pattern.test(ref));
  if (problem !== undefined) {
    throw new RefInvalid({ ref: shown(ref), why: problem[1] });
  }
}

/** The same for the beginning of a name, as `listBranches` takes it: `feature/` is one, and so is the empty text. */
export function requireRefPrefix(prefix: string): void {
  if (prefix !== "") {
    requireRefName(`${prefix}x`);
  }
}

/** A full commit id, of either hash git has. */
export function isCommitId(ref: string): boolean {
  return /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(ref);
}

/**
 * Refuses anything but a full commit id, for the places where only one exact commit will do.
 *
 * @throws RefInvalid
 */
export function requireCommitId(sha: string): void {
  if (!isCommitId(sha)) {
    throw new RefInvalid({
      ref: shown(sha),
      why: "a full commit id of 40 or 64 hexadecimal digits is needed here",
    });
  }
}

/** The name with every character a person cannot see, or that could reorder the sentence around it, made visible. */
function shown(ref: string): string {
  const start = ref
    .slice(0, SHOWN_LENGTH)
    .replace(/[\p{C}\p{Default_Ignorable_Code_Point}\u2028\u2029]/gu, "\uFFFD");
  return ref.length > SHOWN_LENGTH ? `${start}…` : start;
}
