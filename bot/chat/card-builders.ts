import { pluralise } from "../../shared/lib/text.ts";
import type { ActionCall, ActionItem, Block, Card, FormField, FormSpec, Tone } from "./card.ts";
import { plain } from "./markdown.ts";

/** Longer tables are cut: a chat card is read at a glance, the dashboard shows the rest. */
const TABLE_ROWS = 15;

/** Where a builder gives nothing, the card simply has no such block. */
type Maybe<T> = T | undefined | false;

/** A card. Blocks that are undefined, false or empty are left out. */
export function card(title: string, tone: Tone, ...blocks: readonly Maybe<Block>[]): Card {
  return { title: plain(title, 250), tone, blocks: blocks.filter(hasContent) };
}

/** A paragraph of markdown; several are joined as lines. Nothing when there are none. */
export function text(...lines: readonly Maybe<string>[]): Block | undefined {
  const markdown = joinLines(lines);
  return markdown === "" ? undefined : { type: "text", markdown };
}

/** A quiet remark in markdown, such as the next step. */
export function note(...lines: readonly Maybe<string>[]): Block | undefined {
  const markdown = joinLines(lines);
  return markdown === "" ? undefined : { type: "note", markdown };
}

/** Labels with values, both plain text. Those with null or undefined are left out. */
export function fields(
  entries: readonly (readonly [label: string, value: string | null | undefined])[],
): Block | undefined {
  const shown = entries.flatMap(([label, value]) =>
    value === null || value === undefined || value === ""
      ? []
      : [{ label: plain(label, 100), value: plain(value, 500) }],
  );
  return shown.length === 0 ? undefined : { type: "fields", fields: shown };
}

/**
 * A table of plain text. Columns without any content are left out; rows beyond `limit` become one row that says how many there
 * are.
 */
export function table(
  columns: readonly string[],
  rows: readonly (readonly string[])[],
  limit = TABLE_ROWS,
): Block | undefined {
  if (rows.length === 0) {
    return undefined;
  }
  const cells = rows.slice(0, limit).map((row) => row.map((cell) => plain(cell, 200)));
  const isUsed = columns.map((_, column) => cells.some((row) => row[column] !== ""));
  const shown = cells.map((row) => row.filter((_, column) => isUsed[column]));
  const heads = columns.filter((_, column) => isUsed[column]);
  const hidden = rows.length - shown.length;
  if (hidden > 0) {
    shown.push([`… and ${hidden.toLocaleString("en-US")} more`, ...heads.slice(1).map(() => "")]);
  }
  return { type: "table", columns: heads, rows: shown };
}

/** Names as one line of text, at most `limit` of them. */
export function list(names: readonly string[], limit = 12): string {
  const shown = names.slice(0, limit).join(", ");
  return names.length > limit
    ? `${shown} and ${pluralise(names.length - limit, "more", "more")}`
    : shown;
}

/** What can be pressed. Nothing when there is nothing. */
export function actions(...items: readonly Maybe<ActionItem>[]): Block | undefined {
  const shown = items.filter((item): item is ActionItem => item !== undefined && item !== false);
  return shown.length === 0 ? undefined : { type: "actions", items: shown };
}

/** A button. Make `action` with an action reference. */
export function button(
  label: string,
  action: ActionCall,
  style?: "primary" | "danger",
): ActionItem {
  return { type: "button", label, action, ...(style ? { style } : {}) };
}

/** A button that opens a form. */
export function form(label: string, spec: FormSpec, style?: "primary" | "danger"): ActionItem {
  return { type: "form", label, form: spec, ...(style ? { style } : {}) };
}

/** A button that leads to a page. Nothing without a web address. */
export function link(label: string, url: string): ActionItem | undefined {
  return /^https?:\/\//i.test(url) ? { type: "link", label, url } : undefined;
}

/** The form that asks why: one required text called `reason`. */
export function reasonForm(title: string, label: string, submit: ActionCall): FormSpec {
  const reason: FormField = {
    name: "reason",
    label,
    type: "textarea",
    required: true,
    maxLength: 2_000,
  };
  return { title, fields: [reason], submit };
}

function joinLines(lines: readonly Maybe<string>[]): string {
  return lines.filter((line): line is string => Boolean(line)).join("\n");
}

function hasContent(block: Maybe<Block>): block is Block {
  return block !== undefined && block !== false;
}
