import mattermost from "@mattermost/client";
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
import type { Timers } from "../../../shared/lib/scheduler.ts";
import { IncomingPost, IncomingUser } from "./inbound.ts";
import {
  EDITS_AT_A_TIME,
  EDIT_PATIENCE_MS,
  MAX_PAGE,
  PATIENCE_MS,
  REQUEST_TIMEOUT_MS,
  RESERVED_REQUESTS,
} from "./limits.ts";
import { MattermostRefusal, refusalOf } from "./refusal.ts";
import type { MattermostContent, MattermostDialog } from "./render.ts";

const SYSTEM = "Mattermost";
/** Tries of something that may be done twice without harm. */
const TRIES = 3;
const RETRY_PAUSE_MS = 250;

const Channel = z.object({
  id: z.string(),
  type: z.string().default(""),
  name: z.string().default(""),
  display_name: z.string().default(""),
  team_id: z.string().default(""),
  delete_at: z.number().default(0),
  last_post_at: z.number().default(0),
});
export type Channel = z.infer<typeof Channel>;

const Team = z.object({ id: z.string(), name: z.string().default("") });
export type Team = z.infer<typeof Team>;

const PostList = z.object({
  order: z.array(z.string()).default([]),
  posts: z.record(z.string(), IncomingPost).default({}),
});

/** What a server tells everybody about its settings; all of it is text. */
const ServerSettings = z.record(z.string(), z.unknown());

export interface NewPost extends MattermostContent {
  readonly channelId: string;
  /** Of the first post of the thread; nothing else is accepted. */
  readonly rootId: string;
  /** The same one within half a minute is the same post. */
  readonly pendingId: string;
  /** Finds the post again after a crash. */
  readonly key?: string | undefined;
}

/** What we ask of the server. Everything that can be done twice is tried again; whatever is refused throws. */
export interface MattermostApi {
  me(): Promise<IncomingUser>;
  user(id: string): Promise<IncomingUser>;
  settings(): Promise<Readonly<Record<string, unknown>>>;
  teams(): Promise<readonly Team[]>;
  /** Those the bot is in, conversations included. */
  channels(): Promise<readonly Channel[]>;
  channelNamed(teamId: string, name: string): Promise<Channel>;
  directChannel(a: string, b: string): Promise<Channel>;
  /** Oldest first; at most one page. */
  postsAfter(channelId: string, postId: string, page: number): Promise<readonly IncomingPost[]>;
  postsSince(channelId: string, since: Date): Promise<readonly IncomingPost[]>;
  latestPosts(channelId: string): Promise<readonly IncomingPost[]>;
  post(id: string): Promise<IncomingPost>;
  createPost(post: NewPost): Promise<IncomingPost>;
  /** Shown to one person only. Most bots may not. */
  createEphemeral(
    userId: string,
    post: Pick<NewPost, "channelId" | "rootId" | "message" | "props">,
  ): Promise<IncomingPost>;
  /** Waits its turn behind answers, and for the end of a rate limit. `content` is asked for when it is sent. */
  replacePost(id: string, content: () => MattermostContent): Promise<void>;
  deletePost(id: string): Promise<void>;
  openDialog(triggerId: string, url: string, dialog: MattermostDialog): Promise<void>;
  pressButton(postId: string, actionId: string): Promise<void>;
  /** A private answer to a slash command. */
  respond(hookId: string, text: string): Promise<void>;
  /** Aborts everything. */
  close(): void;
}

/** The vendor's client, and a way to what it has no name for. */
class Client extends mattermost.Client4 {
  postTo(url: string, body: object): Promise<unknown> {
    return this.doFetch(url, { method: "post", body: JSON.stringify(body) });
  }
}
type Run = (client: Client) => Promise<unknown>;
type Send = (
  target: string,
  options: object,
) => Promise<{ readonly response: Response; readonly data: unknown }>;

interface Lane {
  /** How long the end of a rate limit is waited for. */
  readonly patienceMs: number;
  /** Requests left to others. */
  readonly reserve: number;
}

