import type { NotificationServices } from "../../shared/app/services.ts";
import type { ChatPlatform } from "./platform.ts";

/** Where somebody is written to. */
export interface Address {
  readonly platform: string;
  readonly userId: string;
}

/** Finds out where people want to be written to of our own accord. */
export interface Addresses {
  /** Null when nobody here can reach them. */
  of(subject: string): Promise<Address | null>;
  /** The same for something that happens just now; null as well while they want to hear nothing at once. */
  atOnce(subject: string): Promise<Address | null>;
}

/**
 * The platform somebody chose, while they can be reached there; otherwise the account that was linked last, because people who
 * link one live in that chat; otherwise a platform that everybody who signs in belongs to.
 */
export function createAddresses(deps: {
  readonly notifications: Pick<NotificationServices, "settings" | "accountsOf">;
  readonly platforms: ReadonlyMap<string, Pick<ChatPlatform, "id" | "features">>;
  readonly clock: { now(): Date };
}): Addresses {
  const { notifications, platforms, clock } = deps;

  return {
    of: async (subject) => choose(subject, (await notifications.settings(subject)).platform),
    async atOnce(subject) {
      const { direct, mutedUntil, platform } = await notifications.settings(subject);
      const isMuted = mutedUntil !== null && new Date(mutedUntil) > clock.now();
      return direct && !isMuted ? choose(subject, platform) : null;
    },
  };

  async function choose(subject: string, chosen: string | null): Promise<Address | null> {
    const linked = (await notifications.accountsOf(subject)).filter(({ platform }) =>
      platforms.has(platform),
    );
    const everybodys = [...platforms.values()].filter(
      ({ features }) => features.usersAreSubjects === true,
    );
    const all: readonly Address[] = [
      ...linked.map(({ platform, userId }) => ({ platform, userId })),
      ...everybodys.map(({ id }) => ({ platform: id, userId: subject })),
    ];
    return all.find(({ platform }) => platform === chosen) ?? all[0] ?? null;
  }
}
