import { webApi } from "@slack/bolt";
import PQueue from "p-queue";
import { z } from "zod";
import type { Secret } from "../../../shared/config/secret.ts";
import { AppError } from "../../../shared/errors/app-error.ts";
import {
  UpstreamRejected,
  UpstreamTimeout,
  UpstreamUnavailable,
} from "../../../shared/errors/catalog.ts";
import { pause, startDeadline } from "../../../shared/lib/deadline.ts";
import type { Logger } from "../../../shared/lib/logger.ts";
import type { Timers } from "../../../shared/lib/scheduler.ts";
import { CATCH_UP_MESSAGES } from "../../chat/catch-up.ts";
import { IncomingMessage, IncomingUser, compareTs, type Home } from "./inbound.ts";
import {
  EDITS_AT_A_TIME,
  TIER_3_PER_MINUTE,
  QUIET_PATIENCE_MS,
  MAX_PAGE,
  PATIENCE_MS,
  POSTS_AT_ONCE,
  POST_WINDOW_MS,
  REQUEST_TIMEOUT_MS,
  RESERVED_EDITS,
} from "./limits.ts";
import { createPace, type Pace } from "./pace.ts";
import { SlackRefusal } from "./refusal.ts";
import type { SlackContent } from "./render.ts";
import { createSdkLogger } from "./sdk-logger.ts";

export const SYSTEM = "Slack";
/** Tries of something that may be done twice without harm. */
const TRIES = 3;
const RETRY_PAUSE_MS = 250;
/** Most pages of a list that are read. */
const MAX_PAGES = 50;

const Account = z.object({
  team_id: z.string().nullish(),
  enterprise_id: z.string().nullish(),
  user_id: z.string(),
  user: z.string().default(""),
  bot_id: z.string().nullish(),
  response_metadata: z.object({ scopes: z.array(z.string()).optional() }).optional(),
});

/** Who the bot token belongs to. */
export interface SlackAccount {
  readonly userId: string;
  readonly username: string;
  /** Undefined when the token is a person's. */
  readonly botId: string | undefined;
  readonly home: Home;
  /** Undefined when Slack does not tell. */
  readonly scopes: readonly string[] | undefined;
}

const Channel = z.object({
  id: z.string(),
  name: z.string().default(""),
  is_archived: z.boolean().default(false),
  is_member: z.boolean().default(false),
  is_im: z.boolean().default(false),
});
export type Channel = z.infer<typeof Channel>;

const NextPage = z.object({ next_cursor: z.string().default("") }).optional();
const ChannelPage = z.object({ channels: z.array(Channel), response_metadata: NextPage });

/** A message of a channel's past. */
const PastMessage = IncomingMessage.extend({
  latest_reply: z.string().optional(),
  blocks: z.array(z.looseObject({ block_id: z.string().optional() })).optional(),
});
export type PastMessage = z.infer<typeof PastMessage>;

const HistoryPage = z.object({
  messages: z.array(PastMessage),
  has_more: z.boolean().default(false),
  response_metadata: NextPage,
});

const Posted = z.object({ channel: z.string(), ts: z.string() });
const OpenedView = z.object({ view: z.object({ id: z.string(), hash: z.string() }) });

export interface NewMessage extends SlackContent {
  readonly channelId: string;
  readonly threadTs?: string | undefined;
}

/** What is sent to the address that came with a press or a slash command. */
export interface LateAnswer extends SlackContent {
  readonly replace: boolean;
  readonly threadTs?: string | undefined;
}

export interface OpenView {
  readonly id: string;
  readonly hash: string;
}

type View = Parameters<webApi.WebClient["views"]["open"]>[0]["view"];

