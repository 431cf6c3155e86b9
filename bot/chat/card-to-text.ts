import type { ActionItem, Block, Card } from "./card.ts";
import { markdownToText } from "./markdown.ts";

/**
 * The card as plain text, for notifications, search, screen readers and platforms without cards. Nothing is lost: every button
 * is shown with the command that does the same.
 */
export function cardToText(card: Card): string {
  const parts = card.blocks.map(blockToText).filter((part) => part !== "");
  return [card.title, ...parts].join("\n");
}

/** Every item of a card that needs a token. */
export function pressableItems(
  card: Card,
): readonly Exclude<ActionItem, { readonly type: "link" }>[] {
  return card.blocks
    .flatMap((block) => (block.type === "actions" ? block.items : []))
    .flatMap((item) => (item.type === "link" ? [] : [item]));
}

function callOf(item: Exclude<ActionItem, { readonly type: "link" }>) {
  return item.type === "button" ? item.action : item.form.submit;
}

function blockToText(block: Block): string {
  switch (block.type) {
    case "text":
    case "note":
      return markdownToText(block.markdown);
    case "fields":
      return block.fields.map(({ label, value }) => `${label}: ${value}`).join("\n");
    case "table":
      return [block.columns, ...block.rows].map(rowToText).join("\n");
    case "actions":
      return block.items.map(itemToText).join("\n");
    default:
      return unreachable(block);
  }
}

function rowToText(row: readonly string[]): string {
  return row.join(" | ").replace(/(?: \| )+$/, "");
}

function itemToText(item: ActionItem): string {
  if (item.type === "link") {
    return `${item.label}: ${item.url}`;
  }
  const twin = callOf(item).text;
  return twin === undefined ? `[${item.label}]` : `[${item.label}] or say \`${twin}\``;
}

function unreachable(block: never): never {
  throw new Error(`unknown block ${JSON.stringify(block)}`);
}
