import { z } from "zod";
import {
  PostRoomMessage,
  PressRoomAction,
  RoomChannelList,
  RoomMessage,
  RoomMessageList,
  RoomMessageQuery,
} from "../../../shared/contract/room.ts";
import { ActionExpired, ChannelNotFound, MessageNotFound } from "../../../shared/errors/catalog.ts";
import { defineRoute } from "../route.ts";

const tag = "Room";
const byId = z.object({ id: z.string().min(1).max(100) });

export const listRoomChannels = defineRoute({
  method: "get",
  path: "/room/channels",
  operationId: "listRoomChannels",
  summary: "Channels of the embedded room that you can read",
  tag,
  permission: "room.use",
  response: RoomChannelList,
  errors: [],
  async handle({ actor, services }) {
    return { items: [...(await services.room.channels(actor))] };
  },
});

export const listRoomMessages = defineRoute({
  method: "get",
  path: "/room/messages",
  operationId: "listRoomMessages",
  summary: "The latest messages of a channel, thread replies included, newest last",
  tag,
  permission: "room.use",
  query: RoomMessageQuery,
  response: RoomMessageList,
  errors: [ChannelNotFound],
  async handle({ actor, services }, { query }) {
    return { items: [...(await services.room.messages(actor, query))] };
  },
});

export const getRoomMessage = defineRoute({
  method: "get",
  path: "/room/messages/{id}",
  operationId: "getRoomMessage",
  summary: "One message as it is now",
  tag,
  permission: "room.use",
  params: byId,
  response: RoomMessage,
  errors: [MessageNotFound],
  handle: ({ actor, services }, { params }) => services.room.message(actor, params.id),
});

export const postRoomMessage = defineRoute({
  method: "post",
  path: "/room/messages",
  operationId: "postRoomMessage",
  summary: "Say something; mention the bot to command it",
  tag,
  permission: "room.use",
  body: PostRoomMessage,
  response: RoomMessage,
  status: 201,
  errors: [ChannelNotFound, MessageNotFound],
  location: ({ id }) => `/room/messages/${encodeURIComponent(id)}`,
  handle: ({ actor, services }, { body }) => services.room.post(actor, body),
});

export const pressRoomAction = defineRoute({
  method: "post",
  path: "/room/messages/{id}/actions",
  operationId: "pressRoomAction",
  summary: "Press a button of a message, or send its form; the bot answers in the room",
  tag,
  permission: "room.use",
  params: byId,
  body: PressRoomAction,
  response: z.object({ accepted: z.literal(true) }),
  status: 202,
  errors: [MessageNotFound, ActionExpired],
  async handle({ actor, services }, { params, body }) {
    await services.room.press(actor, params.id, body);
    return { accepted: true as const };
  },
});

export const roomRoutes = [
  listRoomChannels,
  listRoomMessages,
  getRoomMessage,
  postRoomMessage,
  pressRoomAction,
] as const;