/** What we ask of Slack. Everything that can be done twice is tried again; whatever is refused throws. */
export interface SlackApi {
  whoAmI(): Promise<SlackAccount>;
  /** Throws when Slack gives no address for a socket. Opens none. */
  mayOpenSocket(appToken: Secret): Promise<void>;
  /** The app that a bot belongs to; undefined when Slack does not tell. */
  appOf(botId: string): Promise<string | undefined>;
  user(id: string): Promise<IncomingUser>;
  /** Those the bot is in, conversations included. */
  channels(): Promise<readonly Channel[]>;
  /** Those that everybody may see. */
  publicChannels(): Promise<readonly Channel[]>;
  conversation(userId: string): Promise<string>;
  /** Messages after that time, oldest first. */
  history(channelId: string, after: string): Promise<readonly PastMessage[]>;
  /** Messages of a thread after that time, oldest first. */
  replies(channelId: string, threadTs: string, after: string): Promise<readonly PastMessage[]>;
  /** The newest messages of a channel, or of a thread. */
  latest(channelId: string, threadTs?: string): Promise<readonly PastMessage[]>;
  /** Never tried again: a second message would be one too many. */
  post(message: NewMessage): Promise<{ readonly channelId: string; readonly ts: string }>;
  /** Shown to one person only, until their app is opened again. */
  whisper(userId: string, message: NewMessage): Promise<void>;
  /** `content` is asked for when it is sent. Edits nobody looks at wait behind those of others, and for the end of a rate limit. */
  update(
    message: { readonly channelId: string; readonly ts: string; readonly isLookedAt: boolean },
    content: () => SlackContent,
  ): Promise<void>;
  /** Answers a press or a slash command by the address that came with it. */
  respond(responseUrl: string, answer: LateAnswer): Promise<void>;
  openView(triggerId: string, view: View): Promise<OpenView>;
  updateView(open: OpenView, view: View): Promise<void>;
  /** Aborts everything. */
  close(): void;
}

/** How something is sent. */
interface Lane {
  readonly client: webApi.WebClient;
  /** How long the end of a rate limit is waited for. */
  readonly patienceMs: number;
  /** What is limited together. */
  readonly limited: string;
  readonly pace?: Pace | undefined;
  /** How much of the pace is left to others. */
  readonly reserve?: number;
}

