import type { Actor, Announcement, CatalogServices } from "../../shared/app/services.ts";
import { everyOne } from "../chat/every-one.ts";
import type { ChatPlatform, Place } from "../chat/platform.ts";

/** What a fact concerns, as far as channels choose by it. */
export interface Concern {
  /** Null for what is about no environment: only channels that hear of all are told. */
  readonly environment: string | null;
  /** None: everything in the environment. */
  readonly services: readonly string[];
}

/** The channels of one platform where everybody hears of what happens. */
export interface AnnouncementPlaces {
  /**
   * Does it in every channel that wants to hear of it. `concern` is asked only where somebody chooses. One channel that cannot
   * be found keeps none of the others waiting; it throws in the end, so that the fact is told again later.
   */
  announce(concern: () => Promise<Concern>, work: (place: Place) => Promise<void>): Promise<void>;
}

const PAGE = 500;

export function createAnnouncementPlaces(deps: {
  readonly announcements: readonly Announcement[];
  readonly platform: Pick<ChatPlatform, "id" | "findPlace">;
  readonly catalog: Pick<CatalogServices, "listServices">;
  readonly systemActor: Actor;
}): AnnouncementPlaces {
  const { platform, catalog, systemActor } = deps;
  const prefix = `${platform.id}:`;
  const own = deps.announcements.flatMap((announcement) => {
    const name = announcement.place.slice(prefix.length);
    return announcement.place.startsWith(prefix) && name !== "" ? [{ ...announcement, name }] : [];
  });
  const names = [...new Set(own.map(({ name }) => name))];

  return {
    async announce(concern, work) {
      let known: Promise<Concern> | undefined;
      const ask = () => (known ??= concern());
      // A channel may be named several times, for instance with other teams in other environments.
      await everyOne(names, async (name) => {
        for (const announcement of own) {
          if (announcement.name === name && (await wants(announcement, ask))) {
            await work(await findPlace(name));
            return;
          }
        }
      });
    },
  };

  async function wants(
    { environments, teams }: Announcement,
    ask: () => Promise<Concern>,
  ): Promise<boolean> {
    if (environments !== null) {
      const { environment } = await ask();
      if (environment === null || !environments.includes(environment)) {
        return false;
      }
    }
    if (teams === null) {
      return true;
    }
    const { services } = await ask();
    return services.length === 0 || isOneOf(services, teams);
  }

  async function isOneOf(services: readonly string[], teams: readonly string[]): Promise<boolean> {
    const wanted = new Set(services);
    for (const team of teams) {
      for (let offset = 0; ; offset += PAGE) {
        const { items } = await catalog.listServices(systemActor, { team, limit: PAGE, offset });
        if (items.some(({ name }) => wanted.has(name))) {
          return true;
        }
        if (items.length < PAGE) {
          break;
        }
      }
    }
    return false;
  }

  async function findPlace(name: string): Promise<Place> {
    return (await platform.findPlace?.(name)) ?? { platform: platform.id, channelId: name };
  }
}
