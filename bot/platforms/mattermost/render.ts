import { createHash } from "node:crypto";
import type { ActionItem, Block, Card, FormField, FormSpec, Tone } from "../../chat/card.ts";
import { cardToText } from "../../chat/card-to-text.ts";
import {
  ZERO_WIDTH_SPACE,
  andMore,
  cut,
  cutBytes,
  disarmLinks,
  disarmMentions,
  firstOf,
  visible,
} from "../../chat/fit.ts";
import type { Outgoing } from "../../chat/platform.ts";
import { renderMarkdown, type Dialect } from "../../chat/render-markdown.ts";
import {
  MAX_ACTIONS,
  MAX_CELL_LENGTH,
  MAX_DIALOG_HELP_BYTES,
  MAX_DIALOG_LABEL_BYTES,
  MAX_DIALOG_TEXTAREA_BYTES,
  MAX_DIALOG_TEXT_BYTES,
  MAX_DIALOG_TITLE_BYTES,
  MAX_FALLBACK_LENGTH,
  MAX_FIELDS,
  MAX_FIELD_LABEL_LENGTH,
  MAX_LABEL_LENGTH,
  MAX_MARKDOWN_LENGTH,
  MAX_MESSAGE_LENGTH,
  MAX_OPTIONS,
  MAX_TABLE_ROWS,
  MAX_TITLE_LENGTH,
  MAX_VALUE_LENGTH,
} from "./limits.ts";

/** Where a press goes and what it carries. */
export interface Integration {
  readonly url: string;
  readonly context: Readonly<Record<string, string>>;
}

export interface MattermostAction {
  readonly id: string;
  readonly type: "button";
  readonly name: string;
  readonly style: "default" | "primary" | "danger";
  readonly integration: Integration;
}

export interface MattermostAttachment {
  readonly fallback: string;
  readonly color: string;
  readonly title?: string;
  readonly text?: string;
  readonly fields?: readonly {
    readonly title: string;
    readonly value: string;
    readonly short: boolean;
  }[];
  readonly actions?: readonly MattermostAction[];
}

/**
 * A message as Mattermost takes it. Everything is in attachments: they have colours, columns and buttons, and a server that
 * limits the time for editing (PostEditTimeLimit) only looks at `message`, which never changes.
 */
export interface MattermostContent {
  readonly message: "";
  readonly props: { readonly attachments: readonly MattermostAttachment[] };
}

const COLORS = {
  neutral: "#8D93A5",
  info: "#1C58D9",
  success: "#3DB887",
  warning: "#F5AB00",
  danger: "#D24B4E",
} as const satisfies Readonly<Record<Tone, string>>;

/** Words of a card, as far as people see them and there is room. */
function fit(text: string, limit: number): string {
  return cut(visible(text), limit);
}

/** A value of this length fits into half the width. */
const SHORT_VALUE = 40;

