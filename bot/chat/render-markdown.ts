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

/** The beginning of a tree, with about this many characters of text. */
function cutNodes(nodes: readonly Node[], room: number): readonly Node[] {
  let left = room;
  return take(nodes, cutNode);

  function take<T>(things: readonly T[], cut: (thing: T) => T): readonly T[] {
    const taken: T[] = [];
    for (const thing of things) {
      if (left <= 0) {
        break;
      }
      taken.push(cut(thing));
    }
    return taken;
  }

  function cutNode(node: Node): Node {
    switch (node.type) {
      case "paragraph":
      case "heading":
        return { ...node, children: take(node.children, cutInline) };
      case "code":
        return { ...node, text: cutText(node.text) };
      case "quote":
        return { ...node, children: take(node.children, cutNode) };
      case "list":
        return { ...node, items: take(node.items, (item) => take(item, cutNode)) };
      case "table":
        return {
          ...node,
          rows: take(node.rows, (row) => row.map((cell) => take(cell, cutInline))),
        };
      case "rule":
        return node;
      default:
        return unreachable(node);
    }
  }

  function cutInline(child: Inline): Inline {
    switch (child.type) {
      case "text":
      case "code":
        return { ...child, text: cutText(child.text) };
      case "strong":
      case "emphasis":
      case "strike":
      case "link":
        return { ...child, children: take(child.children, cutInline) };
      case "break":
        left -= 1;
        return child;
      default:
        return unreachable(child);
    }
  }

  function cutText(text: string): string {
    const kept = text.length <= left ? text : beginning(text, left);
    left = text.length <= left ? left - text.length : 0;
    return kept;
  }
}

/** Up to the last whole word, and never half a character. */
function beginning(text: string, length: number): string {
  const cut = text.slice(0, Math.max(0, length)).replace(/\p{Cs}$/u, "");
  const space = cut.search(/\s\S*$/);
  return space > length / 2 ? cut.slice(0, space) : cut;
}

function unreachable(node: never): never {
  throw new Error(`unknown node ${JSON.stringify(node)}`);
}
