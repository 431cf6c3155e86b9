import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { WebSocketServer } from "ws";
import { INTENTS, createFakeGateway, type FakeGateway } from "./fake-gateway.ts";
import {
  Refused,
  json,
  readCallback,
  readCommands,
  readMessage,
  readThread,
  refused,
  send,
  textOf,
  type Answer,
  type Callback,
  type FakeCommand,
  type FakeModal,
  type MessageBody,
} from "./fake-rules.ts";

/** Everything below cites https://discord.com/developers/docs unless it says otherwise. */

export interface FakeUser {
  readonly id: string;
  readonly username: string;
  global_name: string | null;
  readonly bot: boolean;
}

export interface FakeMember {
  nick: string | null;
  pending: boolean;
  flags: number;
  roles: string[];
}

interface FakeChannel {
  readonly id: string;
  /** 0 text, 1 conversation, 4 category, 11 thread. */
  readonly type: number;
  readonly guild_id: string | undefined;
  readonly name: string;
  readonly parent_id: string | null;
  last_message_id: string | null;
  readonly recipients: readonly string[];
  readonly permission_overwrites: { id: string; type: number; allow: string; deny: string }[];
  archived: boolean;
}

export interface FakeMessage {
  readonly id: string;
  readonly channel_id: string;
  readonly guild_id: string | undefined;
  readonly author: FakeUser;
  readonly type: number;
  readonly webhook_id: string | undefined;
  readonly nonce: string | undefined;
  readonly replyTo: string | undefined;
  content: string;
  embeds: MessageBody["embeds"];
  components: MessageBody["components"];
  flags: number;
  /** The only person who sees it; undefined when everybody does. */
  readonly visibleTo: string | undefined;
  /** Undefined when it is there; how it went otherwise. */
  gone: boolean;
  edits: number;
}

/** What became of something somebody used, as they see it. */
export interface FakeInteraction {
  readonly id: string;
  readonly token: string;
  readonly userId: string;
  readonly channelId: string;
  readonly kind: "slash" | "press" | "form" | "typing";
  /** The message it was pressed on. */
  readonly source: FakeMessage | undefined;
  /** What the bot answered first; undefined while it has not. */
  answer: Callback | undefined;
  /** "… is thinking", as long as nothing has taken its place. */
  thinking: boolean;
  /** Resolves with the first answer. */
  readonly answered: Promise<Callback>;
}

/**
 * Discord: its REST, its gateway, and the people on it. It keeps the rules of the real one and can be told to misbehave.
 */
export interface FakeDiscord {
  /** `api_url` of the configuration. */
  readonly url: string;
  readonly token: string;
  readonly applicationId: string;
  readonly guildId: string;
  readonly bot: FakeUser;
  /** The role Discord made for the bot. */
  readonly botRoleId: string;
  readonly gateway: FakeGateway;
  readonly messages: ReadonlyMap<string, FakeMessage>;
  readonly interactions: readonly FakeInteraction[];
  readonly commands: readonly FakeCommand[];
  /** `METHOD path` of every request. */
  readonly requests: readonly string[];
  /** Answered 401, 403 or 429: 10,000 of them in ten minutes and nobody from this address is let in (topics/rate-limits). */
  readonly invalidRequests: readonly string[];
  /** Who was notified by messages of the bot. */
  readonly pings: readonly string[];
  /** Requests of one bucket in one window. */
  readonly bucket: { count: number; windowMs: number };
  addUser(user: {
    readonly id?: string;
    readonly username: string;
    readonly bot?: boolean;
  }): FakeUser;
  /** Makes somebody a member of the server. */
  join(userId: string, member?: Partial<FakeMember>): FakeMember;
  leave(userId: string): void;
  addChannel(
    name: string,
    options?: { readonly parentId?: string; readonly type?: number },
  ): string;
  removeChannel(id: string): void;
  /** Takes rights from the bot, by their bits. */
  deny(channelId: string, bits: bigint): void;
  allow(channelId: string): void;
  conversation(userId: string): string;
  /** People keep the bot from writing to them. */
  blockDirectMessages(userId: string): void;
  archive(threadId: string): void;
  /** Grants or takes the right to read what is written (privileged intent). */
  grantMessageContent(isGranted: boolean): void;
  say(
    userId: string,
    channelId: string,
    content: string,
    options?: {
      /** A message below which there is a thread, or will be. */
      readonly threadId?: string;
      readonly webhookId?: string;
      readonly type?: number;
      readonly guildId?: string;
    },
  ): FakeMessage;
  removeMessage(id: string): void;
  /** Sends the event of this message again. */
  repeat(message: FakeMessage): void;
  /** Sends the event of this interaction again. */
  repeatInteraction(interaction: FakeInteraction): void;
  slash(
    userId: string,
    channelId: string,
    path: readonly string[],
    fields?: Readonly<Record<string, string | boolean>>,
    guildId?: string,
  ): FakeInteraction;
  /** Somebody types into a field. */
  type(
    userId: string,
    channelId: string,
    path: readonly string[],
    field: string,
    typed: string,
  ): FakeInteraction;
  press(userId: string, messageId: string, customId: string): FakeInteraction;
  /** The same by its label, on the newest message that has it and that they see. */
  pressLabel(userId: string, label: string): FakeInteraction;
  /** Sends a form that was opened by this interaction, or one with this id that was opened on a message. */
  submit(
    userId: string,
    opened: FakeInteraction | { readonly customId: string; readonly messageId: string },
    values: Readonly<Record<string, string | boolean>>,
  ): FakeInteraction;
  /** What a person can see in a channel, oldest first. */
  seenBy(userId: string, channelId: string): readonly FakeMessage[];
  /** The next requests are answered 429. */
  limitNext(
    count: number,
    retryAfterSeconds: number,
    which?: RegExp,
    options?: { readonly global?: boolean },
  ): void;
  failNext(count: number, status: number, which?: RegExp): void;
  /** The next request of this kind is answered when `release` is called. */
  holdNext(which: RegExp): { readonly arrived: Promise<void>; readonly release: () => void };
  revokeToken(): void;
  /** Nobody listens any more. */
  goDown(): Promise<void>;
  comeUp(): Promise<void>;
  stop(): Promise<void>;
}

