import type { ChatUser } from "../../chat/platform.ts";
import type { MattermostApi } from "./api.ts";
import { toUser } from "./inbound.ts";
import { PEOPLE_GOOD_FOR_MS } from "./limits.ts";

/** Who people are. Asked once in a while, because the names and rights of people change. */
export interface People {
  find(userId: string): Promise<ChatUser>;
  forget(userId: string): void;
}

const MOST_REMEMBERED = 10_000;

export function createPeople(deps: {
  readonly api: Pick<MattermostApi, "user">;
  readonly clock: { now(): Date };
  /** Where user ids are unique. */
  readonly workspace: () => string;
}): People {
  const known = new Map<string, { readonly user: Promise<ChatUser>; readonly until: number }>();

  return {
    find(userId) {
      const now = deps.clock.now().getTime();
      const remembered = known.get(userId);
      if (remembered && remembered.until > now) {
        return remembered.user;
      }
      if (known.size >= MOST_REMEMBERED) {
        known.clear();
      }
      const user = deps.api.user(userId).then((found) => toUser(found, deps.workspace()));
      known.set(userId, { user, until: now + PEOPLE_GOOD_FOR_MS });
      user.catch(() => known.delete(userId));
      return user;
    },
    forget(userId) {
      known.delete(userId);
    },
  };
}
