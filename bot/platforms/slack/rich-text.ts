import type { types } from "@slack/bolt";
import { cutNodes } from "../../chat/cut-nodes.ts";
import { visible } from "../../chat/fit.ts";
import { isWebAddress, parseMarkdown, type Inline, type Node } from "../../chat/markdown-tree.ts";

type Element = types.RichTextText | types.RichTextLink;
type Style = NonNullable<types.RichTextText["style"]>;
export type RichTextPart = types.RichTextBlock["elements"][number];

/**
 * Markdown of a card as Slack's rich text. It knows no escapes because it needs none: what is text is shown as it is, so no
 * name of a branch becomes bold, a mention, an emoji or a link. At most `limit` characters; what is cut ends with "…".
 */
export function renderRichText(markdown: string, limit: number): readonly RichTextPart[] {
  // What cannot fit need not be parsed: markup never makes a text shorter than a third of itself.
  const nodes = parseMarkdown(visible(markdown.slice(0, limit * 3)));
  const isWhole = lengthOf(nodes) <= limit && markdown.length <= limit * 3;
  const writer = createWriter();
  writer.nodes(isWhole ? nodes : cutNodes(nodes, limit - 1));
  if (!isWhole) {
    writer.more();
  }
  return writer.parts();
}

/** The same in one line of quotation, as a remark. */
export function renderRemark(markdown: string, limit: number): readonly RichTextPart[] {
  return renderRichText(markdown, limit).map((part): RichTextPart => {
    return part.type === "rich_text_section" ? { ...part, type: "rich_text_quote" } : part;
  });
}

/** Text of people, as it is. */
export function plainElements(text: string, style: Style = {}): readonly types.RichTextText[] {
  return textElements(visible(text), style);
}

/** Columns that stand below each other. */
export function renderPreformatted(text: string): RichTextPart {
  return { type: "rich_text_preformatted", elements: [{ type: "text", text }] };
}

/** A table as text of one width; cells are plain text already. */
export function alignTable(
  columns: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  const lines = [columns, ...rows];
  const count = Math.max(...lines.map((line) => line.length));
  const widths = Array.from({ length: count }, (_, at) =>
    Math.max(...lines.map((line) => widthOf(line[at] ?? ""))),
  );
  const toLine = (cells: readonly string[]) =>
    widths
      .map((width, at) => `${cells[at] ?? ""}${" ".repeat(width - widthOf(cells[at] ?? ""))}`)
      .join("  ")
      .trimEnd();
  const rule = widths.map((width) => "─".repeat(width)).join("  ");
  return [toLine(columns), rule, ...rows.map(toLine)].join("\n");
}

function widthOf(text: string): number {
  return [...text].length;
}

/** Writes nodes one below the other: lines into sections, everything else into a part of its own. */
function createWriter() {
  const done: RichTextPart[] = [];
  let line: Element[] = [];

  return {
    nodes: writeNodes,
    more() {
      append([toText("…", {})], "\n");
    },
    parts() {
      flush();
      return done;
    },
  };

  function writeNodes(nodes: readonly Node[]): void {
    nodes.forEach(writeNode);
  }

  function writeNode(node: Node): void {
    switch (node.type) {
      case "paragraph":
        append(toElements(node.children, {}), "\n\n");
        return;
      case "heading":
        append(toElements(node.children, { bold: true }), "\n\n");
        return;
      case "rule":
        append([toText("———", {})], "\n\n");
        return;
      case "code":
        if (node.text !== "") {
          part(renderPreformatted(node.text));
        }
        return;
      case "quote":
        part({ type: "rich_text_quote", elements: joined(toLines(node.children)) });
        return;
      case "list":
        writeList(node, 0);
        return;
      case "table":
        part(renderPreformatted(alignTable(node.columns.map(toPlain), node.rows.map(toRow))));
        return;
      default:
        unreachable(node);
    }
  }

  /** Lists stand inside each other by their indent; everything else inside an item becomes lines of it. */
  function writeList(list: Extract<Node, { readonly type: "list" }>, indent: number): void {
    let items: types.RichTextSection[] = [];
    let from = 0;
    list.items.forEach((item, index) => {
      const inner = item.filter((node) => node.type !== "list");
      items.push({ type: "rich_text_section", elements: joined(toLines(inner)) });
      const lists = item.filter((node) => node.type === "list");
      if (lists.length > 0) {
        end(index + 1);
        lists.forEach((nested) => writeList(nested, indent + 1));
      }
    });
    end(list.items.length);

    function end(next: number): void {
      if (items.length > 0) {
        const offset = (list.start ?? 1) - 1 + from;
        part({
          type: "rich_text_list",
          style: list.start === undefined ? "bullet" : "ordered",
          indent: Math.min(indent, MAX_INDENT),
          elements: items,
          ...(list.start !== undefined && offset > 0 ? { offset } : {}),
        });
      }
      items = [];
      from = next;
    }
  }

  function append(elements: readonly Element[], space: string): void {
    if (elements.length > 0) {
      line.push(...(line.length > 0 ? [toText(space, {})] : []), ...elements);
    }
  }

  function part(next: RichTextPart): void {
    flush();
    if (!("elements" in next) || next.elements.length > 0) {
      done.push(next);
    }
  }

  function flush(): void {
    if (line.length > 0) {
      done.push({ type: "rich_text_section", elements: joined(line) });
      line = [];
    }
  }
}

