import type { ActionItem, Block, Card, FormField, FormSpec, Tone } from "../../chat/card.ts";
import {
  ZERO_WIDTH_SPACE,
  andMore,
  cut,
  disarmLinks,
  disarmMentions,
  firstOf,
  visible,
} from "../../chat/fit.ts";
import type { Outgoing } from "../../chat/platform.ts";
import { renderMarkdown, type Dialect } from "../../chat/render-markdown.ts";
import { customId } from "./inbound.ts";
import {
  BUTTONS_OF_A_ROW,
  MAX_ANSWER_LENGTH,
  MAX_BUTTONS,
  MAX_CELL_LENGTH,
  MAX_EMBEDS,
  MAX_EMBEDS_LENGTH,
  MAX_EMBED_FIELDS,
  MAX_EMBED_TEXT_LENGTH,
  MAX_EMBED_TITLE_LENGTH,
  MAX_FIELD_LABEL_LENGTH,
  MAX_FORM_FIELDS,
  MAX_FORM_HELP_LENGTH,
  MAX_FORM_LABEL_LENGTH,
  MAX_FORM_TITLE_LENGTH,
  MAX_LABEL_LENGTH,
  MAX_LINK_LENGTH,
  MAX_MARKDOWN_LENGTH,
  MAX_OPTIONS,
  MAX_OPTION_LENGTH,
  MAX_PLACEHOLDER_LENGTH,
  MAX_ROW_LENGTH,
  MAX_TABLE_ROWS,
  MAX_VALUE_LENGTH,
  REMARK_LENGTH,
} from "./limits.ts";

export interface DiscordEmbed {
  readonly title?: string;
  readonly description?: string;
  readonly color: number;
  readonly fields?: readonly DiscordField[];
}

interface DiscordField {
  readonly name: string;
  readonly value: string;
  readonly inline: boolean;
}

/** A button: of ours with an id, or one that leads to a page. */
export interface DiscordButton {
  readonly type: 2;
  readonly style: number;
  readonly label: string;
  readonly custom_id?: string;
  readonly url?: string;
}

/**
 * A message as Discord takes it. Embeds, not the newer components: they hold half as much again (6,000 characters, not 4,000),
 * have columns and colours, and nobody is notified by anything in them. Everything is named each time, so that an edit replaces the whole.
 */
export interface DiscordContent {
  readonly content: "";
  readonly embeds: readonly DiscordEmbed[];
  readonly components: readonly {
    readonly type: 1;
    readonly components: readonly DiscordButton[];
  }[];
  /** Nobody is notified by what we say, whatever stands in it. */
  readonly allowed_mentions: { readonly parse: readonly never[] };
}

/** `ComponentType`. */
const ROW = 1;
const BUTTON = 2;
const SELECT = 3;
const TEXT_INPUT = 4;
const LABEL = 18;
const CHECKBOX = 23;

/** `ButtonStyle`. */
const STYLES = { primary: 1, default: 2, danger: 4 } as const;
const LINK_STYLE = 5;

const COLORS = {
  neutral: 0x8d93a5,
  info: 0x1c58d9,
  success: 0x3db887,
  warning: 0xf5ab00,
  danger: 0xd24b4e,
} as const satisfies Readonly<Record<Tone, number>>;

/** Values of this length stand beside each other. */
const SHORT_VALUE = 30;

/** Draws a message. What is too much is cut and says so. */
export function renderDiscordMessage({
  card,
  tokens,
}: Pick<Outgoing, "card" | "tokens">): DiscordContent {
  const drafts = createDrafts(card);
  card.blocks.forEach(drawBlock);
  const { shown, hidden } = firstOf(
    card.blocks.flatMap((block) => (block.type === "actions" ? block.items : [])),
    MAX_BUTTONS + 1,
  );
  const buttons = shown.slice(0, MAX_BUTTONS).flatMap((item) => drawButton(item, tokens));
  const left = hidden + shown.length - Math.min(shown.length, MAX_BUTTONS);
  if (left > 0) {
    drafts.remark(andMore(left));
  }
  return {
    content: "",
    embeds: drafts.embeds(),
    components: inRows(buttons),
    allowed_mentions: { parse: [] },
  };

  function drawBlock(block: Block): void {
    switch (block.type) {
      case "text":
        drafts.text((room) => renderMarkdown(block.markdown, dialect, room));
        return;
      case "note":
        drafts.text((room) => quiet(renderMarkdown(block.markdown, dialect, noteRoom(room))));
        return;
      case "table":
        drafts.text((room) => drawTable(block.columns, block.rows, room));
        return;
      case "fields":
        drafts.fields(block.fields);
        return;
      case "actions":
        drafts.text((room) => drawLongLinks(block.items, room));
        return;
      default:
        unreachable(block);
    }
  }
}

