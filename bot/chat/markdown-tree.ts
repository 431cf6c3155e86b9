import MarkdownIt, { type Token } from "markdown-it";

/** A piece of a line. */
export type Inline =
  | { readonly type: "text" | "code"; readonly text: string }
  | {
      readonly type: "strong" | "emphasis" | "strike";
      readonly children: readonly Inline[];
    }
  | { readonly type: "link"; readonly url: string; readonly children: readonly Inline[] }
  | { readonly type: "break" };

/** A paragraph, a list, a table… */
export type Node =
  | { readonly type: "paragraph"; readonly children: readonly Inline[] }
  | { readonly type: "heading"; readonly level: number; readonly children: readonly Inline[] }
  | { readonly type: "code"; readonly text: string }
  | { readonly type: "quote"; readonly children: readonly Node[] }
  | {
      readonly type: "list";
      /** The number of the first item; undefined for bullets. */
      readonly start: number | undefined;
      readonly items: readonly (readonly Node[])[];
    }
  | {
      readonly type: "table";
      readonly columns: readonly (readonly Inline[])[];
      readonly rows: readonly (readonly (readonly Inline[])[])[];
    }
  | { readonly type: "rule" };

/** Deeper than this nobody writes by hand; what is deeper is shown as the plain text it is. */
const MAX_NESTING = 20;

/** HTML is text here, addresses become links only where they were written as links. */
const parser = new MarkdownIt({
  html: false,
  linkify: false,
  typographer: false,
  maxNesting: MAX_NESTING,
  // Indented lines are somebody's words, not code.
}).disable("code");

/**
 * Markdown of a card as a tree, which a platform draws in its own dialect. Pictures become links to them: nobody's picture is
 * loaded by being mentioned.
 */
export function parseMarkdown(markdown: string): readonly Node[] {
  return createReader(parser.parse(markdown, {})).nodes(undefined);
}

/** Whether a link may be drawn as one. Everything else (`javascript:`, `data:`, our own relative paths) is shown as text. */
export function isWebAddress(url: string): boolean {
  return /^https?:$/.test(URL.parse(url)?.protocol ?? "");
}

function createReader(tokens: readonly Token[]) {
  let at = 0;

  return { nodes };

  /** Everything up to the token that closes what was opened. */
  function nodes(end: string | undefined): readonly Node[] {
    const found: Node[] = [];
    for (let token = tokens[at]; token && token.type !== end; token = tokens[at]) {
      at += 1;
      found.push(...node(token));
    }
    at += 1;
    return found;
  }

  function node(token: Token): readonly Node[] {
    switch (token.type) {
      case "paragraph_open":
        return [{ type: "paragraph", children: line("paragraph_close") }];
      case "heading_open":
        return [
          { type: "heading", level: Number(token.tag.slice(1)), children: line("heading_close") },
        ];
      case "fence":
      case "code_block":
        return [{ type: "code", text: token.content.replace(/\n$/, "") }];
      case "blockquote_open":
        return [{ type: "quote", children: nodes("blockquote_close") }];
      case "bullet_list_open":
        return [{ type: "list", start: undefined, items: items("bullet_list_close") }];
      case "ordered_list_open":
        return [
          {
            type: "list",
            start: Number(token.attrGet("start") ?? 1),
            items: items("ordered_list_close"),
          },
        ];
      case "table_open":
        return [table()];
      case "hr":
        return [{ type: "rule" }];
      case "inline":
        return [{ type: "paragraph", children: toInline(token.children ?? []) }];
      default:
        return [];
    }
  }

  /** The one line between an opening and a closing token. */
  function line(end: string): readonly Inline[] {
    const inline = tokens[at]?.type === "inline" ? tokens[at]?.children : null;
    while (at < tokens.length && tokens[at]?.type !== end) {
      at += 1;
    }
    at += 1;
    return toInline(inline ?? []);
  }

  function items(end: string): readonly (readonly Node[])[] {
    const found: (readonly Node[])[] = [];
    for (let token = tokens[at]; token && token.type !== end; token = tokens[at]) {
      at += 1;
      if (token.type === "list_item_open") {
        found.push(nodes("list_item_close"));
      }
    }
    at += 1;
    return found;
  }

  function table(): Node {
    const rows: (readonly Inline[])[][] = [];
    for (let token = tokens[at]; token && token.type !== "table_close"; token = tokens[at]) {
      at += 1;
      if (token.type === "tr_open") {
        rows.push([]);
      } else if (token.type === "inline") {
        rows.at(-1)?.push(toInline(token.children ?? []));
      }
    }
    at += 1;
    const [columns = [], ...body] = rows;
    return { type: "table", columns, rows: body };
  }
}

function toInline(tokens: readonly Token[]): readonly Inline[] {
  let at = 0;
  return inlines(undefined);

  function inlines(end: string | undefined): readonly Inline[] {
    const found: Inline[] = [];
    for (let token = tokens[at]; token && token.type !== end; token = tokens[at]) {
      at += 1;
      add(found, inline(token));
    }
    at += 1;
    return found;
  }

  function inline(token: Token): Inline {
    switch (token.type) {
      case "code_inline":
        return { type: "code", text: token.content };
      case "strong_open":
        return { type: "strong", children: inlines("strong_close") };
      case "em_open":
        return { type: "emphasis", children: inlines("em_close") };
      case "s_open":
        return { type: "strike", children: inlines("s_close") };
      case "link_open":
        return toLink(String(token.attrGet("href") ?? ""), inlines("link_close"));
      case "image":
        return toLink(String(token.attrGet("src") ?? ""), [{ type: "text", text: token.content }]);
      case "softbreak":
      case "hardbreak":
        return { type: "break" };
      default:
        return { type: "text", text: token.content };
    }
  }
}

function toLink(url: string, children: readonly Inline[]): Inline {
  return { type: "link", url, children };
}

/** An escaped character is a token of its own; together they are one text again. */
function add(found: Inline[], next: Inline): void {
  const last = found.at(-1);
  if (last?.type === "text" && next.type === "text") {
    found[found.length - 1] = { type: "text", text: last.text + next.text };
  } else if (next.type !== "text" || next.text !== "") {
    found.push(next);
  }
}
