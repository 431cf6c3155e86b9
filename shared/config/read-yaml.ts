import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument, type Node } from "yaml";
import type { ConfigProblem } from "../errors/catalog.ts";
import type { Path } from "./problems.ts";

export interface YamlFile {
  /** Plain values; empty when there are mistakes. */
  readonly value: unknown;
  /** Mistakes in the YAML itself. */
  readonly problems: readonly ConfigProblem[];
  /** The line of a key or an entry; of the nearest thing around it where there is no such key. */
  lineOf(path: Path): number | null;
}

/** Aliases may not make the file more than this many times bigger: a small file must not fill the memory. */
const MOST_ALIASES = 100;

export function readYaml(file: string, text: string): YamlFile {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const problems: ConfigProblem[] = document.errors.map((error) => ({
    file,
    line: lines.linePos(error.pos[0]).line,
    path: "",
    what: `this is not valid YAML: ${error.message}`,
    fix: "Check the indentation, quotes and colons around this line.",
  }));
  return { value: problems.length === 0 ? toValue() : undefined, problems, lineOf };

  function toValue(): unknown {
    try {
      return document.toJS({ maxAliasCount: MOST_ALIASES }) as unknown;
    } catch (error) {
      // Only reached by alias bombs and aliases of nothing, which the parser reports when values are made.
      problems.push({
        file,
        line: null,
        path: "",
        what: `this is not valid YAML: ${error instanceof Error ? error.message : String(error)}`,
        fix: "Write the repeated part out instead of using anchors and aliases.",
      });
      return undefined;
    }
  }

  function lineOf(path: Path): number | null {
    let node: unknown = document.contents;
    let offset = startOf(node);
    for (const part of path) {
      const container = isAlias(node) ? node.resolve(document) : node;
      if (isMap(container)) {
        const pair = container.items.find(
          ({ key }) => (isScalar(key) ? String(key.value) : undefined) === String(part),
        );
        if (!pair) {
          break;
        }
        offset = startOf(pair.key) ?? offset;
        node = pair.value;
      } else if (isSeq(container)) {
        node = container.items[Number(part)];
        if (node === undefined) {
          break;
        }
        offset = startOf(node) ?? offset;
      } else {
        break;
      }
    }
    return offset === undefined ? null : lines.linePos(offset).line;
  }
}

function startOf(node: unknown): number | undefined {
  return (node as Node | null | undefined)?.range?.[0];
}
