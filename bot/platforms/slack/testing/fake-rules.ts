import type { ServerResponse } from "node:http";
import { z } from "zod";

/** Rules cite docs.slack.dev. */
export interface FakeMessage {
  readonly channel: string;
  readonly ts: string;
  readonly thread_ts: string | undefined;
  readonly user: string;
  readonly bot_id: string | undefined;
  readonly subtype: string | undefined;
  text: string;
  blocks: readonly FakeBlock[];
  isDeleted: boolean;
}

export interface FakeBlock {
  readonly type: string;
  readonly block_id?: string | undefined;
  readonly elements?: readonly unknown[] | undefined;
}

const BlockId = z.string().max(255).optional();

function plainText(most: number) {
  return z.strictObject({
    type: z.literal("plain_text"),
    text: z.string().min(1).max(most),
    emoji: z.boolean().optional(),
  });
}

/** Reference/block-kit/blocks/header-block. */
const Header = z.strictObject({
  type: z.literal("header"),
  block_id: BlockId,
  text: plainText(150),
});

const Style = z.strictObject({
  bold: z.boolean().optional(),
  italic: z.boolean().optional(),
  strike: z.boolean().optional(),
  code: z.boolean().optional(),
});

/** Reference/block-kit/blocks/rich-text-block. Mentions are elements of their own, so what is text notifies nobody. */
const RichTextElement = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("text"), text: z.string().min(1), style: Style.optional() }),
  z.strictObject({
    type: z.literal("link"),
    url: z.url().max(3_000),
    text: z.string().optional(),
    style: Style.optional(),
  }),
  z.strictObject({ type: z.literal("user"), user_id: z.string() }),
  z.strictObject({ type: z.literal("broadcast"), range: z.string() }),
  z.strictObject({ type: z.literal("usergroup"), usergroup_id: z.string() }),
]);

const RichTextSection = z.strictObject({
  type: z.literal("rich_text_section"),
  elements: z.array(RichTextElement),
});

const RichTextPart = z.discriminatedUnion("type", [
  RichTextSection,
  z.strictObject({
    type: z.enum(["rich_text_quote", "rich_text_preformatted"]),
    elements: z.array(RichTextElement).min(1),
  }),
  z.strictObject({
    type: z.literal("rich_text_list"),
    style: z.enum(["bullet", "ordered"]),
    indent: z.number().int().min(0).max(8).optional(),
    offset: z.number().int().min(0).optional(),
    elements: z.array(RichTextSection).min(1),
  }),
]);

const RichText = z.strictObject({
  type: z.literal("rich_text"),
  block_id: BlockId,
  elements: z.array(RichTextPart).min(1),
});

/** Reference/block-kit/block-elements/button-element. */
const Button = z.strictObject({
  type: z.literal("button"),
  text: plainText(75),
  action_id: z.string().min(1).max(255),
  value: z.string().max(2_000).optional(),
  url: z.url().max(3_000).optional(),
  style: z.enum(["primary", "danger"]).optional(),
});
export type FakeButton = z.infer<typeof Button>;

/** Reference/block-kit/blocks/actions-block. */
const Actions = z.strictObject({
  type: z.literal("actions"),
  block_id: BlockId,
  elements: z.array(Button).min(1).max(25),
});

const Option = z.strictObject({ text: plainText(75), value: z.string().min(1).max(150) });

/** Reference/block-kit/block-elements. */
const Input = z.discriminatedUnion("type", [
  z.strictObject({
    type: z.literal("plain_text_input"),
    action_id: z.string().max(255),
    multiline: z.boolean().optional(),
    min_length: z.number().int().min(0).max(3_000).optional(),
    max_length: z.number().int().min(1).max(3_000).optional(),
    initial_value: z.string().max(3_000).optional(),
    placeholder: plainText(150).optional(),
  }),
  z.strictObject({
    type: z.literal("static_select"),
    action_id: z.string().max(255),
    options: z.array(Option).min(1).max(100),
    initial_option: Option.optional(),
    placeholder: plainText(150).optional(),
  }),
  z.strictObject({
    type: z.literal("checkboxes"),
    action_id: z.string().max(255),
    options: z.array(Option).min(1).max(10),
    initial_options: z.array(Option).min(1).optional(),
  }),
]);

/** Reference/block-kit/blocks/input-block. */
const InputBlock = z.strictObject({
  type: z.literal("input"),
  block_id: BlockId,
  label: plainText(2_000),
  optional: z.boolean().optional(),
  element: Input,
});

const MessageBlock = z.discriminatedUnion("type", [Header, RichText, Actions]);
const ViewBlock = z.discriminatedUnion("type", [Header, RichText, Actions, InputBlock]);

/** Reference/block-kit/blocks: 50 in a message, 100 in a view. */
const MessageBlocks = z.array(MessageBlock).max(50);

/** Reference/views/modal-views. */
export const View = z.strictObject({
  type: z.literal("modal"),
  callback_id: z.string().max(255).optional(),
  private_metadata: z.string().max(3_000).optional(),
  title: plainText(24),
  submit: plainText(24).optional(),
  close: plainText(24).optional(),
  blocks: z.array(ViewBlock).max(100),
});
export type View = z.infer<typeof View>;

