import type { Actor, Services } from "../../shared/app/services.ts";
import type { Logger } from "../../shared/lib/logger.ts";
import { digestCard, type Owed } from "../cards/digest-card.ts";
import type { Address, Addresses } from "../chat/addresses.ts";
import { everyOne } from "../chat/every-one.ts";
import type { Posts } from "../chat/posts.ts";

/** Reminds people of what waits for their sign-off, once a day at the time they wish. */
export interface Digests {
  /** Writes to everybody whose digest is due and who owes something. Cheap when it is nobody's turn. */
  run(signal: AbortSignal): Promise<void>;
}

/** What was made just now was announced just now. */
const FRESH_MS = 3_600_000;
/** Pending releases looked at, newest first. */
const MOST = 200;

export function createDigests(deps: {
  readonly services: Pick<Services, "releases" | "notifications">;
  readonly posts: Pick<Posts, "tell">;
  readonly addresses: Addresses;
  readonly systemActor: Actor;
  readonly clock: { now(): Date };
  readonly logger: Logger;
}): Digests {
  const { services, posts, addresses, systemActor, clock, logger } = deps;
  /** The last day that was dealt with, by person. After a restart it is looked at again; the message knows whether it was sent. */
  const dealtWith = new Map<string, string>();

  return {
    async run(signal) {
      const due = (await services.notifications.digestsDue()).filter(
        ({ subject, day }) => dealtWith.get(subject) !== day,
      );
      if (due.length === 0) {
        return;
      }
      const owed = await findOwed(signal);
      const letters = due.flatMap(({ subject, day }) => {
        const own = owed.get(subject);
        if (!own) {
          dealtWith.set(subject, day);
          return [];
        }
        return [{ subject, day, own }];
      });
      await everyPlatform(letters, signal);
    },
  };

  /** Platforms side by side, people of one platform one after the other: none of them likes a burst. */
  async function everyPlatform(letters: readonly Letter[], signal: AbortSignal): Promise<void> {
    const byPlatform = new Map<string, { letter: Letter; address: Address }[]>();
    for (const letter of letters) {
      const address = await addresses.of(letter.subject);
      if (!address) {
        dealtWith.set(letter.subject, letter.day);
        continue;
      }
      const those = byPlatform.get(address.platform) ?? [];
      byPlatform.set(address.platform, [...those, { letter, address }]);
    }
    await everyOne([...byPlatform.values()], async (those) => {
      for (const { letter, address } of those) {
        if (signal.aborted) {
          return;
        }
        await send(letter, address);
      }
    });
  }

  async function send({ subject, day, own }: Letter, address: Address): Promise<void> {
    try {
      await posts.tell(address.platform, address.userId, {
        subject: `digest/${subject}/${day}`,
        shown: {},
        card: digestCard(own, clock.now()),
      });
      dealtWith.set(subject, day);
    } catch (error) {
      // Tried again at the next turn, until it is too late for today.
      logger.warn({ err: error, platform: address.platform }, "could not send a digest");
    }
  }

  /** By person, what they could sign and nobody else has. */
  async function findOwed(signal: AbortSignal): Promise<ReadonlyMap<string, readonly Owed[]>> {
    const { items } = await services.releases.list(systemActor, {
      status: "pending",
      limit: MOST,
      offset: 0,
    });
    const owed = new Map<string, Owed[]>();
    const newest = clock.now().getTime() - FRESH_MS;
    for (const { number, createdAt } of items) {
      if (signal.aborted || Date.parse(createdAt) > newest) {
        continue;
      }
      const release = await services.releases.view(systemActor, number);
      const missing = release.progress.filter(({ have, needed }) => have < needed);
      const people = new Set(
        missing.flatMap(({ eligible }) => eligible.map(({ subject }) => subject)),
      );
      for (const subject of people) {
        const roles = missing
          .filter(({ eligible }) => eligible.some((person) => person.subject === subject))
          .map(({ role }) => role);
        owed.set(subject, [...(owed.get(subject) ?? []), { release, roles }]);
      }
    }
    return owed;
  }
}

interface Letter {
  readonly subject: string;
  readonly day: string;
  readonly own: readonly Owed[];
}
