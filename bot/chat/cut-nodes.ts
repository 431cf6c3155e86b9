import type { Inline, Node } from "./markdown-tree.ts";

/** The beginning of a tree, with about this many characters of text. */
export function cutNodes(nodes: readonly Node[], room: number): readonly Node[] {
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