/** What may be sent to make or change a message. */
export const MessageBody = z.looseObject({
  channel: z.string().default(""),
  user: z.string().optional(),
  ts: z.string().optional(),
  thread_ts: z.string().optional(),
  text: z.string().default(""),
  blocks: z.unknown(),
  // `full` and `client` look for names in the text; chat.update does so by default (reference/methods/chat.update).
  parse: z.string().optional(),
  link_names: z.union([z.boolean(), z.string()]).optional(),
});
export type MessageBody = z.infer<typeof MessageBody>;

/** Where Slack says how long blocks may be is nowhere; the limit of markdown_text is its best hint. */
const MOST_TEXT = 12_000;
/** Reference/methods/chat.postMessage, "Truncating content". */
const MOST_FALLBACK = 40_000;

/** Throws what Slack would answer. */
export function checkBlocks(blocks: unknown): readonly FakeBlock[] {
  const parsed = MessageBlocks.safeParse(blocks);
  if (!parsed.success) {
    throw invalid("invalid_blocks", parsed.error);
  }
  unique(
    parsed.data.flatMap(({ block_id: id }) => id ?? []),
    "block_id",
  );
  unique(
    parsed.data.flatMap((block) =>
      block.type === "actions" ? block.elements.map(({ action_id: id }) => id) : [],
    ),
    "action_id",
  );
  if (textOf({ text: "", blocks: parsed.data }).length > MOST_TEXT) {
    throw refused("msg_blocks_too_long");
  }
  return parsed.data;
}

export function checkText(text: string): void {
  if (text.length > MOST_FALLBACK) {
    throw refused("msg_too_long");
  }
}

export function checkView(view: unknown): View {
  const parsed = View.safeParse(view);
  if (!parsed.success) {
    throw invalid("invalid_arguments", parsed.error);
  }
  const inputs = parsed.data.blocks.filter(({ type }) => type === "input");
  if (inputs.length > 0 && parsed.data.submit === undefined) {
    throw refused("invalid_arguments", { response_metadata: { messages: ["missing submit"] } });
  }
  unique(
    inputs.flatMap(({ block_id: id }) => id ?? []),
    "block_id",
  );
  return parsed.data;
}

function unique(ids: readonly string[], what: string): void {
  if (new Set(ids).size < ids.length) {
    throw refused("invalid_blocks", { response_metadata: { messages: [`duplicate ${what}`] } });
  }
}

function invalid(code: string, error: z.ZodError): Refused {
  const messages = error.issues.map(({ path, message }) => `[ERROR] ${message} /${path.join("/")}`);
  return refused(code, { response_metadata: { messages } });
}

/** Slack says no with status 200: apis/web-api. */
export class Refused extends Error {
  readonly answer: object;
  constructor(code: string, more: object) {
    super(code);
    this.answer = { ok: false, error: code, ...more };
  }
}

export function refused(code: string, more: object = {}): Refused {
  return new Refused(code, more);
}

export function buttonsOf({ blocks }: Pick<FakeMessage, "blocks">): readonly FakeButton[] {
  return blocks.flatMap((block) =>
    block.type === "actions" ? (block.elements as readonly FakeButton[]) : [],
  );
}

/** A message as somebody reads it. */
export function textOf({ text, blocks }: Pick<FakeMessage, "text" | "blocks">): string {
  return blocks.length > 0 ? blocks.map(wordsOf).join("\n") : text;
}

function wordsOf(thing: unknown): string {
  if (typeof thing !== "object" || thing === null) {
    return "";
  }
  const { text, url, elements, label } = thing as Readonly<Record<string, unknown>>;
  if (typeof text === "string") {
    return text;
  }
  return (
    [text, label, ...(Array.isArray(elements) ? elements : [])].map(wordsOf).join("") ||
    (typeof url === "string" ? url : "")
  );
}

/**
 * Whom a message notifies: its mentions, in the text as in rich text (messaging/formatting-message-text). Bare names count only
 * where Slack is told to look for them.
 */
export function pingsOf(body: Pick<MessageBody, "text" | "parse" | "link_names">, blocks: unknown) {
  const marked = [
    ...body.text.matchAll(/<(?:@[UW][A-Z0-9]*|!(?:here|channel|everyone|subteam)[^>]*)>?/g),
  ].map(([found]) => found);
  const isLookedFor =
    body.parse !== "none" || (body.link_names !== undefined && String(body.link_names) !== "false");
  const bare = isLookedFor ? [...body.text.matchAll(/@(?:here|channel|everyone)\b/g)] : [];
  const elements = JSON.stringify(blocks ?? []).match(/"type":"(?:user|broadcast|usergroup)"/g);
  const mrkdwn = JSON.stringify(blocks ?? []).match(/"type":"mrkdwn"/g);
  return [...marked, ...bare.map(([found]) => found), ...(elements ?? []), ...(mrkdwn ?? [])];
}

export interface Answer {
  readonly status: number;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export function json(value: object): Answer {
  return { status: 200, body: JSON.stringify({ ok: true, ...value }) };
}

export function send(response: ServerResponse, { status, body, headers = {} }: Answer): void {
  response
    .writeHead(status, { "content-type": "application/json; charset=utf-8", ...headers })
    .end(body);
}