const ANSWERS: Lane = { patienceMs: PATIENCE_MS, reserve: 0 };
const EDITS: Lane = { patienceMs: EDIT_PATIENCE_MS, reserve: RESERVED_REQUESTS };

export function createMattermostApi(deps: {
  readonly url: string;
  readonly token: Secret;
  readonly timers: Timers;
  readonly clock: { now(): Date };
}): MattermostApi {
  const { url, timers, clock } = deps;
  const edits = new PQueue({ concurrency: EDITS_AT_A_TIME });
  const closing = new AbortController();
  /** Nothing is sent before this time: the server said so. */
  let blockedUntil = 0;
  /** Requests the server still takes in this window, as far as it told. */
  let remaining = Number.POSITIVE_INFINITY;
  let windowEndsAt = 0;

  return {
    me: () => read("reading the bot account", (client) => client.getMe(), IncomingUser),
    user: (id) => read("looking somebody up", (client) => client.getUser(id), IncomingUser),
    settings: () =>
      read("reading the settings", (client) => client.getClientConfig(), ServerSettings),
    teams: () => read("reading the teams", (client) => client.getMyTeams(), z.array(Team)),
    channels: () =>
      read("reading the channels", (client) => client.getAllTeamsChannels(), z.array(Channel)),
    channelNamed: (teamId, name) =>
      read("finding a channel", (client) => client.getChannelByName(teamId, name), Channel),
    directChannel: (a, b) =>
      read("opening a conversation", (client) => client.createDirectChannel([a, b]), Channel),
    postsAfter: async (channelId, postId, page) =>
      toPosts(
        await read(
          "reading posts",
          (client) => client.getPostsAfter(channelId, postId, page, MAX_PAGE, false),
          PostList,
        ),
      ),
    postsSince: async (channelId, since) =>
      toPosts(
        await read(
          "reading posts",
          (client) => client.getPostsSince(channelId, since.getTime(), false),
          PostList,
        ),
      ),
    latestPosts: async (channelId) =>
      toPosts(
        await read(
          "reading posts",
          (client) => client.getPosts(channelId, 0, MAX_PAGE, false),
          PostList,
        ),
      ),
    post: (id) => read("reading a post", (client) => client.getPost(id), IncomingPost),
    // Trying again is safe: the server knows the pending id.
    createPost: ({ channelId, rootId, pendingId, key, message, props }) =>
      read(
        "posting",
        (client) =>
          client.createPost({
            channel_id: channelId,
            root_id: rootId,
            pending_post_id: pendingId,
            message,
            props: { ...props, ...markOf(key) },
          }),
        IncomingPost,
      ),
    createEphemeral: (userId, { channelId, rootId, message, props }) =>
      once(
        "answering privately",
        (client) =>
          client.createPostEphemeral(userId, {
            channel_id: channelId,
            root_id: rootId,
            message,
            props: { ...props },
          }),
        IncomingPost,
      ),
    async replacePost(id, content) {
      await edits.add(() =>
        repeat(
          () =>
            send(
              "editing a post",
              EDITS,
              // The whole post: what is read back has lost its buttons' targets, and props that are left out are kept.
              (client) => client.updatePost(toUpdate(id, content())),
              z.unknown(),
            ),
          TRIES,
        ),
      );
    },
    async deletePost(id) {
      await read("deleting a post", (client) => client.deletePost(id), z.unknown());
    },
    async openDialog(triggerId, callbackUrl, dialog) {
      await once(
        "opening a form",
        (client) =>
          client.postTo(`${client.getBaseRoute()}/actions/dialogs/open`, {
            trigger_id: triggerId,
            url: callbackUrl,
            dialog,
          }),
        z.unknown(),
      );
    },
    async pressButton(postId, actionId) {
      await once(
        "trying a button",
        (client) => client.doPostActionWithCookie(postId, actionId, ""),
        z.unknown(),
      );
    },
    async respond(hookId, text) {
      await once(
        "answering a slash command",
        (client) =>
          client.postTo(`${url}/hooks/commands/${hookId}`, {
            response_type: "ephemeral",
            text,
            skip_slack_parsing: true,
          }),
        z.unknown(),
      );
    },
    close() {
      closing.abort(new Error("closed"));
      edits.clear();
    },
  };

  function read<T>(operation: string, run: Run, schema: z.ZodType<T>) {
    return repeat(() => send(operation, ANSWERS, run, schema), TRIES);
  }

  function once<T>(operation: string, run: Run, schema: z.ZodType<T>) {
    return send(operation, ANSWERS, run, schema);
  }

  /** Tries again what failed on the way. What the server refused stays refused. */
  async function repeat<T>(attempt: () => Promise<T>, tries: number): Promise<T> {
    for (let left = tries - 1; ; left -= 1) {
      try {
        return await attempt();
      } catch (error) {
        if (!isOnTheWay(error) || left <= 0 || closing.signal.aborted) {
          throw error;
        }
        await pause(timers, RETRY_PAUSE_MS * (tries - left), closing.signal);
      }
    }
  }

  /** One request, after any rate limit and again when it meets one. */
  async function send<T>(
    operation: string,
    lane: Lane,
    run: Run,
    schema: z.ZodType<T>,
  ): Promise<T> {
    const until = clock.now().getTime() + lane.patienceMs;
    for (;;) {
      await waitForTurn(operation, lane, until);
      const deadline = startDeadline(timers, REQUEST_TIMEOUT_MS, [closing.signal]);
      try {
        const client = createClient(url, deps.token, { signal: deadline.signal, heard: listen });
        const answer = await run(client);
        return parse(operation, answer, schema);
      } catch (error) {
        if (refusalOf(error)?.status !== 429 && !(error instanceof TooMany)) {
          throw translate(operation, error, deadline.isOver);
        }
      } finally {
        deadline.end();
      }
    }
  }

  async function waitForTurn(operation: string, lane: Lane, until: number): Promise<void> {
    for (;;) {
      const now = clock.now().getTime();
      const isScarce = remaining <= lane.reserve && windowEndsAt > now;
      const freeAt = Math.max(blockedUntil, isScarce ? windowEndsAt : 0);
      if (closing.signal.aborted) {
        throw new UpstreamUnavailable({
          system: SYSTEM,
          operation,
          why: "the connection is closed",
        });
      }
      if (freeAt <= now) {
        remaining -= 1;
        return;
      }
      if (freeAt > until) {
        throw new UpstreamUnavailable({
          system: SYSTEM,
          operation,
          why: "it takes no more requests for a while",
          retryAfterMs: freeAt - now,
        });
      }
      await pause(timers, freeAt - now, closing.signal);
    }
  }

  /** Reads what every answer says about how much is left. */
  function listen(response: Response): void {
    const now = clock.now().getTime();
    const left = Number(response.headers.get("x-ratelimit-remaining") ?? Number.NaN);
    const reset = Number(response.headers.get("x-ratelimit-reset") ?? Number.NaN);
    remaining = Number.isNaN(left) ? Number.POSITIVE_INFINITY : left;
    windowEndsAt = Number.isNaN(reset) ? 0 : now + reset * 1_000;
    if (response.status === 429) {
      const retryAfter = Number(response.headers.get("retry-after") ?? Number.NaN);
      const seconds = [retryAfter, reset].find((each) => each >= 0) ?? 1;
      blockedUntil = Math.max(blockedUntil, now + Math.max(1, seconds) * 1_000);
      throw new TooMany();
    }
  }
}

