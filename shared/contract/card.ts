import { z } from "zod";

/** How a card feels. Never the only carrier of meaning: the words say it too. */
export const Tone = z.enum(["neutral", "info", "success", "warning", "danger"]);
export type Tone = z.infer<typeof Tone>;

export const RoomFormField = z
  .object({
    name: z.string(),
    label: z.string(),
    type: z.enum(["text", "textarea", "select", "checkbox"]),
    required: z.boolean(),
    placeholder: z.string().nullable(),
    initial: z.string().nullable(),
    options: z.array(z.object({ value: z.string(), label: z.string() })),
    maxLength: z.number().int(),
  })
  .meta({ id: "RoomFormField" });
export type RoomFormField = z.infer<typeof RoomFormField>;

/** What can be pressed on a message. Send `action` back to do it. */
export const RoomAction = z
  .object({
    action: z.string(),
    label: z.string(),
    type: z.enum(["button", "form", "link"]),
    style: z.enum(["primary", "danger", "default"]),
    url: z.string().nullable(),
    form: z.object({ title: z.string(), fields: z.array(RoomFormField) }).nullable(),
  })
  .meta({ id: "RoomAction" });
export type RoomAction = z.infer<typeof RoomAction>;

/** What is called `markdown` is markdown; labels, values and cells are plain text and must be shown as such. */
export const RoomBlock = z
  .discriminatedUnion("type", [
    z.object({ type: z.literal("text"), markdown: z.string() }),
    z.object({
      type: z.literal("fields"),
      fields: z.array(z.object({ label: z.string(), value: z.string() })),
    }),
    z.object({
      type: z.literal("table"),
      columns: z.array(z.string()),
      rows: z.array(z.array(z.string())),
    }),
    z.object({ type: z.literal("note"), markdown: z.string() }),
    z.object({ type: z.literal("actions"), actions: z.array(RoomAction) }),
  ])
  .meta({ id: "RoomBlock" });
export type RoomBlock = z.infer<typeof RoomBlock>;

export const RoomCard = z
  .object({ title: z.string(), tone: Tone, blocks: z.array(RoomBlock) })
  .meta({ id: "RoomCard" });
export type RoomCard = z.infer<typeof RoomCard>;
