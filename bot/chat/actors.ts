import type { Actor, PeopleServices } from "../../shared/app/services.ts";
import { AccountUnlinked } from "../../shared/errors/catalog.ts";
import type { ChatPlatform, ChatUser } from "./platform.ts";

/** Who a chat user is. */
export interface Actors {
  /**
   * The person behind a chat user, with the roles they hold now. Throws AccountUnlinked when nobody is known to be behind it,
   * PersonInactive when they lost access, IdentityUnavailable when that cannot be found out.
   */
  actorOf(user: ChatUser): Promise<Actor>;
}

/** People of a platform whose user ids are the subjects of the sign-in need no link: they signed in to get there. */
export function createActors(deps: {
  readonly people: Pick<PeopleServices, "actorOf">;
  readonly platforms: ReadonlyMap<string, ChatPlatform>;
}): Actors {
  return {
    async actorOf(user) {
      if (deps.platforms.get(user.platform)?.features.usersAreSubjects !== true) {
        throw new AccountUnlinked({ platform: user.platform });
      }
      return deps.people.actorOf(user.userId, { ...user.origin, platform: user.platform });
    },
  };
}
