import { createHmac } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { Timers } from "../../../../shared/lib/scheduler.ts";
import {
  MessageBody,
  Refused,
  buttonsOf,
  checkBlocks,
  checkText,
  checkView,
  json,
  pingsOf,
  refused,
  send,
  type Answer,
  type FakeMessage,
  type View,
} from "./fake-rules.ts";
import { createFakeSockets, type FakeOutcome, type FakeSockets } from "./fake-sockets.ts";

export type { FakeMessage, FakeOutcome };

/** Everything below cites docs.slack.dev. */
export interface FakeUser {
  readonly id: string;
  name: string;
  real_name: string;
  team_id: string;
  is_bot: boolean;
  is_restricted: boolean;
  is_ultra_restricted: boolean;
  is_stranger: boolean;
  deleted: boolean;
  enterprise_user?: { readonly id: string; readonly enterprise_id: string } | undefined;
}

interface FakeChannel {
  readonly id: string;
  readonly kind: "public" | "private" | "im";
  readonly name: string;
  isArchived: boolean;
  readonly members: Set<string>;
}

/** What somebody's app shows on top of everything. */
export interface FakeView {
  readonly id: string;
  readonly userId: string;
  hash: string;
  view: View;
  isOpen: boolean;
  /** What the form says is wrong, by block. */
  errors: Readonly<Record<string, string>>;
}

export interface FakePrivateMessage extends FakeMessage {
  readonly userId: string;
}

/**
 * Slack: the Web API an app uses, and what it sends by socket or by HTTP. It keeps the rules of the real one and can be told to
 * misbehave.
 */
export interface FakeSlack {
  readonly url: string;
  readonly botToken: string;
  readonly appToken: string;
  readonly bot: FakeUser;
  readonly sockets: FakeSockets;
  readonly scopes: Set<string>;
  /** Everything that was said where anybody can read it. */
  readonly messages: readonly FakeMessage[];
  readonly privates: readonly FakePrivateMessage[];
  readonly views: readonly FakeView[];
  /** Who was notified by what the bot said. */
  readonly pings: readonly string[];
  /** Names of every method that was called. */
  readonly requests: readonly string[];
  /** How often the app asked for more than it may. */
  readonly overruns: number;
  addUser(user: Partial<FakeUser> & { readonly id: string }): FakeUser;
  addChannel(
    name: string,
    options?: { readonly kind?: "public" | "private"; readonly botIn?: boolean },
  ): string;
  join(channelId: string, userId: string): void;
  leave(channelId: string, userId: string): void;
  archive(channelId: string): void;
  conversation(userId: string): string;
  find(channelId: string, ts: string): FakeMessage | undefined;
  say(
    userId: string,
    channelId: string,
    text: string,
    options?: {
      readonly threadTs?: string | undefined;
      readonly botId?: string;
      readonly subtype?: string;
      /** What the event says besides. */
      readonly envelope?: object;
    },
  ): FakeMessage;
  /** The event of this message comes again. */
  repeat(message: FakeMessage): void;
  remove(channelId: string, ts: string): void;
  press(
    userId: string,
    message: FakeMessage | FakePrivateMessage,
    actionId: string,
    more?: object,
  ): Promise<FakeOutcome>;
  /** The same by its label, on the newest message that has it. */
  pressLabel(userId: string, label: string, more?: object): Promise<FakeOutcome>;
  submit(
    userId: string,
    view: FakeView,
    values: Readonly<Record<string, string | boolean>>,
  ): Promise<FakeOutcome>;
  /** Sends the answers of a form as if there were a window with it. */
  sendForm(
    userId: string,
    metadata: string,
    values: Readonly<Record<string, string>>,
    more?: object,
  ): Promise<FakeOutcome>;
  close(view: FakeView): void;
  slash(userId: string, channelId: string, text: string, more?: object): Promise<FakeOutcome>;
  event(event: object, envelope?: object): Promise<FakeOutcome>;
  /** From now on everything goes there, signed, instead of to the sockets. */
  sendTo(url: string, signingSecret: string): void;
  sendBySocket(): void;
  /** The next calls are answered 429. */
  limitNext(count: number, retryAfterSeconds: number, which?: RegExp): void;
  /** The next calls are answered with this status; done all the same when `isDone`. */
  failNext(count: number, status: number, which?: RegExp, isDone?: boolean): void;
  /** The next calls are refused with this code. */
  refuseNext(count: number, code: string, which?: RegExp): void;
  holdNext(which: RegExp): { readonly arrived: Promise<void>; readonly release: () => void };
  /** The app is told of everything in its channels (message.channels), not only of what is for it. */
  hearEverything(): void;
  /** No more of what was asked for with limitNext, failNext and refuseNext. */
  forgive(): void;
  /** The bot token belongs to this app. */
  moveToApp(appId: string): void;
  revokeTokens(): void;
  /** Nobody listens any more. */
  goDown(): Promise<void>;
  comeUp(): Promise<void>;
  stop(): Promise<void>;
}