export function createSlackApi(deps: {
  readonly apiUrl: string;
  readonly token: Secret;
  readonly timers: Timers;
  readonly clock: { now(): Date };
  readonly logger: Logger;
}): SlackApi {
  const { apiUrl, timers, clock } = deps;
  const closing = new AbortController();
  // A client that meets a rate limit stops everything it sends, so what nobody waits for has a client of its own.
  const replies = createClient();
  const progress = createClient();
  const edits = new PQueue({ concurrency: EDITS_AT_A_TIME });
  const editPace = createPace(TIER_3_PER_MINUTE, 60_000);
  let scopes: readonly string[] | undefined;
  const pastPace = createPace(TIER_3_PER_MINUTE, 60_000);
  const postPaces = new Map<string, Pace>();
  /** Nothing of this kind is sent before this time: Slack said so. */
  const blockedUntil = new Map<string, number>();

  return {
    async whoAmI() {
      const found = await read("looking up the bot", "auth.test", {}, Account);
      scopes = found.response_metadata?.scopes;
      return {
        userId: found.user_id,
        username: found.user,
        botId: found.bot_id ?? undefined,
        home: {
          teamId: found.team_id ?? undefined,
          enterpriseId: found.enterprise_id ?? undefined,
        },
        scopes,
      };
    },
    async mayOpenSocket(appToken) {
      try {
        await replies.apiCall("apps.connections.open", { token: appToken.reveal() });
      } catch (error) {
        throw translate("opening a socket", error, "app_token");
      }
    },
    async appOf(bot) {
      const Bot = z.object({ bot: z.object({ app_id: z.string().optional() }) });
      return (await read("looking up the app", "bots.info", { bot }, Bot)).bot.app_id;
    },
    async user(id) {
      const Found = z.object({ user: IncomingUser });
      return (await read("looking somebody up", "users.info", { user: id }, Found)).user;
    },
    channels: () =>
      pages("reading the channels", "users.conversations", { types: readableTypes(scopes) }),
    publicChannels: () =>
      pages("finding a channel", "conversations.list", { types: "public_channel" }),
    async conversation(users) {
      const Opened = z.object({ channel: z.object({ id: z.string() }) });
      return (await read("opening a conversation", "conversations.open", { users }, Opened)).channel
        .id;
    },
    history: (channel, oldest) => past("conversations.history", { channel, oldest }),
    replies: (channel, ts, oldest) => past("conversations.replies", { channel, ts, oldest }),
    latest: (channel, ts) =>
      ts === undefined
        ? past("conversations.history", { channel }, 1)
        : past("conversations.replies", { channel, ts }, 1),
    async post({ channelId, threadTs, text, blocks }) {
      const posted = await send(
        "posting",
        "chat.postMessage",
        {
          channel: channelId,
          ...(threadTs === undefined ? {} : { thread_ts: threadTs }),
          text,
          blocks,
          ...AS_WRITTEN,
        },
        Posted,
        postLane(channelId),
      );
      return { channelId: posted.channel, ts: posted.ts };
    },
    async whisper(user, { channelId, threadTs, text, blocks }) {
      await send(
        "answering privately",
        "chat.postEphemeral",
        {
          channel: channelId,
          user,
          ...(threadTs === undefined ? {} : { thread_ts: threadTs }),
          text,
          blocks,
          ...AS_WRITTEN,
        },
        z.unknown(),
      );
    },
    async update({ channelId, ts, isLookedAt }, content) {
      const edit = (lane: Lane) =>
        repeat(() =>
          send(
            "editing a message",
            "chat.update",
            () => ({ channel: channelId, ts, ...content(), ...AS_WRITTEN }),
            z.unknown(),
            lane,
          ),
        );
      const limited = "chat.update";
      if (isLookedAt) {
        await edit({ client: replies, patienceMs: PATIENCE_MS, limited, pace: editPace });
        return;
      }
      await edits.add(() =>
        edit({
          client: progress,
          patienceMs: QUIET_PATIENCE_MS,
          limited,
          pace: editPace,
          reserve: RESERVED_EDITS,
        }),
      );
    },
    respond,
    async openView(trigger, view) {
      const opened = await send(
        "opening a form",
        "views.open",
        { trigger_id: trigger, view },
        OpenedView,
      );
      return opened.view;
    },
    async updateView({ id, hash }, view) {
      await send("filling in a form", "views.update", { view_id: id, hash, view }, z.unknown());
    },
    close() {
      closing.abort(new Error("closed"));
      edits.clear();
    },
  };

  function createClient(): webApi.WebClient {
    return new webApi.WebClient(deps.token.reveal(), {
      slackApiUrl: apiUrl,
      allowAbsoluteUrls: false,
      logger: createSdkLogger(deps.logger),
      // Its own are for half an hour, and wait with everything behind them.
      retryConfig: { retries: 0 },
      rejectRateLimitedCalls: true,
      fetch: (url, init) => fetchInTime(url, init ?? {}),
    });
  }

  /** The whole answer in time, or none: the vendor's client reads the body without any limit. */
  async function fetchInTime(url: string | URL | Request, init: RequestInit): Promise<Response> {
    const deadline = startDeadline(timers, REQUEST_TIMEOUT_MS, [closing.signal]);
    try {
      const response = await fetch(url, { ...init, signal: deadline.signal });
      const body = await response.arrayBuffer();
      const { status, statusText, headers } = response;
      return new Response(body, { status, statusText, headers });
    } catch (error) {
      throw deadline.isOver ? new Late(error) : error;
    } finally {
      deadline.end();
    }
  }

  function postLane(channelId: string): Lane {
    const limited = `chat.postMessage ${channelId}`;
    const pace = postPaces.get(channelId) ?? createPace(POSTS_AT_ONCE, POST_WINDOW_MS);
    postPaces.set(channelId, pace);
    return { client: replies, patienceMs: PATIENCE_MS, limited, pace };
  }

  function read<T>(
    operation: string,
    method: string,
    given: Readonly<Record<string, unknown>>,
    schema: z.ZodType<T>,
  ) {
    return repeat(() => send(operation, method, given, schema));
  }

  async function pages(
    operation: string,
    method: string,
    given: Readonly<Record<string, unknown>>,
  ): Promise<readonly Channel[]> {
    const found: Channel[] = [];
    let cursor = "";
    for (let page = 0; page < MAX_PAGES; page += 1) {
      const next = await read(
        operation,
        method,
        {
          ...given,
          exclude_archived: false,
          limit: MAX_PAGE,
          ...(cursor === "" ? {} : { cursor }),
        },
        ChannelPage,
      );
      found.push(...next.channels);
      cursor = next.response_metadata?.next_cursor ?? "";
      if (cursor === "") {
        break;
      }
    }
    return found;
  }

  /** Of a long past only the newest pages: Slack begins with them. */
  async function past(
    method: string,
    given: Readonly<Record<string, unknown>>,
    most = CATCH_UP_MESSAGES / MAX_PAGE,
  ): Promise<readonly PastMessage[]> {
    const found: PastMessage[] = [];
    let cursor = "";
    for (let page = 0; page < most; page += 1) {
      const asked = { ...given, limit: MAX_PAGE, ...(cursor === "" ? {} : { cursor }) };
      const next = await repeat(() =>
        send("reading messages", method, asked, HistoryPage, {
          client: progress,
          patienceMs: QUIET_PATIENCE_MS,
          limited: method,
          pace: pastPace,
        }),
      );
      found.push(...next.messages);
      cursor = next.response_metadata?.next_cursor ?? "";
      if (!next.has_more || cursor === "") {
        break;
      }
    }
    return found.sort((a, b) => compareTs(a.ts, b.ts));
  }

  /** Tries again what failed on the way. What Slack refused stays refused. */
  async function repeat<T>(attempt: () => Promise<T>): Promise<T> {
    for (let left = TRIES - 1; ; left -= 1) {
      try {
        return await attempt();
      } catch (error) {
        if (!isOnTheWay(error) || left <= 0 || closing.signal.aborted) {
          throw error;
        }
        await pause(timers, RETRY_PAUSE_MS * (TRIES - left), closing.signal);
      }
    }
  }

  /** One request, after any rate limit and again when it meets one. */
  async function send<T>(
    operation: string,
    method: string,
    given: Readonly<Record<string, unknown>> | (() => Readonly<Record<string, unknown>>),
    schema: z.ZodType<T>,
    lane: Lane = { client: replies, patienceMs: PATIENCE_MS, limited: method },
  ): Promise<T> {
    const until = clock.now().getTime() + lane.patienceMs;
    for (;;) {
      const answered = await waitForTurn(operation, lane, until);
      try {
        const body = typeof given === "function" ? given() : given;
        const answer = await lane.client.apiCall(method, { ...body });
        return parse(operation, answer, schema);
      } catch (error) {
        if (!(error instanceof webApi.WebAPIRateLimitedError)) {
          throw translate(operation, error);
        }
        const end = clock.now().getTime() + Math.max(1, error.retryAfter) * 1_000;
        blockedUntil.set(lane.limited, Math.max(end, blockedUntil.get(lane.limited) ?? 0));
      } finally {
        answered?.(clock.now().getTime());
      }
    }
  }

  /** Gives back what to call when the request was answered. */
  async function waitForTurn(
    operation: string,
    lane: Lane,
    until: number,
  ): Promise<ReturnType<Pace["take"]> | undefined> {
    for (;;) {
      const now = clock.now().getTime();
      const blockedMs = (blockedUntil.get(lane.limited) ?? 0) - now;
      const waitMs = Math.max(blockedMs, lane.pace?.waitMs(now, lane.reserve) ?? 0);
      if (closing.signal.aborted) {
        throw unavailable(operation, "the connection is closed");
      }
      if (waitMs <= 0) {
        return lane.pace?.take(now);
      }
      if (now + waitMs > until) {
        throw new UpstreamUnavailable({
          system: SYSTEM,
          operation,
          why: "it takes no more requests for a while",
          retryAfterMs: waitMs,
        });
      }
      await pause(timers, waitMs, closing.signal);
    }
  }

  async function respond(responseUrl: string, answer: LateAnswer): Promise<void> {
    const operation = "answering privately";
    if (!isResponseAddress(responseUrl, apiUrl)) {
      throw new UpstreamRejected(
        { system: SYSTEM, operation, why: "the address is not Slack's" },
        { cause: new SlackRefusal("foreign_url") },
      );
    }
    const { text, blocks, replace, threadTs } = answer;
    let response: Response;
    try {
      response = await fetchInTime(responseUrl, {
        method: "POST",
        redirect: "error",
        headers: { "content-type": "application/json; charset=utf-8" },
        body: JSON.stringify({
          response_type: "ephemeral",
          replace_original: replace,
          text,
          blocks,
          ...(threadTs === undefined ? {} : { thread_ts: threadTs }),
        }),
      });
    } catch (error) {
      throw translate(operation, error);
    }
    if (!response.ok) {
      // Used up, or over: five times, half an hour.
      const why = (await response.text()).slice(0, 100) || `HTTP ${String(response.status)}`;
      throw new UpstreamRejected(
        { system: SYSTEM, operation, why },
        { cause: new SlackRefusal(why) },
      );
    }
  }
}

