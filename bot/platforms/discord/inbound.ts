import { z } from "zod";
import { readCall } from "../../chat/read-call.ts";
import type { ChatUser, MessageRef, Place } from "../../chat/platform.ts";

export const PLATFORM_ID = "discord";

const Id = z.string().min(1).max(64);

/** `ChannelType` of threads: of an announcement channel, public, private. */
const THREADS: readonly number[] = [10, 11, 12];
/** A conversation between two. */
const DIRECT = 1;
/** `MessageType` of what people write: a message, and a reply to one. Everything else is the server's own. */
const WRITTEN: readonly number[] = [0, 19];
/** `GuildMember.flags`: let in to one voice channel only. */
const IS_GUEST = 1 << 4;
/** `Message.flags`: shown to one person only. */
const EPHEMERAL = 1 << 6;
/** Milliseconds of 2015 begin, from which ids count. */
const DISCORD_EPOCH = 1_420_070_400_000;

/** A channel or thread, as far as we look at it. */
export const IncomingChannel = z.object({
  id: Id,
  type: z.number(),
  guild_id: Id.nullish(),
  name: z.string().nullish(),
  parent_id: Id.nullish(),
  last_message_id: Id.nullish(),
  permission_overwrites: z
    .array(z.object({ id: Id, type: z.number(), allow: z.string(), deny: z.string() }))
    .nullish(),
});
export type IncomingChannel = z.infer<typeof IncomingChannel>;

/** A user, as far as we look at them. */
export const IncomingUser = z.object({
  id: Id,
  username: z.string().default(""),
  global_name: z.string().nullish(),
  bot: z.boolean().default(false),
  system: z.boolean().default(false),
});
export type IncomingUser = z.infer<typeof IncomingUser>;

/** What somebody is in a server. */
export const IncomingMember = z.object({
  nick: z.string().nullish(),
  /** Has not agreed to the server's rules yet. */
  pending: z.boolean().default(false),
  flags: z.number().default(0),
  roles: z.array(Id).default([]),
  user: IncomingUser.optional(),
});
export type IncomingMember = z.infer<typeof IncomingMember>;

/** A message, as far as we look at it. */
export const IncomingMessage = z.object({
  id: Id,
  channel_id: Id,
  guild_id: Id.nullish(),
  type: z.number().default(0),
  content: z.string().default(""),
  flags: z.number().default(0),
  webhook_id: Id.nullish(),
  author: IncomingUser,
  member: IncomingMember.optional(),
});
export type IncomingMessage = z.infer<typeof IncomingMessage>;

/** Messages that somebody deleted, one or many at once. Whose they were is not told. */
export const RemovedMessages = z.object({
  id: Id.optional(),
  ids: z.array(Id).default([]),
  channel_id: Id,
  guild_id: Id.nullish(),
});

/** Who the bot is, and by which names people call it. */
export interface OwnNames {
  readonly id: string;
  readonly username: string;
  /** The role Discord makes for the bot: it has the bot's name, and people pick it by mistake. */
  readonly roleId: string | undefined;
}

/**
 * What somebody asks the bot, without the mention; undefined when the message is not for the bot. Discord hides what was
 * written from bots, except where they are mentioned or spoken to alone: the other ways to call it are heard only where it may
 * read messages (the message content intent). What webhooks and bots write is for nobody.
 */
export function readCommand(
  message: IncomingMessage,
  options: { readonly me: OwnNames; readonly direct: boolean },
): string | undefined {
  const { me, direct } = options;
  if (
    message.author.id === me.id ||
    message.author.bot ||
    message.author.system ||
    (message.webhook_id ?? "") !== "" ||
    !WRITTEN.includes(message.type)
  ) {
    return undefined;
  }
  const calls = [
    `<@${me.id}>`,
    `<@!${me.id}>`,
    `@${me.username}`,
    ...(me.roleId === undefined ? [] : [`<@&${me.roleId}>`]),
  ];
  return readCall(message.content, calls) ?? (direct ? message.content : undefined);
}

