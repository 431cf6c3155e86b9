import type { z } from "zod";
import type { Actor, Services } from "../../shared/app/services.ts";
import type { Logger } from "../../shared/lib/logger.ts";
import type { ChatPlatform, PlatformFinding } from "../chat/platform.ts";
import { PLATFORM_ID as mattermostId } from "./mattermost/inbound.ts";
import { checkMattermost, createMattermostPlatform } from "./mattermost/index.ts";
import { MattermostOptions } from "./mattermost/options.ts";
import { announcedHere } from "./mattermost/self-test.ts";
import { PLATFORM_ID as roomId } from "./room/inbound.ts";
import { createRoomPlatform } from "./room/index.ts";
import { RoomOptions } from "./room/options.ts";

/** What every platform may need to come up. */
export interface PlatformDeps {
  readonly services: Services;
  readonly systemActor: Actor;
  readonly logger: Logger;
  readonly clock: { now(): Date };
}

/** A platform that can be configured under `chat.<id>`. */
export interface PlatformEntry {
  /** Name of its folder, of its section in the configuration, and of its channels in `chat.announce`. */
  readonly id: string;
  readonly options: z.ZodType;
  /** `options` passed the schema above. */
  create(options: unknown, deps: PlatformDeps): ChatPlatform;
  /** Tries the platform as it is configured and says what to change. Absent where nothing can go wrong. Never throws. */
  check?(options: unknown, deps: PlatformCheckDeps): Promise<readonly PlatformFinding[]>;
}

/** What trying a platform needs; there may be no database and no server. */
export interface PlatformCheckDeps {
  /** `chat.announce`, with the platforms. */
  readonly announce: readonly string[];
  readonly logger: Logger;
  readonly clock: { now(): Date };
}

/** Every chat platform there is, one per folder. */
export const platforms: readonly PlatformEntry[] = [
  {
    id: roomId,
    options: RoomOptions,
    create: (_, { services, systemActor, logger, clock }) =>
      createRoomPlatform({ room: services.room, systemActor, logger, clock }),
  },
  {
    id: mattermostId,
    options: MattermostOptions,
    create: (options, { services, logger, clock }) =>
      createMattermostPlatform(MattermostOptions.parse(options), {
        chatStore: services.chatStore,
        announce: announcedHere(services.installation.announce),
        logger,
        clock,
      }),
    check: (options, { announce, logger, clock }) =>
      checkMattermost(MattermostOptions.parse(options), {
        announce: announcedHere(announce),
        logger,
        clock,
      }),
  },
];

/** The schemas of the sections `chat.<id>`; the room is part of the file's own. */
export const platformSchemas: Readonly<Record<string, z.ZodType>> = Object.fromEntries(
  platforms.filter(({ id }) => id !== roomId).map(({ id, options }) => [id, options]),
);