/** A button without a token would do nothing, so it is not drawn. */
function drawButton(
  item: ActionItem,
  tokens: ReadonlyMap<ActionItem, string>,
): readonly DiscordButton[] {
  const label = plain(item.label, MAX_LABEL_LENGTH);
  if (item.type === "link") {
    return item.url.length > MAX_LINK_LENGTH
      ? []
      : [{ type: BUTTON, style: LINK_STYLE, label, url: item.url }];
  }
  const token = tokens.get(item);
  return token === undefined
    ? []
    : [
        {
          type: BUTTON,
          style: STYLES[item.style ?? "default"],
          label,
          custom_id: customId(item.type === "form" ? "form" : "action", token),
        },
      ];
}

/** Addresses too long for a button. */
function drawLongLinks(items: readonly ActionItem[], room: number): string {
  const links = items.flatMap((item) =>
    item.type === "link" && item.url.length > MAX_LINK_LENGTH
      ? [dialect.link(escapeText(cut(item.label, MAX_LABEL_LENGTH)), item.url)]
      : [],
  );
  return fitLines(links, room);
}

function inRows(buttons: readonly DiscordButton[]): DiscordContent["components"] {
  return Array.from({ length: Math.ceil(buttons.length / BUTTONS_OF_A_ROW) }, (_, row) => ({
    type: ROW,
    components: buttons.slice(row * BUTTONS_OF_A_ROW, (row + 1) * BUTTONS_OF_A_ROW),
  }));
}

interface Draft {
  readonly texts: string[];
  readonly fields: DiscordField[];
}

/**
 * What goes into embeds, in the order of the card: text first, then fields, as an embed shows them, and another embed where the
 * card asks for another order. All of them together may only be so long.
 */
function createDrafts(card: Card) {
  const title = escapeText(cut(card.title, MAX_EMBED_TITLE_LENGTH / 2));
  const shownTitle = cut(title, MAX_EMBED_TITLE_LENGTH);
  const all: Draft[] = [{ texts: [], fields: [] }];
  let left = MAX_EMBEDS_LENGTH - shownTitle.length - REMARK_LENGTH;
  /** Several blocks may be cut, and each says so while there is room. */
  let remarkRoom = REMARK_LENGTH;
  let isFull = false;

  return {
    /** `draw` makes a text of at most so many characters. */
    text(draw: (room: number) => string) {
      const room = Math.min(left, MAX_MARKDOWN_LENGTH);
      if (room <= REMARK_LENGTH) {
        isFull = true;
        return;
      }
      add(draw(room));
    },
    fields(fields: Extract<Block, { readonly type: "fields" }>["fields"]) {
      let shown = 0;
      for (const { label, value } of fields) {
        const field = drawField(label, value);
        const size = field.name.length + field.value.length;
        if (size > left || !makeRoom(shown === 0)) {
          remark(andMore(fields.length - shown));
          return;
        }
        current().fields.push(field);
        left -= size;
        shown += 1;
      }
    },
    remark,
    embeds(): readonly DiscordEmbed[] {
      if (isFull) {
        remark("…");
      }
      return all
        .filter(({ texts, fields }, index) => index === 0 || texts.length + fields.length > 0)
        .map(({ texts, fields }, index) => ({
          ...(index === 0 ? { title: shownTitle } : {}),
          color: COLORS[card.tone],
          ...(texts.length > 0 ? { description: texts.join("\n\n") } : {}),
          ...(fields.length > 0 ? { fields } : {}),
        }));
    },
  };

  function current(): Draft {
    const draft = all.at(-1);
    if (!draft) {
      throw new Error("there is always one");
    }
    return draft;
  }

  function add(text: string): void {
    if (text === "") {
      return;
    }
    const { texts, fields } = current();
    const length = [...texts, text].join("\n\n").length;
    if ((fields.length > 0 || length > MAX_EMBED_TEXT_LENGTH) && !begin()) {
      isFull = true;
      return;
    }
    const draft = current();
    left -= text.length + (draft.texts.length > 0 ? 2 : 0);
    draft.texts.push(text);
  }

  /** One line at the end, for which room was kept. */
  function remark(words: string): void {
    isFull = false;
    const { texts, fields } = current();
    if (words.length + 2 > remarkRoom || (fields.length > 0 && !begin())) {
      return;
    }
    remarkRoom -= words.length + 2;
    if ([...texts, words].join("\n\n").length <= MAX_EMBED_TEXT_LENGTH || begin()) {
      current().texts.push(words);
    }
  }

  /** Whether a field fits into the present embed or another one. */
  function makeRoom(isFirst: boolean): boolean {
    const { fields } = current();
    const isFollowing = isFirst && fields.length > 0;
    return fields.length < MAX_EMBED_FIELDS && !isFollowing ? true : begin();
  }

  function begin(): boolean {
    if (all.length >= MAX_EMBEDS) {
      return false;
    }
    all.push({ texts: [], fields: [] });
    return true;
  }
}

