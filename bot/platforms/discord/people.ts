import type { ChatUser } from "../../chat/platform.ts";
import type { DiscordApi } from "./api.ts";
import { toUser, type IncomingMember, type IncomingUser } from "./inbound.ts";
import { PEOPLE_GOOD_FOR_MS } from "./limits.ts";
import { isRefused } from "./refusal.ts";

/** Who people are in our server, also when they speak to the bot alone. */
export interface People {
  /** `member` is what Discord told along with what they said; without it, it is asked. */
  find(user: IncomingUser, member: IncomingMember | undefined): Promise<ChatUser>;
}

const MOST_REMEMBERED = 10_000;

export function createPeople(deps: {
  readonly api: Pick<DiscordApi, "member">;
  readonly clock: { now(): Date };
  /** Our server. */
  readonly workspace: string;
}): People {
  const known = new Map<
    string,
    { readonly member: Promise<IncomingMember | undefined>; readonly until: number }
  >();

  return {
    async find(user, member) {
      return toUser(user, member ?? (await lookUp(user.id)), deps.workspace);
    },
  };

  function lookUp(userId: string): Promise<IncomingMember | undefined> {
    const now = deps.clock.now().getTime();
    const remembered = known.get(userId);
    if (remembered && remembered.until > now) {
      return remembered.member;
    }
    if (known.size >= MOST_REMEMBERED) {
      known.clear();
    }
    const member = ask(userId);
    known.set(userId, { member, until: now + PEOPLE_GOOD_FOR_MS });
    member.catch(() => known.delete(userId));
    return member;
  }

  /** Undefined for whoever is not in our server, or not any more. */
  async function ask(userId: string): Promise<IncomingMember | undefined> {
    try {
      return await deps.api.member(userId);
    } catch (error) {
      if (isRefused(error, "unknownMember", "unknownUser")) {
        return undefined;
      }
      throw error;
    }
  }
}
