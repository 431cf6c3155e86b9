import { createHash } from "node:crypto";
import { z } from "zod";
import type { ChatUser, MessageRef, Place } from "../../chat/platform.ts";
import { readCall } from "../../chat/read-call.ts";

export const PLATFORM_ID = "slack";

/** What Slack's own messages come from; its account is not marked as a program. */
const SLACKBOT = "USLACKBOT";

const Id = z.string().min(1).max(64);
const Url = z.string().max(2_000);

/** Times of Slack, which are the ids of messages too: seconds, a dot, and six more digits. */
const Ts = z.string().regex(/^\d{1,12}\.\d{1,6}$/);

/** A message, as far as we look at it. */
export const IncomingMessage = z.object({
  ts: Ts,
  thread_ts: Ts.optional(),
  user: Id.optional(),
  bot_id: z.string().nullish(),
  subtype: z.string().optional(),
  hidden: z.boolean().default(false),
  text: z.string().default(""),
});
export type IncomingMessage = z.infer<typeof IncomingMessage>;

/** Where an app is installed, and where somebody belongs: a workspace, of an organisation where there is one. */
export interface Home {
  readonly teamId?: string | undefined;
  readonly enterpriseId?: string | undefined;
}

const Event = z.object({
  type: z.literal("event_callback"),
  team_id: Id.nullish(),
  enterprise_id: Id.nullish(),
  authorizations: z
    .array(z.object({ team_id: Id.nullish(), enterprise_id: Id.nullish() }))
    .nullish(),
  event: z.looseObject({ type: z.string() }),
});

const Said = IncomingMessage.extend({
  channel: Id,
  channel_type: z.string().optional(),
});

const Deleted = z.object({
  subtype: z.literal("message_deleted"),
  channel: Id,
  deleted_ts: Ts,
  previous_message: z.object({ user: Id.optional(), thread_ts: Ts.optional() }).nullish(),
});

const UserChange = z.object({ user: z.object({ id: Id }) });

const Actor = z.object({ id: Id });
const Team = z.object({ id: Id, enterprise_id: Id.nullish() }).nullish();
const Enterprise = z.object({ id: Id }).nullish();

const Press = z.object({
  type: z.literal("block_actions"),
  user: Actor,
  team: Team,
  enterprise: Enterprise,
  trigger_id: z.string().min(1).max(1_000),
  response_url: Url.optional(),
  container: z.object({
    type: z.literal("message"),
    message_ts: Ts,
    channel_id: Id,
    is_ephemeral: z.boolean().default(false),
    thread_ts: Ts.optional(),
  }),
  message: z.object({ thread_ts: Ts.optional() }).nullish(),
  actions: z
    .array(
      z.object({
        type: z.string(),
        action_id: z.string(),
        value: z.string().optional(),
        action_ts: Ts.optional(),
      }),
    )
    .min(1),
});

const Answer = z.object({
  value: z.string().nullish(),
  selected_option: z.object({ value: z.string() }).nullish(),
  selected_options: z.array(z.object({ value: z.string() })).optional(),
});

const SentForm = z.object({
  type: z.literal("view_submission"),
  user: Actor,
  team: Team,
  enterprise: Enterprise,
  trigger_id: z.string().max(1_000).optional(),
  view: z.object({
    id: Id,
    callback_id: z.string().default(""),
    private_metadata: z.string().default(""),
    state: z.object({ values: z.record(z.string(), z.record(z.string(), Answer)) }),
  }),
});

const SlashCommand = z.object({
  command: z.string().min(1).max(100),
  text: z.string().max(100_000).default(""),
  user_id: Id,
  channel_id: Id,
  team_id: Id.nullish(),
  enterprise_id: z.string().max(64).nullish(),
  response_url: Url.default(""),
  trigger_id: z.string().min(1).max(1_000),
});

