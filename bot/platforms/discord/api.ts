import { setMaxListeners } from "node:events";
import type { DiscordAPIError, REST, RateLimitData } from "discord.js";
import { z } from "zod";
import type { Secret } from "../../../shared/config/secret.ts";
import { AppError } from "../../../shared/errors/app-error.ts";
import {
  UpstreamRejected,
  UpstreamTimeout,
  UpstreamUnavailable,
} from "../../../shared/errors/catalog.ts";
import type { Logger } from "../../../shared/lib/logger.ts";
import { IncomingChannel, IncomingMember, IncomingMessage, IncomingUser } from "./inbound.ts";
import {
  EDIT_PATIENCE_MS,
  FIRST_ANSWER_MS,
  MAX_PAGE,
  MAX_THREAD_NAME_LENGTH,
  PATIENCE_MS,
  REQUESTS_PER_SECOND,
  REQUEST_TIMEOUT_MS,
  THREAD_ARCHIVE_MINUTES,
} from "./limits.ts";
import type { DiscordContent, DiscordModal } from "./render.ts";
import { loadDiscord } from "./sdk.ts";
import type { SlashCommand } from "./slash.ts";

const SYSTEM = "Discord";

/** `Message.flags`: only who asked sees it. */
const EPHEMERAL = 1 << 6;

/** `InteractionCallbackType`. */
const CALLBACKS = { message: 4, thinking: 5, noted: 6, choices: 8, form: 9 } as const;

const Application = z.object({ id: z.string(), flags: z.number().default(0) });
const Guild = z.object({ id: z.string(), name: z.string().default(""), owner_id: z.string() });
const Role = z.object({
  id: z.string(),
  permissions: z.string(),
  /** Set for the role that Discord made for a bot. */
  tags: z.object({ bot_id: z.string().optional() }).optional(),
});
export type Role = z.infer<typeof Role>;
const Threads = z.object({ threads: z.array(IncomingChannel) });

/** The first answer to an interaction; there is exactly one. */
export type FirstAnswer =
  /** "… is thinking", for who asked only. */
  | { readonly type: "thinking" }
  /** Nothing is shown: the answer comes later, or on the message that was pressed. */
  | { readonly type: "noted" }
  | { readonly type: "message"; readonly text: string }
  | { readonly type: "form"; readonly modal: DiscordModal }
  | {
      readonly type: "choices";
      readonly choices: readonly { readonly name: string; readonly value: string }[];
    };

/** An interaction, as far as answering goes. */
export interface InteractionKey {
  readonly id: string;
  readonly token: string;
}

/** What we ask of Discord. What failed on the way is tried again; whatever is refused throws. */
export interface DiscordApi {
  /** The vendor's client, for the gateway, which asks it where to connect. */
  readonly rest: REST;
  me(): Promise<IncomingUser>;
  application(): Promise<z.infer<typeof Application>>;
  guild(): Promise<z.infer<typeof Guild>>;
  roles(): Promise<readonly Role[]>;
  /** Of the server, without threads. */
  channels(): Promise<readonly IncomingChannel[]>;
  /** Threads that are not archived and that the bot may see. */
  threads(): Promise<readonly IncomingChannel[]>;
  channel(id: string): Promise<IncomingChannel>;
  member(userId: string): Promise<IncomingMember>;
  directChannel(userId: string): Promise<IncomingChannel>;
  /** At most one page, oldest first. */
  messagesAfter(channelId: string, messageId: string): Promise<readonly IncomingMessage[]>;
  /** With the same nonce within some minutes it is the same message. */
  createMessage(
    channelId: string,
    content: DiscordContent,
    nonce: string,
    replyTo?: string,
  ): Promise<IncomingMessage>;
  replaceMessage(channelId: string, messageId: string, content: DiscordContent): Promise<void>;
  startThread(channelId: string, messageId: string, name: string): Promise<IncomingChannel>;
  reopenThread(id: string): Promise<void>;
  register(command: SlashCommand["definition"]): Promise<void>;
  /** Goes past every queue: Discord waits three seconds. */
  answer(interaction: InteractionKey, answer: FirstAnswer): Promise<void>;
  /** Another message, for who asked only. */
  followUp(interaction: InteractionKey, content: DiscordContent): Promise<IncomingMessage>;
  /** Puts words where it said "thinking". */
  replaceAnswer(interaction: InteractionKey, content: DiscordContent): Promise<IncomingMessage>;
  /** The message that was pressed, when only the interaction can reach it. */
  removeAnswer(interaction: InteractionKey): Promise<void>;
  /** Aborts everything. */
  close(): void;
}