function drawField(label: string, value: string): DiscordField {
  const shown = escapeText(cut(value, MAX_VALUE_LENGTH / 2));
  return {
    // Neither may be empty.
    name: cut(escapeText(cut(label, MAX_FIELD_LABEL_LENGTH / 2)), MAX_FIELD_LABEL_LENGTH) || "–",
    value: cut(shown, MAX_VALUE_LENGTH) || "–",
    inline: value.length <= SHORT_VALUE,
  };
}

/** Discord has no tables: columns of equal width, as code. */
function drawTable(
  columns: readonly string[],
  rows: readonly (readonly string[])[],
  room: number,
): string {
  const cells = [columns, ...rows.slice(0, MAX_TABLE_ROWS)].map((row) =>
    columns.map((_, index) => cut(visible(row[index] ?? "").replace(/\s+/g, " "), MAX_CELL_LENGTH)),
  );
  const widths = squeeze(
    columns.map((_, index) => Math.max(...cells.map((row) => lengthOf(row[index] ?? "")))),
  );
  const lines = cells.map((row) =>
    row
      .map((cell, index) => pad(cut(cell, widths[index] ?? 0), widths[index] ?? 0))
      .join("  ")
      .trimEnd(),
  );
  const [head = "", ...body] = lines;
  const line = "─".repeat(Math.min(MAX_ROW_LENGTH, Math.max(...lines.map(lengthOf))));
  const hiddenAtLeast = rows.length - body.length;
  for (let count = body.length; count >= 0; count -= 1) {
    const hidden = hiddenAtLeast + body.length - count;
    const more = hidden > 0 ? [andMore(hidden)] : [];
    const table = dialect.codeBlock([head, line, ...body.slice(0, count), ...more].join("\n"));
    if (table.length <= room) {
      return table;
    }
  }
  return andMore(rows.length).slice(0, room);
}

/** Narrows the widest columns until a row fits. */
function squeeze(widths: readonly number[]): readonly number[] {
  const narrowed = [...widths];
  const room = Math.max(narrowed.length * 4, MAX_ROW_LENGTH - 2 * (narrowed.length - 1));
  while (narrowed.reduce((sum, width) => sum + width, 0) > room) {
    const widest = narrowed.indexOf(Math.max(...narrowed));
    narrowed[widest] = (narrowed[widest] ?? 1) - 1;
  }
  return narrowed;
}

function lengthOf(text: string): number {
  return [...text].length;
}

function pad(text: string, width: number): string {
  return `${text}${" ".repeat(Math.max(0, width - lengthOf(text)))}`;
}

/** Every line needs its own mark, so some room is kept for them. */
function noteRoom(room: number): number {
  return Math.floor(room * 0.9);
}

/** Small and grey, line by line. */
function quiet(text: string): string {
  return text
    .split("\n")
    .map((line) => (line.trim() === "" || line.startsWith("```") ? line : `-# ${line}`))
    .join("\n");
}

function fitLines(lines: readonly string[], room: number): string {
  let text = "";
  for (const line of lines) {
    const longer = text === "" ? line : `${text}\n${line}`;
    if (longer.length > room) {
      break;
    }
    text = longer;
  }
  return text;
}

/** A form, as Discord takes it. */
export interface DiscordModal {
  readonly custom_id: string;
  readonly title: string;
  readonly components: readonly {
    readonly type: typeof LABEL;
    readonly label: string;
    readonly description?: string;
    readonly component: Readonly<Record<string, unknown>>;
  }[];
}

/** Whether the form, and everything that is filled in already, fits. Otherwise sending it would lose the rest. */
export function fitsModal(form: FormSpec): boolean {
  return (
    form.fields.length <= MAX_FORM_FIELDS &&
    form.fields.every(({ initial = "" }) => initial.length <= MAX_ANSWER_LENGTH)
  );
}

