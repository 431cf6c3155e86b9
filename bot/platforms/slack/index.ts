import type { ChatStoreServices } from "../../../shared/app/services.ts";
import { UpstreamUnavailable } from "../../../shared/errors/catalog.ts";
import type { Logger } from "../../../shared/lib/logger.ts";
import { systemTimers, type Timers } from "../../../shared/lib/scheduler.ts";
import { findings, fine, warning, type Finding } from "../../chat/finding.ts";
import type { ChatPlatform, Inbound, MessageRef } from "../../chat/platform.ts";
import { createSlackApi } from "./api.ts";
import { createChannels } from "./channels.ts";
import { PLATFORM_ID } from "./inbound.ts";
import type { SlackOptions } from "./options.ts";
import { testSlack } from "./self-test.ts";
import { startSession, type Session } from "./session.ts";

export interface SlackDeps {
  readonly chatStore: Pick<ChatStoreServices, "findCursors" | "saveCursors">;
  /** Channels that must be reachable, of `chat.announce`, without the platform. */
  readonly announce: readonly string[];
  readonly logger: Logger;
  readonly clock: { now(): Date };
  readonly timers?: Timers;
}

/** A platform of which tests can ask when it has read everything that arrived. */
export interface SlackPlatform extends ChatPlatform {
  /** Resolves when everything that arrived so far was handed on, and every gap was read. */
  settled(): Promise<void>;
}

/**
 * Slack: everything arrives by socket (Socket Mode), or by HTTP with a signature, and everything is said by the Web API. What
 * was said while nobody listened is read again, as far as the app may read.
 */
export function createSlackPlatform(options: SlackOptions, deps: SlackDeps): SlackPlatform {
  const { clock, timers = systemTimers } = deps;
  const logger = deps.logger.child({ platform: PLATFORM_ID });
  let session: Session | undefined;
  let since = clock.now();

  return {
    id: PLATFORM_ID,
    features: { ephemeral: true, edit: true, threads: true, tables: true, editIntervalMs: 2_500 },
    async start(
      take: (event: Inbound) => Promise<void>,
      removed: (message: MessageRef) => void = () => undefined,
    ) {
      session = await startSession({ ...deps, options, timers, logger, take, removed });
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
    async webhook(request) {
      return session ? session.webhook(request) : { status: 503, json: undefined };
    },
    settled: async () => session?.settled(),
  };

  function running(operation: string): Session {
    if (!session) {
      throw new UpstreamUnavailable({ system: "Slack", operation, why: "there is no connection" });
    }
    return session;
  }
}

/** Tries the workspace with everything the bot needs. Posts nothing, and takes no event from the server that runs. Never throws. */
export async function checkSlack(
  options: SlackOptions,
  deps: Omit<SlackDeps, "chatStore"> & { readonly signal: AbortSignal },
): Promise<readonly Finding[]> {
  const { api_url: apiUrl, bot_token: token, app_token: appToken } = options;
  const { clock, logger, timers = systemTimers } = deps;
  const api = createSlackApi({ apiUrl, token, timers, clock, logger });
  deps.signal.addEventListener("abort", () => api.close(), { once: true });
  try {
    const account = await api.whoAmI();
    const found = await testSlack({
      api,
      channels: createChannels({ api, username: account.username }),
      account,
      announce: deps.announce,
      appToken,
    });
    return [...found, ...(await findings(checkSocket))];
  } catch (error) {
    return findings(async () => {
      throw error;
    });
  } finally {
    api.close();
  }

  /**
   * Asks for the address of a socket and opens none: Slack gives each event to one socket only, so a second process with a
   * socket of its own would take presses away from the first.
   */
  async function checkSocket(): Promise<readonly Finding[]> {
    if (appToken === undefined) {
      return [
        warning(
          "There is no app-level token, so Slack has to reach this server by HTTP.",
          "Point Slack's request URLs to /hooks/slack, or set chat.slack.app_token.",
        ),
      ];
    }
    await api.mayOpenSocket(appToken);
    return [fine("Socket Mode is on.")];
  }
}
