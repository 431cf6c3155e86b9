import type { z } from "zod";
import type { Actor, Services } from "../../shared/app/services.ts";
import type { Logger } from "../../shared/lib/logger.ts";
import type { Command } from "../chat/command.ts";
import type { Finding } from "../chat/finding.ts";
import type { ChatPlatform } from "../chat/platform.ts";
import { createSuggestions } from "../chat/suggestions.ts";
import { commands } from "../commands/index.ts";
import { PLATFORM_ID as discordId } from "./discord/inbound.ts";
import { checkDiscord, createDiscordPlatform } from "./discord/index.ts";
import { DiscordOptions } from "./discord/options.ts";
import { PLATFORM_ID as mattermostId } from "./mattermost/inbound.ts";
import { checkMattermost, createMattermostPlatform } from "./mattermost/index.ts";
import { MattermostOptions } from "./mattermost/options.ts";
import { checkRoom } from "./room/check.ts";
import { PLATFORM_ID as roomId } from "./room/inbound.ts";
import { createRoomPlatform } from "./room/index.ts";
import { RoomOptions } from "./room/options.ts";
import { PLATFORM_ID as slackId } from "./slack/inbound.ts";
import { checkSlack, createSlackPlatform } from "./slack/index.ts";
import { SlackOptions } from "./slack/options.ts";

/** What every platform may need to come up. */
export interface PlatformDeps {
  readonly services: Services;
  readonly systemActor: Actor;
  readonly logger: Logger;
  readonly clock: { now(): Date };
}

/** What a platform may use to find out whether it can work, without connecting as the bot. */
export interface CheckDeps extends PlatformDeps {
  /** Channels of this platform that announcements go to. */
  readonly announce: readonly string[];
  /** Where the server listens on this machine; null when only the server knows. */
  readonly serverUrl: string | null;
  /** Aborts when the time is over. */
  readonly signal: AbortSignal;
}

/** A platform that can be configured under `chat.<id>`. */
export interface PlatformEntry {
  /** Name of its folder, of its section in the configuration, and of its channels in `chat.announce`. */
  readonly id: string;
  readonly options: z.ZodType;
  /** `options` passed the schema above. */
  create(options: unknown, deps: PlatformDeps): ChatPlatform;
  /**
   * Tries what the platform needs: address, credentials, rights, channels. Each failure is a finding with its remedy; what it
   * throws counts as one. It posts nothing that people see and may run beside the server.
   */
  check?(options: unknown, deps: CheckDeps): Promise<readonly Finding[]>;
}

/** Every chat platform there is, one per folder. */
export const platforms: readonly PlatformEntry[] = [
  {
    id: roomId,
    options: RoomOptions,
    create: (_, { services, clock }) => createRoomPlatform({ room: services.room, clock }),
    check: (_, { services, systemActor, announce, serverUrl, signal }) =>
      checkRoom({ room: services.room, systemActor, announce, serverUrl, signal }),
  },
  {
    id: mattermostId,
    options: MattermostOptions,
    create: (options, { services, logger, clock }) =>
      createMattermostPlatform(MattermostOptions.parse(options), {
        chatStore: services.chatStore,
        announce: announcedOn(mattermostId, services.installation.announce),
        logger,
        clock,
      }),
    check: (options, { announce, logger, clock, signal }) =>
      checkMattermost(MattermostOptions.parse(options), { announce, logger, clock, signal }),
  },
  {
    id: slackId,
    options: SlackOptions,
    create: (options, { services, logger, clock }) =>
      createSlackPlatform(SlackOptions.parse(options), {
        chatStore: services.chatStore,
        announce: announcedOn(slackId, services.installation.announce),
        logger,
        clock,
      }),
    check: (options, { announce, logger, clock, signal }) =>
      checkSlack(SlackOptions.parse(options), { announce, logger, clock, signal }),
  },
  {
    id: discordId,
    options: DiscordOptions,
    create: (options, { services, logger, clock }) =>
      createDiscordPlatform(DiscordOptions.parse(options), {
        chatStore: services.chatStore,
        announce: announcedOn(discordId, services.installation.announce),
        commands: offeredCommands(services),
        suggestions: createSuggestions({ services, commands: offeredCommands(services) }),
        logger,
        clock,
      }),
    check: (options, { services, announce, logger, clock, signal }) =>
      checkDiscord(DiscordOptions.parse(options), {
        announce,
        commands: offeredCommands(services),
        logger,
        clock,
        signal,
      }),
  },
];

/** What can be done in this installation. */
function offeredCommands(services: Services): readonly Command[] {
  return commands.filter((command) => command.isOffered?.(services) ?? true);
}

/** Channels of `chat.announce` that belong to this platform, by their names on it. */
function announcedOn(id: string, announce: readonly string[]): readonly string[] {
  const prefix = `${id}:`;
  return announce.flatMap((entry) =>
    entry.startsWith(prefix) ? [entry.slice(prefix.length)] : [],
  );
}

/** The schemas of the sections `chat.<id>`; the room is part of the file's own. */
export const platformSchemas: Readonly<Record<string, z.ZodType>> = Object.fromEntries(
  platforms.filter(({ id }) => id !== roomId).map(({ id, options }) => [id, options]),
);
