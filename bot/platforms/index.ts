import type { z } from "zod";
import type { Actor, Services } from "../../shared/app/services.ts";
import type { Logger } from "../../shared/lib/logger.ts";
import type { ChatPlatform } from "../chat/platform.ts";
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
}

/** Every chat platform there is, one per folder. */
export const platforms: readonly PlatformEntry[] = [
  {
    id: roomId,
    options: RoomOptions,
    create: (_, { services, clock }) => createRoomPlatform({ room: services.room, clock }),
  },
];