export function createDiscordApi(deps: {
  readonly apiUrl: string;
  readonly applicationId: string;
  readonly guildId: string;
  readonly token: Secret;
  readonly logger: Logger;
}): DiscordApi {
  const { applicationId, guildId, logger } = deps;
  const { REST, Routes } = loadDiscord();
  const closing = new AbortController();
  // One for each request under way.
  setMaxListeners(0, closing.signal);
  const rest = new REST({
    api: deps.apiUrl,
    timeout: REQUEST_TIMEOUT_MS,
    globalRequestsPerSecond: REQUESTS_PER_SECOND,
    // Who waits for an answer would rather hear that it will not come.
    rejectOnRateLimit: (limit) =>
      waitOf(limit) > (limit.method === "PATCH" ? EDIT_PATIENCE_MS : PATIENCE_MS),
  }).setToken(deps.token.reveal());
  // Answers to interactions do not count towards the bot's limits, so they shall not wait for them either.
  const quick = new REST({
    api: deps.apiUrl,
    timeout: FIRST_ANSWER_MS,
    retries: 1,
    globalRequestsPerSecond: Number.POSITIVE_INFINITY,
    rejectOnRateLimit: (limit) => waitOf(limit) > FIRST_ANSWER_MS,
  });
  for (const client of [rest, quick]) {
    client.on("rateLimited", ({ route, method, timeToReset, scope }) =>
      logger.debug({ route, method, timeToReset, scope }, "waiting for discord's rate limit"),
    );
  }
  return {
    rest,
    me: () =>
      ask("reading the bot account", IncomingUser, (signal) => rest.get(Routes.user(), { signal })),
    application: () =>
      ask("reading the application", Application, (signal) =>
        rest.get(Routes.currentApplication(), { signal }),
      ),
    guild: () =>
      ask("reading the server", Guild, (signal) => rest.get(Routes.guild(guildId), { signal })),
    roles: () =>
      ask("reading the roles", z.array(Role), (signal) =>
        rest.get(Routes.guildRoles(guildId), { signal }),
      ),
    channels: () =>
      ask("reading the channels", z.array(IncomingChannel), (signal) =>
        rest.get(Routes.guildChannels(guildId), { signal }),
      ),
    async threads() {
      const found = await ask("reading the threads", Threads, (signal) =>
        rest.get(Routes.guildActiveThreads(guildId), { signal }),
      );
      return found.threads;
    },
    channel: (id) =>
      ask("reading a channel", IncomingChannel, (signal) =>
        rest.get(Routes.channel(id), { signal }),
      ),
    member: (userId) =>
      ask("looking somebody up", IncomingMember, (signal) =>
        rest.get(Routes.guildMember(guildId, userId), { signal }),
      ),
    directChannel: (userId) =>
      ask("opening a conversation", IncomingChannel, (signal) =>
        rest.post(Routes.userChannels(), { body: { recipient_id: userId }, signal }),
      ),
    async messagesAfter(channelId, messageId) {
      const query = new URLSearchParams({ after: messageId, limit: String(MAX_PAGE) });
      const found = await ask("reading messages", z.array(IncomingMessage), (signal) =>
        rest.get(Routes.channelMessages(channelId), { query, signal }),
      );
      return found.sort((a, b) => (BigInt(a.id) < BigInt(b.id) ? -1 : 1));
    },
    createMessage: (channelId, content, nonce, replyTo) =>
      ask("posting", IncomingMessage, (signal) =>
        rest.post(Routes.channelMessages(channelId), {
          body: {
            ...content,
            nonce,
            enforce_nonce: true,
            ...(replyTo === undefined
              ? {}
              : { message_reference: { message_id: replyTo, fail_if_not_exists: false } }),
          },
          signal,
        }),
      ),
    async replaceMessage(channelId, messageId, content) {
      await ask("editing a message", z.unknown(), (signal) =>
        rest.patch(Routes.channelMessage(channelId, messageId), { body: content, signal }),
      );
    },
    startThread: (channelId, messageId, name) =>
      ask("starting a thread", IncomingChannel, (signal) =>
        rest.post(Routes.threads(channelId, messageId), {
          body: {
            name: name.slice(0, MAX_THREAD_NAME_LENGTH),
            auto_archive_duration: THREAD_ARCHIVE_MINUTES,
          },
          signal,
        }),
      ),
    async reopenThread(id) {
      await ask("opening a thread again", z.unknown(), (signal) =>
        rest.patch(Routes.channel(id), { body: { archived: false }, signal }),
      );
    },
    async register(command) {
      await ask("registering the slash command", z.unknown(), (signal) =>
        rest.put(Routes.applicationGuildCommands(applicationId, guildId), {
          body: [command],
          signal,
        }),
      );
    },
    async answer({ id, token }, answer) {
      await ask("answering", z.unknown(), (signal) =>
        quick.post(Routes.interactionCallback(id, token), {
          body: toCallback(answer),
          auth: false,
          signal,
        }),
      );
    },
    followUp: ({ token }, content) =>
      ask("answering privately", IncomingMessage, (signal) =>
        quick.post(Routes.webhook(applicationId, token), {
          body: { ...content, flags: EPHEMERAL },
          query: new URLSearchParams({ wait: "true" }),
          auth: false,
          signal,
        }),
      ),
    replaceAnswer: ({ token }, content) =>
      ask("answering privately", IncomingMessage, (signal) =>
        quick.patch(Routes.webhookMessage(applicationId, token), {
          body: content,
          auth: false,
          signal,
        }),
      ),
    async removeAnswer({ token }) {
      await ask("tidying up", z.unknown(), (signal) =>
        quick.delete(Routes.webhookMessage(applicationId, token), { auth: false, signal }),
      );
    },
    close() {
      closing.abort(new Error("closed"));
      for (const client of [rest, quick]) {
        client.clearHashSweeper();
        client.clearHandlerSweeper();
      }
    },
  };

  async function ask<T>(
    operation: string,
    schema: z.ZodType<T>,
    request: (signal: AbortSignal) => Promise<unknown>,
  ): Promise<T> {
    // The vendor's client never stops listening to a signal, so each request has one of its own.
    const own = new AbortController();
    const end = () => own.abort();
    closing.signal.addEventListener("abort", end, { once: true });
    let answer: unknown;
    try {
      if (closing.signal.aborted) {
        throw closed(operation);
      }
      answer = await request(own.signal);
    } catch (error) {
      throw closing.signal.aborted ? closed(operation) : translate(operation, error);
    } finally {
      closing.signal.removeEventListener("abort", end);
    }
    const parsed = schema.safeParse(answer);
    if (!parsed.success) {
      throw new UpstreamRejected(
        { system: SYSTEM, operation, why: "what came back is no answer of Discord" },
        {
          cause: parsed.error,
          remedy: "Check chat.discord.api_url, and whatever stands in between.",
        },
      );
    }
    return parsed.data;
  }
}