export const TEAM = "T0ACME";

/** interactivity/handling-user-interaction: "within 3 seconds". */
const TRIGGER_MS = 3_000;
/** interactivity/handling-user-interaction: "up to 5 times within 30 minutes". */
const RESPONSE_USES = 5;
const RESPONSE_MS = 30 * 60_000;
/** apis/web-api/rate-limits: tier 3, and one message a second in a channel with short bursts. */
const LIMITS: Readonly<Record<string, readonly [most: number, windowMs: number]>> = {
  "chat.update": [50, 60_000],
  "chat.postMessage": [5, 5_000],
};

const ALL_SCOPES = [
  "app_mentions:read",
  "channels:history",
  "channels:read",
  "chat:write",
  "commands",
  "groups:history",
  "groups:read",
  "im:history",
  "im:read",
  "im:write",
  "users:read",
];

export async function startFakeSlack(options: {
  readonly clock: { now(): Date };
  readonly timers: Timers;
  /** The organisation that the workspace belongs to. */
  readonly enterprise?: string;
}): Promise<FakeSlack> {
  const { clock, timers, enterprise } = options;
  let count = 0;
  let lastTs = 0;
  const users = new Map<string, FakeUser>();
  const channels = new Map<string, FakeChannel>();
  const messages: FakeMessage[] = [];
  const privates: FakePrivateMessage[] = [];
  const views: FakeView[] = [];
  const pings: string[] = [];
  const requests: string[] = [];
  const triggers = new Map<string, { at: number; userId: string }>();
  const responses = new Map<
    string,
    { at: number; uses: number; userId: string; channelId: string; ts: string | undefined }
  >();
  const calls = new Map<string, number[]>();
  const scopes = new Set(ALL_SCOPES);
  const faults: {
    count: number;
    which: RegExp;
    isDone: boolean;
    answer: Answer | Refused;
  }[] = [];
  const holds: { which: RegExp; arrive: () => void; gate: Promise<void> }[] = [];
  const tokens = { bot: "xoxb-fake-bot", app: "xapp-1-A0FAKE-1-fake" };
  const sockets = createFakeSockets(timers);
  const bot = addUser({ id: "U0BOT", name: "slipway", is_bot: true });
  const connected = new Set<Socket>();
  let isRevoked = false;
  let overruns = 0;
  let appId = "A0FAKE";
  let hearsEverything = false;

  let server = createServer(onRequest);
  const port = await listen(0);
  const url = `http://127.0.0.1:${String(port)}`;

  return {
    url,
    botToken: tokens.bot,
    appToken: tokens.app,
    bot,
    sockets,
    scopes,
    messages,
    privates,
    views,
    pings,
    requests,
    get overruns() {
      return overruns;
    },
    addUser,
    addChannel(name, { kind = "public", botIn = true } = {}) {
      const id = newId("C");
      const members = new Set(botIn ? [bot.id] : []);
      channels.set(id, { id, kind, name, isArchived: false, members });
      return id;
    },
    join(channelId, userId) {
      channelOf(channelId).members.add(userId);
      void event({ type: "member_joined_channel", user: userId, channel: channelId });
    },
    leave: (channelId, userId) => {
      channelOf(channelId).members.delete(userId);
      void event({ type: "channel_left", channel: channelId });
    },
    archive: (channelId) => {
      channelOf(channelId).isArchived = true;
      void event({ type: "channel_archive", channel: channelId });
    },
    conversation: (userId) => conversation(userId).id,
    find,
    say(userId, channelId, text, { threadTs, botId, subtype, envelope } = {}) {
      const message = addMessage({
        channel: channelId,
        thread_ts: threadTs,
        user: userId,
        bot_id: botId,
        subtype,
        text,
        blocks: [],
      });
      tellSaid(message, envelope);
      return message;
    },
    repeat: (message) => tellSaid(message),
    remove(channelId, ts) {
      const message = find(channelId, ts);
      if (message) {
        message.isDeleted = true;
        // reference/events/message/message_deleted: for whoever hears everything in the channel.
        const kind = channelOf(channelId).kind;
        if (kind === "im" || hearsEverything) {
          void event({
            type: "message",
            subtype: "message_deleted",
            hidden: true,
            channel: channelId,
            channel_type: kind === "im" ? "im" : "channel",
            ts: newTs(),
            deleted_ts: ts,
            previous_message: toWire(message),
          });
        }
      }
    },
    press,
    pressLabel(userId, label, more) {
      const seen = [...messages, ...privates.filter((each) => each.userId === userId)];
      for (const message of seen.filter(({ isDeleted }) => !isDeleted).reverse()) {
        const button = buttonsOf(message).find(({ text }) => text.text === label);
        if (button) {
          return press(userId, message, button.action_id, more);
        }
      }
      throw new Error(`no button is called "${label}"`);
    },
    submit,
    sendForm: (userId, metadata, values, more) =>
      sendForm(
        userId,
        { id: newId("V"), hash: "h", metadata },
        Object.entries(values).map(([name, value]) => [
          name,
          { [name]: { type: "plain_text_input", value } },
        ]),
        more,
      ),
    close: (view) => {
      view.isOpen = false;
    },
    async slash(userId, channelId, text, more = {}) {
      return deliver("slash_commands", {
        token: "legacy",
        command: "/slipway",
        text,
        user_id: userId,
        user_name: users.get(userId)?.name ?? userId,
        channel_id: channelId,
        channel_name: "x",
        team_id: TEAM,
        ...(enterprise === undefined ? {} : { enterprise_id: enterprise }),
        api_app_id: "A0FAKE",
        response_url: newResponse(userId, channelId, undefined),
        trigger_id: newTrigger(userId),
        ...more,
      });
    },
    event,
    sendTo: (to, secret) => {
      sockets.sendBy((type, payload, attempt) => sendByHttp(to, secret, type, payload, attempt));
    },
    sendBySocket: () => sockets.sendBy(undefined),
    limitNext: (times, retryAfter, which = /./) => {
      const answer = limited(retryAfter);
      faults.push({ count: times, which, isDone: false, answer });
    },
    failNext: (times, status, which = /./, isDone = false) => {
      faults.push({ count: times, which, isDone, answer: { status, body: "upstream error" } });
    },
    refuseNext: (times, code, which = /./) => {
      faults.push({ count: times, which, isDone: false, answer: refused(code) });
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
    hearEverything: () => {
      hearsEverything = true;
    },
    forgive: () => {
      faults.length = 0;
    },
    moveToApp: (app) => {
      appId = app;
    },
    revokeTokens: () => {
      isRevoked = true;
    },
    goDown,
    comeUp: async () => {
      server = createServer(onRequest);
      await listen(port);
    },
    async stop() {
      sockets.stop();
      await goDown();
    },
  };

  function now(): number {
    return clock.now().getTime();
  }

  function newId(prefix: string): string {
    count += 1;
    return `${prefix}0${count.toString(36).toUpperCase().padStart(6, "0")}`;
  }

  /** Messages are named by their time; two of one microsecond are told apart all the same. */
  function newTs(): string {
    lastTs = Math.max(now() * 1_000, lastTs + 1);
    return `${String(Math.floor(lastTs / 1_000_000))}.${String(lastTs % 1_000_000).padStart(6, "0")}`;
  }

  async function listen(wanted: number): Promise<number> {
    server.on("connection", (socket) => {
      connected.add(socket);
      socket.on("close", () => connected.delete(socket));
    });
    server.on("upgrade", (request, socket, head) => sockets.upgrade(request, socket, head));
    server.listen(wanted, "127.0.0.1");
    await once(server, "listening");
    return (server.address() as AddressInfo).port;
  }

  async function goDown(): Promise<void> {
    connected.forEach((socket) => socket.destroy());
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
      serve(request, text).then(
        (answer) => send(response, answer),
        (error: unknown) =>
          send(
            response,
            error instanceof Refused
              ? { status: 200, body: JSON.stringify(error.answer) }
              : { status: 500, body: String(error) },
          ),
      );
    });
  }

  async function serve(request: IncomingMessage, text: string): Promise<Answer> {
    const { pathname } = new URL(request.url ?? "", url);
    const method = pathname.replace(/^\/api\//, "");
    requests.push(method);
    const hold = holds.find(({ which }) => which.test(method));
    if (hold) {
      holds.splice(holds.indexOf(hold), 1);
      hold.arrive();
      await hold.gate;
    }
    const fault = faults.find(({ which, count: left }) => left > 0 && which.test(method));
    if (fault) {
      fault.count -= 1;
      if (!fault.isDone) {
        if (fault.answer instanceof Refused) {
          throw fault.answer;
        }
        return fault.answer;
      }
    }
    const answer = pathname.startsWith("/response/")
      ? respond(pathname, JSON.parse(text) as Record<string, unknown>)
      : call(method, request, text);
    return fault && !(fault.answer instanceof Refused) ? fault.answer : answer;
  }

  function limited(retryAfter: number): Answer {
    return {
      status: 429,
      body: JSON.stringify({ ok: false, error: "ratelimited" }),
      headers: { "retry-after": String(retryAfter) },
    };
  }

  function call(method: string, request: IncomingMessage, text: string): Answer {
    const bearer = /^bearer (.+)$/i.exec(request.headers.authorization ?? "")?.[1] ?? "";
    if (bearer === "") {
      throw refused("not_authed");
    }
    const wanted = method === "apps.connections.open" ? tokens.app : tokens.bot;
    if (isRevoked || ![tokens.app, tokens.bot].includes(bearer)) {
      throw refused("invalid_auth");
    }
    if (bearer !== wanted) {
      throw refused("not_allowed_token_type");
    }
    const body = parseBody(request.headers["content-type"] ?? "", text);
    const limitedBy = LIMITS[method];
    if (limitedBy) {
      const key = method === "chat.update" ? method : `${method} ${String(body["channel"])}`;
      const [most, windowMs] = limitedBy;
      const recent = (calls.get(key) ?? []).filter((at) => at > now() - windowMs);
      if (recent.length >= most) {
        overruns += 1;
        return limited(Math.ceil(((recent[0] ?? 0) + windowMs - now()) / 1_000));
      }
      calls.set(key, [...recent, now()]);
    }
    const { status, body: answer } = route(method, body);
    return { status, body: answer, headers: { "x-oauth-scopes": [...scopes].join(",") } };
  }

  function route(method: string, body: Readonly<Record<string, unknown>>): Answer {
    const text = (name: string) => (typeof body[name] === "string" ? body[name] : "");
    switch (method) {
      case "auth.test":
        return json({
          url: "https://acme.slack.com/",
          team: "Acme",
          user: bot.name,
          team_id: TEAM,
          user_id: bot.id,
          bot_id: "B0BOT",
          ...(enterprise === undefined ? {} : { enterprise_id: enterprise }),
        });
      case "apps.connections.open": {
        const ticket = sockets.newTicket();
        return json({ url: `${url.replace("http", "ws")}/link/?ticket=${ticket}&app_id=A0FAKE` });
      }
      case "bots.info":
        demand("users:read");
        return json({ bot: { id: "B0BOT", app_id: appId, user_id: bot.id } });
      case "users.info": {
        demand("users:read");
        const user = users.get(text("user"));
        if (!user) {
          throw refused("user_not_found");
        }
        return json({ user: { ...user, profile: { real_name: user.real_name } } });
      }
      case "users.conversations":
        return json(list(text("types"), (channel) => channel.members.has(bot.id)));
      case "conversations.list":
        return json(list(text("types"), ({ kind }) => kind === "public"));
      case "conversations.open":
        demand("im:write");
        if (!users.has(text("users"))) {
          throw refused("user_not_found");
        }
        return json({ channel: { id: conversation(text("users")).id } });
      case "conversations.history":
        return json(history(body, ({ thread_ts: thread, ts }) => (thread ?? ts) === ts));
      case "conversations.replies":
        return json(history(body, ({ thread_ts: thread, ts }) => (thread ?? ts) === text("ts")));
      case "chat.postMessage": {
        const message = post(MessageBody.parse(body));
        return json({ channel: message.channel, ts: message.ts });
      }
      case "chat.postEphemeral":
        return json({ message_ts: whisper(MessageBody.parse(body)).ts });
      case "chat.update": {
        const message = update(MessageBody.parse(body));
        return json({ channel: message.channel, ts: message.ts, text: message.text });
      }
      case "views.open":
        return json({ view: openView(text("trigger_id"), asView(body["view"])) });
      case "views.update":
        return json({ view: updateView(text("view_id"), text("hash"), asView(body["view"])) });
      default:
        throw refused("unknown_method");
    }
  }

  /** reference/methods: every method says which scopes it needs. */
  function demand(...needed: readonly string[]): void {
    const lacking = needed.filter((scope) => !scopes.has(scope));
    if (lacking.length > 0) {
      throw refused("missing_scope", {
        needed: lacking.join(","),
        provided: [...scopes].join(","),
      });
    }
  }

  function addUser(user: Partial<FakeUser> & { readonly id: string }): FakeUser {
    const added: FakeUser = {
      name: user.id.toLowerCase(),
      real_name: "",
      team_id: TEAM,
      is_bot: false,
      is_restricted: false,
      is_ultra_restricted: false,
      is_stranger: false,
      deleted: false,
      ...(enterprise === undefined
        ? {}
        : { enterprise_user: { id: user.id, enterprise_id: enterprise } }),
      ...user,
    };
    users.set(added.id, added);
    return added;
  }

  function channelOf(id: string): FakeChannel {
    const channel = channels.get(id);
    if (!channel) {
      throw refused("channel_not_found");
    }
    return channel;
  }

  function conversation(userId: string): FakeChannel {
    const known = [...channels.values()].find(
      ({ kind, members }) => kind === "im" && members.has(userId),
    );
    if (known) {
      return known;
    }
    const id = newId("D");
    const made: FakeChannel = {
      id,
      kind: "im",
      name: "",
      isArchived: false,
      members: new Set([bot.id, userId]),
    };
    channels.set(id, made);
    return made;
  }

  function list(types: string, which: (channel: FakeChannel) => boolean): object {
    const kinds: Readonly<Record<string, readonly [FakeChannel["kind"], string]>> = {
      public_channel: ["public", "channels:read"],
      private_channel: ["private", "groups:read"],
      im: ["im", "im:read"],
    };
    const wanted = types.split(",").flatMap((type) => {
      const [kind, scope] = kinds[type] ?? [];
      demand(...(scope === undefined ? [] : [scope]));
      return kind ?? [];
    });
    return {
      channels: [...channels.values()]
        .filter((channel) => wanted.includes(channel.kind) && which(channel))
        .map(({ id, kind, name, isArchived, members }) => ({
          id,
          ...(kind === "im" ? { is_im: true } : { name }),
          is_archived: isArchived,
          is_member: members.has(bot.id),
        })),
      response_metadata: { next_cursor: "" },
    };
  }

  /** Newest first; threads oldest first (reference/methods/conversations.history and .replies). */
  function history(
    body: Readonly<Record<string, unknown>>,
    which: (message: FakeMessage) => boolean,
  ): object {
    const channel = channelOf(String(body["channel"]));
    demand(
      { public: "channels:history", private: "groups:history", im: "im:history" }[channel.kind],
    );
    if (!channel.members.has(bot.id)) {
      throw refused("not_in_channel");
    }
    const oldest = Number(body["oldest"] ?? 0);
    const offset = Number(body["cursor"] ?? 0);
    const limit = Number(body["limit"] ?? 100);
    const found = messages
      .filter(
        (message) =>
          message.channel === channel.id &&
          !message.isDeleted &&
          Number(message.ts) > oldest &&
          which(message),
      )
      .reverse();
    const page = found.slice(offset, offset + limit);
    const hasMore = found.length > offset + limit;
    return {
      messages: page.map(toHistoric),
      has_more: hasMore,
      response_metadata: { next_cursor: hasMore ? String(offset + limit) : "" },
    };
  }

  function toHistoric(message: FakeMessage): object {
    const replies = messages.filter(
      ({ channel, thread_ts: thread, ts }) =>
        channel === message.channel && thread === message.ts && ts !== message.ts,
    );
    const latest = replies.at(-1)?.ts;
    return { ...toWire(message), ...(latest === undefined ? {} : { latest_reply: latest }) };
  }

  function toWire(message: FakeMessage): object {
    const { ts, thread_ts: thread, user, bot_id: botId, subtype, text, blocks } = message;
    return {
      type: "message",
      ts,
      user,
      text,
      ...(thread === undefined ? {} : { thread_ts: thread }),
      ...(botId === undefined ? {} : { bot_id: botId }),
      ...(subtype === undefined ? {} : { subtype }),
      ...(blocks.length === 0 ? {} : { blocks }),
    };
  }

  function find(channelId: string, ts: string): FakeMessage | undefined {
    return messages.find(
      (message) => message.channel === channelId && message.ts === ts && !message.isDeleted,
    );
  }

  function addMessage(given: Omit<FakeMessage, "ts" | "isDeleted">): FakeMessage {
    const message: FakeMessage = { ...given, ts: newTs(), isDeleted: false };
    messages.push(message);
    return message;
  }

  function writable(body: MessageBody): FakeChannel {
    demand("chat:write");
    const channel = channels.get(body.channel);
    if (!channel || (channel.kind === "private" && !channel.members.has(bot.id))) {
      throw refused("channel_not_found");
    }
    if (!channel.members.has(bot.id)) {
      throw refused("not_in_channel");
    }
    if (channel.isArchived) {
      throw refused("is_archived");
    }
    return channel;
  }

  function contentOf(body: MessageBody): Pick<FakeMessage, "text" | "blocks"> {
    const blocks = checkBlocks(body.blocks ?? []);
    checkText(body.text);
    if (body.text === "" && blocks.length === 0) {
      throw refused("no_text");
    }
    pings.push(...pingsOf(body, blocks));
    return { text: body.text, blocks };
  }

  function post(body: MessageBody): FakeMessage {
    const channel = writable(body);
    const content = contentOf(body);
    if (body.thread_ts !== undefined && !find(channel.id, body.thread_ts)) {
      throw refused("thread_not_found");
    }
    const message = addMessage({
      channel: channel.id,
      thread_ts: body.thread_ts,
      user: bot.id,
      bot_id: "B0BOT",
      subtype: undefined,
      ...content,
    });
    tellSaid(message);
    return message;
  }

  /** reference/methods/chat.postEphemeral: the person must be in the channel, and cannot be edited. */
  function whisper(body: MessageBody): FakePrivateMessage {
    const channel = writable(body);
    const userId = body.user ?? "";
    if (!channel.members.has(userId)) {
      throw refused("user_not_in_channel");
    }
    return addPrivate(userId, channel.id, body);
  }

  function addPrivate(userId: string, channelId: string, body: MessageBody): FakePrivateMessage {
    const message: FakePrivateMessage = {
      userId,
      channel: channelId,
      ts: newTs(),
      thread_ts: body.thread_ts,
      user: bot.id,
      bot_id: "B0BOT",
      subtype: undefined,
      isDeleted: false,
      ...contentOf(body),
    };
    privates.push(message);
    return message;
  }

  /** reference/methods/chat.update: only what the app itself said, and nothing private. */
  function update(body: MessageBody): FakeMessage {
    const channel = writable(body);
    const message = find(channel.id, body.ts ?? "");
    if (!message) {
      throw refused("message_not_found");
    }
    if (message.user !== bot.id) {
      throw refused("cant_update_message");
    }
    Object.assign(message, contentOf(body));
    return message;
  }

  function newTrigger(userId: string): string {
    count += 1;
    const id = `${String(count)}.trigger`;
    triggers.set(id, { at: now(), userId });
    return id;
  }

  /** surfaces/modals: a trigger opens one view, for three seconds. */
  function openView(triggerId: string, view: View): object {
    const trigger = triggers.get(triggerId);
    if (!trigger) {
      throw refused("invalid_trigger_id");
    }
    if (now() - trigger.at > TRIGGER_MS) {
      throw refused("expired_trigger_id");
    }
    triggers.delete(triggerId);
    const opened: FakeView = {
      id: newId("V"),
      userId: trigger.userId,
      hash: newId("H"),
      view,
      isOpen: true,
      errors: {},
    };
    views.push(opened);
    return { id: opened.id, hash: opened.hash };
  }

  /** reference/methods/views.update: "hash" guards against two updates at once. */
  function updateView(id: string, hash: string, view: View): object {
    const opened = views.find((each) => each.id === id && each.isOpen);
    if (!opened) {
      throw refused("not_found");
    }
    if (hash !== opened.hash) {
      throw refused("hash_conflict");
    }
    opened.view = view;
    opened.hash = newId("H");
    return { id, hash: opened.hash };
  }

  function newResponse(userId: string, channelId: string, ts: string | undefined): string {
    const path = `/response/${newId("R")}`;
    responses.set(path, { at: now(), uses: 0, userId, channelId, ts });
    return `${url}${path}`;
  }

  function respond(path: string, body: Readonly<Record<string, unknown>>): Answer {
    const response = responses.get(path);
    if (!response || now() - response.at > RESPONSE_MS) {
      return { status: 404, body: "expired_url" };
    }
    if (response.uses >= RESPONSE_USES) {
      return { status: 404, body: "used_url" };
    }
    response.uses += 1;
    const message = MessageBody.parse(body);
    const original = privates.find(({ ts }) => ts === response.ts);
    if (body["replace_original"] === true && original) {
      // Its blocks are checked like any other's.
      Object.assign(original, { text: message.text, blocks: checkBlocks(message.blocks ?? []) });
    } else {
      // What is said there looks for names by default, whatever it says (messaging/formatting-message-text).
      addPrivate(response.userId, response.channelId, { ...message, parse: "none" });
    }
    return { status: 200, body: "ok" };
  }

  async function press(
    userId: string,
    message: FakeMessage | FakePrivateMessage,
    actionId: string,
    more: object = {},
  ): Promise<FakeOutcome> {
    const button = buttonsOf(message).find(({ action_id: id }) => id === actionId);
    if (!button) {
      throw new Error(`no button is called "${actionId}"`);
    }
    const isEphemeral = "userId" in message;
    return deliver("interactive", {
      type: "block_actions",
      api_app_id: "A0FAKE",
      user: { id: userId, username: users.get(userId)?.name, team_id: users.get(userId)?.team_id },
      team: { id: TEAM, domain: "acme", ...enterpriseOf() },
      enterprise: enterprise === undefined ? null : { id: enterprise, name: "Acme" },
      is_enterprise_install: false,
      channel: { id: message.channel, name: "x" },
      container: {
        type: "message",
        message_ts: message.ts,
        channel_id: message.channel,
        is_ephemeral: isEphemeral,
        ...(message.thread_ts === undefined ? {} : { thread_ts: message.thread_ts }),
      },
      ...(isEphemeral ? {} : { message: toWire(message) }),
      response_url: newResponse(userId, message.channel, message.ts),
      trigger_id: newTrigger(userId),
      actions: [{ ...button, block_id: "b", action_ts: (now() / 1_000).toFixed(6) }],
      ...more,
    });
  }

  function enterpriseOf(): object {
    return enterprise === undefined ? {} : { enterprise_id: enterprise };
  }

  /** What cannot be sent is refused by the person's app already. */
  async function submit(
    userId: string,
    view: FakeView,
    values: Readonly<Record<string, string | boolean>>,
  ): Promise<FakeOutcome> {
    if (!view.isOpen) {
      throw new Error("the window is closed");
    }
    const state = view.view.blocks.flatMap((block) => {
      if (block.type !== "input") {
        return [];
      }
      const { element, block_id: id = "", optional = false } = block;
      const value = values[element.action_id];
      if (!optional && (value === undefined || value === "")) {
        throw new Error(`${id} must be filled in`);
      }
      return [[id, { [element.action_id]: toState(element, value) }] as const];
    });
    const { id, hash } = view;
    const metadata = view.view.private_metadata ?? "";
    const outcome = await sendForm(userId, { id, hash, metadata }, state);
    const errors = (outcome.answer["errors"] ?? {}) as Record<string, string>;
    // surfaces/modals, "Displaying errors": by the block_id of an input block.
    const ids = state.map(([id]) => id);
    view.errors = Object.fromEntries(Object.entries(errors).filter(([id]) => ids.includes(id)));
    view.isOpen = Object.keys(view.errors).length > 0 || !outcome.isAcknowledged;
    return outcome;
  }

  function sendForm(
    userId: string,
    {
      id,
      hash,
      metadata,
    }: { readonly id: string; readonly hash: string; readonly metadata: string },
    state: readonly (readonly [string, object])[],
    more: object = {},
  ): Promise<FakeOutcome> {
    return deliver("interactive", {
      type: "view_submission",
      api_app_id: "A0FAKE",
      user: { id: userId, team_id: users.get(userId)?.team_id },
      team: { id: TEAM, domain: "acme", ...enterpriseOf() },
      trigger_id: newTrigger(userId),
      response_urls: [],
      view: {
        id,
        hash,
        type: "modal",
        callback_id: "slipway",
        private_metadata: metadata,
        state: { values: Object.fromEntries(state) },
      },
      ...more,
    });
  }

  function toState(
    element: { readonly type: string },
    value: string | boolean | undefined,
  ): object {
    switch (element.type) {
      case "static_select":
        return {
          type: element.type,
          selected_option: typeof value === "string" && value !== "" ? { value } : null,
        };
      case "checkboxes":
        return { type: element.type, selected_options: value === true ? [{ value: "true" }] : [] };
      default:
        return { type: element.type, value: typeof value === "string" ? value : null };
    }
  }

  /** An app that is mentioned hears of it; in a conversation with it, of everything (reference/events). */
  function tellSaid(message: FakeMessage, envelope?: object): void {
    const channel = channelOf(message.channel);
    const event = { ...toWire(message), channel: channel.id, event_ts: message.ts };
    if (channel.kind === "im") {
      void deliverEvent({ ...event, channel_type: "im" }, envelope);
      return;
    }
    if (hearsEverything && channel.members.has(bot.id)) {
      void deliverEvent({ ...event, channel_type: "channel" }, envelope);
    }
    if (channel.members.has(bot.id) && message.text.includes(`<@${bot.id}`)) {
      void deliverEvent({ ...event, type: "app_mention" }, envelope);
    }
  }

  function event(given: object, envelope?: object): Promise<FakeOutcome> {
    return deliverEvent(given, envelope);
  }

  function deliverEvent(given: object, envelope: object = {}): Promise<FakeOutcome> {
    return deliver("events_api", {
      token: "legacy",
      team_id: TEAM,
      api_app_id: "A0FAKE",
      type: "event_callback",
      event_id: newId("Ev"),
      event_time: Math.floor(now() / 1_000),
      authorizations: [
        {
          enterprise_id: enterprise ?? null,
          team_id: TEAM,
          user_id: bot.id,
          is_bot: true,
          is_enterprise_install: false,
        },
      ],
      event: given,
      ...envelope,
    });
  }

  function deliver(
    type: Parameters<FakeSockets["deliver"]>[0],
    payload: object,
  ): Promise<FakeOutcome> {
    return sockets.deliver(type, payload);
  }

  /** authentication/verifying-requests-from-slack; interactivity comes as a form with one field. */
  async function sendByHttp(
    to: string,
    secret: string,
    type: Parameters<FakeSockets["deliver"]>[0],
    payload: object,
    attempt: number,
  ): Promise<FakeOutcome> {
    const isJson = type === "events_api";
    const form =
      type === "interactive"
        ? { payload: JSON.stringify(payload) }
        : (payload as Record<string, string>);
    const body = isJson ? JSON.stringify(payload) : new URLSearchParams(form).toString();
    const timestamp = String(Math.floor(now() / 1_000));
    const digest = createHmac("sha256", secret).update(`v0:${timestamp}:${body}`).digest("hex");
    try {
      const response = await fetch(to, {
        method: "POST",
        headers: {
          "content-type": isJson ? "application/json" : "application/x-www-form-urlencoded",
          "x-slack-request-timestamp": timestamp,
          "x-slack-signature": `v0=${digest}`,
          ...(attempt > 0
            ? { "x-slack-retry-num": String(attempt), "x-slack-retry-reason": "http_timeout" }
            : {}),
        },
        body,
      });
      const text = await response.text();
      const answer = text === "" ? {} : (JSON.parse(text) as Record<string, unknown>);
      return { isAcknowledged: response.status === 200, answer };
    } catch (error) {
      if (error instanceof TypeError) {
        // Nobody there.
        return { isAcknowledged: false, answer: {} };
      }
      throw error;
    }
  }
}

function parseBody(contentType: string, text: string): Readonly<Record<string, unknown>> {
  if (contentType.startsWith("application/json")) {
    return JSON.parse(text) as Record<string, unknown>;
  }
  return Object.fromEntries(
    [...new URLSearchParams(text)].map(([name, value]) => [name, parseField(name, value)]),
  );
}

/** The vendor's client writes structures as JSON inside a form. */
function parseField(name: string, value: string): unknown {
  return name === "blocks" || name === "view" ? (JSON.parse(value) as unknown) : value;
}

function asView(view: unknown): View {
  return checkView(view);
}