/** Deeper lists than this are drawn no deeper: docs.slack.dev/reference/block-kit/blocks/rich-text-block. */
const MAX_INDENT = 8;

/** Neighbours that look the same are one. */
function joined(elements: readonly Element[]): Element[] {
  const found: Element[] = [];
  for (const next of elements) {
    const last = found.at(-1);
    if (
      last?.type === "text" &&
      next.type === "text" &&
      JSON.stringify(last.style) === JSON.stringify(next.style)
    ) {
      found[found.length - 1] = { ...last, text: last.text + next.text };
    } else {
      found.push(next);
    }
  }
  return found;
}

/** Nodes as lines, for places that hold nothing but lines. */
function toLines(nodes: readonly Node[]): Element[] {
  return nodes.flatMap((node, index) => {
    const space = index === 0 ? [] : [toText("\n", {})];
    return [...space, ...toLine(node)];
  });
}

function toLine(node: Node): readonly Element[] {
  switch (node.type) {
    case "paragraph":
      return toElements(node.children, {});
    case "heading":
      return toElements(node.children, { bold: true });
    case "code":
      return plainElements(node.text, { code: true });
    case "quote":
      return toLines(node.children);
    case "list":
      return node.items.flatMap((item, index) => [
        toText(`${index === 0 ? "" : "\n"}${markOf(node, index)} `, {}),
        ...toLines(item),
      ]);
    case "table":
      return plainElements(alignTable(node.columns.map(toPlain), node.rows.map(toRow)));
    case "rule":
      return [];
    default:
      return unreachable(node);
  }
}

function markOf({ start }: Extract<Node, { readonly type: "list" }>, index: number): string {
  return start === undefined ? "•" : `${String(start + index)}.`;
}

function toElements(children: readonly Inline[], style: Style): readonly Element[] {
  return children.flatMap((child): readonly Element[] => {
    switch (child.type) {
      case "text":
        return textElements(child.text, style);
      case "code":
        return textElements(child.text, { ...style, code: true });
      case "strong":
        return toElements(child.children, { ...style, bold: true });
      case "emphasis":
        return toElements(child.children, { ...style, italic: true });
      case "strike":
        return toElements(child.children, { ...style, strike: true });
      case "link":
        return isWebAddress(child.url)
          ? [toLink(toPlain(child.children), child.url, style)]
          : toElements(child.children, style);
      case "break":
        return [toText("\n", {})];
      default:
        return unreachable(child);
    }
  });
}

function textElements(text: string, style: Style): readonly types.RichTextText[] {
  return text === "" ? [] : [toText(text, style)];
}

function toText(text: string, style: Style): types.RichTextText {
  return { type: "text", text, ...styled(style) };
}

function toLink(text: string, url: string, style: Style): types.RichTextLink {
  return { type: "link", url, ...(text === "" ? {} : { text }), ...styled(style) };
}

function styled(style: Style): { readonly style?: Style } {
  return Object.keys(style).length === 0 ? {} : { style };
}

function toRow(cells: readonly (readonly Inline[])[]): readonly string[] {
  return cells.map(toPlain);
}

function toPlain(children: readonly Inline[]): string {
  return children
    .map((child) => {
      switch (child.type) {
        case "text":
        case "code":
          return child.text;
        case "break":
          return " ";
        default:
          return toPlain(child.children);
      }
    })
    .join("");
}

function lengthOf(things: readonly (Node | Inline)[]): number {
  return things.reduce((sum, thing) => sum + lengthOfOne(thing), 0);
}

function lengthOfOne(thing: Node | Inline): number {
  switch (thing.type) {
    case "text":
    case "code":
      return thing.text.length;
    case "list":
      return thing.items.reduce((sum, item) => sum + lengthOf(item), 0);
    case "table":
      return [thing.columns, ...thing.rows].flat().reduce((sum, cell) => sum + lengthOf(cell), 0);
    case "break":
    case "rule":
      return 1;
    default:
      return lengthOf(thing.children);
  }
}

function unreachable(value: never): never {
  throw new Error(`unknown ${JSON.stringify(value)}`);
}
