import { can, type Permission } from "../../../shared/app/policies.ts";
import type { IdentityClaims, RoomNotice, Services } from "../../../shared/app/services.ts";
import type { LiveEvent } from "../../../shared/contract/live.ts";
import type { ReleaseView } from "../../../shared/contract/release.ts";
import type { RoomMessage } from "../../../shared/contract/room.ts";
import type { Actor, Origin, Via } from "../../../shared/core/actor.ts";
import type { Clock } from "../../../shared/core/ports/clock.ts";
import {
  ChannelNotFound,
  PersonInactive,
  SignInRequired,
  TokenInvalid,
} from "../../../shared/errors/catalog.ts";

/** The sample people, with the roles they get. */
export const ROLES: Readonly<Record<string, readonly string[]>> = {
  dana: ["dev"],
  quinn: ["qa"],
  robin: ["dev", "qa"],
  olivia: ["operator"],
  adam: ["admin"],
  vic: ["viewer"],
  nobody: [],
};

/** What a test may look at and move behind the fake services. */
export interface FakeState {
  readonly sessions: Map<
    string,
    {
      data: Readonly<Record<string, unknown>>;
      subject: string | null;
      oidcSid: string | null;
      expiresAt: Date;
      origin?: Origin | undefined;
    }
  >;
  readonly inactive: Set<string>;
  readonly signIns: IdentityClaims[];
  readonly signOuts: string[];
  readonly events: LiveEvent[];
  readonly messages: RoomMessage[];
  readonly presses: { readonly subject: string; readonly id: string; readonly action: string }[];
  /** How often the facts were subscribed to. */
  subscriptions: number;
  announce(event: Omit<LiveEvent, "seq" | "at">): void;
  notify(notice: RoomNotice): void;
}

export interface Fakes {
  readonly services: Services;
  readonly state: FakeState;
}

/** A method of the services the tests at hand have no use for. */
function unexpected(name: string): () => never {
  return () => {
    throw new Error(`the fake services were not told how to ${name}`);
  };
}

/**
 * Services in memory: people with tokens named `token-<username>` (and `reader-<username>` with the scope `read`), sessions,
 * live events and a room. `overrides` replaces whole groups or single methods.
 */