const TYPE_SCOPES = {
  public_channel: "channels:read",
  private_channel: "groups:read",
  im: "im:read",
} as const;

/** One kind that may not be read makes Slack refuse all of them. */
function readableTypes(scopes: readonly string[] | undefined): string {
  return Object.entries(TYPE_SCOPES)
    .filter(([, scope]) => scopes?.includes(scope) ?? true)
    .map(([type]) => type)
    .join(",");
}

/** Nothing that looks like a name becomes a mention, and nothing that looks like an address is opened. */
const AS_WRITTEN = {
  parse: "none",
  link_names: false,
  unfurl_links: false,
  unfurl_media: false,
} as const;

/** The request ran out of time. */
class Late extends Error {
  constructor(cause: unknown) {
    super("no answer in time", { cause });
  }
}

/**
 * Whether an address that came with a press is one of Slack's: it is told what only one person may know.
 * docs.slack.dev/interactivity/handling-user-interaction shows `https://hooks.slack.com/actions/…`.
 */
export function isResponseAddress(address: string, apiUrl: string): boolean {
  const url = URL.parse(address);
  return (
    url !== null &&
    (url.origin === new URL(apiUrl).origin ||
      (url.protocol === "https:" && /(?:^|\.)slack(?:-gov)?\.com$/.test(url.hostname)))
  );
}