/** Draws a message. What is too much is cut and says so. */
export function renderMattermostMessage(
  { card, tokens }: Pick<Outgoing, "card" | "tokens">,
  integrationOf: (token: string) => Integration,
): MattermostContent {
  const drafts = createDrafts();
  const ids = new Set<string>();
  for (const block of card.blocks) {
    drawBlock(block);
  }
  const attachments = drafts.all.map(({ texts, fields, actions }, index): MattermostAttachment => ({
    fallback: disarmMentions(fit(index === 0 ? cardToText(card) : card.title, MAX_FALLBACK_LENGTH)),
    color: COLORS[card.tone],
    ...(index === 0 ? { title: escapeText(fit(card.title, MAX_TITLE_LENGTH)) } : {}),
    ...(texts.length > 0 ? { text: texts.join("\n\n") } : {}),
    ...(fields.length > 0 ? { fields } : {}),
    ...(actions.length > 0 ? { actions } : {}),
  }));
  return { message: "", props: { attachments } };

  function drawBlock(block: Block): void {
    switch (block.type) {
      case "text":
      case "note":
      case "table":
        drafts.text(drawText(block));
        return;
      case "fields":
        drawFields(block.fields);
        return;
      case "actions":
        drawActions(block.items);
        return;
      default:
        unreachable(block);
    }
  }

  function drawFields(fields: Extract<Block, { readonly type: "fields" }>["fields"]): void {
    const { shown, hidden } = firstOf(fields, MAX_FIELDS);
    for (const { label, value } of shown) {
      drafts.field(
        // Labels are shown as they are, values are markdown.
        fit(label, MAX_FIELD_LABEL_LENGTH),
        escapeText(fit(value, MAX_VALUE_LENGTH)),
        value.length <= SHORT_VALUE,
      );
    }
    if (hidden > 0) {
      drafts.field("", andMore(hidden), false);
    }
  }

  function drawActions(items: readonly ActionItem[]): void {
    const { shown, hidden } = firstOf(items, MAX_ACTIONS);
    for (const item of shown) {
      if (item.type === "link") {
        drafts.link(drawLink(item));
      }
    }
    if (hidden > 0) {
      drafts.link(andMore(hidden));
    }
    for (const item of shown) {
      const action = drawAction(item);
      if (action) {
        drafts.action(action);
      }
    }
  }

  /** A button without a token would do nothing, so it is not drawn. */
  function drawAction(item: ActionItem): MattermostAction | undefined {
    const token = tokens.get(item);
    if (item.type === "link" || token === undefined) {
      return undefined;
    }
    return {
      id: idOf(item),
      type: "button",
      name: fit(item.label, MAX_LABEL_LENGTH),
      style: item.style ?? "default",
      integration: integrationOf(token),
    };
  }

  /**
   * Letters and digits only: anything else makes the server answer 404 to every press (mattermost#21939). Everybody in the
   * channel can read it, so it is not the token. A button that means the same keeps it when the card is drawn again, and a press
   * that meets a button with another meaning finds nothing instead of the wrong thing.
   */
  function idOf(item: ActionItem): string {
    for (let copy = 0; ; copy += 1) {
      const id = createHash("sha256")
        .update(JSON.stringify([item, copy]))
        .digest("hex")
        .slice(0, 26);
      if (!ids.has(id)) {
        ids.add(id);
        return id;
      }
    }
  }
}

/** The card as one text, for places that show neither colours nor buttons. Commands stand where buttons would be. */
export function renderMattermostText(card: Card): string {
  const parts = card.blocks.flatMap((block): readonly string[] => {
    switch (block.type) {
      case "text":
      case "note":
      case "table":
        return [drawText(block)];
      case "fields":
        return [
          block.fields
            .slice(0, MAX_FIELDS)
            .map(({ label, value }) => {
              const shown = escapeText(fit(value, MAX_VALUE_LENGTH));
              return `**${escapeText(fit(label, MAX_FIELD_LABEL_LENGTH))}:** ${shown}`;
            })
            .join("\n"),
        ];
      case "actions":
        return [block.items.slice(0, MAX_ACTIONS).flatMap(drawTwin).join("\n")];
      default:
        return unreachable(block);
    }
  });
  let text = `**${escapeText(fit(card.title, MAX_TITLE_LENGTH))}**`;
  for (const part of parts.filter((each) => each !== "")) {
    if (text.length + part.length + 6 > MAX_MESSAGE_LENGTH) {
      return `${text}\n\n…`;
    }
    text = `${text}\n\n${part}`;
  }
  return text;
}

function drawTwin(item: ActionItem): readonly string[] {
  if (item.type === "link") {
    return [drawLink(item)];
  }
  const { text } = item.type === "button" ? item.action : item.form.submit;
  const label = escapeText(fit(item.label, MAX_LABEL_LENGTH));
  return text === undefined ? [] : [`${label}: say ${dialect.code(fit(text, 500))}`];
}

/** A form, as the server takes it. */
export interface MattermostDialog {
  readonly callback_id: string;
  readonly title: string;
  readonly introduction_text: string;
  readonly submit_label: string;
  readonly notify_on_cancel: false;
  readonly state: string;
  readonly elements: readonly MattermostElement[];
}

