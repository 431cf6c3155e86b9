import type {
  RoomAction,
  RoomBlock,
  RoomCard,
  RoomFormField,
} from "../../../shared/contract/card.ts";
import type { ActionItem, Block, FormField, FormSpec } from "../../chat/card.ts";
import { cardToText } from "../../chat/card-to-text.ts";
import type { Outgoing } from "../../chat/platform.ts";
import {
  MAX_ACTIONS,
  MAX_ANSWER_LENGTH,
  MAX_CELL_LENGTH,
  MAX_FALLBACK_LENGTH,
  MAX_FIELDS,
  MAX_LABEL_LENGTH,
  MAX_MARKDOWN_LENGTH,
  MAX_OPTIONS,
  MAX_TABLE_ROWS,
  MAX_TITLE_LENGTH,
  MAX_VALUE_LENGTH,
} from "./limits.ts";

/** A message as the room stores it: the card, and the same in words. */
export interface RoomContent {
  readonly text: string;
  readonly card: RoomCard;
}

/** Draws a message for the room. What is too much is cut and says so. */
export function renderRoomMessage({ card, tokens }: Outgoing): RoomContent {
  return {
    text: cut(cardToText(card), MAX_FALLBACK_LENGTH),
    card: {
      title: cut(card.title, MAX_TITLE_LENGTH),
      tone: card.tone,
      blocks: card.blocks.map((block) => renderBlock(block, tokens)),
    },
  };
}

/** A message that asks for the answers of one form. */
export function renderRoomForm(form: FormSpec, token: string): RoomContent {
  const item: ActionItem = { type: "form", label: form.title, form };
  return renderRoomMessage({
    card: { title: form.title, tone: "info", blocks: [{ type: "actions", items: [item] }] },
    tokens: new Map([[item, token]]),
  });
}

function renderBlock(block: Block, tokens: Outgoing["tokens"]): RoomBlock {
  switch (block.type) {
    case "text":
    case "note":
      return { type: block.type, markdown: cut(block.markdown, MAX_MARKDOWN_LENGTH) };
    case "fields":
      return {
        type: "fields",
        fields: block.fields.slice(0, MAX_FIELDS).map(({ label, value }) => ({
          label: cut(label, MAX_LABEL_LENGTH),
          value: cut(value, MAX_VALUE_LENGTH),
        })),
      };
    case "table":
      return { type: "table", columns: [...block.columns], rows: renderRows(block.rows) };
    case "actions":
      return {
        type: "actions",
        actions: block.items.slice(0, MAX_ACTIONS).flatMap((item) => renderAction(item, tokens)),
      };
    default:
      return unreachable(block);
  }
}

function renderRows(rows: readonly (readonly string[])[]): string[][] {
  const shown = rows
    .slice(0, MAX_TABLE_ROWS)
    .map((row) => row.map((cell) => cut(cell, MAX_CELL_LENGTH)));
  const hidden = rows.length - shown.length;
  return hidden > 0 ? [...shown, [`… and ${hidden.toLocaleString("en-US")} more`]] : shown;
}

/** A button without a token would do nothing, so it is not drawn. */
function renderAction(item: ActionItem, tokens: Outgoing["tokens"]): RoomAction[] {
  const label = cut(item.label, MAX_LABEL_LENGTH);
  if (item.type === "link") {
    const { url } = item;
    return [{ action: "", label, type: "link", style: "default", url, form: null }];
  }
  const token = tokens.get(item);
  if (token === undefined) {
    return [];
  }
  const form = item.type === "form" ? renderForm(item.form) : null;
  const style = item.style ?? "default";
  return [{ action: token, label, type: item.type, style, url: null, form }];
}

function renderForm(form: FormSpec): RoomAction["form"] {
  return { title: cut(form.title, MAX_TITLE_LENGTH), fields: form.fields.map(renderField) };
}

function renderField(field: FormField): RoomFormField {
  return {
    name: field.name,
    label: cut(field.label, MAX_LABEL_LENGTH),
    type: field.type,
    required: field.required ?? false,
    placeholder: field.placeholder ?? null,
    initial: field.initial ?? null,
    options: (field.options ?? [])
      .slice(0, MAX_OPTIONS)
      .map(({ value, label }) => ({ value, label })),
    maxLength: Math.min(field.maxLength ?? MAX_ANSWER_LENGTH, MAX_ANSWER_LENGTH),
  };
}

function cut(text: string, limit: number): string {
  // A cut between the halves of a surrogate pair would leave a broken character.
  return text.length <= limit ? text : `${text.slice(0, limit - 1).replace(/\p{Cs}$/u, "")}…`;
}

function unreachable(block: never): never {
  throw new Error(`unknown block ${JSON.stringify(block)}`);
}