function parse<T>(operation: string, answer: unknown, schema: z.ZodType<T>): T {
  const parsed = schema.safeParse(answer);
  if (!parsed.success) {
    throw notSlack(operation, parsed.error);
  }
  return parsed.data;
}

function notSlack(operation: string, cause: unknown): AppError {
  return new UpstreamRejected(
    { system: SYSTEM, operation, why: "what came back is no answer of Slack" },
    { cause, remedy: "Check chat.slack.api_url, and whatever stands between Slipway and Slack." },
  );
}

/** Errors that pass by themselves. */
const TEMPORARY = new Set([
  "fatal_error",
  "internal_error",
  "request_timeout",
  "service_unavailable",
  "team_added_to_org",
  "ratelimited",
]);

const WRONG_TOKEN = new Set([
  "account_inactive",
  "invalid_auth",
  "not_authed",
  "not_allowed_token_type",
  "token_expired",
  "token_revoked",
]);

/** Whatever went wrong, as the error that people and retries understand. `token` names the one that was sent. */
export function translate(
  operation: string,
  error: unknown,
  token: "bot_token" | "app_token" = "bot_token",
): AppError {
  if (error instanceof AppError) {
    return error;
  }
  if (error instanceof webApi.WebAPIPlatformError) {
    return refused(operation, error.data, token);
  }
  if (error instanceof webApi.WebAPIRateLimitedError) {
    const retryAfterMs = error.retryAfter * 1_000;
    return new UpstreamUnavailable({
      system: SYSTEM,
      operation,
      why: "it takes no more requests for a while",
      retryAfterMs,
    });
  }
  if (error instanceof webApi.WebAPIHTTPError) {
    const why = `it answers HTTP ${String(error.statusCode)}`;
    return unavailable(operation, why, error);
  }
  const cause = error instanceof webApi.WebAPIRequestError ? error.original : error;
  return cause instanceof Late
    ? new UpstreamTimeout(
        { system: SYSTEM, operation, timeoutMs: REQUEST_TIMEOUT_MS },
        { cause: error },
      )
    : unavailable(operation, reasonOf(cause), error);
}

function refused(
  operation: string,
  data: webApi.WebAPIPlatformError["data"],
  token: "bot_token" | "app_token",
): AppError {
  const code = data.error.slice(0, 100);
  const cause = new SlackRefusal(code, neededScope(data));
  if (!/^\w+$/.test(code)) {
    return notSlack(operation, cause);
  }
  if (TEMPORARY.has(code)) {
    return unavailable(operation, code, cause);
  }
  if (WRONG_TOKEN.has(code)) {
    return new UpstreamRejected(
      { system: SYSTEM, operation, why: `the token is wrong or was revoked (${code})` },
      {
        cause,
        remedy:
          token === "bot_token"
            ? "Install the app again (OAuth & Permissions) and put its Bot User OAuth Token into chat.slack.bot_token."
            : "Make a new app-level token with the scope connections:write (Basic Information) and put it into chat.slack.app_token.",
      },
    );
  }
  if (code === "missing_scope") {
    const scope = cause.needed ?? "it names none";
    return new UpstreamRejected(
      { system: SYSTEM, operation, why: `the app lacks a scope (${scope})` },
      {
        cause,
        remedy: `Add ${scope} under OAuth & Permissions > Bot Token Scopes and install the app again.`,
      },
    );
  }
  return new UpstreamRejected({ system: SYSTEM, operation, why: code }, { cause });
}

function neededScope(data: unknown): string | undefined {
  const told = z.object({ needed: z.string() }).safeParse(data);
  return told.success ? told.data.needed.slice(0, 200) : undefined;
}

function unavailable(operation: string, why: string, cause?: unknown): AppError {
  return new UpstreamUnavailable({ system: SYSTEM, operation, why }, { cause });
}

/** Network errors hide their reason one level down. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error ? (error.cause ?? error) : error;
  if (cause instanceof Error) {
    return "code" in cause ? String(cause.code) : cause.message;
  }
  return String(cause);
}

/** Whether it failed between us and Slack. Where Slack asked to wait for too long, trying again is no use. */
export function isOnTheWay(error: unknown): boolean {
  return (
    error instanceof UpstreamTimeout ||
    (error instanceof UpstreamUnavailable && error.data.retryAfterMs === undefined)
  );
}