/** What Slack sends, by socket or by HTTP. Nothing in it is believed yet but that Slack sent it. */
export type Incoming =
  | {
      readonly type: "message";
      readonly message: IncomingMessage;
      readonly channelId: string;
      /** Only one person and the bot read the channel. */
      readonly direct: boolean;
      readonly home: Home;
    }
  | {
      readonly type: "press";
      readonly userId: string;
      readonly token: string;
      /** The button opens a form. */
      readonly opensForm: boolean;
      readonly message: MessageRef;
      readonly isEphemeral: boolean;
      readonly triggerId: string;
      readonly responseUrl: string | undefined;
      readonly pressedAt: Date | undefined;
      readonly home: Home;
    }
  | {
      readonly type: "form";
      readonly userId: string;
      readonly viewId: string;
      readonly triggerId: string | undefined;
      readonly metadata: string;
      readonly values: Readonly<Record<string, string>>;
      /** The name of the first field, for what has to be said about the form as a whole. */
      readonly firstField: string | undefined;
      readonly home: Home;
    }
  | {
      readonly type: "slash";
      readonly userId: string;
      readonly channelId: string;
      readonly text: string;
      readonly triggerId: string;
      readonly responseUrl: string | undefined;
      readonly home: Home;
    }
  /** A message was deleted. Told in conversations; in channels only where the app hears everything that is said there. */
  | {
      readonly type: "removed";
      readonly message: MessageRef;
      /** Who had written it. */
      readonly userId: string | undefined;
      readonly home: Home;
    }
  | { readonly type: "challenge"; readonly challenge: string }
  | { readonly type: "user-changed"; readonly userId: string }
  | { readonly type: "channels-changed" }
  /** Known, and nothing to do about it: a link that was opened, a form that was closed, a check of the certificate. */
  | { readonly type: "nothing" };

/** Events that say that channels, or who is in them, are not what they were. */
const CHANNEL_EVENTS = new Set([
  "channel_archive",
  "channel_deleted",
  "channel_left",
  "channel_rename",
  "channel_unarchive",
  "group_archive",
  "group_left",
  "group_rename",
  "group_unarchive",
  "member_joined_channel",
]);

/** Reads what Slack sent. Undefined when it is nothing that we know. */
export function readIncoming(body: unknown): Incoming | undefined {
  if (typeof body !== "object" || body === null) {
    return undefined;
  }
  if ("ssl_check" in body) {
    return { type: "nothing" };
  }
  switch ("type" in body ? body.type : undefined) {
    case "url_verification":
      return "challenge" in body && typeof body.challenge === "string"
        ? { type: "challenge", challenge: body.challenge.slice(0, 1_000) }
        : undefined;
    case "event_callback":
      return readEvent(body);
    case "block_actions":
      return readPress(body);
    case "view_submission":
      return readForm(body);
    case undefined:
      return readSlash(body);
    default:
      return { type: "nothing" };
  }
}

function readEvent(body: unknown): Incoming | undefined {
  const parsed = Event.safeParse(body);
  if (!parsed.success) {
    return undefined;
  }
  const { event, authorizations, team_id: team, enterprise_id: enterprise } = parsed.data;
  // In channels shared between organisations `team_id` may be that of the others; the first authorization is ours.
  const own = authorizations?.[0] ?? { team_id: team, enterprise_id: enterprise };
  const home = toHome(own.team_id, own.enterprise_id);
  const deleted = Deleted.safeParse(event);
  if (deleted.success) {
    const { channel, deleted_ts: ts, previous_message: previous } = deleted.data;
    const message = toRef(channel, ts, previous?.thread_ts);
    return { type: "removed", message, userId: previous?.user, home };
  }
  if (event.type === "app_mention" || event.type === "message") {
    const said = Said.safeParse(event);
    if (!said.success) {
      return { type: "nothing" };
    }
    const { channel, channel_type: kind, ...message } = said.data;
    return {
      type: "message",
      message,
      channelId: channel,
      direct: kind === "im" || (kind === undefined && isDirectChannel(channel)),
      home,
    };
  }
  if (event.type === "user_change") {
    const change = UserChange.safeParse(event);
    return change.success
      ? { type: "user-changed", userId: change.data.user.id }
      : { type: "nothing" };
  }
  return CHANNEL_EVENTS.has(event.type) ? { type: "channels-changed" } : { type: "nothing" };
}

/** What a button of ours is called: what pressing it does, and a number that tells it from the others. */
export type ButtonKind = "do" | "form" | "link";

export function toActionId(kind: ButtonKind, number: number): string {
  return `${kind}:${String(number)}`;
}

