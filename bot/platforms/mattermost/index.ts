import { AppError } from "../../../shared/errors/app-error.ts";
import { UpstreamUnavailable } from "../../../shared/errors/catalog.ts";
import type { ChatStoreServices } from "../../../shared/app/services.ts";
import type { Logger } from "../../../shared/lib/logger.ts";
import { systemTimers, type Timers } from "../../../shared/lib/scheduler.ts";
import { fine, problem, type Finding } from "../../chat/finding.ts";
import type { ChatPlatform, Inbound, MessageRef } from "../../chat/platform.ts";
import { createMattermostApi } from "./api.ts";
import { createCallbacks } from "./callbacks.ts";
import { createChannels } from "./channels.ts";
import { createConnection } from "./connection.ts";
import { PLATFORM_ID } from "./inbound.ts";
import { slashTokensOf, type MattermostOptions } from "./options.ts";
import { createSelfTest } from "./self-test.ts";
import { startSession, type Session } from "./session.ts";

export interface MattermostDeps {
  readonly chatStore: Pick<ChatStoreServices, "findCursors" | "saveCursors">;
  /** Channels that must be reachable, of `chat.announce`, without the platform. */
  readonly announce: readonly string[];
  readonly logger: Logger;
  readonly clock: { now(): Date };
  readonly timers?: Timers;
}

/** A platform of which tests can ask when it has read everything that arrived. */
export interface MattermostPlatform extends ChatPlatform {
  /** Resolves when everything that arrived so far was handed on, and every gap was read. */
  settled(): Promise<void>;
}

/**
 * Mattermost: messages by WebSocket, presses, forms and slash commands by HTTP, everything that is said by REST. What was said
 * while the connection was lost is read again, behind the last message of each channel that was looked at.
 */
export function createMattermostPlatform(
  options: MattermostOptions,
  deps: MattermostDeps,
): MattermostPlatform {
  const { clock, timers = systemTimers } = deps;
  const logger = deps.logger.child({ platform: PLATFORM_ID });
  let session: Session | undefined;
  let since = clock.now();

  return {
    id: PLATFORM_ID,
    features: { ephemeral: true, edit: true, threads: true, tables: true, editIntervalMs: 1_000 },
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
    edit: async (ref, message) => running("editing a post").outbound.edit(ref, message),
    direct: async (userId, message) =>
      running("writing to somebody").outbound.direct(userId, message),
    async webhook(request) {
      return session ? session.webhook(request) : { status: 503, json: {} };
    },
    settled: async () => session?.settled(),
  };

  function running(operation: string): Session {
    if (!session) {
      throw new UpstreamUnavailable({
        system: "Mattermost",
        operation,
        why: "there is no connection",
      });
    }
    return session;
  }
}

/**
 * Tries the configured server with everything the bot needs. Callbacks reach the server that runs, so it should be running
 * meanwhile. Never throws.
 */
export async function checkMattermost(
  options: MattermostOptions,
  deps: Omit<MattermostDeps, "chatStore"> & { readonly signal: AbortSignal },
): Promise<readonly Finding[]> {
  const { url, token } = options;
  const { clock, logger, timers = systemTimers } = deps;
  const api = createMattermostApi({ url, token, timers, clock });
  const callbacks = createCallbacks({ token, slashTokens: slashTokensOf(options) });
  deps.signal.addEventListener("abort", () => api.close(), { once: true });
  try {
    const found = await createSelfTest({
      api,
      channels: createChannels({ api }),
      callbacks,
      callbackUrl: options.callback_url,
      hasSlashToken: options.slash_token !== undefined,
      announce: deps.announce,
    }).run();
    return found.some(({ state }) => state === "problem") && found.length === 1
      ? found
      : [...found, await checkStream()];
  } finally {
    api.close();
  }

  async function checkStream(): Promise<Finding> {
    const connection = createConnection({
      url,
      token,
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
      return fine("Messages arrive by WebSocket.");
    } catch (error) {
      if (!(error instanceof AppError)) {
        throw error;
      }
      return problem(error.message, error.remedy ?? "Look at the log of the Mattermost server.");
    } finally {
      await connection.close();
    }
  }
}
