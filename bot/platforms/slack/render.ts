import type { types } from "@slack/bolt";
import { cleanLines, cleanText } from "../../../shared/lib/text.ts";
import type { ActionItem, Block, Card, FormField, FormSpec, Tone } from "../../chat/card.ts";
import { cardToText } from "../../chat/card-to-text.ts";
import { andMore, cut, disarmMentions, firstOf } from "../../chat/fit.ts";
import type { Outgoing } from "../../chat/platform.ts";
import { toActionId } from "./inbound.ts";
import {
  MAX_ACTIONS,
  MAX_BLOCKS,
  MAX_BUTTON_URL_LENGTH,
  MAX_CELL_LENGTH,
  MAX_FALLBACK_LENGTH,
  MAX_FIELDS,
  MAX_FIELD_LABEL_LENGTH,
  MAX_INPUT_LENGTH,
  MAX_LABEL_LENGTH,
  MAX_MARKDOWN_LENGTH,
  MAX_MESSAGE_LENGTH,
  MAX_NAME_LENGTH,
  MAX_OPTIONS,
  MAX_OPTION_LENGTH,
  MAX_OPTION_VALUE_LENGTH,
  MAX_PLACEHOLDER_LENGTH,
  MAX_TABLE_ROWS,
  MAX_TITLE_LENGTH,
  MAX_VALUE_LENGTH,
  MAX_VIEW_TITLE_LENGTH,
} from "./limits.ts";
import {
  alignTable,
  plainElements,
  renderPreformatted,
  renderRemark,
  renderRichText,
  type RichTextPart,
} from "./rich-text.ts";

/** A message as Slack takes it. */
export interface SlackContent {
  /** What notifications and screen readers say. */
  readonly text: string;
  readonly blocks: readonly types.KnownBlock[];
}

/** Blocks have no colour, so what somebody must not overlook has a sign. */
const SIGNS = {
  neutral: "",
  info: "",
  success: "✅ ",
  warning: "⚠️ ",
  danger: "🛑 ",
} as const satisfies Readonly<Record<Tone, string>>;

/** Draws a message. What is too much is cut and says so. `key` marks it, so that it is found again. */
export function renderSlackMessage(
  { card, tokens }: Pick<Outgoing, "card" | "tokens">,
  key?: string,
): SlackContent {
  return {
    text: escapeText(
      disarmMentions(cut(`${SIGNS[card.tone]}${fallback(card)}`, MAX_FALLBACK_LENGTH)),
    ),
    blocks: [
      { ...drawTitle(card), ...(key === undefined ? {} : { block_id: key }) },
      ...drawBlocks(card, tokens),
    ],
  };
}

function fallback(card: Card): string {
  return cleanLines(cardToText(card), MAX_FALLBACK_LENGTH);
}

function drawTitle({ title, tone }: Card): types.HeaderBlock {
  const words = cleanText(title, title.length) || "…";
  return { type: "header", text: plainText(`${SIGNS[tone]}${words}`, MAX_TITLE_LENGTH) };
}

function drawBlocks(card: Card, tokens: Outgoing["tokens"]): readonly types.KnownBlock[] {
  let room = MAX_MESSAGE_LENGTH;
  let buttons = 0;
  // The title is one of them.
  const { shown, hidden } = firstOf(card.blocks.flatMap(draw), MAX_BLOCKS - 1);
  return hidden > 0 ? [...shown, richText(renderRemark(andMore(hidden), 100))] : shown;

  function draw(block: Block): readonly types.KnownBlock[] {
    if (block.type === "actions") {
      return drawActions(block.items);
    }
    if (room <= 0) {
      return [];
    }
    const parts = drawParts(block, Math.min(room, MAX_MARKDOWN_LENGTH));
    const size = JSON.stringify(parts).length;
    room = size > room ? 0 : room - size;
    return parts.length > 0 ? [richText(parts)] : [];
  }

  function drawActions(items: readonly ActionItem[]): readonly types.KnownBlock[] {
    const { shown: offered, hidden: left } = firstOf(items, MAX_ACTIONS);
    const elements = offered.flatMap(drawButton);
    return [
      ...(elements.length > 0 ? [{ type: "actions" as const, elements }] : []),
      ...(left > 0 ? [richText(renderRemark(andMore(left), 100))] : []),
    ];
  }

  /** A button without a token would do nothing, so it is not drawn. */
  function drawButton(item: ActionItem): readonly types.Button[] {
    buttons += 1;
    const text = plainText(cleanText(item.label, item.label.length) || "…", MAX_LABEL_LENGTH);
    if (item.type === "link") {
      return item.url.length <= MAX_BUTTON_URL_LENGTH
        ? [{ type: "button", text, url: item.url, action_id: toActionId("link", buttons) }]
        : [];
    }
    const token = tokens.get(item);
    const kind = item.type === "form" ? "form" : "do";
    return token === undefined
      ? []
      : [
          {
            type: "button",
            text,
            value: token,
            action_id: toActionId(kind, buttons),
            ...(item.style === undefined ? {} : { style: item.style }),
          },
        ];
  }
}

