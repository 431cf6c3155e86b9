import { z } from "zod";
import { Timestamp } from "./common.ts";
import { RoomAction, RoomCard } from "./card.ts";

/** A message of the embedded room. */
export const RoomMessage = z
  .object({
    id: z.string(),
    /** Grows with every message; use it as `after`. */
    seq: z.number().int(),
    channel: z.string(),
    /** Id of the message this one answers in a thread; null for one of the channel itself. */
    threadId: z.string().nullable(),
    author: z.object({
      subject: z.string(),
      username: z.string(),
      name: z.string(),
      bot: z.boolean(),
    }),
    /** Always readable alone: the text fallback of the card when there is one. */
    text: z.string(),
    card: RoomCard.nullable(),
    /** Every action of the card, flat. */
    actions: z.array(RoomAction),
    /** Only the asking person sees it. */
    ephemeral: z.boolean(),
    replyCount: z.number().int(),
    createdAt: Timestamp,
    editedAt: Timestamp.nullable(),
  })
  .meta({ id: "RoomMessage" });
export type RoomMessage = z.infer<typeof RoomMessage>;
export const RoomMessageList = z.object({ items: z.array(RoomMessage) });

export const RoomChannel = z
  .object({
    name: z.string(),
    topic: z.string(),
    /** `direct`: between the asking person and the bot. */
    type: z.enum(["public", "direct"]),
    lastSeq: z.number().int(),
  })
  .meta({ id: "RoomChannel" });
export type RoomChannel = z.infer<typeof RoomChannel>;
export const RoomChannelList = z.object({ items: z.array(RoomChannel) });

export const PostRoomMessage = z
  .object({
    channel: z.string().min(1).max(100),
    text: z.string().min(1, "write something").max(100_000, "is longer than 100000 characters"),
    threadId: z.string().max(100).optional(),
  })
  .meta({ id: "PostRoomMessage" });
export type PostRoomMessage = z.infer<typeof PostRoomMessage>;

export const RoomMessageQuery = z.object({
  channel: z.string().min(1).max(100),
  after: z.coerce.number().int().min(0).optional(),
  limit: z.coerce.number().int().min(1).max(500).default(100),
});
export type RoomMessageQuery = z.infer<typeof RoomMessageQuery>;

export const PressRoomAction = z
  .object({
    action: z.string().min(1).max(200),
    values: z.record(z.string().max(100), z.string().max(100_000)).optional(),
  })
  .meta({ id: "PressRoomAction" });
export type PressRoomAction = z.infer<typeof PressRoomAction>;

/** What travels over `/room/socket`, client to server. `ref` comes back in the answer. */
export const RoomClientFrame = z.discriminatedUnion("type", [
  z.object({ type: z.literal("hello"), after: z.record(z.string(), z.number().int()).optional() }),
  z.object({ type: z.literal("post"), ref: z.string().max(100) }).extend(PostRoomMessage.shape),
  z
    .object({ type: z.literal("press"), ref: z.string().max(100), messageId: z.string().max(100) })
    .extend(PressRoomAction.shape),
  z.object({ type: z.literal("ping") }),
]);
export type RoomClientFrame = z.infer<typeof RoomClientFrame>;

/** What travels over `/room/socket`, server to client. */
export const RoomServerFrame = z.discriminatedUnion("type", [
  z.object({ type: z.literal("welcome"), channels: z.array(RoomChannel) }),
  z.object({ type: z.literal("message"), message: RoomMessage }),
  z.object({ type: z.literal("edited"), message: RoomMessage }),
  z.object({ type: z.literal("removed"), id: z.string(), channel: z.string() }),
  z.object({ type: z.literal("ok"), ref: z.string(), messageId: z.string().nullable() }),
  z.object({
    type: z.literal("error"),
    ref: z.string().nullable(),
    code: z.string(),
    message: z.string(),
    remedy: z.string().nullable(),
  }),
  z.object({ type: z.literal("pong") }),
]);
export type RoomServerFrame = z.infer<typeof RoomServerFrame>;