/** The vendor's client tells it in three ways, of which only one counts at a time. */
function waitOf(
  limit: Pick<RateLimitData, "timeToReset" | "retryAfter" | "sublimitTimeout">,
): number {
  return Math.max(limit.timeToReset, limit.retryAfter, limit.sublimitTimeout);
}

function closed(operation: string): AppError {
  return new UpstreamUnavailable({ system: SYSTEM, operation, why: "the connection is closed" });
}

function toCallback(answer: FirstAnswer): object {
  const type = CALLBACKS[answer.type];
  switch (answer.type) {
    case "thinking":
      return { type, data: { flags: EPHEMERAL } };
    case "noted":
      return { type };
    case "message":
      return {
        type,
        data: { content: answer.text, flags: EPHEMERAL, allowed_mentions: { parse: [] } },
      };
    case "form":
      return { type, data: answer.modal };
    case "choices":
      return { type, data: { choices: answer.choices } };
    default:
      return unreachable(answer);
  }
}

/** Whatever went wrong, as the error that people and retries understand. */
function translate(operation: string, error: unknown): AppError {
  const { DiscordAPIError, HTTPError, RateLimitError } = loadDiscord();
  if (error instanceof AppError) {
    return error;
  }
  if (error instanceof RateLimitError) {
    return new UpstreamUnavailable(
      {
        system: SYSTEM,
        operation,
        why: "it takes no more requests for a while",
        retryAfterMs: waitOf(error),
      },
      { cause: error },
    );
  }
  if (error instanceof DiscordAPIError) {
    return error.status === 401 ? wrongToken(operation, error) : refused(operation, error);
  }
  if (error instanceof HTTPError) {
    return new UpstreamUnavailable(
      { system: SYSTEM, operation, why: `HTTP ${String(error.status)}` },
      { cause: error },
    );
  }
  // The vendor's client forgets a token that was refused and asks no more: who goes on asking gets locked out.
  if (error instanceof Error && /expected token to be set/i.test(error.message)) {
    return wrongToken(operation, error);
  }
  if (error instanceof Error && error.name === "AbortError") {
    return new UpstreamTimeout(
      { system: SYSTEM, operation, timeoutMs: REQUEST_TIMEOUT_MS },
      { cause: error },
    );
  }
  return new UpstreamUnavailable(
    { system: SYSTEM, operation, why: reasonOf(error) },
    { cause: error },
  );
}

function refused(operation: string, error: DiscordAPIError): AppError {
  return new UpstreamRejected(
    {
      system: SYSTEM,
      operation,
      // Details of a form error come line by line.
      why: (error.message.split("\n")[0] ?? "").replace(/\.$/, "").slice(0, 300),
    },
    { cause: error },
  );
}

/** Also what the gateway says when it does not let us in. */
export function wrongToken(operation: string, cause: Error): AppError {
  return new UpstreamRejected(
    { system: SYSTEM, operation, why: "the bot's token is wrong or was reset" },
    {
      cause,
      remedy:
        "Make a new one in the Developer Portal (Bot > Reset Token), put it into chat.discord.token, and start Slipway again.",
    },
  );
}

/** Network errors say most by their code. */
function reasonOf(error: unknown): string {
  if (error instanceof Error) {
    return "code" in error ? String(error.code) : error.message;
  }
  return String(error);
}

function unreachable(answer: never): never {
  throw new Error(`unknown answer ${JSON.stringify(answer)}`);
}