/** A thread is a channel of its own in Discord; here it is a place in its parent. */
export function toPlace(channel: Pick<IncomingChannel, "id" | "type" | "parent_id">): Place {
  const parentId = isThread(channel.type) ? channel.parent_id : undefined;
  return parentId
    ? { platform: PLATFORM_ID, channelId: parentId, threadId: channel.id }
    : { platform: PLATFORM_ID, channelId: channel.id };
}

/** The channel of Discord that a place is. */
export function channelOf({ channelId, threadId }: Place): string {
  return threadId ?? channelId;
}

export function toRef(place: Place, messageId: string): MessageRef {
  return { ...place, messageId };
}

export function isThread(type: number): boolean {
  return THREADS.includes(type);
}

export function isDirect(channel: Pick<IncomingChannel, "type">): boolean {
  return channel.type === DIRECT;
}

/** When something with this id was made: ids carry their time. */
export function timeOf(id: string): Date {
  return new Date(/^\d{1,20}$/.test(id) ? Number(BigInt(id) >> 22n) + DISCORD_EPOCH : 0);
}

/** The smallest id of that time: everything made later has a larger one. */
export function idAt(time: Date): string {
  return String(BigInt(Math.max(0, time.getTime() - DISCORD_EPOCH)) << 22n);
}

/** `workspace` is our server, also for what is said in a conversation: ids are unique in all of Discord. */
export function toUser(
  user: IncomingUser,
  member: IncomingMember | undefined,
  workspace: string,
): ChatUser {
  return {
    platform: PLATFORM_ID,
    workspace,
    userId: user.id,
    displayName: [member?.nick, user.global_name].find(Boolean) ?? user.username,
    kind: kindOf(user, member),
  };
}

/** Whoever is no full member of our server comes from outside. */
function kindOf(user: IncomingUser, member: IncomingMember | undefined): ChatUser["kind"] & string {
  if (user.bot || user.system) {
    return "bot";
  }
  const isMember = member !== undefined && !member.pending && (member.flags & IS_GUEST) === 0;
  return isMember ? "person" : "guest";
}

/** `InteractionType`. */
const COMMAND = 2;
const COMPONENT = 3;
const AUTOCOMPLETE = 4;
const FORM = 5;

/** What somebody filled in at a slash command, level by level. */
export interface SlashOption {
  readonly name: string;
  readonly type: number;
  readonly value?: string | number | boolean | undefined;
  readonly focused?: boolean | undefined;
  readonly options?: readonly SlashOption[] | undefined;
}

const SlashOption: z.ZodType<SlashOption> = z.object({
  name: z.string(),
  type: z.number(),
  value: z.union([z.string(), z.number(), z.boolean()]).optional(),
  focused: z.boolean().optional(),
  options: z.array(z.lazy(() => SlashOption)).optional(),
});

const SlashData = z.object({ name: z.string(), options: z.array(SlashOption).default([]) });

const Answer = z.object({
  custom_id: z.string(),
  value: z.union([z.string(), z.boolean()]).nullish(),
  values: z.array(z.string()).nullish(),
});
const FormData = z.object({
  custom_id: z.string(),
  components: z
    .array(z.object({ component: Answer.optional(), components: z.array(Answer).optional() }))
    .default([]),
});

const Interaction = z.object({
  id: Id,
  application_id: Id,
  type: z.number(),
  token: z.string().min(1),
  guild_id: Id.nullish(),
  channel: IncomingChannel.partial().extend({ id: Id, type: z.number() }),
  member: IncomingMember.nullish(),
  user: IncomingUser.nullish(),
  message: z.object({ id: Id, flags: z.number().default(0) }).nullish(),
  data: z.unknown(),
});