/** topics/permissions#permissions-bitwise-permission-flags. */
export const PERMISSIONS = {
  viewChannel: 1n << 10n,
  sendMessages: 1n << 11n,
  embedLinks: 1n << 14n,
  readMessageHistory: 1n << 16n,
  createPublicThreads: 1n << 35n,
  sendMessagesInThreads: 1n << 38n,
} as const;
const ALL = Object.values(PERMISSIONS).reduce((sum, bit) => sum | bit, 0n);

const DISCORD_EPOCH = 1_420_070_400_000;
/** interactions/receiving-and-responding#interaction-callback and #followup-messages. */
const FIRST_ANSWER_MS = 3_000;
const TOKEN_LIFETIME_MS = 15 * 60_000;
/** "in the past few minutes" (resources/message#create-message, `enforce_nonce`). */
const NONCE_MS = 3 * 60_000;
/** topics/rate-limits#global-rate-limit. */
const REQUESTS_PER_SECOND = 50;
const EPHEMERAL = 1 << 6;
const MAY_READ_MESSAGES = 1 << 19;
/** topics/opcodes-and-status-codes#http: what counts towards being locked out. */
const INVALID = [401, 403, 429];

export async function startFakeDiscord(options: {
  readonly clock: { now(): Date };
  readonly botUsername?: string;
}): Promise<FakeDiscord> {
  const { clock } = options;
  let count = 0n;
  let token: string | undefined = "MTIz.fake.token";
  let grantsContent = false;
  const guildId = newId();
  const applicationId = newId();
  const botRoleId = newId();
  const users = new Map<string, FakeUser>();
  const members = new Map<string, FakeMember>();
  const channels = new Map<string, FakeChannel>();
  const messages = new Map<string, FakeMessage>();
  const interactions: (FakeInteraction & {
    readonly at: number;
    readonly event: object;
    readonly resolve: (answer: Callback) => void;
    original: FakeMessage | undefined;
  })[] = [];
  const blocked = new Set<string>();
  const pings: string[] = [];
  const requests: string[] = [];
  const invalidRequests: string[] = [];
  const buckets = new Map<string, { count: number; resetAt: number }>();
  const bucket = { count: 5, windowMs: 5_000 };
  let globalWindow = { count: 0, resetAt: 0 };
  let commands: readonly FakeCommand[] = [];
  const faults: {
    count: number;
    which: RegExp;
    status: number;
    retryAfter: number;
    global: boolean;
  }[] = [];
  const holds: { which: RegExp; arrive: () => void; gate: Promise<void> }[] = [];
  const bot = addUser({ username: options.botUsername ?? "slipway", bot: true });
  const ownerId = newId();
  members.set(bot.id, { nick: null, pending: false, flags: 0, roles: [botRoleId] });
  const sockets = new Set<Socket>();
  const gateway = createFakeGateway({
    newId,
    isToken: (given) => given === token,
    refusedIntents: () => (grantsContent ? 0 : INTENTS.messageContent),
    url: () => gatewayUrl(),
    ready: () => ({
      user: bot,
      guilds: [{ id: guildId, unavailable: true }],
      application: { id: applicationId, flags: 0 },
    }),
    guild: () => ({
      id: guildId,
      name: "Acme",
      channels: [...channels.values()].filter((each) => each.guild_id).map(toWire),
    }),
  });
  let server = createServer(onRequest);
  const webSockets = new WebSocketServer({ noServer: true });
  const port = await listen(0);
  const url = `http://127.0.0.1:${String(port)}/api`;

  return {
    url,
    token,
    applicationId,
    guildId,
    bot,
    botRoleId,
    gateway,
    messages,
    interactions,
    get commands() {
      return commands;
    },
    requests,
    invalidRequests,
    pings,
    bucket,
    addUser,
    join(userId, member = {}) {
      const made: FakeMember = { nick: null, pending: false, flags: 0, roles: [], ...member };
      members.set(userId, made);
      return made;
    },
    leave: (userId) => void members.delete(userId),
    addChannel: (
      name,
      { parentId = null, type = 0 }: { parentId?: string | null; type?: number } = {},
    ) => addChannel({ type, name, parentId }).id,
    removeChannel: (id) => void channels.delete(id),
    deny(channelId, bits) {
      channelOf(channelId).permission_overwrites.push({
        id: bot.id,
        type: 1,
        allow: "0",
        deny: String(bits),
      });
    },
    allow(channelId) {
      channelOf(channelId).permission_overwrites.length = 0;
    },
    conversation: (userId) => conversation(userId).id,
    blockDirectMessages: (userId) => void blocked.add(userId),
    archive(threadId) {
      channelOf(threadId).archived = true;
    },
    grantMessageContent(isGranted) {
      grantsContent = isGranted;
    },
    say,
    removeMessage(id) {
      const message = messages.get(id);
      if (message) {
        message.gone = true;
        const { channel_id, guild_id } = message;
        gateway.publish({
          name: "MESSAGE_DELETE",
          data: () => ({ id, channel_id, ...(guild_id === undefined ? {} : { guild_id }) }),
          intent: guild_id === undefined ? INTENTS.directMessages : INTENTS.guildMessages,
        });
      }
    },
    repeat: publishMessage,
    repeatInteraction(interaction) {
      const known = interactions.find(({ id }) => id === interaction.id);
      if (known) {
        publishInteraction(known.event);
      }
    },
    slash: (userId, channelId, path, fields = {}, guild = guildId) =>
      interact("slash", userId, channelId, undefined, {
        type: 2,
        guild_id: guild,
        data: slashData(path, Object.entries(fields)),
      }),
    type: (userId, channelId, path, field, typed) =>
      interact("typing", userId, channelId, undefined, {
        type: 4,
        guild_id: guildId,
        data: slashData(path, [[field, typed]], field),
      }),
    press,
    pressLabel(userId, label) {
      const seen = [...messages.values()].filter((message) => isSeenBy(message, userId));
      for (const message of seen.reverse()) {
        const button = buttonsOf(message).find((each) => each.label === label);
        if (button?.custom_id !== undefined) {
          return press(userId, message.id, button.custom_id);
        }
      }
      throw new Error(`no button is called "${label}"`);
    },
    submit,
    seenBy: (userId, channelId) =>
      [...messages.values()].filter(
        (message) => message.channel_id === channelId && isSeenBy(message, userId),
      ),
    limitNext: (times, retryAfter, which = /./, { global = false } = {}) => {
      faults.push({ count: times, which, status: 429, retryAfter, global });
    },
    failNext: (times, status, which = /./) => {
      faults.push({ count: times, which, status, retryAfter: 0, global: false });
    },
    holdNext(which) {
      let arrive: () => void = () => undefined;
      let release: () => void = () => undefined;
      const arrived = new Promise<void>((resolve) => {
        arrive = resolve;
      });
      const gate = new Promise<void>((resolve) => {
        release = resolve;
      });
      holds.push({ which, arrive, gate });
      return { arrived, release };
    },
    revokeToken() {
      token = undefined;
    },
    goDown,
    comeUp: async () => {
      server = createServer(onRequest);
      await listen(port);
    },
    stop: goDown,
  };

  function now(): number {
    return clock.now().getTime();
  }

  /** A snowflake: its time, and a number that grows (reference#snowflakes). */
  function newId(): string {
    count += 1n;
    return String((BigInt(Math.max(0, now() - DISCORD_EPOCH)) << 22n) | (count & 0x3fffffn));
  }

  function gatewayUrl(): string {
    return `ws://127.0.0.1:${String(port)}`;
  }

  async function listen(wanted: number): Promise<number> {
    server.on("connection", (socket) => {
      sockets.add(socket);
      socket.on("close", () => sockets.delete(socket));
    });
    server.on("upgrade", (request, socket, head) => {
      webSockets.handleUpgrade(request, socket, head, (webSocket) => gateway.attach(webSocket));
    });
    server.listen(wanted, "127.0.0.1");
    await once(server, "listening");
    return (server.address() as AddressInfo).port;
  }

  async function goDown(): Promise<void> {
    sockets.forEach((socket) => socket.destroy());
    if (server.listening) {
      server.close();
      await once(server, "close");
    }
  }

  function onRequest(request: IncomingMessage, response: ServerResponse): void {
    let text = "";
    request.setEncoding("utf8");
    request.on("data", (chunk: string) => {
      text += chunk;
    });
    request.on("end", () => {
      const path = new URL(request.url ?? "", url);
      const line = `${request.method ?? ""} ${decodeURIComponent(path.pathname).replace(/^\/api\/v10/, "")}`;
      serve(request, line, path.searchParams, text).then(
        (answer) => {
          if (INVALID.includes(answer.status)) {
            invalidRequests.push(line);
          }
          send(response, answer);
        },
        (error: unknown) =>
          send(response, error instanceof Refused ? error : refused(500, 0, String(error))),
      );
    });
  }

  async function serve(
    request: IncomingMessage,
    line: string,
    query: URLSearchParams,
    text: string,
  ): Promise<Answer> {
    requests.push(line);
    const hold = holds.find(({ which }) => which.test(line));
    if (hold) {
      holds.splice(holds.indexOf(hold), 1);
      hold.arrive();
      await hold.gate;
    }
    const fault = faults.find(({ which, count: left }) => left > 0 && which.test(line));
    if (fault) {
      fault.count -= 1;
      return fault.status === 429
        ? tooMany(fault.retryAfter, fault.global)
        : json({ message: "Service unavailable", code: 0 }, fault.status);
    }
    const body: unknown = text === "" ? {} : JSON.parse(text);
    // Answers to interactions prove themselves by their token, and count towards no limit of the bot.
    const isAnswer = /^\w+ \/(?:interactions|webhooks)\//.test(line);
    if (isAnswer) {
      return answerOf(await attempt(() => routeAnswer(line, body)), {});
    }
    if (request.headers.authorization !== `Bot ${String(token)}`) {
      return answerOf(refused(401, 0, "401: Unauthorized"), {});
    }
    const limited = takeFromBucket(line);
    if (limited.isOver) {
      return tooMany(limited.resetMs / 1_000, limited.isGlobal, limited.headers);
    }
    return answerOf(await attempt(() => route(line, query, body)), limited.headers);
  }

  async function attempt(work: () => Answer | Promise<Answer>): Promise<Answer> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof Refused) {
        return error;
      }
      throw error;
    }
  }

  function answerOf({ status, body }: Answer, headers: Readonly<Record<string, string>>): Answer {
    return { status, body: status === 204 ? "" : body, headers };
  }

  /** topics/rate-limits#exceeding-a-rate-limit. */
  function tooMany(
    retryAfter: number,
    isGlobal: boolean,
    headers: Readonly<Record<string, string>> = {},
  ): Answer {
    return {
      status: 429,
      body: JSON.stringify({
        message: "You are being rate limited.",
        retry_after: retryAfter,
        global: isGlobal,
      }),
      headers: {
        ...headers,
        "retry-after": String(retryAfter),
        "x-ratelimit-scope": isGlobal ? "global" : "user",
        ...(isGlobal ? { "x-ratelimit-global": "true" } : {}),
      },
    };
  }

  /** Buckets of a route and its channel (topics/rate-limits#header-format); the vendor's client counts in real time. */
  function takeFromBucket(line: string) {
    const at = Date.now();
    if (globalWindow.resetAt <= at) {
      globalWindow = { count: 0, resetAt: at + 1_000 };
    }
    globalWindow.count += 1;
    if (globalWindow.count > REQUESTS_PER_SECOND) {
      return { isOver: true, isGlobal: true, resetMs: globalWindow.resetAt - at, headers: {} };
    }
    const [, method = "", channelId = ""] =
      /^(POST|PATCH) \/channels\/(\d+)\/messages(?:\/\d+)?$/.exec(line) ?? [];
    if (channelId === "") {
      return { isOver: false, isGlobal: false, resetMs: 0, headers: {} };
    }
    const key = `${method}:${channelId}`;
    const known = buckets.get(key);
    const window =
      known && known.resetAt > at ? known : { count: 0, resetAt: at + bucket.windowMs };
    window.count += 1;
    buckets.set(key, window);
    const resetMs = window.resetAt - at;
    return {
      isOver: window.count > bucket.count,
      isGlobal: false,
      resetMs,
      headers: {
        "x-ratelimit-limit": String(bucket.count),
        "x-ratelimit-remaining": String(Math.max(0, bucket.count - window.count)),
        "x-ratelimit-reset-after": String(resetMs / 1_000),
        "x-ratelimit-bucket": `bucket${method}`,
      },
    };
  }

  function route(line: string, query: URLSearchParams, body: unknown): Answer {
    const match = (pattern: RegExp) => pattern.exec(line)?.slice(1);
    let found: string[] | undefined;
    if (line === "GET /gateway/bot") {
      const limit = { total: 1_000, remaining: 1_000, reset_after: 0, max_concurrency: 1 };
      return json({ url: gatewayUrl(), shards: 1, session_start_limit: limit });
    }
    if (line === "GET /users/@me") {
      return json(bot);
    }
    if (line === "GET /applications/@me") {
      return json({ id: applicationId, flags: grantsContent ? MAY_READ_MESSAGES : 0 });
    }
    if ((found = match(/^\w+ \/guilds\/(\d+)/)) && found[0] !== guildId) {
      throw refused(404, 10_004, "Unknown Guild");
    }
    if (line === `GET /guilds/${guildId}`) {
      return json({ id: guildId, name: "Acme", owner_id: ownerId });
    }
    if (line === `GET /guilds/${guildId}/roles`) {
      return json([
        { id: guildId, name: "@everyone", permissions: String(ALL) },
        { id: botRoleId, name: bot.username, permissions: "0", tags: { bot_id: bot.id } },
      ]);
    }
    if (line === `GET /guilds/${guildId}/channels`) {
      return json(
        [...channels.values()].filter((each) => each.guild_id && each.type !== 11).map(toWire),
      );
    }
    if (line === `GET /guilds/${guildId}/threads/active`) {
      const active = [...channels.values()].filter((each) => each.type === 11 && !each.archived);
      return json({ threads: active.map(toWire), members: [] });
    }
    if ((found = match(/^GET \/guilds\/\d+\/members\/([^/]+)$/))) {
      const [userId = ""] = found;
      const member = members.get(userId);
      if (!member) {
        throw users.has(userId)
          ? refused(404, 10_007, "Unknown Member")
          : refused(404, 10_013, "Unknown User");
      }
      return json({ ...member, user: users.get(userId) });
    }
    if (line === "POST /users/@me/channels") {
      return json(toWire(conversation((body as { recipient_id: string }).recipient_id)));
    }
    if ((found = match(/^GET \/channels\/(\d+)$/))) {
      return json(toWire(reachable(found[0] ?? "", PERMISSIONS.viewChannel)));
    }
    if ((found = match(/^GET \/channels\/(\d+)\/messages$/))) {
      const channel = reachable(found[0] ?? "", PERMISSIONS.readMessageHistory);
      const after = BigInt(query.get("after") ?? 0);
      const limit = Math.min(100, Number(query.get("limit") ?? 50));
      const all = [...messages.values()].filter(
        (each) => each.channel_id === channel.id && !each.gone && each.visibleTo === undefined,
      );
      // The oldest ones behind it, newest first (resources/message#get-channel-messages).
      const page = all.filter(({ id }) => BigInt(id) > after).slice(0, limit);
      return json(
        page
          .reverse()
          .map((each) => toWireMessage(each, grantsContent ? INTENTS.messageContent : 0)),
      );
    }
    if ((found = match(/^POST \/channels\/(\d+)\/messages$/))) {
      return json(toWireMessage(createMessage(found[0] ?? "", body), INTENTS.messageContent));
    }
    if ((found = match(/^PATCH \/channels\/(\d+)\/messages\/(\d+)$/))) {
      const [channelId = "", messageId = ""] = found;
      return json(toWireMessage(editMessage(channelId, messageId, body), INTENTS.messageContent));
    }
    if ((found = match(/^POST \/channels\/(\d+)\/messages\/(\d+)\/threads$/))) {
      const [channelId = "", messageId = ""] = found;
      reachable(channelId, PERMISSIONS.createPublicThreads);
      return json(toWire(startThread(channelId, messageId, readThread(body).name)), 201);
    }
    if ((found = match(/^PATCH \/channels\/(\d+)$/))) {
      const channel = reachable(found[0] ?? "", PERMISSIONS.sendMessagesInThreads);
      channel.archived = (body as { archived: boolean }).archived;
      return json(toWire(channel));
    }
    if ((found = match(/^PUT \/applications\/(\d+)\/guilds\/(\d+)\/commands$/))) {
      if (found[0] !== applicationId || found[1] !== guildId) {
        throw refused(403, 50_001, "Missing Access");
      }
      // A bulk overwrite: what is not named is gone (interactions/application-commands).
      commands = readCommands(body);
      return json(commands.map((command) => ({ ...command, id: newId() })));
    }
    throw refused(404, 0, "404: Not Found");
  }

  function routeAnswer(line: string, body: unknown): Answer {
    const match = (pattern: RegExp) => pattern.exec(line)?.slice(1);
    let found: string[] | undefined;
    if ((found = match(/^POST \/interactions\/(\d+)\/([^/]+)\/callback$/))) {
      const [id = "", given = ""] = found;
      takeCallback(id, given, readCallback(body));
      return { status: 204, body: "" };
    }
    if ((found = match(/^POST \/webhooks\/\d+\/([^/]+)$/))) {
      return json(toWireMessage(followUp(found[0] ?? "", body), INTENTS.messageContent));
    }
    if ((found = match(/^PATCH \/webhooks\/\d+\/([^/]+)\/messages\/@original$/))) {
      const interaction = answeredBy(found[0] ?? "");
      const original = interaction.thinking ? addOriginal(interaction, body) : interaction.original;
      if (!original || original.gone) {
        throw refused(404, 10_008, "Unknown Message");
      }
      Object.assign(original, contentOf(readMessage(body)));
      interaction.thinking = false;
      return json(toWireMessage(original, INTENTS.messageContent));
    }
    if ((found = match(/^DELETE \/webhooks\/\d+\/([^/]+)\/messages\/@original$/))) {
      const interaction = answeredBy(found[0] ?? "");
      if (!interaction.thinking && !interaction.original) {
        throw refused(404, 10_008, "Unknown Message");
      }
      interaction.thinking = false;
      if (interaction.original) {
        interaction.original.gone = true;
      }
      return { status: 204, body: "" };
    }
    throw refused(404, 0, "404: Not Found");
  }

  function addUser(given: {
    readonly id?: string;
    readonly username: string;
    readonly bot?: boolean;
  }): FakeUser {
    const { id = newId(), username, bot: isBot = false } = given;
    const user = { id, username, global_name: null, bot: isBot };
    users.set(id, user);
    return user;
  }

  function addChannel(given: {
    readonly id?: string;
    readonly type: number;
    readonly name: string;
    readonly parentId: string | null;
    readonly recipients?: readonly string[];
  }): FakeChannel {
    const { id = newId(), type, name, parentId, recipients = [] } = given;
    const channel: FakeChannel = {
      id,
      type,
      guild_id: type === 1 ? undefined : guildId,
      name,
      parent_id: parentId,
      last_message_id: null,
      recipients,
      permission_overwrites: [],
      archived: false,
    };
    channels.set(id, channel);
    return channel;
  }

  function conversation(userId: string): FakeChannel {
    const known = [...channels.values()].find(
      ({ type, recipients }) => type === 1 && recipients.includes(userId),
    );
    return known ?? addChannel({ type: 1, name: "", parentId: null, recipients: [userId] });
  }

  function channelOf(id: string): FakeChannel {
    const channel = channels.get(id);
    if (!channel) {
      throw refused(404, 10_003, "Unknown Channel");
    }
    return channel;
  }

  /** The channel, when the bot may do this there (topics/permissions#permission-overwrites). */
  function reachable(id: string, bit: bigint): FakeChannel {
    const channel = channelOf(id);
    if (channel.type === 1) {
      return channel;
    }
    const ruling = channel.type === 11 ? channelOf(channel.parent_id ?? "") : channel;
    const denied = ruling.permission_overwrites.reduce((sum, { deny }) => sum | BigInt(deny), 0n);
    if ((denied & PERMISSIONS.viewChannel) !== 0n) {
      throw refused(403, 50_001, "Missing Access");
    }
    if ((denied & bit) !== 0n) {
      throw refused(403, 50_013, "Missing Permissions");
    }
    return channel;
  }

  function createMessage(channelId: string, given: unknown): FakeMessage {
    const wanted = channelOf(channelId);
    const channel = reachable(
      channelId,
      wanted.type === 11 ? PERMISSIONS.sendMessagesInThreads : PERMISSIONS.sendMessages,
    );
    if (channel.recipients.some((id) => blocked.has(id))) {
      throw refused(403, 50_007, "Cannot send messages to this user");
    }
    const body = withoutForbidden(channel, readMessage(given));
    const earlier = [...messages.values()].find(
      ({ nonce, author, id, channel_id: where }) =>
        body.enforce_nonce &&
        nonce === body.nonce &&
        author.id === bot.id &&
        where === channelId &&
        now() - timeOf(id) < NONCE_MS,
    );
    if (earlier) {
      return earlier;
    }
    // Writing in an archived thread opens it again (topics/threads#active-archived-threads).
    channel.archived = false;
    return addMessage({
      channel,
      author: bot,
      body,
      type: body.message_reference ? 19 : 0,
      flags: 0,
      visibleTo: undefined,
    });
  }

  /** Without the right to embed, embeds are thrown away without a word. */
  function withoutForbidden(channel: FakeChannel, body: MessageBody): MessageBody {
    try {
      reachable(channel.id, PERMISSIONS.embedLinks);
      return body;
    } catch {
      return { ...body, embeds: [] };
    }
  }

  function editMessage(channelId: string, messageId: string, given: unknown): FakeMessage {
    const channel = reachable(channelId, PERMISSIONS.viewChannel);
    const message = messages.get(messageId);
    // What only one person sees is out of the bot's reach, except by the interaction.
    if (!message || message.gone || message.channel_id !== channelId || message.visibleTo) {
      throw refused(404, 10_008, "Unknown Message");
    }
    if (message.author.id !== bot.id) {
      throw refused(403, 50_005, "Cannot edit a message authored by another user");
    }
    if (channel.archived) {
      throw refused(400, 50_083, "Tried to perform an operation on an archived thread");
    }
    Object.assign(message, contentOf(readMessage(given)));
    message.edits += 1;
    return message;
  }

  function contentOf({ content, embeds, components }: MessageBody) {
    return { content, embeds, components };
  }

  function addMessage(given: {
    readonly channel: FakeChannel;
    readonly author: FakeUser;
    readonly body: MessageBody;
    readonly type: number;
    readonly flags: number;
    readonly visibleTo: string | undefined;
    readonly webhookId?: string | undefined;
    readonly guildId?: string | undefined;
  }): FakeMessage {
    const { channel, author, body, type, flags, visibleTo } = given;
    const message: FakeMessage = {
      id: newId(),
      channel_id: channel.id,
      guild_id: given.guildId ?? channel.guild_id,
      author,
      type,
      webhook_id: given.webhookId,
      nonce: body.nonce,
      replyTo: body.message_reference?.message_id,
      ...contentOf(body),
      flags,
      visibleTo,
      gone: false,
      edits: 0,
    };
    messages.set(message.id, message);
    if (visibleTo === undefined) {
      channel.last_message_id = message.id;
      if (author.id === bot.id) {
        pings.push(...notifiedBy(body));
      }
      publishMessage(message);
    }
    return message;
  }

  /** Only `content` notifies, and only whom `allowed_mentions` allows (resources/message#allowed-mentions-object). */
  function notifiedBy({ content, allowed_mentions: allowed }: MessageBody): readonly string[] {
    const kinds = allowed?.parse ?? ["users", "roles", "everyone"];
    return [
      ...(kinds.includes("users") ? (content.match(/<@!?\d+>/g) ?? []) : []),
      ...(kinds.includes("roles") ? (content.match(/<@&\d+>/g) ?? []) : []),
      ...(kinds.includes("everyone") ? (content.match(/@everyone|@here/g) ?? []) : []),
    ];
  }

  function say(
    userId: string,
    channelId: string,
    content: string,
    given: Parameters<FakeDiscord["say"]>[3] = {},
  ): FakeMessage {
    const { threadId, webhookId, type = 0, guildId: guild } = given;
    const author = users.get(userId);
    if (!author) {
      throw new Error(`nobody is called ${userId}`);
    }
    const channel =
      threadId === undefined
        ? channelOf(channelId)
        : (channels.get(threadId) ?? startThread(channelId, threadId, "thread"));
    return addMessage({
      channel,
      author,
      body: readMessage({ content: content === "" ? "​" : content.slice(0, 2_000) }),
      type,
      flags: 0,
      visibleTo: undefined,
      webhookId,
      guildId: guild,
    });
  }

  /** A thread has the id of its message, and there is one at most (resources/channel#start-thread-from-message). */
  function startThread(channelId: string, messageId: string, name: string): FakeChannel {
    const channel = channelOf(channelId);
    if (channel.type !== 0 && channel.type !== 5) {
      throw refused(400, 50_024, "Cannot execute action on this channel type");
    }
    const message = messages.get(messageId);
    if (!message || message.gone || message.channel_id !== channelId) {
      throw refused(404, 10_008, "Unknown Message");
    }
    if (channels.has(messageId)) {
      throw refused(400, 160_004, "A thread has already been created for this message");
    }
    const thread = addChannel({ id: messageId, type: 11, name, parentId: channelId });
    gateway.publish({ name: "THREAD_CREATE", data: () => toWire(thread), intent: INTENTS.guilds });
    return thread;
  }

  function publishMessage(message: FakeMessage): void {
    gateway.publish({
      name: "MESSAGE_CREATE",
      data: (intents) => toWireMessage(message, intents),
      intent: message.guild_id === undefined ? INTENTS.directMessages : INTENTS.guildMessages,
    });
  }

  function toWire({ recipients, archived, ...channel }: FakeChannel): object {
    return {
      ...channel,
      ...(recipients.length > 0 ? { recipients: recipients.map((id) => users.get(id)) } : {}),
      ...(channel.type === 11 ? { thread_metadata: { archived } } : {}),
    };
  }

  /** What is written is hidden from bots it does not concern (events/gateway#message-content-intent). */
  function toWireMessage(message: FakeMessage, intents: number): object {
    const mentions = [...users.values()].filter(({ id }) =>
      new RegExp(`<@!?${id}>`).test(message.content),
    );
    const isShown =
      (intents & INTENTS.messageContent) !== 0 ||
      message.guild_id === undefined ||
      message.author.id === bot.id ||
      mentions.some(({ id }) => id === bot.id);
    const member = members.get(message.author.id);
    return {
      id: message.id,
      channel_id: message.channel_id,
      type: message.type,
      author: message.author,
      ...(message.guild_id === undefined
        ? {}
        : { guild_id: message.guild_id, ...(member ? { member } : {}) }),
      ...(message.webhook_id === undefined ? {} : { webhook_id: message.webhook_id }),
      content: isShown ? message.content : "",
      embeds: isShown ? message.embeds : [],
      components: isShown ? message.components : [],
      mentions,
      flags: message.flags,
      timestamp: new Date(timeOf(message.id)).toISOString(),
      ...(message.nonce === undefined ? {} : { nonce: message.nonce }),
    };
  }

  function interact(
    kind: FakeInteraction["kind"],
    userId: string,
    channelId: string,
    source: FakeMessage | undefined,
    more: { readonly type: number; readonly guild_id: string | undefined; readonly data: object },
  ): FakeInteraction {
    const id = newId();
    const channel = channelOf(channelId);
    const user = users.get(userId);
    const member = members.get(userId);
    const isInServer = more.guild_id !== undefined;
    const event = {
      id,
      application_id: applicationId,
      token: `interaction-${id}`,
      version: 1,
      channel_id: channelId,
      channel: toWire(channel),
      ...(isInServer
        ? { member: { ...(member ?? { nick: null, pending: true, flags: 0, roles: [] }), user } }
        : { user }),
      ...(source ? { message: toWireMessage(source, INTENTS.messageContent) } : {}),
      ...more,
    };
    let resolve: (answer: Callback) => void = () => undefined;
    const answered = new Promise<Callback>((done) => {
      resolve = done;
    });
    const interaction = {
      id,
      token: event.token,
      userId,
      channelId,
      kind,
      source,
      answer: undefined,
      thinking: false,
      answered,
      at: now(),
      event,
      resolve,
      original: undefined,
    };
    interactions.push(interaction);
    publishInteraction(event);
    return interaction;
  }

  function publishInteraction(event: object): void {
    gateway.publish({ name: "INTERACTION_CREATE", data: () => event, intent: 0 });
  }

  function press(userId: string, messageId: string, customId: string): FakeInteraction {
    const message = messages.get(messageId);
    if (!message || message.gone || !isSeenBy(message, userId)) {
      throw new Error("nobody can press what they do not see");
    }
    if (!buttonsOf(message).some((each) => each.custom_id === customId)) {
      throw new Error(`there is no such button: ${customId}`);
    }
    return interact("press", userId, message.channel_id, message, {
      type: 3,
      guild_id: message.guild_id,
      data: { custom_id: customId, component_type: 2 },
    });
  }

  function submit(
    userId: string,
    opened: Parameters<FakeDiscord["submit"]>[1],
    values: Readonly<Record<string, string | boolean>>,
  ): FakeInteraction {
    if ("customId" in opened) {
      const message = messages.get(opened.messageId);
      return interact("form", userId, message?.channel_id ?? "", message, {
        type: 5,
        guild_id: message?.guild_id,
        data: {
          custom_id: opened.customId,
          components: Object.entries(values).map(([name, value]) => ({
            type: 18,
            id: 1,
            component: { type: typeof value === "boolean" ? 23 : 4, custom_id: name, value },
          })),
        },
      });
    }
    const { answer, source } = opened;
    if (answer?.type !== 9) {
      throw new Error("no form was opened");
    }
    return interact("form", userId, opened.channelId, source, {
      type: 5,
      guild_id: channelOf(opened.channelId).guild_id,
      data: { custom_id: answer.data.custom_id, components: filledIn(answer.data, values) },
    });
  }

  /** What Discord's app lets people send: no more than fits, and nothing that is missing. */
  function filledIn(
    { components }: FakeModal,
    values: Readonly<Record<string, string | boolean>>,
  ): readonly object[] {
    return components.map(({ component }) => {
      const { custom_id: name } = component;
      const given = values[name];
      if (component.type === 23) {
        return { type: 18, component: { type: 23, custom_id: name, value: given === true } };
      }
      if (component.type === 3) {
        const chosen = given ?? component.options.find((option) => option.default)?.value;
        const options = component.options.map(({ value }) => value);
        if (chosen !== undefined && !options.includes(String(chosen))) {
          throw new Error(`${String(chosen)} cannot be chosen`);
        }
        const chosenOnes = chosen === undefined ? [] : [String(chosen)];
        return { type: 18, component: { type: 3, custom_id: name, values: chosenOnes } };
      }
      const typed = String(given ?? component.value ?? "");
      if (typed.length > component.max_length || (component.required && typed === "")) {
        throw new Error(`Discord lets nobody send ${name} like that`);
      }
      return { type: 18, component: { type: 4, custom_id: name, value: typed } };
    });
  }

  function takeCallback(id: string, given: string, callback: Callback): void {
    const interaction = interactions.find((each) => each.id === id && each.token === given);
    if (!interaction || now() - interaction.at > FIRST_ANSWER_MS) {
      throw refused(404, 10_062, "Unknown interaction");
    }
    if (interaction.answer) {
      throw refused(400, 40_060, "Interaction has already been acknowledged.");
    }
    // interactions/receiving-and-responding#interaction-callback-type.
    const isAllowed = {
      slash: [4, 5, 9],
      press: [4, 5, 6, 9],
      form: interaction.source ? [4, 5, 6] : [4, 5],
      typing: [8],
    }[interaction.kind].includes(callback.type);
    if (!isAllowed) {
      throw refused(400, 50_035, "Invalid Form Body");
    }
    interaction.answer = callback;
    interaction.thinking = callback.type === 5;
    if (callback.type === 4) {
      interaction.original = addOriginal(interaction, callback.data);
    }
    interaction.resolve(callback);
  }

  function answeredBy(given: string) {
    const interaction = interactions.find((each) => each.token === given);
    if (!interaction) {
      throw refused(404, 10_015, "Unknown Webhook");
    }
    if (now() - interaction.at >= TOKEN_LIFETIME_MS) {
      throw refused(401, 50_027, "Invalid Webhook Token");
    }
    if (!interaction.answer) {
      throw refused(404, 10_015, "Unknown Webhook");
    }
    return interaction;
  }

  function addOriginal(interaction: (typeof interactions)[number], body: unknown): FakeMessage {
    const { answer } = interaction;
    const data = answer?.type === 4 || answer?.type === 5 ? answer.data : undefined;
    const isPrivate = ((data?.flags ?? 0) & EPHEMERAL) !== 0;
    const original = addMessage({
      channel: channelOf(interaction.channelId),
      author: bot,
      body: readMessage(withoutFlags(body)),
      type: interaction.kind === "slash" ? 20 : 0,
      flags: isPrivate ? EPHEMERAL : 0,
      visibleTo: isPrivate ? interaction.userId : undefined,
    });
    interaction.original = original;
    return original;
  }

  /** The first one after "thinking" takes its place, and is as private as that was. */
  function followUp(given: string, body: unknown): FakeMessage {
    const interaction = answeredBy(given);
    if (interaction.thinking) {
      interaction.thinking = false;
      return addOriginal(interaction, body);
    }
    const isPrivate = (((body as MessageBody).flags ?? 0) & EPHEMERAL) !== 0;
    return addMessage({
      channel: channelOf(interaction.channelId),
      author: bot,
      body: readMessage(withoutFlags(body)),
      type: 0,
      flags: isPrivate ? EPHEMERAL : 0,
      visibleTo: isPrivate ? interaction.userId : undefined,
    });
  }

  function isSeenBy(message: FakeMessage, userId: string): boolean {
    const { recipients = [] } = channels.get(message.channel_id) ?? {};
    const isInside = recipients.length === 0 || recipients.includes(userId);
    return (
      !message.gone && isInside && (message.visibleTo === undefined || message.visibleTo === userId)
    );
  }
}

function withoutFlags(body: unknown): object {
  const { content, embeds, components, allowed_mentions } = body as MessageBody;
  return { content, embeds, components, allowed_mentions };
}

function timeOf(id: string): number {
  return Number(BigInt(id) >> 22n) + DISCORD_EPOCH;
}

export function buttonsOf({ components }: Pick<FakeMessage, "components">) {
  return components.flatMap((row) => row.components);
}

export { textOf };

function slashData(
  path: readonly string[],
  fields: readonly (readonly [string, string | boolean])[],
  focused?: string,
): object {
  const [name = "", ...groups] = [...path].reverse();
  const options = fields.map(([field, value]) => ({
    name: field,
    type: typeof value === "boolean" ? 5 : 3,
    value,
    ...(field === focused ? { focused: true } : {}),
  }));
  const command = { name, type: 1, options };
  const [group] = groups;
  return {
    id: "1",
    type: 1,
    name: "slipway",
    options: group === undefined ? [command] : [{ name: group, type: 2, options: [command] }],
  };
}