interface MattermostElement {
  readonly display_name: string;
  readonly name: string;
  readonly type: "text" | "textarea" | "select" | "bool";
  readonly default: string;
  readonly placeholder: string;
  readonly help_text: string;
  readonly optional: boolean;
  readonly min_length: number;
  readonly max_length: number;
  readonly options?: readonly { readonly text: string; readonly value: string }[];
}

/** Whether everything that is filled in already fits into the form. Otherwise sending it would lose the rest. */
export function fitsDialog(form: FormSpec): boolean {
  return form.fields.every(
    ({ initial = "" }) => Buffer.byteLength(initial) <= MAX_DIALOG_TEXTAREA_BYTES,
  );
}

export function renderMattermostDialog(form: FormSpec, state: string): MattermostDialog {
  const title = cutBytes(visible(form.title), MAX_DIALOG_TITLE_BYTES);
  return {
    callback_id: "slipway",
    title,
    introduction_text: title === form.title ? "" : escapeText(form.title),
    submit_label: "Send",
    notify_on_cancel: false,
    state,
    elements: form.fields.map(drawField),
  };
}

function drawField(field: FormField): MattermostElement {
  const { name, label, initial = "", placeholder = "", required = false } = field;
  const displayName = cutBytes(visible(label), MAX_DIALOG_LABEL_BYTES);
  const shared = {
    display_name: displayName,
    name,
    help_text: displayName === label ? "" : cutBytes(visible(label), MAX_DIALOG_HELP_BYTES),
    optional: !required,
    placeholder: cutBytes(placeholder, MAX_DIALOG_TEXT_BYTES),
    min_length: 0,
  };
  switch (field.type) {
    case "text":
    case "textarea": {
      const isLong =
        field.type === "textarea" || Buffer.byteLength(initial) > MAX_DIALOG_TEXT_BYTES;
      const usual = isLong ? MAX_DIALOG_TEXTAREA_BYTES : MAX_DIALOG_TEXT_BYTES;
      return {
        ...shared,
        type: isLong ? "textarea" : "text",
        default: initial,
        max_length: field.maxLength ?? usual,
      };
    }
    case "select": {
      const options = (field.options ?? []).slice(0, MAX_OPTIONS);
      const isOffered = options.some(({ value }) => value === initial);
      return {
        ...shared,
        type: "select",
        default: isOffered ? initial : "",
        max_length: 0,
        options: options.map((option) => ({ text: option.label, value: option.value })),
      };
    }
    case "checkbox":
      return {
        ...shared,
        type: "bool",
        default: initial === "true" ? "true" : "",
        placeholder: cutBytes(placeholder === "" ? label : placeholder, MAX_DIALOG_TEXT_BYTES),
        max_length: 0,
      };
    default:
      return unreachable(field.type);
  }
}

/** What an attachment holds, in the order in which it is shown: text, fields, buttons. */
interface Draft {
  readonly texts: string[];
  readonly fields: { title: string; value: string; short: boolean }[];
  readonly actions: MattermostAction[];
}

/** Begins another attachment whenever the order of the card asks for it. */
function createDrafts() {
  const all: Draft[] = [];
  let current = begin();

  return {
    all,
    text(text: string) {
      if (text !== "") {
        before("fields").texts.push(text);
      }
    },
    field(title: string, value: string, short: boolean) {
      before("actions").fields.push({ title, value: value === "" ? "–" : value, short });
    },
    /** Below the fields when there are some, so that a link alone begins no attachment of its own. */
    link(text: string) {
      if (current.fields.length > 0 && current.actions.length === 0) {
        current.fields.push({ title: "", value: text, short: false });
      } else {
        before("fields").texts.push(text);
      }
    },
    action(action: MattermostAction) {
      current.actions.push(action);
    },
  };

  function before(what: "fields" | "actions"): Draft {
    const isLate = current.actions.length > 0 || (what === "fields" && current.fields.length > 0);
    if (isLate) {
      current = begin();
    }
    return current;
  }

  function begin(): Draft {
    const draft: Draft = { texts: [], fields: [], actions: [] };
    all.push(draft);
    return draft;
  }
}