function readPress(body: unknown): Incoming | undefined {
  const parsed = Press.safeParse(body);
  const action = parsed.data?.actions[0];
  if (!parsed.success || !action) {
    return { type: "nothing" };
  }
  const { container, message, user, team, enterprise } = parsed.data;
  const kind = action.action_id.split(":")[0];
  if (action.type !== "button" || action.value === undefined || kind === "link") {
    return { type: "nothing" };
  }
  const threadId = container.thread_ts ?? message?.thread_ts;
  return {
    type: "press",
    userId: user.id,
    token: action.value,
    opensForm: kind === "form",
    message: toRef(container.channel_id, container.message_ts, threadId),
    isEphemeral: container.is_ephemeral,
    triggerId: parsed.data.trigger_id,
    responseUrl: parsed.data.response_url,
    pressedAt: action.action_ts === undefined ? undefined : toDate(action.action_ts),
    home: toHome(team?.id, team?.enterprise_id ?? enterprise?.id),
  };
}

function readForm(body: unknown): Incoming | undefined {
  const parsed = SentForm.safeParse(body);
  if (!parsed.success) {
    return undefined;
  }
  const { view, user, team, enterprise, trigger_id: triggerId } = parsed.data;
  const fields = Object.values(view.state.values).flatMap((block) => Object.entries(block));
  return {
    type: "form",
    userId: user.id,
    viewId: view.id,
    triggerId,
    metadata: view.private_metadata,
    values: Object.fromEntries(fields.map(([name, answer]) => [name, toValue(answer)])),
    firstField: Object.keys(view.state.values)[0],
    home: toHome(team?.id, team?.enterprise_id ?? enterprise?.id),
  };
}

/** The answer of a field as text. A box that is not ticked is empty. */
function toValue(answer: z.infer<typeof Answer>): string {
  if (answer.selected_options !== undefined) {
    return answer.selected_options.length > 0 ? "true" : "";
  }
  return answer.value ?? answer.selected_option?.value ?? "";
}

function readSlash(body: unknown): Incoming | undefined {
  const parsed = SlashCommand.safeParse(body);
  if (!parsed.success) {
    return undefined;
  }
  const command = parsed.data;
  return {
    type: "slash",
    userId: command.user_id,
    channelId: command.channel_id,
    text: toPlainText(command.text),
    triggerId: command.trigger_id,
    responseUrl: command.response_url === "" ? undefined : command.response_url,
    home: toHome(command.team_id, command.enterprise_id),
  };
}

/** What came by HTTP, as the socket would bring it. Undefined when it is nothing that Slack sends. */
export function readHttpBody(contentType: string | undefined, body: string): unknown {
  const type = (contentType ?? "").split(";")[0]?.trim().toLowerCase();
  if (type !== "application/x-www-form-urlencoded") {
    return parseJson(body);
  }
  const form = Object.fromEntries(new URLSearchParams(body));
  return form["payload"] === undefined ? form : parseJson(form["payload"]);
}

/**
 * What somebody asks the bot, without the mention; undefined when the message is not for the bot. What programs write is for
 * nobody, and what was changed or removed was said before.
 */
export function readCommand(
  message: IncomingMessage,
  options: {
    readonly me: { readonly id: string; readonly username: string };
    readonly direct: boolean;
  },
): string | undefined {
  const { me, direct } = options;
  const { user, subtype } = message;
  if (
    user === undefined ||
    user === me.id ||
    user === SLACKBOT ||
    (message.bot_id ?? "") !== "" ||
    message.hidden ||
    (subtype !== undefined && !SPOKEN.has(subtype))
  ) {
    return undefined;
  }
  const called = readCall(message.text, [
    `<@${me.id}>`,
    `<@${me.id}|${me.username}>`,
    `@${me.username}`,
  ]);
  const text = called ?? (direct ? message.text : undefined);
  return text === undefined ? undefined : toPlainText(text);
}

/** Kinds of messages that are somebody's words all the same. */
const SPOKEN = new Set(["thread_broadcast", "file_share", "me_message"]);

/**
 * A message as it was typed. Slack escapes three characters, and wraps what it takes for a name or an address:
 * docs.slack.dev/messaging/formatting-message-text.
 */
export function toPlainText(text: string): string {
  return text
    .replace(/<([^<>]*)>/g, (_, inside: string) => {
      const bar = inside.indexOf("|");
      const target = bar < 0 ? inside : inside.slice(0, bar);
      const label = bar < 0 ? "" : inside.slice(bar + 1);
      switch (target.charAt(0)) {
        case "@":
          return label === "" ? target : `@${label.replace(/^@/, "")}`;
        case "#":
          return label === "" ? target : `#${label.replace(/^#/, "")}`;
        case "!":
          return label === "" ? `@${target.slice(1)}` : label;
        default:
          return label === "" ? target.replace(/^(?:mailto|tel):/, "") : label;
      }
    })
    .replace(/&lt;/g, "<")
    .replace(/&gt;/g, ">")
    .replace(/&amp;/g, "&");
}

