import { ChannelUnreachable } from "../../../shared/errors/catalog.ts";
import { joinWords } from "../../../shared/lib/text.ts";
import type { Place } from "../../chat/platform.ts";
import type { DiscordApi, Role } from "./api.ts";
import { PLATFORM_ID, isDirect, isThread, toPlace, type IncomingChannel } from "./inbound.ts";
import { CHANNELS_GOOD_FOR_MS } from "./limits.ts";

/** Channels: those people name, and where threads belong. */
export interface Channels {
  /** `releases`, `#releases`, `category/releases` where several have one, or an id. Throws ChannelUnreachable with what to do. */
  find(name: string): Promise<Place>;
  /** Where something was said. Channels are asked for once. */
  placeOf(channelId: string): Promise<{ readonly place: Place; readonly direct: boolean }>;
  /** Discord told about a channel by itself. */
  learn(channel: Pick<IncomingChannel, "id" | "type" | "parent_id">): void;
  /** Channels, or who may do what in them, have changed. */
  forget(): void;
}

const MOST_REMEMBERED = 5_000;
const ID = /^\d{15,20}$/;
/** `ChannelType` of what people write in: text, and announcements. */
const WRITABLE: readonly number[] = [0, 5];

/** topics/permissions#permissions-bitwise-permission-flags. */
const ADMINISTRATOR = 1n << 3n;
const VIEW_CHANNEL = 1n << 10n;
const NEEDED = [
  { bit: VIEW_CHANNEL, name: "View Channel" },
  { bit: 1n << 11n, name: "Send Messages" },
  // Without it, Discord takes the message and throws the card away.
  { bit: 1n << 14n, name: "Embed Links" },
  { bit: 1n << 16n, name: "Read Message History" },
  { bit: 1n << 35n, name: "Create Public Threads" },
  { bit: 1n << 38n, name: "Send Messages in Threads" },
] as const;
/** Everything the bot is invited with. */
export const NEEDED_PERMISSIONS = NEEDED.reduce((sum, { bit }) => sum | bit, 0n);

type Known = Pick<IncomingChannel, "id" | "type" | "parent_id">;
type Lists = Awaited<ReturnType<typeof read>>;

export function createChannels(deps: {
  readonly api: Pick<DiscordApi, "channel" | "channels" | "guild" | "me" | "member" | "roles">;
  readonly guildId: string;
  readonly clock: { now(): Date };
}): Channels {
  const { api, guildId, clock } = deps;
  const known = new Map<string, Known>();
  let lists: { readonly value: Promise<Lists>; readonly until: number } | undefined;

  return {
    async find(name) {
      return { platform: PLATFORM_ID, channelId: search(name, await current(), guildId).id };
    },
    async placeOf(channelId) {
      const channel = known.get(channelId) ?? (await api.channel(channelId));
      learn(channel);
      return { place: toPlace(channel), direct: isDirect(channel) };
    },
    learn,
    forget() {
      lists = undefined;
    },
  };

  function learn({ id, type, parent_id }: Known): void {
    if (isThread(type) && !parent_id) {
      return;
    }
    for (const [oldest] of known) {
      if (known.size < MOST_REMEMBERED) {
        break;
      }
      known.delete(oldest);
    }
    known.set(id, { id, type, parent_id });
  }

  function current(): Promise<Lists> {
    const now = clock.now().getTime();
    if (!lists || lists.until <= now) {
      const value = read(api);
      lists = { value, until: now + CHANNELS_GOOD_FOR_MS };
      value.catch(() => {
        lists = undefined;
      });
    }
    return lists.value;
  }
}

async function read(
  api: Pick<DiscordApi, "channels" | "guild" | "me" | "member" | "roles">,
): Promise<{
  readonly channels: readonly IncomingChannel[];
  readonly roles: readonly Role[];
  readonly me: string;
  readonly own: readonly string[];
  readonly ownerId: string;
}> {
  const [channels, roles, me, guild] = await Promise.all([
    api.channels(),
    api.roles(),
    api.me(),
    api.guild(),
  ]);
  const member = await api.member(me.id);
  return { channels, roles, me: me.id, own: member.roles, ownerId: guild.owner_id };
}

function search(name: string, lists: Lists, guildId: string): IncomingChannel {
  const wanted = name.replace(/^#/, "").toLowerCase();
  const fitting = lists.channels.filter((channel) => fits(channel, wanted, lists));
  const [only] = fitting;
  if (!only) {
    throw unreachable(
      name,
      "there is no such text channel",
      "Check the name in chat.announce, or copy the channel's id.",
    );
  }
  if (fitting.length > 1) {
    const names = fitting.map(
      (channel) => `"${PLATFORM_ID}:${categoryOf(channel, lists)}${channel.name ?? ""}"`,
    );
    throw unreachable(
      name,
      `there are several: ${names.join(", ")}`,
      "Name one of them in chat.announce, or its id.",
    );
  }
  const missing = missingPermissions(only, lists, guildId);
  if (missing.length > 0) {
    throw unreachable(
      name,
      `I lack ${joinWords(missing)}`,
      "Allow that to the bot's role: Edit Channel > Permissions.",
    );
  }
  return only;
}

function fits(channel: IncomingChannel, wanted: string, lists: Lists): boolean {
  if (ID.test(wanted)) {
    return channel.id === wanted && WRITABLE.includes(channel.type);
  }
  const name = (channel.name ?? "").toLowerCase();
  return (
    WRITABLE.includes(channel.type) &&
    [name, `${categoryOf(channel, lists)}${name}`.toLowerCase()].includes(wanted)
  );
}

/** With a stroke behind it; empty when it is in none. */
function categoryOf({ parent_id }: IncomingChannel, { channels }: Lists): string {
  const category = channels.find(({ id }) => id === parent_id)?.name;
  return category ? `${category}/` : "";
}

/** What the bot may not do there and would have to (topics/permissions#permission-overwrites). */
function missingPermissions(
  channel: IncomingChannel,
  { roles, me, own, ownerId }: Lists,
  guildId: string,
): readonly string[] {
  const held = roles.filter(({ id }) => id === guildId || own.includes(id));
  const base = held.reduce((sum, { permissions }) => sum | BigInt(permissions), 0n);
  if (me === ownerId || (base & ADMINISTRATOR) !== 0n) {
    return [];
  }
  const overwrites = channel.permission_overwrites ?? [];
  const ofEverybody = overwrites.filter(({ id }) => id === guildId);
  const ofRoles = overwrites.filter(({ id, type }) => type === 0 && own.includes(id));
  const ofMe = overwrites.filter(({ id }) => id === me);
  const allowed = [ofEverybody, ofRoles, ofMe].reduce((sum, some) => {
    const deny = some.reduce((bits, each) => bits | BigInt(each.deny), 0n);
    const allow = some.reduce((bits, each) => bits | BigInt(each.allow), 0n);
    return (sum & ~deny) | allow;
  }, base);
  // Who may not see a channel may do nothing in it.
  return (allowed & VIEW_CHANNEL) === 0n
    ? ["View Channel"]
    : NEEDED.filter(({ bit }) => (allowed & bit) === 0n).map(({ name }) => name);
}

function unreachable(channel: string, why: string, remedy: string): Error {
  return new ChannelUnreachable({ platform: PLATFORM_ID, channel, why }, { remedy });
}
