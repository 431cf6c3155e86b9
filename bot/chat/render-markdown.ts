import { cutNodes } from "./cut-nodes.ts";
import { visible } from "./fit.ts";
import { isWebAddress, parseMarkdown, type Inline, type Node } from "./markdown-tree.ts";

/**
 * How a platform writes markup. Every function gets its contents drawn already, except `text` and `code`, which get the
 * characters as people shall see them and must make sure that they see just those: no markup, no mention, no link.
 */
export interface Dialect {
  text(text: string): string;
  code(text: string): string;
  codeBlock(text: string): string;
  strong(inner: string): string;
  emphasis(inner: string): string;
  strike(inner: string): string;
  link(inner: string, url: string): string;
  heading(inner: string, level: number): string;
  quote(inner: string): string;
  /** `mark` is a bullet or a number with its dot. Lines of `inner` after the first belong to the same item. */
  listItem(inner: string, mark: string): string;
  /** Cells are drawn already. */
  table(columns: readonly string[], rows: readonly (readonly string[])[]): string;
  readonly rule: string;
  /** What a cut text ends with. */
  readonly more: string;
}

/**
 * Markdown of a card in the dialect of a platform, at most `limit` characters long. Too much is cut between words, with every
 * piece of markup closed, and ends with `dialect.more`. What nobody can see is left out.
 */
export function renderMarkdown(markdown: string, dialect: Dialect, limit: number): string {
  // What cannot fit need not be parsed: markup never makes a text shorter than a third of itself.
  const nodes = parseMarkdown(visible(markdown.slice(0, limit * 3)));
  const whole = drawNodes(nodes, dialect);
  if (whole.length <= limit && markdown.length <= limit * 3) {
    return whole;
  }
  for (let room = limit; room > 0; room = Math.floor(room * 0.9)) {
    const cut = `${drawNodes(cutNodes(nodes, room), dialect)}${dialect.more}`;
    if (cut.length <= limit) {
      return cut;
    }
  }
  return dialect.more.slice(0, limit);
}

function drawNodes(nodes: readonly Node[], dialect: Dialect): string {
  return nodes
    .map((node) => drawNode(node, dialect))
    .filter((part) => part !== "")
    .join("\n\n");
}

function drawNode(node: Node, dialect: Dialect): string {
  switch (node.type) {
    case "paragraph":
      return drawInline(node.children, dialect);
    case "heading":
      return dialect.heading(drawInline(node.children, dialect), node.level);
    case "code":
      return dialect.codeBlock(node.text);
    case "quote":
      return dialect.quote(drawNodes(node.children, dialect));
    case "list":
      return node.items
        .map((item, index) =>
          dialect.listItem(
            // Items stand close together, whatever the space between them in the source.
            item.map((inner) => drawNode(inner, dialect)).join("\n"),
            node.start === undefined ? "-" : `${node.start + index}.`,
          ),
        )
        .join("\n");
    case "table":
      return dialect.table(
        node.columns.map((cell) => drawInline(cell, dialect)),
        node.rows.map((row) => row.map((cell) => drawInline(cell, dialect))),
      );
    case "rule":
      return dialect.rule;
    default:
      return unreachable(node);
  }
}

function drawInline(children: readonly Inline[], dialect: Dialect): string {
  return children
    .map((child) => {
      switch (child.type) {
        case "text":
          return dialect.text(child.text);
        case "code":
          return dialect.code(child.text);
        case "strong":
        case "emphasis":
        case "strike":
          return dialect[child.type](drawInline(child.children, dialect));
        case "link":
          return isWebAddress(child.url)
            ? dialect.link(drawInline(child.children, dialect), child.url)
            : drawInline(child.children, dialect);
        case "break":
          return "\n";
        default:
          return unreachable(child);
      }
    })
    .join("");
}

function unreachable(node: never): never {
  throw new Error(`unknown node ${JSON.stringify(node)}`);
}
