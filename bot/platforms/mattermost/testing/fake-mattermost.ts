import { createHmac, randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { WebSocketServer } from "ws";
import { z } from "zod";
import {
  MAX_MESSAGE_LENGTH,
  MAX_PROPS_LENGTH,
  PENDING_POST_LIFETIME_MS,
  TRIGGER_LIFETIME_MS,
} from "../limits.ts";
import { createFakeHub, type FakeHub } from "./fake-hub.ts";
import {
  DialogBody,
  EphemeralBody,
  IntegrationAnswer,
  PostBody,
  Refused,
  actionsOf,
  dialogProblem,
  forbidden,
  json,
  refused,
  send,
  strip,
  toOutcome,
  type Answer,
  type FakeDialog,
  type FakeOutcome,
  type FakePost,
} from "./fake-rules.ts";
import { mentionsOf } from "./mentions.ts";

/** Everything below cites github.com/mattermost/mattermost, folder server/channels unless it says otherwise. */
export interface FakeUser {
  readonly id: string;
  readonly username: string;
  first_name: string;
  last_name: string;
  nickname: string;
  roles: string;
  readonly is_bot: boolean;
  delete_at: number;
  remote_id: string;
}

export type { FakeDialog, FakePost };

interface FakeChannel {
  readonly id: string;
  readonly type: "O" | "P" | "D";
  readonly name: string;
  readonly display_name: string;
  readonly team_id: string;
  delete_at: number;
  last_post_at: number;
  readonly members: Set<string>;
}

/**
 * A Mattermost server: the REST and WebSocket a bot uses, and the callbacks it makes. It keeps the rules of the real one and can
 * be told to misbehave.
 */
export interface FakeMattermost {
  readonly url: string;
  readonly token: string;
  readonly bot: FakeUser;
  readonly team: { readonly id: string; readonly name: string };
  readonly hub: FakeHub;
  /** As in config.json, by the names of the client configuration. */
  readonly settings: Record<string, string>;
  readonly posts: ReadonlyMap<string, FakePost>;
  readonly ephemerals: readonly { readonly userId: string; readonly post: FakePost }[];
  readonly dialogs: readonly FakeDialog[];
  /** Who was notified by posts of the bot. */
  readonly pings: readonly string[];
  /** `METHOD path` of every REST request. */
  readonly requests: readonly string[];
  addUser(user: Partial<FakeUser> & { readonly id: string }): FakeUser;
  addChannel(
    name: string,
    options?: { readonly type?: "O" | "P"; readonly botIn?: boolean; readonly id?: string },
  ): string;
  join(channelId: string, userId: string): void;
  leave(channelId: string, userId: string): void;
  archive(channelId: string): void;
  /** The conversation of two people; made when there is none. */
  conversation(a: string, b: string): string;
  /** Somebody writes. */
  say(
    userId: string,
    channelId: string,
    message: string,
    options?: {
      readonly rootId?: string;
      readonly props?: Record<string, unknown>;
      readonly type?: string;
    },
  ): FakePost;
  removePost(id: string): void;
  /** Sends the event of this post again. */
  repeat(post: FakePost): void;
  /** Somebody presses a button; the server calls us and gives the person the outcome. */
  press(userId: string, postId: string, actionId: string): Promise<FakeOutcome>;
  /** The same by its label, on the newest post that has it. */
  pressLabel(userId: string, label: string): Promise<FakeOutcome>;
  submit(
    userId: string,
    dialog: FakeDialog,
    submission: Record<string, unknown> | null,
    currentChannelId?: string,
  ): Promise<FakeOutcome>;
  slash(userId: string, channelId: string, text: string, rootId?: string): Promise<FakeOutcome>;
  /** The next requests are answered 429. */
  limitNext(count: number, retryAfterSeconds: number, which?: RegExp): void;
  /** The next requests are answered with this status. */
  failNext(count: number, status: number, which?: RegExp): void;
  /** The next requests of this kind are answered when `release` is called. */
  holdNext(which: RegExp): { readonly arrived: Promise<void>; readonly release: () => void };
  revokeToken(): void;
  /** Bots may answer privately in channels: only with the role of an administrator. */
  makeBotAdministrator(): void;
  /** Upgrades are taken and never answered. */
  stallUpgrades(isStalled: boolean): void;
  /** Nobody listens any more. */
  goDown(): Promise<void>;
  comeUp(): Promise<void>;
  stop(): Promise<void>;
}

/** Where slash commands and presses may go although it is an internal address. */
const ALLOWED = "AllowedUntrustedInternalConnections";
const RESPONSE_HOOK_USES = 5;

export async function startFakeMattermost(options: {
  readonly clock: { now(): Date };
  /** Where the slash command goes. */
  readonly slash?: { readonly url: string; readonly token: string };
  readonly botUsername?: string;
}): Promise<FakeMattermost> {
  const { clock } = options;
  let count = 0;
  const signingKey = randomBytes(32);
  const users = new Map<string, FakeUser>();
  const channels = new Map<string, FakeChannel>();
  const posts = new Map<string, FakePost>();
  const ephemerals: { userId: string; post: FakePost }[] = [];
  const dialogs: FakeDialog[] = [];
  const pings: string[] = [];
  const requests: string[] = [];
  const tokens = new Map<string, string>();
  const pending = new Map<string, { id: string; at: number }>();
  const responseHooks = new Map<
    string,
    { userId: string; channelId: string; rootId: string; uses: number }
  >();
  const settings: Record<string, string> = {
    TelemetryId: newId(),
    PostEditTimeLimit: "-1",
    EnableCommands: "true",
    [ALLOWED]: "127.0.0.1 localhost",
    OutgoingIntegrationRequestsTimeout: "30",
  };
  const faults: { count: number; which: RegExp; status: number; retryAfter: number }[] = [];
  const holds: { which: RegExp; arrive: () => void; gate: Promise<void> }[] = [];
  const team = { id: newId(), name: "acme" };
  const hub = createFakeHub(newId);
  const bot = addUser({ id: newId(), username: options.botUsername ?? "slipway", is_bot: true });
  const token = newId();
  tokens.set(token, bot.id);
  let isStalled = false;
  const sockets = new Set<Socket>();

  let server = createServer(onRequest);
  const webSockets = new WebSocketServer({ noServer: true });
  const port = await listen(0);
  const url = `http://127.0.0.1:${String(port)}`;

  return {
    url,
    token,
    bot,
    team,
    hub,
    settings,
    posts,
    ephemerals,
    dialogs,
    pings,
    requests,
    addUser,
    addChannel(name, { type = "O", botIn = true, id = newId() } = {}) {
      channels.set(id, {
        id,
        type,
        name,
        display_name: `${name.charAt(0).toUpperCase()}${name.slice(1)}`,
        team_id: team.id,
        delete_at: 0,
        last_post_at: 0,
        members: new Set(botIn ? [bot.id] : []),
      });
      return id;
    },
    join: (channelId, userId) => {
      channelOf(channelId).members.add(userId);
      tell("user_added", { user_id: userId, team_id: team.id }, channelId);
    },
    leave: (channelId, userId) => {
      tell("user_removed", { user_id: userId }, channelId);
      channelOf(channelId).members.delete(userId);
    },
    archive: (channelId) => {
      channelOf(channelId).delete_at = now();
      tell("channel_deleted", { channel_id: channelId }, channelId);
    },
    conversation: (a, b) => conversation(a, b).id,
    say: (userId, channelId, message, { rootId = "", props = {}, type = "" } = {}) =>
      addPost({ userId, channelId, rootId, message, props, type, pendingId: "" }),
    removePost: (id) => {
      const post = posts.get(id);
      if (post) {
        post.delete_at = now();
        tell("post_deleted", { post: JSON.stringify(strip(post)) }, post.channel_id);
      }
    },
    repeat: (post) => tellPosted(post),
    press,
    pressLabel(userId, label) {
      const everything = [...posts.values(), ...ephemerals.map(({ post }) => post)];
      for (const post of everything.filter(({ delete_at }) => delete_at === 0).reverse()) {
        const action = actionsOf(post).find(({ name }) => name === label);
        if (action) {
          return press(userId, post.id, action.id ?? "");
        }
      }
      throw new Error(`no button is called "${label}"`);
    },
    submit,
    slash,
    limitNext: (times, retryAfter, which = /./) => {
      faults.push({ count: times, which, status: 429, retryAfter });
    },
    failNext: (times, status, which = /./) => {
      faults.push({ count: times, which, status, retryAfter: 0 });
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
    revokeToken: () => tokens.clear(),
    makeBotAdministrator: () => {
      bot.roles = "system_user system_admin";
    },
    stallUpgrades: (stalled) => {
      isStalled = stalled;
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

  /** 26 small letters and digits, as every id (public/model/utils.go `NewId`). */
  function newId(): string {
    count += 1;
    return `${count.toString(36)}id`.padStart(26, "x");
  }

  async function listen(wanted: number): Promise<number> {
    server.on("connection", (socket) => {
      sockets.add(socket);
      socket.on("close", () => sockets.delete(socket));
    });
    server.on("upgrade", (request, socket, head) => {
      if (isStalled) {
        return;
      }
      webSockets.handleUpgrade(request, socket, head, (webSocket) => {
        hub.attach(webSocket, request, (given) => userOfToken(given) ?? "");
      });
    });
    server.listen(wanted, "127.0.0.1");
    await once(server, "listening");
    return (server.address() as AddressInfo).port;
  }

  async function goDown(): Promise<void> {
    hub.forget();
    sockets.forEach((socket) => socket.destroy());
    if (server.listening) {
      server.close();
      await once(server, "close");
    }
  }

  /** A disabled bot's tokens work no more (app/session.go). */
  function userOfToken(given: string): string | undefined {
    const id = tokens.get(given);
    return id !== undefined && users.get(id)?.delete_at === 0 ? id : undefined;
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
          send(response, error instanceof Refused ? error : refused(500, "fake", String(error))),
      );
    });
  }

  async function serve(request: IncomingMessage, text: string): Promise<Answer> {
    const { pathname, searchParams } = new URL(request.url ?? "", url);
    const path = pathname.replace(/^\/api\/v4/, "");
    const line = `${request.method ?? ""} ${path}`;
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
        ? {
            status: 429,
            // throttled's own answer, no JSON (app/ratelimit.go).
            body: "limit exceeded\n",
            headers: {
              "content-type": "text/plain; charset=utf-8",
              "retry-after": String(fault.retryAfter),
              "x-ratelimit-limit": "100",
              "x-ratelimit-remaining": "0",
              "x-ratelimit-reset": String(fault.retryAfter),
            },
          }
        : refused(fault.status, "fake.fault", "Something went wrong.");
    }
    const hook = /^\/hooks\/commands\/(\w+)$/.exec(pathname)?.[1];
    if (hook !== undefined) {
      return respondToHook(hook, JSON.parse(text));
    }
    const bearer = /^bearer (.+)$/i.exec(request.headers.authorization ?? "")?.[1] ?? "";
    const me = users.get(userOfToken(bearer) ?? "");
    if (!me) {
      throw refused(
        401,
        "api.context.session_expired.app_error",
        "Invalid or expired session, please login again.",
      );
    }
    const body: unknown = text === "" ? {} : JSON.parse(text);
    return route(me, line, searchParams, body);
  }

  async function route(
    me: FakeUser,
    line: string,
    query: URLSearchParams,
    body: unknown,
  ): Promise<Answer> {
    const match = (pattern: RegExp) => pattern.exec(line)?.slice(1);
    let found: string[] | undefined;
    if (line === "GET /users/me") {
      return json(me);
    }
    if (line === "GET /users/me/teams") {
      return json([team]);
    }
    if (line === "GET /users/me/channels") {
      return json([...channels.values()].filter(({ members }) => members.has(me.id)).map(toWire));
    }
    if (line === "GET /config/client") {
      return json(settings);
    }
    if ((found = match(/^GET \/users\/([^/]+)$/))) {
      const user = users.get(found[0] ?? "");
      if (!user) {
        throw refused(404, "app.user.missing_account.const", "Unable to find the user.");
      }
      return json(user);
    }
    if ((found = match(/^GET \/teams\/([^/]+)\/channels\/name\/([^/]+)$/))) {
      const [, name] = found;
      const channel = [...channels.values()].find((each) => each.name === name);
      // A private channel looks as if it did not exist.
      if (!channel || (channel.type === "P" && !channel.members.has(me.id))) {
        throw refused(404, "app.channel.get_by_name.missing.app_error", "Channel does not exist.");
      }
      return json(toWire(channel));
    }
    if (line === "POST /channels/direct") {
      const [a = "", b = ""] = z.array(z.string()).parse(body);
      return json(toWire(conversation(a, b)), 201);
    }
    if ((found = match(/^GET \/channels\/([^/]+)\/posts$/))) {
      return json(listPosts(me, found[0] ?? "", query));
    }
    if (line === "POST /posts") {
      return json(strip(createPost(me, parseBody(PostBody, body))), 201);
    }
    if (line === "POST /posts/ephemeral") {
      // Only administrators have create_post_ephemeral (public/model/role.go; API reference).
      if (!me.roles.split(" ").includes("system_admin")) {
        throw forbidden();
      }
      const { user_id: reader, post } = parseBody(EphemeralBody, body);
      return json(strip(addEphemeral(reader, me.id, post)), 201);
    }
    if ((found = match(/^GET \/posts\/([^/]+)$/))) {
      const post = visible(me, found[0] ?? "");
      if (!post) {
        throw refused(404, "app.post.get.app_error", "Unable to get the post.");
      }
      return json(strip(post));
    }
    if ((found = match(/^PUT \/posts\/([^/]+)$/))) {
      return json(strip(updatePost(me, found[0] ?? "", parseBody(PostBody, body))));
    }
    if ((found = match(/^DELETE \/posts\/([^/]+)$/))) {
      const post = visible(me, found[0] ?? "");
      if (!post) {
        throw forbidden();
      }
      post.delete_at = now();
      return json({ status: "OK" });
    }
    // Ids of buttons are letters and digits, or there is no such route (api4/integration_action.go, mattermost#21939).
    if ((found = match(/^POST \/posts\/([^/]+)\/actions\/([A-Za-z0-9]+)$/))) {
      const { status, body: told } = await press(me.id, found[0] ?? "", found[1] ?? "");
      return { status, body: JSON.stringify(told) };
    }
    if (line === "POST /actions/dialogs/open") {
      openDialog(parseBody(DialogBody, body));
      return json({ status: "OK" });
    }
    throw refused(404, "api.context.404.app_error", "Sorry, we could not find the page.");
  }

  function addUser(user: Partial<FakeUser> & { readonly id: string }): FakeUser {
    const added: FakeUser = {
      username: user.id,
      first_name: "",
      last_name: "",
      nickname: "",
      roles: "system_user",
      is_bot: false,
      delete_at: 0,
      remote_id: "",
      ...user,
    };
    users.set(added.id, added);
    return added;
  }

  function channelOf(id: string): FakeChannel {
    const channel = channels.get(id);
    if (!channel) {
      throw refused(404, "app.channel.get.existing.app_error", "Unable to find the channel.");
    }
    return channel;
  }

  function conversation(a: string, b: string): FakeChannel {
    const name = [a, b].sort().join("__");
    const known = [...channels.values()].find((channel) => channel.name === name);
    if (known) {
      return known;
    }
    const made: FakeChannel = {
      id: newId(),
      type: "D",
      name,
      display_name: "",
      team_id: "",
      delete_at: 0,
      last_post_at: 0,
      members: new Set([a, b]),
    };
    channels.set(made.id, made);
    return made;
  }

  function visible(me: FakeUser, postId: string): FakePost | undefined {
    const post = posts.get(postId);
    return post?.delete_at === 0 && channelOf(post.channel_id).members.has(me.id)
      ? post
      : undefined;
  }

  function createPost(me: FakeUser, body: PostBody): FakePost {
    const channel = channels.get(body.channel_id);
    if (!channel?.members.has(me.id)) {
      throw forbidden();
    }
    if (channel.delete_at !== 0) {
      throw refused(
        400,
        "api.post.create_post.can_not_post_to_deleted.error",
        "Can not post to deleted channel.",
      );
    }
    checkContent(body);
    const { pending_post_id: pendingId, root_id: rootId } = body;
    const known = pending.get(pendingId);
    if (pendingId !== "" && known && now() - known.at < PENDING_POST_LIFETIME_MS) {
      const earlier = posts.get(known.id);
      if (earlier) {
        return earlier;
      }
    }
    const root = posts.get(rootId);
    // A reply belongs to the first post of its thread, in the same channel (app/post.go).
    if (rootId !== "" && (!root || root.delete_at !== 0 || root.root_id !== "")) {
      throw refused(400, "api.post.create_post.root_id.app_error", "Invalid RootId parameter.");
    }
    if (root && root.channel_id !== channel.id) {
      throw refused(
        400,
        "api.post.create_post.channel_root_id.app_error",
        "Invalid ChannelId for RootId parameter.",
      );
    }
    const post = addPost({
      userId: me.id,
      channelId: channel.id,
      rootId,
      message: body.message,
      // Set by the server for every post of a bot (app/post.go).
      props: { ...body.props, ...(me.is_bot ? { from_bot: "true" } : {}) },
      type: "",
      pendingId,
    });
    pending.set(pendingId, { id: post.id, at: now() });
    return post;
  }

  function checkContent(body: PostBody): void {
    if ([...body.message].length > MAX_MESSAGE_LENGTH) {
      throw refused(400, "model.post.is_valid.message_length.app_error", "Message too long.");
    }
    if ([...JSON.stringify(body.props ?? {})].length > MAX_PROPS_LENGTH) {
      throw refused(400, "model.post.is_valid.props.app_error", "Invalid props.");
    }
  }

  function addPost(given: {
    readonly userId: string;
    readonly channelId: string;
    readonly rootId: string;
    readonly message: string;
    readonly props: FakePost["props"];
    readonly type: string;
    readonly pendingId: string;
  }): FakePost {
    const channel = channelOf(given.channelId);
    // Two posts of one millisecond are ordered all the same.
    const createAt = Math.max(now(), channel.last_post_at + 1);
    const post: FakePost = {
      id: newId(),
      create_at: createAt,
      update_at: createAt,
      delete_at: 0,
      user_id: given.userId,
      channel_id: given.channelId,
      root_id: given.rootId,
      message: given.message,
      type: given.type,
      props: { ...given.props },
      pending_post_id: given.pendingId,
    };
    generateActionIds(post);
    posts.set(post.id, post);
    channel.last_post_at = createAt;
    if (given.userId === bot.id) {
      pings.push(
        ...mentionsOf(
          post,
          [...users.values()].map(({ username }) => username),
        ),
      );
    }
    tellPosted(post);
    return post;
  }

  function addEphemeral(userId: string, authorId: string, body: PostBody): FakePost {
    checkContent(body);
    const post: FakePost = {
      id: newId(),
      create_at: now(),
      update_at: now(),
      delete_at: 0,
      user_id: authorId,
      channel_id: body.channel_id,
      root_id: body.root_id,
      message: body.message,
      type: "system_ephemeral",
      props: { ...body.props },
      pending_post_id: "",
    };
    generateActionIds(post);
    ephemerals.push({ userId, post });
    return post;
  }

  function generateActionIds(post: FakePost): void {
    for (const action of actionsOf(post)) {
      action.id ||= newId();
    }
  }

  function updatePost(me: FakeUser, id: string, body: PostBody): FakePost {
    const post = visible(me, id);
    // "Forbidden", also where there is nothing (api4/post.go updatePost).
    if (!post || post.user_id !== me.id || settings["EditPost"] === "false") {
      throw forbidden();
    }
    if (body.id !== id) {
      throw refused(400, "api.context.invalid_body_param.app_error", "Invalid id in request body.");
    }
    checkContent(body);
    const limit = Number(settings["PostEditTimeLimit"]);
    if (limit !== -1 && now() > post.create_at + limit * 1_000 && body.message !== post.message) {
      throw refused(
        400,
        "api.post.update_post.permissions_time_limit.app_error",
        `Post edit is only allowed for ${String(limit)} seconds.`,
      );
    }
    post.message = body.message;
    // Left out, they stay as they were; empty, they are gone (app/post.go UpdatePost).
    if (body.props !== undefined) {
      post.props = { ...body.props, from_bot: "true" };
      generateActionIds(post);
    }
    post.update_at = now();
    pings.push(...mentionsOf(post, []));
    tell("post_edited", { post: JSON.stringify(strip(post)) }, post.channel_id);
    return post;
  }

  function listPosts(me: FakeUser, channelId: string, query: URLSearchParams) {
    const channel = channelOf(channelId);
    if (!channel.members.has(me.id)) {
      throw forbidden();
    }
    const all = [...posts.values()]
      .filter((post) => post.channel_id === channelId && post.delete_at === 0)
      .sort((a, b) => a.create_at - b.create_at);
    const perPage = Math.min(Number(query.get("per_page") ?? 60), 200);
    const page = Number(query.get("page") ?? 0);
    const after = query.get("after");
    const since = Number(query.get("since") ?? 0);
    let found: FakePost[];
    if (since > 0) {
      // Everything that was written or changed since (store/sqlstore/post_store.go).
      found = all.filter(({ update_at }) => update_at > since).slice(-1_000);
    } else if (after !== null) {
      // Removed posts still have their place, until retention deletes them for good.
      const at = posts.get(after)?.create_at ?? Number.POSITIVE_INFINITY;
      found = all
        .filter(({ create_at }) => create_at > at)
        .slice(page * perPage, (page + 1) * perPage);
    } else {
      found = [...all].reverse().slice(page * perPage, (page + 1) * perPage);
    }
    // Newest first.
    const order = found.sort((a, b) => b.create_at - a.create_at).map(({ id }) => id);
    return { order, posts: Object.fromEntries(found.map((post) => [post.id, strip(post)])) };
  }

  async function press(userId: string, postId: string, actionId: string): Promise<FakeOutcome> {
    if (!/^[A-Za-z0-9]+$/.test(actionId)) {
      return toOutcome(refused(404, "api.context.404.app_error", "Not found."));
    }
    const ephemeral = ephemerals.find(
      ({ post, userId: reader }) => post.id === postId && reader === userId,
    )?.post;
    const stored = posts.get(postId);
    const post = stored?.delete_at === 0 ? stored : ephemeral;
    const action = post && actionsOf(post).find(({ id }) => id === actionId);
    if (!post || !action?.integration) {
      return toOutcome(
        refused(404, "api.post.do_action.action_id.app_error", "Invalid action id."),
      );
    }
    const channel = channelOf(post.channel_id);
    const { integration } = action;
    const answer = await call(
      integration.url,
      "application/json",
      JSON.stringify({
        user_id: userId,
        user_name: users.get(userId)?.username ?? "",
        channel_id: channel.id,
        channel_name: channel.name,
        team_id: channel.team_id,
        team_domain: channel.team_id === "" ? "" : team.name,
        post_id: post.id,
        trigger_id: trigger(userId),
        type: action.type,
        data_source: "",
        // Go sorts the keys of maps.
        context: Object.fromEntries(Object.entries(integration.context).sort()),
      }),
    );
    if ("refused" in answer) {
      return toOutcome(answer.refused);
    }
    const { update, ephemeral_text: words } = answer.told;
    if (update) {
      updatePost(bot, post.id, { ...update, id: post.id });
    }
    if (words) {
      whisper(userId, channel.id, post.root_id || post.id, words);
    }
    return { status: 200, body: { status: "OK", trigger_id: "client" } };
  }

  function openDialog(body: z.infer<typeof DialogBody>): void {
    const [clientId = "", userId = "", time = "", signature] = Buffer.from(
      body.trigger_id,
      "base64",
    )
      .toString()
      .split(":");
    if (signature !== sign(`${clientId}:${userId}:${time}:`)) {
      throw refused(
        400,
        "interactive_message.decode_trigger_id.verify_signature_failed",
        "Signature verification failed of trigger ID.",
      );
    }
    if (now() - Number(time) > TRIGGER_LIFETIME_MS) {
      throw refused(
        400,
        "interactive_message.decode_trigger_id.expired",
        "Trigger ID for interactive dialog is expired.",
      );
    }
    const problem = dialogProblem(body.dialog);
    if (problem !== undefined) {
      // The real server only logs it and shows what it can; here it must not happen.
      throw refused(400, "api.dialog.invalid", problem);
    }
    dialogs.push({ userId, url: body.url, dialog: body.dialog });
  }

  async function submit(
    userId: string,
    { url: target, dialog }: FakeDialog,
    submission: Record<string, unknown> | null,
    currentChannelId = "",
  ): Promise<FakeOutcome> {
    const answer = await call(
      target,
      "application/json",
      JSON.stringify({
        type: "dialog_submission",
        callback_id: dialog.callback_id,
        state: dialog.state,
        user_id: userId,
        // The channel the person looks at, not the one of the button (webapp actions/integrations).
        channel_id: currentChannelId,
        team_id: team.id,
        submission,
        cancelled: submission === null,
      }),
    );
    return "refused" in answer ? toOutcome(answer.refused) : { status: 200, body: answer.told };
  }

  async function slash(
    userId: string,
    channelId: string,
    text: string,
    rootId = "",
  ): Promise<FakeOutcome> {
    const { slash: command } = options;
    if (!command || settings["EnableCommands"] !== "true") {
      return toOutcome(refused(501, "api.command.disabled.app_error", "Commands are disabled."));
    }
    const channel = channelOf(channelId);
    const hook = newId();
    responseHooks.set(hook, { userId, channelId, rootId, uses: RESPONSE_HOOK_USES });
    const answer = await call(
      command.url,
      "application/x-www-form-urlencoded",
      new URLSearchParams({
        token: command.token,
        team_id: team.id,
        team_domain: team.name,
        channel_id: channelId,
        channel_name: channel.name,
        user_id: userId,
        user_name: users.get(userId)?.username ?? "",
        command: "/slipway",
        text,
        trigger_id: trigger(userId),
        root_id: rootId,
        response_url: `${url}/hooks/commands/${hook}`,
      }).toString(),
      500,
    );
    if ("refused" in answer) {
      return toOutcome(answer.refused);
    }
    showResponse(answer.told, { userId, channelId, rootId });
    return { status: 200, body: answer.told };
  }

  function respondToHook(id: string, body: unknown): Answer {
    const hook = responseHooks.get(id);
    if (!hook || hook.uses === 0) {
      throw refused(404, "app.command_webhook.get.missing", "Not found.");
    }
    hook.uses -= 1;
    showResponse(parseBody(IntegrationAnswer, body), hook);
    return { status: 200, body: "ok", headers: { "content-type": "text/plain" } };
  }

  function showResponse(
    { text, response_type: type }: IntegrationAnswer,
    { userId, channelId, rootId }: { userId: string; channelId: string; rootId: string },
  ): void {
    if (text && (type ?? "ephemeral") === "ephemeral") {
      whisper(userId, channelId, rootId, text);
    }
  }

  function whisper(userId: string, channelId: string, rootId: string, message: string): void {
    addEphemeral(
      userId,
      userId,
      PostBody.parse({ channel_id: channelId, root_id: rootId, message }),
    );
  }

  /** Only addresses that may be called, only 200, only JSON, and not for ever (app/integration_action.go DoActionRequest). */
  async function call(
    target: string,
    contentType: string,
    body: string,
    failure = 400,
  ): Promise<{ readonly told: IntegrationAnswer } | { readonly refused: Refused }> {
    const fail = {
      refused: refused(
        failure,
        "api.post.do_action.action_integration.app_error",
        "Action integration error.",
      ),
    };
    const { hostname } = new URL(target);
    if (!(settings[ALLOWED] ?? "").split(/[\s,]+/).includes(hostname)) {
      // "address forbidden, you may need to set AllowedUntrustedInternalConnections": in the server's log only.
      return fail;
    }
    try {
      const response = await fetch(target, {
        method: "POST",
        headers: { "content-type": contentType, accept: "application/json" },
        body,
        signal: AbortSignal.timeout(Number(settings["OutgoingIntegrationRequestsTimeout"]) * 1_000),
      });
      const text = await response.text();
      if (response.status !== 200) {
        return fail;
      }
      return { told: IntegrationAnswer.parse(text === "" ? {} : JSON.parse(text)) };
    } catch {
      // Too late, unreachable, or not JSON.
      return fail;
    }
  }

  function trigger(userId: string): string {
    const data = `${newId()}:${userId}:${String(now())}:`;
    return Buffer.from(`${data}${sign(data)}`).toString("base64");
  }

  function sign(data: string): string {
    return createHmac("sha256", signingKey).update(data).digest("base64");
  }

  function tellPosted(post: FakePost): void {
    const channel = channelOf(post.channel_id);
    tell(
      "posted",
      {
        channel_type: channel.type,
        channel_name: channel.name,
        sender_name: `@${users.get(post.user_id)?.username ?? ""}`,
        team_id: channel.team_id,
        post: JSON.stringify(strip(post)),
      },
      post.channel_id,
    );
  }

  /** Only who is in the channel hears of it. */
  function tell(event: string, data: unknown, channelId: string): void {
    const { members } = channelOf(channelId);
    hub.publish({ event, data, channelId }, (userId) => members.has(userId));
  }
}

function parseBody<T>(schema: z.ZodType<T>, body: unknown): T {
  const parsed = schema.safeParse(body);
  if (!parsed.success) {
    throw refused(400, "api.context.invalid_body_param.app_error", z.prettifyError(parsed.error));
  }
  return parsed.data;
}

function toWire(channel: FakeChannel) {
  const { members, ...told } = channel;
  return { ...told, total_msg_count: members.size };
}