/** The server wants us to wait; `listen` has noted how long. */
class TooMany extends Error {}

/**
 * The vendor's client for one request, with its way out replaced: it knows no deadline, forgets the headers of refusals, and
 * takes an answer for text unless its type is exactly `application/json`.
 */
function createClient(
  url: string,
  token: Secret,
  request: { readonly signal: AbortSignal; readonly heard: (response: Response) => void },
): Client {
  const client = new Client();
  client.setUrl(url);
  client.setToken(token.reveal());
  client.setIncludeCookies(false);
  client.setUserAgent("Slipway");
  const send = Reflect.get(client, "doFetchWithResponse") as Send;
  const sendAndListen: Send = async (target, options) => {
    const answer = await send(target, { ...options, ignoreStatus: true, signal: request.signal });
    request.heard(answer.response);
    const data = readJson(answer.data);
    if (!answer.response.ok) {
      throw toRefusal(answer.response.status, data);
    }
    return { ...answer, data };
  };
  Object.assign(client, { doFetchWithResponse: sendAndListen });
  return client;
}

function readJson(data: unknown): unknown {
  if (typeof data !== "string") {
    return data;
  }
  try {
    return JSON.parse(data);
  } catch (error) {
    if (error instanceof SyntaxError) {
      return data;
    }
    throw error;
  }
}