export function createFakeServices(
  clock: Clock,
  overrides: { readonly [K in keyof Services]?: Partial<Services[K]> } = {},
): Fakes {
  const listeners = new Set<(event: LiveEvent) => void>();
  const roomListeners = new Set<(notice: RoomNotice) => void>();
  const state: FakeState = {
    sessions: new Map(),
    inactive: new Set(),
    signIns: [],
    signOuts: [],
    events: [],
    messages: [],
    presses: [],
    subscriptions: 0,
    announce(event) {
      const full = { ...event, seq: state.events.length + 1, at: clock.now().toISOString() };
      state.events.push(full);
      for (const listener of [...listeners]) {
        listener(full);
      }
    },
    notify(notice) {
      for (const listener of [...roomListeners]) {
        listener(notice);
      }
    },
  };

  function actorNamed(username: string, via: Via): Actor {
    const roles = ROLES[username];
    if (!roles) {
      throw new SignInRequired({});
    }
    if (state.inactive.has(username)) {
      throw new PersonInactive({ name: username });
    }
    return {
      kind: "person",
      subject: username,
      username,
      name: username,
      email: `${username}@example.test`,
      grants: roles.map((role) => ({ role })),
      via,
    };
  }

  function see(actor: Actor, channel: string): boolean {
    return channel === "releases" || channel === `direct-${actor.username}`;
  }

  const services: Services = {
    releases: {
      create: unexpected("create a release"),
      view: unexpected("view a release"),
      list: unexpected("list releases"),
      refresh: unexpected("refresh a release"),
      edit: unexpected("edit a release"),
      openPullRequests: unexpected("open pull requests"),
      exclude: unexpected("exclude a service"),
      include: unexpected("include a service"),
      setDependencies: unexpected("set dependencies"),
      signOff: unexpected("sign"),
      revokeSignOff: unexpected("revoke"),
      reject: unexpected("reject"),
      liftRejection: unexpected("lift"),
      close: unexpected("close"),
      history: unexpected("tell a history"),
      ...overrides.releases,
    },
    deployments: {
      plan: unexpected("plan"),
      request: unexpected("deploy"),
      view: unexpected("view a deployment"),
      list: unexpected("list deployments"),
      logs: unexpected("read logs"),
      cancel: unexpected("cancel"),
      retry: unexpected("retry"),
      rollBack: unexpected("roll back"),
      ...overrides.deployments,
    },
    environments: {
      list: unexpected("list environments"),
      view: unexpected("view an environment"),
      health: unexpected("tell the health"),
      diff: unexpected("diff"),
      promote: unexpected("promote"),
      lock: unexpected("lock"),
      unlock: unexpected("unlock"),
      hold: unexpected("hold"),
      resume: unexpected("resume"),
      restart: unexpected("restart"),
      ...overrides.environments,
    },
    catalog: {
      listServices: unexpected("list services"),
      viewService: unexpected("view a service"),
      createService: unexpected("create a service"),
      updateService: unexpected("update a service"),
      removeService: unexpected("remove a service"),
      listTeams: unexpected("list teams"),
      viewTeam: unexpected("view a team"),
      createTeam: unexpected("create a team"),
      updateTeam: unexpected("update a team"),
      removeTeam: unexpected("remove a team"),
      ...overrides.catalog,
    },
    audit: {
      list: unexpected("list the audit log"),
      csv: unexpected("export the audit log"),
      verify: unexpected("verify the audit log"),
      ...overrides.audit,
    },
    backgroundWork: {
      list: unexpected("list background work"),
      retry: unexpected("retry background work"),
      ...overrides.backgroundWork,
    },
    people: {
      async signedIn(claims, via) {
        state.signIns.push(claims);
        return actorNamed(claims.username, via);
      },
      async signedOut(actor) {
        state.signOuts.push(actor.username);
      },
      async actorOf(subject, via) {
        return actorNamed(subject, via);
      },
      subjectOf: unexpected("find whose account it is"),
      async actorOfToken(secret, via) {
        const [, kind, username] = /^(token|reader)-(\w+)$/.exec(secret) ?? [];
        if (username === undefined || !ROLES[username]) {
          throw new TokenInvalid({});
        }
        return actorNamed(username, {
          ...via,
          token: { id: secret, scopes: kind === "reader" ? ["read"] : ["read", "write"] },
        });
      },
      async find() {
        return [];
      },
      roles: (actor) => actor.grants.map(({ role }) => role),
      async listTokens() {
        return [];
      },
      createToken: unexpected("create a token"),
      async revokeToken() {},
      ...overrides.people,
    },
    sessions: {
      async get(sid) {
        const session = state.sessions.get(sid);
        return session && session.expiresAt > clock.now() ? session.data : null;
      },
      async set(sid, data, meta) {
        // Through JSON, as a database keeps it.
        state.sessions.set(sid, {
          ...meta,
          data: JSON.parse(JSON.stringify(data)) as Record<string, unknown>,
        });
      },
      async touch(sid, expiresAt) {
        const session = state.sessions.get(sid);
        if (session) {
          state.sessions.set(sid, { ...session, expiresAt });
        }
      },
      async destroy(sid) {
        state.sessions.delete(sid);
      },
      async destroyAll(of) {
        const ended = [...state.sessions].filter(([, session]) =>
          "subject" in of ? session.subject === of.subject : session.oidcSid === of.oidcSid,
        );
        ended.forEach(([sid]) => state.sessions.delete(sid));
        return ended.length;
      },
      async removeExpired() {
        return 0;
      },
      listOwn: unexpected("list sessions"),
      endOwn: unexpected("end a session"),
      endOthers: unexpected("end other sessions"),
      ...overrides.sessions,
    },
    live: {
      async subscribe(after, onEvent) {
        state.subscriptions += 1;
        listeners.add(onEvent);
        state.events.filter(({ seq }) => after !== null && seq > after).forEach(onEvent);
        return () => {
          listeners.delete(onEvent);
        };
      },
      async lastSeq() {
        return state.events.length;
      },
      ...overrides.live,
    },
    room: {
      async channels(actor) {
        return [
          { name: "releases", topic: "", type: "public" as const, lastSeq: state.messages.length },
          {
            name: `direct-${actor.username}`,
            topic: "",
            type: "direct" as const,
            lastSeq: state.messages.length,
          },
        ];
      },
      async messages(actor, { channel, after, limit }) {
        if (!see(actor, channel)) {
          throw new ChannelNotFound({ channel });
        }
        return state.messages
          .filter((message) => message.channel === channel && message.seq > (after ?? 0))
          .slice(-limit);
      },
      message: unexpected("read a message"),
      async post(actor, { channel, text, threadId }) {
        if (!see(actor, channel)) {
          throw new ChannelNotFound({ channel });
        }
        const message = buildMessage({
          seq: state.messages.length + 1,
          channel,
          text,
          threadId: threadId ?? null,
          author: {
            subject: actor.subject,
            username: actor.username,
            name: actor.name,
            bot: false,
          },
        });
        state.messages.push(message);
        state.notify({ type: "message", message, visibleTo: null });
        return message;
      },
      async press(actor, id, { action }) {
        state.presses.push({ subject: actor.subject, id, action });
      },
      postAsBot: unexpected("post as the bot"),
      editAsBot: unexpected("edit as the bot"),
      listen(onNotice) {
        roomListeners.add(onNotice);
        return () => roomListeners.delete(onNotice);
      },
      attend: unexpected("attend the room"),
      ...overrides.room,
    },
    chatStore: {
      saveActions: unexpected("save actions"),
      bindActions: unexpected("bind actions"),
      findAction: unexpected("find an action"),
      takeDelivery: unexpected("take a delivery"),
      finishDelivery: unexpected("finish a delivery"),
      changesUnder: unexpected("look for changes"),
      findPosts: unexpected("find posts"),
      newestPost: unexpected("find a post"),
      claimPost: unexpected("claim a post"),
      savePost: unexpected("save a post"),
      postAt: unexpected("find a post by its message"),
      forgetPost: unexpected("forget a post"),
      findCursors: unexpected("find cursors"),
      saveCursors: unexpected("save cursors"),
      removeExpired: unexpected("remove what expired"),
      ...overrides.chatStore,
    },
    accounts: {
      requestLink: unexpected("ask for a link"),
      linkRequest: unexpected("look at a link"),
      link: unexpected("link an account"),
      list: unexpected("list accounts"),
      find: unexpected("find an account"),
      unlink: unexpected("unlink an account"),
      removeExpired: unexpected("remove old links"),
      ...overrides.accounts,
    },
    notifications: {
      settings: unexpected("read notification settings"),
      change: unexpected("change notification settings"),
      digestsDue: unexpected("find digests"),
      accountsOf: unexpected("find accounts"),
      ...overrides.notifications,
    },
    installation: {
      baseUrl: "http://127.0.0.1",
      environments: [{ name: "prod", branch: "master" }],
      signOffRoles: ["dev", "qa"],
      chats: ["room"],
      repositories: async () => ["api-gateway"],
      announce: ["room:releases"],
      announcements: [{ place: "room:releases", environments: null, teams: null }],
      sample: true,
      ...overrides.installation,
    },
    can: (actor: Actor, permission: Permission, scope) => can(actor, permission, scope).ok,
  };
  return { services, state };
}