function drawText(block: Extract<Block, { readonly type: "text" | "note" | "table" }>): string {
  switch (block.type) {
    case "text":
      return renderMarkdown(block.markdown, dialect, MAX_MARKDOWN_LENGTH);
    case "note":
      return dialect.quote(renderMarkdown(block.markdown, dialect, MAX_MARKDOWN_LENGTH));
    case "table": {
      const { shown, hidden } = firstOf(block.rows, MAX_TABLE_ROWS);
      const rows = hidden > 0 ? [...shown, [andMore(hidden)]] : shown;
      return dialect.table(
        block.columns.map((cell) => escapeText(fit(cell, MAX_CELL_LENGTH))),
        rows.map((row) => row.map((cell) => escapeText(fit(cell, MAX_CELL_LENGTH)))),
      );
    }
    default:
      return unreachable(block);
  }
}

function drawLink({ label, url }: Extract<ActionItem, { readonly type: "link" }>): string {
  return dialect.link(escapeText(fit(label, MAX_LABEL_LENGTH)), url);
}

/**
 * Markup that Mattermost's apps know: the escapes of the web app's parser (webapp/channels uses a fork of marked) are fewer than
 * those of CommonMark, so everything else is written as an entity or kept apart by an invisible character. An escaped `@` would
 * still be a mention, because the server looks for mentions after it has taken the escapes out (app/notification.go).
 */
function escapeText(text: string): string {
  return disarmLinks(disarmMentions(text))
    .replace(/&(?=#?\w+;)/g, "&amp;")
    .replace(/[\\`*_[\]~]/g, "\\$&")
    .replace(/#(?!\d)/g, "\\#")
    .replace(/^(\s*)([+\->])/gm, "$1\\$2")
    .replace(/^(\s*\d{1,9})([.)])(?=\s|$)/gm, "$1\\$2")
    .replace(/\|/g, "&#124;")
    .replace(/\$/g, "&#36;")
    .replace(/:(?=[\w+-]+:)/g, `:${ZERO_WIDTH_SPACE}`);
}

const dialect: Dialect = {
  text: escapeText,
  code(text) {
    const fence = "`".repeat(longestRun(text) + 1);
    const room = text.startsWith("`") || text.endsWith("`") ? " " : "";
    return text === "" ? "" : `${fence}${room}${text}${room}${fence}`;
  },
  codeBlock(text) {
    const fence = "`".repeat(Math.max(3, longestRun(text) + 1));
    return `${fence}\n${text}\n${fence}`;
  },
  strong: (inner) => (inner === "" ? "" : `**${inner}**`),
  emphasis: (inner) => (inner === "" ? "" : `*${inner}*`),
  strike: (inner) => (inner === "" ? "" : `~~${inner}~~`),
  link: (inner, url) => `[${inner}](${url.replace(/[()<>\s\\]/g, encodeURIComponentFully)})`,
  // Titles of cards are the only large letters in a channel.
  heading: (inner) => `**${inner}**`,
  quote: (inner) => (inner === "" ? "" : `> ${inner.replaceAll("\n", "\n> ")}`),
  listItem: (inner, mark) => `${mark} ${inner.replaceAll("\n", "\n    ")}`,
  table(columns, rows) {
    const width = Math.max(1, columns.length);
    const line = (cells: readonly string[]) => {
      const filled = Array.from({ length: width }, (_, index) => cells[index] ?? "");
      return `| ${filled.map((cell) => cell.replaceAll("\n", " ")).join(" | ")} |`;
    };
    return [
      line(columns),
      line(Array.from({ length: width }, () => "---")),
      ...rows.map(line),
    ].join("\n");
  },
  rule: "---",
  more: "\n\n…",
};

function longestRun(text: string): number {
  return Math.max(0, ...(text.match(/`+/g) ?? []).map((run) => run.length));
}

/** Parentheses too, which end a link. */
function encodeURIComponentFully(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`;
}

function unreachable(value: never): never {
  throw new Error(`unknown ${JSON.stringify(value)}`);
}