/** What a press, a command or a sent form have in common. */
export interface InteractionBase {
  readonly id: string;
  readonly token: string;
  readonly guildId: string | undefined;
  readonly channel: Pick<IncomingChannel, "id" | "type" | "parent_id">;
  readonly user: IncomingUser;
  readonly member: IncomingMember | undefined;
}

/** The message something was pressed on. */
export interface Source {
  readonly messageId: string;
  /** Only one person sees it, and only the interaction's token can change it. */
  readonly isPrivate: boolean;
}

/** What Discord tells of somebody who uses more than words. */
export type IncomingInteraction = InteractionBase &
  (
    | { readonly type: "slash"; readonly name: string; readonly options: readonly SlashOption[] }
    | { readonly type: "typing"; readonly name: string; readonly options: readonly SlashOption[] }
    | {
        readonly type: "press";
        readonly action: string;
        /** Opens a form: that is the answer, and no other one may come before it. */
        readonly opensForm: boolean;
        readonly source: Source;
      }
    | {
        readonly type: "form";
        readonly action: string;
        readonly values: Readonly<Record<string, string>>;
        readonly source: Source | undefined;
      }
  );

/** What the id of a button begins with. The rest is the token: nothing about it is kept in memory. */
const PREFIXES = { action: "a:", form: "f:", sent: "s:" } as const;

/** The id that a button or a form carries, at most 100 characters. */
export function customId(kind: keyof typeof PREFIXES, token: string): string {
  return `${PREFIXES[kind]}${token}`;
}

/** Undefined when it is nothing we know how to take, or meant for another application. */
export function readInteraction(
  data: unknown,
  applicationId: string,
): IncomingInteraction | undefined {
  const parsed = Interaction.safeParse(data);
  const user = parsed.data?.member?.user ?? parsed.data?.user;
  if (!parsed.success || !user || parsed.data.application_id !== applicationId) {
    return undefined;
  }
  const { id, token, type, guild_id: guildId, channel, member, message } = parsed.data;
  const base: InteractionBase = {
    id,
    token,
    guildId: guildId ?? undefined,
    channel,
    user,
    member: member ?? undefined,
  };
  const source = message
    ? { messageId: message.id, isPrivate: (message.flags & EPHEMERAL) !== 0 }
    : undefined;
  switch (type) {
    case COMMAND:
    case AUTOCOMPLETE: {
      const slash = SlashData.safeParse(parsed.data.data);
      return slash.success
        ? { ...base, type: type === COMMAND ? "slash" : "typing", ...slash.data }
        : undefined;
    }
    case COMPONENT: {
      const pressed = z.object({ custom_id: z.string() }).safeParse(parsed.data.data);
      const opensForm = pressed.data?.custom_id.startsWith(PREFIXES.form) ?? false;
      const action = tokenOf(pressed.data?.custom_id, opensForm ? "form" : "action");
      return action !== undefined && source
        ? { ...base, type: "press", action, opensForm, source }
        : undefined;
    }
    case FORM: {
      const form = FormData.safeParse(parsed.data.data);
      const action = tokenOf(form.data?.custom_id, "sent");
      return action !== undefined && form.success
        ? { ...base, type: "form", action, values: toValues(form.data), source }
        : undefined;
    }
    default:
      return undefined;
  }
}

function tokenOf(id: string | undefined, kind: keyof typeof PREFIXES): string | undefined {
  const prefix = PREFIXES[kind];
  return id?.startsWith(prefix) ? id.slice(prefix.length) : undefined;
}

/** The answers of a form as text. A box that is not ticked is empty. */
function toValues({ components }: z.infer<typeof FormData>): Readonly<Record<string, string>> {
  const answers = components.flatMap(({ component, components: row = [] }) =>
    component ? [component] : row,
  );
  return Object.fromEntries(
    answers.map(({ custom_id: name, value, values }) => {
      if (typeof value === "boolean") {
        return [name, value ? "true" : ""];
      }
      return [name, value ?? values?.[0] ?? ""];
    }),
  );
}