/** At most about `limit` characters. */
function drawParts(
  block: Exclude<Block, { readonly type: "actions" }>,
  limit: number,
): readonly RichTextPart[] {
  switch (block.type) {
    case "text":
      return renderRichText(block.markdown, limit);
    case "note":
      return renderRemark(block.markdown, limit);
    case "fields":
      return drawFields(block, limit);
    case "table":
      return [drawTable(block, limit)];
    default:
      return unreachable(block);
  }
}

function drawFields(
  { fields }: Extract<Block, { readonly type: "fields" }>,
  limit: number,
): readonly RichTextPart[] {
  const lines = fields.map(({ label, value }) => ({
    label: cleanText(label, MAX_NAME_LENGTH),
    value: cleanLines(value, MAX_VALUE_LENGTH) || "–",
  }));
  const count = fitting(lines, limit, ({ label, value }) => label.length + value.length + 3);
  const { shown, hidden } = firstOf(lines, Math.min(count, MAX_FIELDS));
  const elements = shown.flatMap(({ label, value }, index) => [
    ...(index === 0 ? [] : [{ type: "text" as const, text: "\n" }]),
    ...plainElements(label, { bold: true }),
    { type: "text" as const, text: label === "" ? value : `  ${value}` },
  ]);
  const more = hidden > 0 ? [{ type: "text" as const, text: `\n${andMore(hidden)}` }] : [];
  return elements.length > 0
    ? [{ type: "rich_text_section", elements: [...elements, ...more] }]
    : [];
}

function drawTable(
  { columns, rows }: Extract<Block, { readonly type: "table" }>,
  limit: number,
): RichTextPart {
  const toCells = (cells: readonly string[]) =>
    cells.map((cell) => cleanText(cell, MAX_CELL_LENGTH));
  const lines = rows.map(toCells);
  const width = Math.max(...[toCells(columns), ...lines].map((line) => line.join("  ").length + 1));
  const count = fitting(lines, limit - 2 * width, () => width);
  const { shown, hidden } = firstOf(lines, Math.min(count, MAX_TABLE_ROWS));
  const table = alignTable(toCells(columns), shown);
  return renderPreformatted(hidden > 0 ? `${table}\n${andMore(hidden)}` : table);
}

/** How many of them fit, one at least. */
function fitting<T>(things: readonly T[], limit: number, sizeOf: (thing: T) => number): number {
  let size = 0;
  let count = 0;
  for (const thing of things) {
    size += sizeOf(thing);
    if (size > limit) {
      break;
    }
    count += 1;
  }
  return Math.max(1, count);
}

/** A form, filled in as far as it is known. */
export function renderSlackForm(form: FormSpec, metadata: string): types.ModalView {
  return {
    type: "modal",
    callback_id: "slipway",
    private_metadata: metadata,
    ...drawViewFrame(form.title),
    submit: plainText("Send", MAX_VIEW_TITLE_LENGTH),
    close: plainText("Cancel", MAX_VIEW_TITLE_LENGTH),
    blocks: [...drawWholeTitle(form.title), ...form.fields.map(drawField)],
  };
}

