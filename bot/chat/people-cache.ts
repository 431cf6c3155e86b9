import type { ChatUser } from "./platform.ts";

/** Who people are. Asked once in a while, because the names and rights of people change. */
export interface People {
  find(userId: string): Promise<ChatUser>;
  forget(userId: string): void;
}

/** How long it is remembered who somebody is. Changes are told to us, but not reliably. */
const GOOD_FOR_MS = 60_000;
const MOST_REMEMBERED = 10_000;

export function createPeople(deps: {
  readonly ask: (userId: string) => Promise<ChatUser>;
  readonly clock: { now(): Date };
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
      const user = deps.ask(userId);
      known.set(userId, { user, until: now + GOOD_FOR_MS });
      user.catch(() => known.delete(userId));
      return user;
    },
    forget(userId) {
      known.delete(userId);
    },
  };
}
