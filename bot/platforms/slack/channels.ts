import { ChannelUnreachable } from "../../../shared/errors/catalog.ts";
import type { Place } from "../../chat/platform.ts";
import type { Channel, SlackApi } from "./api.ts";
import { PLATFORM_ID } from "./inbound.ts";

/** Finds the channels that people name. */
export interface Channels {
  /** `releases`, `#releases`, or an id. Throws ChannelUnreachable with what to do. */
  find(name: string): Promise<Place>;
  /** Channels or who is in them have changed. */
  forget(): void;
}

const ID = /^[CGD][A-Z0-9]{2,}$/;

export function createChannels(deps: {
  readonly api: Pick<SlackApi, "channels" | "publicChannels">;
  readonly username: string;
}): Channels {
  const { api } = deps;
  const invite = `Say /invite @${deps.username} in that channel.`;
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
    const wanted = name.replace(/^#/, "");
    const fits = ({ id, name: own }: Channel) =>
      ID.test(wanted) ? id === wanted : own === wanted.toLowerCase();
    const own = (await api.channels()).find(fits);
    if (own?.is_archived) {
      throw unreachable(name, "the channel is archived", "Unarchive it, or name another one.");
    }
    if (own) {
      return own;
    }
    // A public channel can be seen without being in it; a private one looks as if it did not exist.
    const isPublic = (await api.publicChannels()).some(fits);
    throw isPublic
      ? unreachable(name, "I am not a member of it", invite)
      : unreachable(
          name,
          "there is no such channel, or it is private and I am not a member of it",
          `Check the name in chat.announce. ${invite}`,
        );
  }
}

function unreachable(channel: string, why: string, remedy: string): Error {
  return new ChannelUnreachable({ platform: PLATFORM_ID, channel, why }, { remedy });
}