const Refusal = z.object({ id: z.string().default(""), message: z.string().default("") });

function toRefusal(status: number, data: unknown): MattermostRefusal {
  const told = Refusal.safeParse(data);
  return told.success
    ? new MattermostRefusal(status, told.data.id, told.data.message.slice(0, 300))
    : new MattermostRefusal(status, "", "");
}

function parse<T>(operation: string, answer: unknown, schema: z.ZodType<T>): T {
  const parsed = schema.safeParse(answer);
  if (!parsed.success) {
    throw new UpstreamRejected(
      { system: SYSTEM, operation, why: "what came back is no answer of a Mattermost server" },
      {
        cause: parsed.error,
        remedy: "Check chat.mattermost.url, and whatever stands between Slipway and Mattermost.",
      },
    );
  }
  return parsed.data;
}

/** Whatever went wrong, as the error that people and retries understand. */
function translate(operation: string, error: unknown, isLate: boolean): AppError {
  if (error instanceof AppError) {
    return error;
  }
  if (isLate) {
    return new UpstreamTimeout(
      { system: SYSTEM, operation, timeoutMs: REQUEST_TIMEOUT_MS },
      { cause: error },
    );
  }
  if (!(error instanceof MattermostRefusal)) {
    return new UpstreamUnavailable(
      { system: SYSTEM, operation, why: reasonOf(error) },
      { cause: error },
    );
  }
  const { status, message } = error;
  if (status >= 500) {
    return new UpstreamUnavailable({ system: SYSTEM, operation, why: message }, { cause: error });
  }
  if (status === 401) {
    return new UpstreamRejected(
      { system: SYSTEM, operation, why: "the bot's token is wrong, has expired or was revoked" },
      {
        cause: error,
        remedy:
          "Make a new token under Integrations > Bot Accounts, put it into chat.mattermost.token, and see that the bot is enabled.",
      },
    );
  }
  return new UpstreamRejected(
    { system: SYSTEM, operation, why: message.replace(/\.$/, "") },
    { cause: error },
  );
}

/** Network errors hide their reason one level down. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error ? (error.cause ?? error) : error;
  if (cause instanceof Error) {
    return "code" in cause ? String(cause.code) : cause.message;
  }
  return String(cause);
}

/** Oldest first, as people wrote them. */
function toPosts({ order, posts }: z.infer<typeof PostList>): readonly IncomingPost[] {
  return order
    .flatMap((id) => posts[id] ?? [])
    .sort((a, b) => a.create_at - b.create_at || (a.id < b.id ? -1 : 1));
}

/** Marks a post so that it is known again; nobody sees it. */
function markOf(key: string | undefined): Readonly<Record<string, string>> {
  return key === undefined ? {} : { slipway_key: key };
}

/** The vendor's type wants a whole post, the server only these. */
function toUpdate(id: string, { message, props }: MattermostContent) {
  return { id, message, props } as unknown as Parameters<Client["updatePost"]>[0];
}

/** Whether it failed between us and the server. Where the server asked to wait for too long, trying again is no use. */
function isOnTheWay(error: unknown): boolean {
  return (
    error instanceof UpstreamTimeout ||
    (error instanceof UpstreamUnavailable && error.data.retryAfterMs === undefined)
  );
}