/** Ids of conversations between two begin with D: docs.slack.dev/apis/web-api/using-the-conversations-api. */
export function isDirectChannel(channelId: string): boolean {
  return channelId.startsWith("D");
}

/** Answers to a message in a thread stay in that thread. */
export function toPlace(channelId: string, threadTs: string | undefined): Place {
  return {
    platform: PLATFORM_ID,
    channelId,
    ...(threadTs === undefined ? {} : { threadId: threadTs }),
  };
}

/** The first message of a thread names itself as the thread; it stands in the channel all the same. */
export function toRef(channelId: string, ts: string, threadTs: string | undefined): MessageRef {
  return { ...toPlace(channelId, threadTs === ts ? undefined : threadTs), messageId: ts };
}

export function toDate(ts: string): Date {
  return new Date(Math.round(Number(ts) * 1_000));
}

/** Of two times of Slack the later one, as a number to compare by; they do not fit into a number exactly. */
export function compareTs(a: string, b: string): number {
  const [left, right] = [a, b].map((ts) => {
    const [seconds = "", fraction = ""] = ts.split(".");
    return `${seconds.padStart(12, "0")}.${fraction.padEnd(6, "0")}`;
  }) as [string, string];
  return left < right ? -1 : Number(left > right);
}

/** A user, as far as we look at them. */
export const IncomingUser = z.object({
  id: Id,
  team_id: z.string().nullish(),
  name: z.string().default(""),
  real_name: z.string().nullish(),
  deleted: z.boolean().default(false),
  is_bot: z.boolean().default(false),
  is_workflow_bot: z.boolean().default(false),
  is_restricted: z.boolean().default(false),
  is_ultra_restricted: z.boolean().default(false),
  /** Somebody of another organisation, met in a shared channel. */
  is_stranger: z.boolean().default(false),
  enterprise_user: z.object({ id: Id, enterprise_id: Id }).nullish(),
  profile: z
    .object({ display_name: z.string().nullish(), real_name: z.string().nullish() })
    .nullish(),
});
export type IncomingUser = z.infer<typeof IncomingUser>;

/**
 * Who somebody is. Ids are unique within an organisation, or within a workspace that belongs to none. People of other ones
 * are guests: they meet us in shared channels, under ids that somebody here might have as well.
 */
export function toUser(user: IncomingUser, ours: Home): ChatUser {
  const { enterprise_user: inEnterprise, profile } = user;
  const home = toHome(user.team_id, inEnterprise?.enterprise_id);
  const isOurs = isSameHome(home, ours);
  return {
    platform: PLATFORM_ID,
    workspace: workspaceOf(isOurs ? ours : home),
    userId: inEnterprise?.id ?? user.id,
    displayName: profile?.real_name || user.real_name || profile?.display_name || user.name,
    kind: kindOf(user, isOurs),
  };
}

function kindOf(user: IncomingUser, isOurs: boolean): NonNullable<ChatUser["kind"]> {
  if (user.is_bot || user.is_workflow_bot || user.id === SLACKBOT) {
    return "bot";
  }
  const isGuest = user.is_restricted || user.is_ultra_restricted || user.is_stranger;
  return isGuest || !isOurs ? "guest" : "person";
}

/** Where user ids are unique. */
export function workspaceOf({ teamId, enterpriseId }: Home): string {
  return enterpriseId ?? teamId ?? "";
}

/** Within one organisation every workspace is home. */
export function isSameHome(a: Home, b: Home): boolean {
  return (
    (a.enterpriseId !== undefined && a.enterpriseId === b.enterpriseId) ||
    (a.teamId !== undefined && a.teamId === b.teamId)
  );
}

function toHome(teamId: string | null | undefined, enterpriseId: string | null | undefined): Home {
  return { teamId: teamId || undefined, enterpriseId: enterpriseId || undefined };
}

/** Ids of deliveries are short; what Slack calls a press is not. */
export function shortId(text: string): string {
  return createHash("sha256").update(`${PLATFORM_ID}\n${text}`).digest("hex");
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
