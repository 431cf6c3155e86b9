import type { Actor, PeopleServices } from "../../shared/app/services.ts";
import { AccountUnlinked, AccountRefused } from "../../shared/errors/catalog.ts";
import type { ChatPlatform, ChatUser } from "./platform.ts";

/** Who a chat user is. */
export interface Actors {
  /**
   * The person behind a chat user, with the roles they hold now. Throws AccountRefused for programs and guests, AccountUnlinked
   * when nobody is known to be behind it, PersonInactive when they lost access, IdentityUnavailable when that cannot be found out.
   */
  actorOf(user: ChatUser): Promise<Actor>;
}

/**
 * People of a platform whose user ids are the subjects of the sign-in need no link: they signed in to get there. Everybody
 * else is whoever their account is linked to.
 */
export function createActors(deps: {
  readonly people: Pick<PeopleServices, "actorOf" | "subjectOf">;
  readonly platforms: ReadonlyMap<string, ChatPlatform>;
}): Actors {
  return {
    async actorOf(user) {
      const { platform, kind = "person" } = user;
      if (kind !== "person") {
        throw new AccountRefused({ platform, kind });
      }
      const subject = isSubject(user) ? user.userId : await deps.people.subjectOf(user);
      if (subject === null) {
        throw new AccountUnlinked({ platform });
      }
      return deps.people.actorOf(subject, { ...user.origin, platform });
    },
  };

  function isSubject({ platform }: ChatUser): boolean {
    return deps.platforms.get(platform)?.features.usersAreSubjects === true;
  }
}
