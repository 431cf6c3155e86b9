import { ChannelUnreachable } from "../../../shared/errors/catalog.ts";
import type { Place } from "../../chat/platform.ts";
import type { Channel, MattermostApi, Team } from "./api.ts";
import { PLATFORM_ID } from "./inbound.ts";
import { refusalOf } from "./refusal.ts";

/** Finds the channels that people name. */
export interface Channels {
  /**
   * `releases`, `~releases`, the name people see, `team/releases` where several teams have one, or an id. Throws
   * ChannelUnreachable with what to do.
   */
  find(name: string): Promise<Place>;
  /** Channels or who is in them have changed. */
  forget(): void;
}

const ID = /^[a-z0-9]{26}$/;

export function createChannels(deps: {
  readonly api: Pick<MattermostApi, "channels" | "channelNamed" | "me" | "teams">;
}): Channels {
  const { api } = deps;
  const found = new Map<string, Place>();

  return {
    async find(name) {
      const known = found.get(name);
      if (known) {
        return known;
      }
      const channel = await search(name);
      const place = { platform: PLATFORM_ID, channelId: channel.id };
      found.set(name, place);
      return place;
    },
    forget: () => found.clear(),
  };

  async function search(name: string): Promise<Channel> {
    const wanted = name.replace(/^~/, "");
    const [own, teams] = await Promise.all([api.channels(), api.teams()]);
    const fitting = own.filter((channel) => fits(channel, wanted, teams));
    const [only] = fitting;
    if (only && fitting.length === 1) {
      if (only.delete_at !== 0) {
        throw unreachable(name, "the channel is archived", "Unarchive it, or name another one.");
      }
      return only;
    }
    if (fitting.length > 1) {
      const names = fitting.map((channel) => `${teamOf(channel, teams)}/${channel.name}`);
      throw unreachable(
        name,
        `there are several: ${names.join(", ")}`,
        `Name one of them in chat.announce, such as "${PLATFORM_ID}:${names[0] ?? ""}".`,
      );
    }
    throw await whyNot(name, wanted, teams);
  }

  /** A public channel can be seen without being in it; a private one looks as if it did not exist. */
  async function whyNot(name: string, wanted: string, teams: readonly Team[]): Promise<Error> {
    const { username } = await api.me();
    const invite = `Say /invite @${username} in that channel.`;
    const short = wanted.split("/").at(-1) ?? wanted;
    for (const team of teams) {
      try {
        await api.channelNamed(team.id, encodeURIComponent(short));
        return unreachable(name, "I am not a member of it", invite);
      } catch (error) {
        if (refusalOf(error) === undefined) {
          throw error;
        }
      }
    }
    return unreachable(
      name,
      teams.length === 0
        ? "I belong to no team"
        : "there is no such channel, or it is private and I am not a member of it",
      teams.length === 0
        ? `Add @${username} to the team: Invite People.`
        : `Check the name in chat.announce. ${invite}`,
    );
  }
}

function fits(channel: Channel, wanted: string, teams: readonly Team[]): boolean {
  if (channel.type === "D" || channel.type === "G") {
    return channel.id === wanted;
  }
  const names = ID.test(wanted)
    ? [channel.id]
    : [
        channel.name,
        channel.display_name.toLowerCase(),
        `${teamOf(channel, teams)}/${channel.name}`,
      ];
  return names.includes(ID.test(wanted) ? wanted : wanted.toLowerCase());
}

function teamOf(channel: Channel, teams: readonly Team[]): string {
  return teams.find(({ id }) => id === channel.team_id)?.name ?? channel.team_id;
}

function unreachable(channel: string, why: string, remedy: string): Error {
  return new ChannelUnreachable({ platform: PLATFORM_ID, channel, why }, { remedy });
}
