import type { ServerResponse } from "node:http";
import { z } from "zod";

/** Everything below cites https://discord.com/developers/docs unless it says otherwise. */

export interface Answer {
  readonly status: number;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export class Refused extends Error implements Answer {
  readonly status: number;
  readonly body: string;
  constructor(status: number, code: number, message: string, more: object = {}) {
    super(message);
    this.status = status;
    // reference#error-messages
    this.body = JSON.stringify({ code, message, ...more });
  }
}

export function refused(status: number, code: number, message: string): Refused {
  return new Refused(status, code, message);
}

/** "Invalid Form Body", with where and why. */
function invalid(where: string, why: string): Refused {
  const errors = { [where]: { _errors: [{ code: "BASE_TYPE_BAD", message: why }] } };
  return new Refused(400, 50_035, "Invalid Form Body", { errors });
}

export function json(value: unknown, status = 200): Answer {
  return { status, body: JSON.stringify(value) };
}

export function send(response: ServerResponse, { status, body, headers = {} }: Answer): void {
  // What has no content has no type either.
  const type = status === 204 ? {} : { "content-type": "application/json" };
  response.writeHead(status, { ...type, ...headers }).end(body);
}

const Text = (min: number, max: number) => z.string().min(min).max(max);

/** resources/message#embed-object-embed-limits. */
const Embed = z.strictObject({
  title: Text(1, 256).optional(),
  description: Text(1, 4_096).optional(),
  color: z.number().int().min(0).max(0xffffff),
  fields: z
    .array(z.strictObject({ name: Text(1, 256), value: Text(1, 1_024), inline: z.boolean() }))
    .max(25)
    .optional(),
});

/** components/reference#button: with an id or with an address, as its style says. */
const Button = z
  .strictObject({
    type: z.literal(2),
    style: z.number().int().min(1).max(5),
    label: Text(1, 80),
    custom_id: Text(1, 100).optional(),
    url: z.url().max(512).optional(),
  })
  .refine(({ style, custom_id: id, url }) => (style === 5 ? url && !id : id && !url), {
    error: "a link has an address, every other button an id",
  });

/** resources/message#create-message-jsonform-params, as far as we use it. */
const MessageBody = z.strictObject({
  content: z.string().max(2_000).default(""),
  embeds: z.array(Embed).max(10).default([]),
  components: z
    .array(z.strictObject({ type: z.literal(1), components: z.array(Button).min(1).max(5) }))
    .max(5)
    .default([]),
  allowed_mentions: z.object({ parse: z.array(z.string()) }).optional(),
  nonce: z.string().max(25).optional(),
  enforce_nonce: z.boolean().optional(),
  message_reference: z
    .object({ message_id: z.string(), fail_if_not_exists: z.boolean().optional() })
    .optional(),
  flags: z.number().optional(),
});
export type MessageBody = z.infer<typeof MessageBody>;

export function readMessage(body: unknown): MessageBody {
  const parsed = MessageBody.safeParse(body);
  if (!parsed.success) {
    throw invalid("message", z.prettifyError(parsed.error));
  }
  const { content, embeds, components } = parsed.data;
  const length = embeds.reduce((sum, embed) => sum + lengthOf(embed), 0);
  if (length > 6_000) {
    throw invalid("embeds", `Embed size exceeds maximum size of 6000 (${String(length)})`);
  }
  if (content === "" && embeds.length === 0 && components.length === 0) {
    throw refused(400, 50_006, "Cannot send an empty message");
  }
  // "custom_id must be unique per component" (components/reference#anatomy-of-a-component).
  const ids = components
    .flatMap((row) => row.components)
    .flatMap(({ custom_id: id }) => (id === undefined ? [] : [id]));
  if (new Set(ids).size < ids.length) {
    throw invalid("components", "Component custom id cannot be duplicated");
  }
  return parsed.data;
}

function lengthOf({ title = "", description = "", fields = [] }: z.infer<typeof Embed>): number {
  const texts = [title, description, ...fields.flatMap(({ name, value }) => [name, value])];
  return texts.reduce((sum, text) => sum + text.length, 0);
}

/** components/reference#text-input, #string-select and #checkbox, each in a #label. */
const TextInput = z
  .strictObject({
    type: z.literal(4),
    custom_id: Text(1, 100),
    style: z.union([z.literal(1), z.literal(2)]),
    required: z.boolean(),
    max_length: z.number().int().min(1).max(4_000),
    value: z.string().max(4_000).optional(),
    placeholder: Text(1, 100).optional(),
  })
  .refine(({ value = "", max_length: max }) => value.length <= max, { error: "value is too long" });
const Select = z
  .strictObject({
    type: z.literal(3),
    custom_id: Text(1, 100),
    required: z.boolean(),
    options: z
      .array(
        z.strictObject({
          label: Text(1, 100),
          value: Text(1, 100),
          default: z.boolean().optional(),
        }),
      )
      .min(1)
      .max(25),
  })
  .refine(({ options }) => options.filter((option) => option.default).length <= 1, {
    error: "only one may be chosen beforehand",
  });
const Checkbox = z.strictObject({
  type: z.literal(23),
  custom_id: Text(1, 100),
  default: z.boolean(),
});
const Modal = z.strictObject({
  custom_id: Text(1, 100),
  title: Text(1, 45),
  components: z
    .array(
      z.strictObject({
        type: z.literal(18),
        label: Text(1, 45),
        description: Text(1, 100).optional(),
        component: z.discriminatedUnion("type", [TextInput, Select, Checkbox]),
      }),
    )
    .min(1)
    .max(5),
});
export type FakeModal = z.infer<typeof Modal>;

export const Callback = z.discriminatedUnion("type", [
  z.object({ type: z.literal(4), data: z.object({ flags: z.number().optional() }).loose() }),
  z.object({ type: z.literal(5), data: z.object({ flags: z.number().optional() }).optional() }),
  z.object({ type: z.literal(6) }),
  z.object({
    type: z.literal(8),
    data: z.object({
      choices: z.array(z.strictObject({ name: Text(1, 100), value: Text(1, 100) })).max(25),
    }),
  }),
  z.object({ type: z.literal(9), data: Modal }),
]);
export type Callback = z.infer<typeof Callback>;

export function readCallback(body: unknown): Callback {
  const parsed = Callback.safeParse(body);
  if (!parsed.success) {
    throw invalid("data", z.prettifyError(parsed.error));
  }
  return parsed.data;
}

/** interactions/application-commands#application-command-object-application-command-naming. */
const Name = z.string().regex(/^[-_'\p{Ll}\p{Lo}\p{N}]{1,32}$/u);
const Choice = z.strictObject({ name: Text(1, 100), value: Text(1, 100) });
/** A command, a group or an option. */
export interface FakeOption {
  readonly type: number;
  readonly name: string;
  readonly description: string;
  readonly required?: boolean | undefined;
  readonly autocomplete?: boolean | undefined;
  readonly max_length?: number | undefined;
  readonly choices?: readonly { readonly name: string; readonly value: string }[] | undefined;
  readonly options?: readonly FakeOption[] | undefined;
}
const CommandOption: z.ZodType<FakeOption> = z
  .strictObject({
    type: z.number().int().min(1).max(11),
    name: Name,
    description: Text(1, 100),
    required: z.boolean().optional(),
    autocomplete: z.boolean().optional(),
    max_length: z.number().int().min(1).max(6_000).optional(),
    choices: z.array(Choice).max(25).optional(),
    options: z
      .array(z.lazy(() => CommandOption))
      .max(25)
      .optional(),
  })
  .refine(({ autocomplete, choices }) => !(autocomplete && choices), {
    error: "either choices or completion",
  });
const ApplicationCommand = z.strictObject({
  name: Name,
  type: z.literal(1),
  description: Text(1, 100),
  contexts: z.array(z.number()).optional(),
  integration_types: z.array(z.number()).optional(),
  options: z.array(CommandOption).max(25),
});
export type FakeCommand = z.infer<typeof ApplicationCommand>;

export function readCommands(body: unknown): readonly FakeCommand[] {
  const parsed = z.array(ApplicationCommand).max(100).safeParse(body);
  if (!parsed.success) {
    throw invalid("commands", z.prettifyError(parsed.error));
  }
  for (const command of parsed.data) {
    checkOptions(command.options, command.name);
    const length = sizeOf(command);
    if (length > 8_000) {
      throw invalid(command.name, `Command exceeds maximum size (${String(length)} of 8000)`);
    }
  }
  return parsed.data;
}

/** Required ones first, each name once, and groups hold commands only (…#subcommands-and-subcommand-groups). */
function checkOptions(options: readonly FakeOption[], where: string): void {
  if (new Set(options.map(({ name }) => name)).size < options.length) {
    throw invalid(where, "Option names must be unique");
  }
  const firstOptional = options.findIndex(({ required }) => !required);
  if (firstOptional >= 0 && options.slice(firstOptional).some(({ required }) => required)) {
    throw invalid(where, "Required options must be placed before non-required options");
  }
  const kinds = new Set(options.map(({ type }) => (type <= 2 ? "command" : "field")));
  if (kinds.size > 1) {
    throw invalid(where, "Sub-command and sub-command group option types are mutually exclusive");
  }
  for (const option of options) {
    const isGroupOfOthers = option.type === 2 && option.options?.some(({ type }) => type !== 1);
    if (isGroupOfOthers) {
      throw invalid(where, "A group holds sub-commands only");
    }
    checkOptions(option.options ?? [], `${where} ${option.name}`);
  }
}

/** …#registering-a-command: names, descriptions and values, all the way down. */
function sizeOf(option: Pick<FakeOption, "name" | "description" | "options" | "choices">): number {
  const choices = (option.choices ?? []).reduce(
    (sum, { name, value }) => sum + name.length + value.length,
    0,
  );
  const options = (option.options ?? []).reduce((sum, each) => sum + sizeOf(each), 0);
  return option.name.length + option.description.length + choices + options;
}

/** resources/channel#start-thread-from-message. */
export function readThread(body: unknown): { readonly name: string } {
  const parsed = z
    .object({
      name: Text(1, 100),
      auto_archive_duration: z.union([
        z.literal(60),
        z.literal(1_440),
        z.literal(4_320),
        z.literal(10_080),
      ]),
    })
    .safeParse(body);
  if (!parsed.success) {
    throw invalid("thread", z.prettifyError(parsed.error));
  }
  return parsed.data;
}

/** A message as somebody reads it: escapes undone, invisible characters gone. */
export function textOf({ content, embeds }: Pick<MessageBody, "content" | "embeds">): string {
  return [
    content,
    ...embeds.flatMap(({ title = "", description = "", fields = [] }) => [
      title,
      description,
      ...fields.map(({ name, value }) => `${name} ${value}`),
    ]),
  ]
    .filter((text) => text !== "")
    .join("\n")
    .replace(/\\(.)/g, "$1")
    .replaceAll("\u200B", "");
}
