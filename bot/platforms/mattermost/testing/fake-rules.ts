import type { ServerResponse } from "node:http";
import { z } from "zod";

/** A post, as the server keeps it. */
export interface FakePost {
  readonly id: string;
  readonly create_at: number;
  update_at: number;
  delete_at: number;
  readonly user_id: string;
  readonly channel_id: string;
  readonly root_id: string;
  message: string;
  readonly type: string;
  props: Readonly<Record<string, unknown>> & {
    readonly attachments?: readonly FakeAttachment[] | undefined;
  };
  readonly pending_post_id: string;
}

export interface FakeAttachment {
  readonly title?: string | undefined;
  readonly text?: string | undefined;
  readonly pretext?: string | undefined;
  readonly fields?: readonly { readonly title: string; readonly value: string }[] | undefined;
  readonly actions?: FakeAction[] | undefined;
}

export interface FakeAction {
  id?: string | undefined;
  readonly name: string;
  readonly type: string;
  integration?:
    { readonly url: string; readonly context: Readonly<Record<string, unknown>> } | undefined;
}

const Action = z.looseObject({
  id: z.string().optional(),
  name: z.string().min(1),
  // Others are not buttons, and not shown as one (`PostAction.IsValid`).
  type: z.literal("button"),
  style: z.enum(["default", "primary", "success", "good", "warning", "danger"]).optional(),
  integration: z.object({ url: z.url(), context: z.record(z.string(), z.unknown()) }).optional(),
});

const Attachment = z.looseObject({
  title: z.string().optional(),
  text: z.string().optional(),
  pretext: z.string().optional(),
  fields: z
    .array(z.looseObject({ title: z.string(), value: z.string(), short: z.boolean() }))
    .optional(),
  actions: z.array(Action).optional(),
});

const Props = z.looseObject({ attachments: z.array(Attachment).optional() });

/** What may be sent to make or change a post. */
export const PostBody = z.looseObject({
  id: z.string().default(""),
  channel_id: z.string().default(""),
  root_id: z.string().default(""),
  message: z.string().default(""),
  pending_post_id: z.string().default(""),
  props: Props.optional(),
});
export type PostBody = z.infer<typeof PostBody>;

export const EphemeralBody = z.object({ user_id: z.string(), post: PostBody });

const Element = z.object({
  display_name: z.string(),
  name: z.string(),
  type: z.string(),
  default: z.string().default(""),
  placeholder: z.string().default(""),
  help_text: z.string().default(""),
  optional: z.boolean().default(false),
  min_length: z.number().default(0),
  max_length: z.number().default(0),
  options: z.array(z.object({ text: z.string(), value: z.string() })).default([]),
});

export const DialogBody = z.object({
  trigger_id: z.string(),
  url: z.string(),
  dialog: z.object({
    callback_id: z.string(),
    title: z.string(),
    introduction_text: z.string().default(""),
    state: z.string().default(""),
    elements: z.array(Element).default([]),
  }),
});

/** What somebody's app was told to show. */
export interface FakeDialog {
  readonly userId: string;
  readonly url: string;
  readonly dialog: z.infer<typeof DialogBody>["dialog"];
}

/** What an integration may answer to a press, a sent form or a slash command. */
export const IntegrationAnswer = z.looseObject({
  update: PostBody.nullish(),
  ephemeral_text: z.string().nullish(),
  response_type: z.string().nullish(),
  text: z.string().nullish(),
  error: z.string().nullish(),
});
export type IntegrationAnswer = z.infer<typeof IntegrationAnswer>;

/** What the person sees who pressed or sent something. */
export interface FakeOutcome {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

export interface Answer {
  readonly status: number;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export class Refused extends Error implements Answer {
  readonly status: number;
  readonly body: string;
  constructor(status: number, id: string, message: string) {
    super(message);
    this.status = status;
    // What exactly was wrong is told in developer mode only (web/handlers.go).
    const told = { id, message, detailed_error: "", request_id: "fake", status_code: status };
    this.body = JSON.stringify(told);
  }
}

export function refused(status: number, id: string, message: string): Refused {
  return new Refused(status, id, message);
}

export function forbidden(): Refused {
  return refused(
    403,
    "api.context.permissions.app_error",
    "You do not have the appropriate permissions.",
  );
}

export function toOutcome({ status, body }: Answer): FakeOutcome {
  return { status, body: JSON.parse(body) as Record<string, unknown> };
}

export function json(value: unknown, status = 200): Answer {
  return { status, body: JSON.stringify(value) };
}

/** Exactly this type: the vendor's client takes anything else for text. */
export function send(response: ServerResponse, { status, body, headers = {} }: Answer): void {
  response.writeHead(status, { "content-type": "application/json", ...headers }).end(body);
}

export function actionsOf(post: Pick<FakePost, "props">): readonly FakeAction[] {
  return (post.props.attachments ?? []).flatMap(({ actions }) => actions ?? []);
}

/** Where a button leads is told to nobody (public/model/integration_action.go StripActionIntegrations). */
export function strip(post: FakePost): FakePost {
  const copy = structuredClone(post);
  actionsOf(copy).forEach((action) => delete action.integration);
  return copy;
}

/** Bytes that a field may be filled in with, by its type (public/model/integration_action.go). */
const PREFILLED: Readonly<Record<string, number>> = {
  text: 150,
  textarea: 3_000,
  select: 3_000,
  bool: 150,
};

/** `Dialog.IsValid` and `DialogElement.IsValid` in public/model/integration_action.go; lengths are bytes. */
export function dialogProblem({ title, elements }: FakeDialog["dialog"]): string | undefined {
  if (title === "" || size(title) > 24) {
    return `invalid dialog title ${title}`;
  }
  if (new Set(elements.map(({ name }) => name)).size < elements.length) {
    return "duplicate dialog element";
  }
  return elements.map(elementProblem).find((problem) => problem !== undefined);
}

function elementProblem(element: z.infer<typeof Element>): string | undefined {
  const { name, type, options, default: initial } = element;
  const limit = PREFILLED[type];
  if (limit === undefined) {
    return `invalid element type ${type}`;
  }
  if (element.display_name === "" || size(element.display_name) > 24) {
    return `invalid display name of ${name}`;
  }
  if (name === "" || size(name) > 300 || size(element.help_text) > 150) {
    return `invalid name or help text of ${name}`;
  }
  if (element.min_length < 0 || element.min_length > element.max_length) {
    return `invalid lengths of ${name}`;
  }
  if (size(initial) > limit || size(element.placeholder) > limit) {
    return `default or placeholder of ${name} is too long`;
  }
  if (type === "select" && initial !== "" && !options.some(({ value }) => value === initial)) {
    return `default of ${name} is no option`;
  }
  return undefined;
}

function size(text: string): number {
  return Buffer.byteLength(text);
}

/** A post as somebody reads it: escapes undone, invisible characters gone. */
export function textOf({ message, props }: Pick<FakePost, "message" | "props">): string {
  return [
    message,
    ...(props.attachments ?? []).flatMap(({ title = "", text = "", fields = [] }) => [
      title,
      text,
      ...fields.map((field) => `${field.title} ${field.value}`),
    ]),
  ]
    .join("\n")
    .replace(/\\(.)/g, "$1")
    .replaceAll("\u200B", "");
}