export function buildMessage(fields: Partial<RoomMessage> = {}): RoomMessage {
  const seq = fields.seq ?? 1;
  return {
    id: `m${seq}`,
    seq,
    channel: "releases",
    threadId: null,
    author: { subject: "slipway", username: "slipway", name: "Slipway", bot: true },
    text: "hello",
    card: null,
    actions: [],
    ephemeral: false,
    replyCount: 0,
    createdAt: "2026-11-25T12:00:00.000Z",
    editedAt: null,
    ...fields,
  };
}

const ALLOWED = { allowed: true, reason: null, remedy: null };
const DANA = { subject: "dana", username: "dana", name: "dana" };

export function buildReleaseView(fields: Partial<ReleaseView> = {}): ReleaseView {
  return {
    number: 12,
    kind: "branch",
    status: "pending",
    sourceBranch: "uat",
    destinationBranch: "master",
    fromEnvironment: null,
    targetEnvironment: "prod",
    itemCount: 1,
    commitCount: 2,
    roles: [],
    createdBy: DANA,
    createdAt: "2026-11-25T12:00:00.000Z",
    url: "http://127.0.0.1/releases/12",
    version: 1,
    fingerprint: "f1",
    notes: "",
    breakingChanges: "",
    draftNotes: "",
    refreshedAt: "2026-11-25T12:00:00.000Z",
    lastChanges: [],
    problems: [],
    items: [
      {
        id: "item-1",
        service: "api-gateway",
        repository: "api-gateway",
        path: "",
        baseSha: "a",
        headSha: "b",
        fromVersion: null,
        toVersion: null,
        commitCount: 2,
        commits: [],
        truncated: false,
        contributors: [],
        fileCount: 1,
        pullRequest: null,
        ci: null,
        breaking: false,
        migrations: [],
        excluded: false,
        excludedReason: null,
        dependsOn: [],
        wave: 1,
        deployedAt: null,
        landedAt: null,
        lastChange: null,
      },
    ],
    missingPullRequests: [],
    policy: { roles: { dev: 1, qa: 1 }, oneRolePerPerson: true, carryOver: "same-diff" },
    signOffs: [],
    progress: [],
    rejection: null,
    unsatisfiable: null,
    order: { waves: [["api-gateway"]], cycle: null, notes: [], warnings: [] },
    requirements: [],
    abilities: {
      refresh: ALLOWED,
      edit: ALLOWED,
      openPullRequests: ALLOWED,
      exclude: ALLOWED,
      depend: ALLOWED,
      reject: ALLOWED,
      lift: ALLOWED,
      close: ALLOWED,
      deploy: ALLOWED,
      signOff: {},
      revoke: {},
    },
    deployments: [],
    closed: null,
    ...fields,
  };
}
