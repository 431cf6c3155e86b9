import type { ConfigProblem } from "../errors/catalog.ts";

/** A place in the configuration: keys and positions from the top. */
export type Path = readonly PropertyKey[];

/** Collects mistakes while loading, so that all of them are shown at once. */
export interface Problems {
  add(path: Path, what: string, fix: string): void;
  /** Remembers a place as wrong whose mistake is told elsewhere. */
  markWrong(path: Path): void;
  /** True when this place, or one it lies in, is already known to be wrong. */
  covers(path: Path): boolean;
  readonly list: readonly ConfigProblem[];
}

/** `lineOf` finds the line of a place; null where there is none (no file, or a default). */
export function createProblems(file: string, lineOf: (path: Path) => number | null): Problems {
  const list: ConfigProblem[] = [];
  const wrong = new Set<string>();
  const seen = new Set<string>();
  return {
    list,
    add(path, what, fix) {
      wrong.add(key(path));
      const problem = { file, line: lineOf(path), path: writePath(path), what, fix };
      const identity = JSON.stringify(problem);
      if (!seen.has(identity)) {
        seen.add(identity);
        list.push(problem);
      }
    },
    markWrong(path) {
      wrong.add(key(path));
    },
    covers(path) {
      return Array.from({ length: path.length + 1 }, (_, end) => key(path.slice(0, end))).some(
        (part) => wrong.has(part),
      );
    },
  };
}

/** `environments[0].target.kind` */
function writePath(path: Path): string {
  return path
    .map((part, index) => {
      if (typeof part === "number") {
        return `[${part}]`;
      }
      const name = String(part).slice(0, 100);
      return index === 0 ? name : `.${name}`;
    })
    .join("");
}

function key(path: Path): string {
  return JSON.stringify(path.map(String));
}