/** What stands in the window until the form is known. */
export function renderSlackWait(): types.ModalView {
  return {
    type: "modal",
    callback_id: "slipway-wait",
    ...drawViewFrame("One moment"),
    close: plainText("Close", MAX_VIEW_TITLE_LENGTH),
    blocks: [richText(renderRichText("Looking it up…", 100))],
  };
}

/** Words in the window instead of a form. */
export function renderSlackNotice(card: Card): types.ModalView {
  return {
    type: "modal",
    callback_id: "slipway-notice",
    ...drawViewFrame(card.title),
    close: plainText("Close", MAX_VIEW_TITLE_LENGTH),
    blocks: [drawTitle(card), ...drawBlocks(card, new Map())],
  };
}

/** Whether everything that is filled in already fits into the form. Otherwise sending it would lose the rest. */
export function fitsSlackForm(form: FormSpec): boolean {
  return form.fields.every(({ initial = "" }) => initial.length <= MAX_INPUT_LENGTH);
}

function drawViewFrame(title: string): Pick<types.ModalView, "title"> {
  return { title: plainText(cleanText(title, title.length) || "…", MAX_VIEW_TITLE_LENGTH) };
}

/** The window's own title holds very little. */
function drawWholeTitle(title: string): readonly types.KnownBlock[] {
  return title.length <= MAX_VIEW_TITLE_LENGTH
    ? []
    : [{ type: "header", text: plainText(cleanText(title, title.length), MAX_TITLE_LENGTH) }];
}

/** The block is called like the field, so that what is wrong can be said beside it. */
function drawField(field: FormField): types.InputBlock {
  const { name, label, required = false } = field;
  return {
    type: "input",
    block_id: name,
    label: plainText(cleanText(label, label.length) || name, MAX_FIELD_LABEL_LENGTH),
    optional: !required,
    element: drawInput(field),
  };
}

function drawInput(field: FormField): types.InputBlock["element"] {
  const { name, label, initial = "", placeholder = "" } = field;
  const hint =
    placeholder === "" ? {} : { placeholder: plainText(placeholder, MAX_PLACEHOLDER_LENGTH) };
  switch (field.type) {
    case "text":
    case "textarea":
      return {
        type: "plain_text_input",
        action_id: name,
        multiline: field.type === "textarea" || initial.includes("\n"),
        max_length: Math.min(field.maxLength ?? MAX_INPUT_LENGTH, MAX_INPUT_LENGTH),
        ...hint,
        ...(initial === "" ? {} : { initial_value: initial }),
      };
    case "select": {
      const options = (field.options ?? [])
        .filter(({ value }) => value.length <= MAX_OPTION_VALUE_LENGTH)
        .slice(0, MAX_OPTIONS)
        .map((option) => toOption(option.label, option.value));
      const chosen = options.find(({ value }) => value === initial);
      return {
        type: "static_select",
        action_id: name,
        options,
        ...hint,
        ...(chosen === undefined ? {} : { initial_option: chosen }),
      };
    }
    case "checkbox": {
      const option = toOption(placeholder === "" ? label : placeholder, "true");
      return {
        type: "checkboxes",
        action_id: name,
        options: [option],
        ...(initial === "true" ? { initial_options: [option] } : {}),
      };
    }
    default:
      return unreachable(field.type);
  }
}

function toOption(label: string, value: string) {
  return { text: plainText(cleanText(label, label.length) || value, MAX_OPTION_LENGTH), value };
}

/** Text that is shown as it is: no markup, no mention, and no emoji that somebody spells. */
function plainText(text: string, limit: number): types.PlainTextElement {
  return { type: "plain_text", text: cut(text, limit), emoji: false };
}

function richText(parts: readonly RichTextPart[]): types.RichTextBlock {
  return { type: "rich_text", elements: [...parts] };
}

/** The three characters that begin everything Slack reads as more than text. */
export function escapeText(text: string): string {
  return text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
}

function unreachable(value: never): never {
  throw new Error(`unknown ${JSON.stringify(value)}`);
}
