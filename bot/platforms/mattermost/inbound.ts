import { z } from "zod";
import type { ChatCursor } from "../../../shared/app/services.ts";
import { readCall } from "../../chat/read-call.ts";
import type { ChatUser, MessageRef, Place } from "../../chat/platform.ts";

export const PLATFORM_ID = "mattermost";

/** Marks a conversation between two. */
const DIRECT = "D";

const Id = z.string().min(1).max(64);

/** A post, as far as we look at it. */
export const IncomingPost = z.object({
  id: Id,
  create_at: z.number(),
  delete_at: z.number().default(0),
  user_id: Id,
  channel_id: Id,
  root_id: z.string().default(""),
  message: z.string().default(""),
  type: z.string().default(""),
  props: z.record(z.string(), z.unknown()).nullish(),
});
export type IncomingPost = z.infer<typeof IncomingPost>;

/** The data of a `posted` event. The post in it is JSON inside JSON. */
const PostedData = z.object({ post: z.string(), channel_type: z.string().default("") });

/** A post of the event stream and whether only one person reads along; undefined when it is none. */
export function readPosted(
  data: unknown,
): { readonly post: IncomingPost; readonly direct: boolean } | undefined {
  const event = PostedData.safeParse(data);
  const post = readPost(data);
  return event.success && post
    ? { post, direct: isDirectChannel(event.data.channel_type) }
    : undefined;
}

export function isDirectChannel(type: string): boolean {
  return type === DIRECT;
}

/** The post that an event is about; undefined when it is about none. */
export function readPost(data: unknown): IncomingPost | undefined {
  const event = PostedData.safeParse(data);
  const post = IncomingPost.safeParse(event.success ? parseJson(event.data.post) : undefined);
  return post.success ? post.data : undefined;
}

/** Set by the server on what programs post, some of it in the name of people who never said it. */
const PROGRAM_PROPS = ["from_webhook", "from_bot", "from_plugin", "from_oauth_app"];

/**
 * What somebody asks the bot, without the mention; undefined when the post is not for the bot. What webhooks, bots and plugins
 * post is for nobody: a webhook posts under the name of whoever made it.
 */
export function readCommand(
  post: IncomingPost,
  options: {
    readonly me: { readonly id: string; readonly username: string };
    readonly direct: boolean;
  },
): string | undefined {
  const { me, direct } = options;
  if (
    post.user_id === me.id ||
    post.type !== "" ||
    post.delete_at !== 0 ||
    PROGRAM_PROPS.some((name) => String(post.props?.[name] ?? "") === "true")
  ) {
    return undefined;
  }
  return readCall(post.message, [`@${me.username}`]) ?? (direct ? post.message : undefined);
}

/** Answers to a post in a thread stay in that thread. */
export function toPlace(post: Pick<IncomingPost, "channel_id" | "root_id">): Place {
  return {
    platform: PLATFORM_ID,
    channelId: post.channel_id,
    ...(post.root_id === "" ? {} : { threadId: post.root_id }),
  };
}

export function toRef(post: Pick<IncomingPost, "id" | "channel_id" | "root_id">): MessageRef {
  return { ...toPlace(post), messageId: post.id };
}

export function toCursor(post: Pick<IncomingPost, "id" | "channel_id" | "create_at">): ChatCursor {
  return {
    channelId: post.channel_id,
    messageId: post.id,
    sentAt: new Date(post.create_at),
  };
}

/** A user, as far as we look at them. */
export const IncomingUser = z.object({
  id: Id,
  username: z.string().default(""),
  first_name: z.string().default(""),
  last_name: z.string().default(""),
  nickname: z.string().default(""),
  roles: z.string().default(""),
  is_bot: z.boolean().default(false),
  delete_at: z.number().default(0),
  /** Set for people of another server, who come in through shared channels. */
  remote_id: z.string().nullish(),
});
export type IncomingUser = z.infer<typeof IncomingUser>;

export function toUser(user: IncomingUser, workspace: string): ChatUser {
  const fullName = `${user.first_name} ${user.last_name}`.trim();
  return {
    platform: PLATFORM_ID,
    workspace,
    userId: user.id,
    displayName: fullName || user.nickname || user.username,
    kind: kindOf(user),
  };
}

function kindOf(user: IncomingUser): NonNullable<ChatUser["kind"]> {
  if (user.is_bot) {
    return "bot";
  }
  const isGuest = user.roles.split(" ").includes("system_guest");
  return isGuest || (user.remote_id ?? "") !== "" ? "guest" : "person";
}

const Press = z.object({
  user_id: Id,
  channel_id: Id,
  post_id: Id,
  trigger_id: z.string().min(1).max(1_000),
  context: z.object({ token: z.string().max(100), proof: z.string().max(100) }),
});

const Probe = z.object({
  context: z.object({ probe: z.string().max(100), proof: z.string().max(100) }),
});

const SentForm = z.object({
  type: z.literal("dialog_submission"),
  user_id: Id,
  state: z.string().max(1_000),
  submission: z.record(z.string(), z.unknown()).nullish(),
  cancelled: z.boolean().default(false),
});

const SlashCommand = z.object({
  token: z.string().max(200),
  user_id: Id,
  channel_id: Id,
  text: z.string().max(100_000).default(""),
  trigger_id: z.string().min(1).max(1_000),
  response_url: z.string().max(1_000).default(""),
  root_id: z.string().max(64).default(""),
});

/** What Mattermost sends to the callback address. */
export type Callback =
  | ({ readonly type: "press" } & z.infer<typeof Press>)
  | ({ readonly type: "probe" } & z.infer<typeof Probe>)
  | ({ readonly type: "form" } & Omit<z.infer<typeof SentForm>, "type">)
  | ({ readonly type: "slash" } & z.infer<typeof SlashCommand>);

/** Undefined when it is nothing that Mattermost sends. Nothing in it is believed yet. */
export function readCallback(request: {
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: string;
}): Callback | undefined {
  const type = (request.headers["content-type"] ?? "").split(";")[0]?.trim().toLowerCase();
  if (type === "application/x-www-form-urlencoded") {
    const slash = SlashCommand.safeParse(Object.fromEntries(new URLSearchParams(request.body)));
    return slash.success ? { type: "slash", ...slash.data } : undefined;
  }
  const body = parseJson(request.body);
  const press = Press.safeParse(body);
  if (press.success) {
    return { ...press.data, type: "press" };
  }
  const form = SentForm.safeParse(body);
  if (form.success) {
    return { ...form.data, type: "form" };
  }
  const probe = Probe.safeParse(body);
  return probe.success ? { ...probe.data, type: "probe" } : undefined;
}

/** The answers of a form as text. A box that is not ticked is empty. */
export function toValues(
  submission: Readonly<Record<string, unknown>> | null | undefined,
): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(submission ?? {}).map(([name, value]) => {
      if (typeof value === "string" || typeof value === "number") {
        return [name, String(value)];
      }
      return [name, value === true ? "true" : ""];
    }),
  );
}

/** The id in an address for late answers to a slash command; the rest of it is nobody's to choose. */
export function readResponseHook(responseUrl: string): string | undefined {
  return /\/hooks\/commands\/([A-Za-z0-9]{1,64})$/.exec(responseUrl)?.[1];
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) {
      return undefined;
    }
    throw error;
  }
}
