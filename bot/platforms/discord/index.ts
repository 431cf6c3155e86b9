import type { ChatStoreServices } from "../../../shared/app/services.ts";
import { UpstreamUnavailable } from "../../../shared/errors/catalog.ts";
import type { Logger } from "../../../shared/lib/logger.ts";
import { systemTimers, type Timers } from "../../../shared/lib/scheduler.ts";
import { findings, fine, type Finding } from "../../chat/finding.ts";
import type { ChatPlatform, Inbound, MessageRef } from "../../chat/platform.ts";
import type { Suggestions } from "../../chat/suggestions.ts";
import { createDiscordApi } from "./api.ts";
import { createChannels } from "./channels.ts";
import { createConnection } from "./connection.ts";
import { PLATFORM_ID } from "./inbound.ts";
import type { DiscordOptions } from "./options.ts";
import { loadDiscord } from "./sdk.ts";
import { testDiscord } from "./self-test.ts";
import { startSession, type Session } from "./session.ts";
import { createSlashCommand, type SlashSpec } from "./slash.ts";

export interface DiscordDeps {
  readonly chatStore: Pick<ChatStoreServices, "findCursors" | "saveCursors">;
  /** Channels that must be reachable, of `chat.announce`, without the platform. */
  readonly announce: readonly string[];
  /** What people can do here, for the slash command. */
  readonly commands: readonly SlashSpec[];
  readonly suggestions: Suggestions;
  readonly logger: Logger;
  readonly clock: { now(): Date };
  readonly timers?: Timers;
}

/** A platform of which tests can ask when it has read everything that arrived. */
export interface DiscordPlatform extends ChatPlatform {
  /** Resolves when everything that arrived so far was handed on, and every gap was read. */
  settled(): Promise<void>;
}

/**
 * Discord: messages, commands and presses by the gateway, everything that is said by REST. What was said to the bot while the
 * connection was lost is read again; what was pressed meanwhile has failed before people's eyes.
 */
export function createDiscordPlatform(options: DiscordOptions, deps: DiscordDeps): DiscordPlatform {
  const { clock, timers = systemTimers } = deps;
  const logger = deps.logger.child({ platform: PLATFORM_ID });
  const slash = createSlashCommand(deps.commands);
  let session: Session | undefined;
  let since = clock.now();

  return {
    id: PLATFORM_ID,
    // Five edits in five seconds, for all cards of a channel together.
    features: { ephemeral: true, edit: true, threads: true, tables: false, editIntervalMs: 2_500 },
    async start(
      take: (event: Inbound) => Promise<void>,
      removed: (message: MessageRef) => void = () => undefined,
    ) {
      session = await startSession({ ...deps, options, slash, timers, logger, take, removed });
      since = clock.now();
    },
    async stop() {
      const ending = session;
      since = clock.now();
      // What still runs may still say something.
      await ending?.stop();
      session = undefined;
    },
    status: () => session?.status() ?? { state: "stopped", since },
    findPlace: async (name) => running("finding a channel").findPlace(name),
    post: async (place, message) => running("posting").outbound.post(place, message),
    edit: async (ref, message) => running("editing a message").outbound.edit(ref, message),
    direct: async (userId, message) =>
      running("writing to somebody").outbound.direct(userId, message),
    settled: async () => session?.settled(),
  };

  function running(operation: string): Session {
    if (!session) {
      throw new UpstreamUnavailable({
        system: "Discord",
        operation,
        why: "there is no connection",
      });
    }
    return session;
  }
}

/** Tries everything the bot needs. Posts nothing, and takes no event from the server that runs. Never throws. */
export async function checkDiscord(
  options: DiscordOptions,
  deps: Omit<DiscordDeps, "chatStore" | "suggestions"> & { readonly signal: AbortSignal },
): Promise<readonly Finding[]> {
  const { token, application_id: applicationId, guild_id: guildId, api_url: apiUrl } = options;
  const { clock, logger, timers = systemTimers } = deps;
  const api = createDiscordApi({ apiUrl, applicationId, guildId, token, logger });
  deps.signal.addEventListener("abort", () => api.close(), { once: true });
  try {
    const found = await testDiscord({
      api,
      channels: createChannels({ api, guildId, clock }),
      applicationId,
      guildId,
      slash: createSlashCommand(deps.commands),
      announce: deps.announce,
    });
    const isLetIn = found.length > 1 || found[0]?.state !== "problem";
    return isLetIn ? [...found, ...(await findings(checkGateway))] : found;
  } finally {
    api.close();
  }

  /** A session of its own, which hears of nothing but the server itself: every session gets every event, so none is lost. */
  async function checkGateway(): Promise<readonly Finding[]> {
    const connection = createConnection({
      rest: api.rest,
      token,
      intents: loadDiscord().GatewayIntentBits.Guilds,
      optionalIntents: 0,
      timers,
      clock,
      logger,
      listener: {
        onEvent: () => undefined,
        onGap: () => undefined,
        onState: () => undefined,
      },
    });
    try {
      await connection.open();
      return [fine("Messages and presses arrive by the gateway.")];
    } finally {
      await connection.close();
    }
  }
}