export function renderDiscordModal(form: FormSpec, token: string): DiscordModal {
  return {
    custom_id: customId("sent", token),
    title: plain(form.title, MAX_FORM_TITLE_LENGTH),
    components: form.fields.map((field) => {
      const label = plain(field.label, MAX_FORM_LABEL_LENGTH);
      return {
        type: LABEL,
        label,
        ...(label === field.label ? {} : { description: plain(field.label, MAX_FORM_HELP_LENGTH) }),
        component: drawInput(field),
      };
    }),
  };
}

function drawInput(field: FormField): Readonly<Record<string, unknown>> {
  const { name, initial = "", placeholder = "", required = false, options = [] } = field;
  const isChoosable =
    options.length > 0 &&
    options.length <= MAX_OPTIONS &&
    options.every(({ value }) => value.length <= MAX_OPTION_LENGTH);
  if (field.type === "checkbox") {
    return { type: CHECKBOX, custom_id: name, default: initial === "true" };
  }
  if (field.type === "select" && isChoosable) {
    return {
      type: SELECT,
      custom_id: name,
      required,
      options: options.map(({ label, value }) => ({
        label: plain(label, MAX_OPTION_LENGTH),
        value,
        ...(value === initial ? { default: true } : {}),
      })),
    };
  }
  const isLong = field.type === "textarea" || initial.includes("\n");
  const hint = cut(placeholder, MAX_PLACEHOLDER_LENGTH);
  return {
    type: TEXT_INPUT,
    custom_id: name,
    style: isLong ? 2 : 1,
    required,
    max_length: Math.min(
      MAX_ANSWER_LENGTH,
      Math.max(field.maxLength ?? 0, initial.length) || MAX_ANSWER_LENGTH,
    ),
    ...(initial === "" ? {} : { value: initial }),
    ...(hint === "" ? {} : { placeholder: hint }),
  };
}

/** Where nothing is markup, and nothing may be empty. */
function plain(text: string, limit: number): string {
  return cut(visible(text).replace(/\s+/g, " ").trim(), limit) || "…";
}

/**
 * Markup that Discord's apps know. `<` begins mentions of people, roles, channels and commands, emoji and times; in an embed
 * nobody would be notified by them, but they would show what nobody wrote.
 */
function escapeText(text: string): string {
  return disarmLinks(disarmMentions(visible(text)))
    .replace(/[\\`*_~|[\]<]/g, "\\$&")
    .replace(/^(\s*)([+\->#])/gm, "$1\\$2")
    .replace(/^(\s*\d{1,9})([.)])(?=\s|$)/gm, "$1\\$2");
}

const dialect: Dialect = {
  text: escapeText,
  code(text) {
    const fence = text.includes("`") ? "``" : "`";
    const room = text.startsWith("`") || text.endsWith("`") ? " " : "";
    // Two is as far as a fence of a line goes.
    const inside = visible(text).replace(/`(?=`)/g, `\`${ZERO_WIDTH_SPACE}`);
    return text === "" ? "" : `${fence}${room}${inside}${room}${fence}`;
  },
  codeBlock: (text) =>
    `\`\`\`\n${visible(text).replace(/`(?=`)/g, `\`${ZERO_WIDTH_SPACE}`)}\n\`\`\``,
  strong: (inner) => (inner === "" ? "" : `**${inner}**`),
  emphasis: (inner) => (inner === "" ? "" : `*${inner}*`),
  strike: (inner) => (inner === "" ? "" : `~~${inner}~~`),
  link: (inner, url) => `[${inner}](${url.replace(/[()<>\s\\]/g, encodeFully)})`,
  // Titles of cards are the only large letters in a channel.
  heading: (inner) => `**${inner}**`,
  quote: (inner) => (inner === "" ? "" : `> ${inner.replaceAll("\n", "\n> ")}`),
  listItem: (inner, mark) => `${mark} ${inner.replaceAll("\n", "\n  ")}`,
  // Cells of written tables have markup, which code would show as characters: one line per row.
  table: (columns, rows) =>
    [columns.map((cell) => `**${cell}**`), ...rows].map((row) => row.join(" · ")).join("\n"),
  rule: "───",
  more: "\n\n…",
};

/** Parentheses too, which end a link. */
function encodeFully(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`;
}

function unreachable(value: never): never {
  throw new Error(`unknown ${JSON.stringify(value)}`);
}
