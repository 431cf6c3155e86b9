import type { AccountView, LinkRequestView } from "../contract/accounts.ts";
import type { BackgroundWork } from "../contract/background-work.ts";
import type { AuditEntry, AuditQuery, AuditVerification } from "../contract/audit.ts";
import type { SaveService, SaveTeam, ServiceView, TeamView } from "../contract/catalog.ts";
import type { RoomCard } from "../contract/card.ts";
import type { Page, PageQuery, PersonRef } from "../contract/common.ts";
import type {
  CancelDeployment,
  DeploymentLogView,
  DeploymentQuery,
  DeploymentSummary,
  DeploymentView,
  PlanView,
  RequestDeployment,
  RequestRollback,
} from "../contract/deployment.ts";
import type {
  EnvironmentDiffView,
  EnvironmentView,
  LockEnvironment,
  PromoteEnvironment,
  ServiceStateView,
} from "../contract/environment.ts";
import type { LiveEvent } from "../contract/live.ts";
import type { ApiTokenView, CreateApiToken, CreatedApiToken } from "../contract/me.ts";
import type { NotificationSettings, PatchNotificationSettings } from "../contract/notifications.ts";
import type {
  CreateRelease,
  OpenedPullRequests,
  OpenPullRequests,
  PatchRelease,
  ReleaseQuery,
  ReleaseSummary,
  ReleaseView,
} from "../contract/release.ts";
import type { RoomChannel, RoomMessage, RoomMessageQuery } from "../contract/room.ts";
import type { SessionView } from "../contract/session.ts";
import type { Actor, Origin } from "../core/actor.ts";
import type { EventSubject } from "../events/events.ts";
import type { Permission } from "./policies.ts";

export type { Actor } from "../core/actor.ts";
export type { Permission } from "./policies.ts";

/** Says how far a long command is; called often, shown rarely. */
export type Progress = (done: number, total: number, what: string) => void;

export interface ReleaseServices {
  /** Compares the branches and opens a release. Throws ReleaseAlreadyOpen, ReleaseEmpty, RefInvalid, RepositoryUnknown, PermissionDenied. */
  create(actor: Actor, input: CreateRelease, progress?: Progress): Promise<ReleaseView>;
  /** Throws ReleaseNotFound. */
  view(actor: Actor, number: number): Promise<ReleaseView>;
  list(actor: Actor, query: ReleaseQuery): Promise<Page<ReleaseSummary>>;
  /** Reads everything again from source control. */
  refresh(actor: Actor, number: number, progress?: Progress): Promise<ReleaseView>;
  edit(actor: Actor, number: number, input: PatchRelease): Promise<ReleaseView>;
  /**
   * Opens pull requests from the source into the destination branch, where there are none; all, or the named ones. What
   * could not be opened is named in the answer.
   */
  openPullRequests(
    actor: Actor,
    number: number,
    input: OpenPullRequests,
    progress?: Progress,
  ): Promise<OpenedPullRequests>;
  exclude(
    actor: Actor,
    number: number,
    services: readonly string[],
    reason: string | null,
  ): Promise<ReleaseView>;
  include(actor: Actor, number: number, services: readonly string[]): Promise<ReleaseView>;
  /** Replaces what one service depends on in this release. */
  setDependencies(
    actor: Actor,
    number: number,
    service: string,
    on: readonly string[],
  ): Promise<ReleaseView>;
  /**
   * Signs the content with `fingerprint`; without one, the content that is stored now. Signing twice is no error and makes one
   * sign-off. Throws SignOffOutdated when `fingerprint` is not the current one, SignOffRefused with every reason.
   */
  signOff(
    actor: Actor,
    number: number,
    input: { readonly role: string; readonly fingerprint?: string | undefined },
  ): Promise<ReleaseView>;
  /** `of` names another person's signature (administrators only). */
  revokeSignOff(
    actor: Actor,
    number: number,
    input: { readonly role: string; readonly of?: string | undefined },
  ): Promise<ReleaseView>;
  reject(actor: Actor, number: number, reason: string): Promise<ReleaseView>;
  liftRejection(actor: Actor, number: number): Promise<ReleaseView>;
  close(actor: Actor, number: number, reason: string): Promise<ReleaseView>;
  /** Every fact about this release, oldest first. */
  history(actor: Actor, number: number, page: PageQuery): Promise<Page<AuditEntry>>;
}

export interface DeploymentServices {
  /** Dry run: gates, order, from → to. Changes nothing; anyone who may see may plan. */
  plan(actor: Actor, release: number, environment?: string): Promise<PlanView>;
  /** Throws DeploymentBlocked with every unmet requirement. */
  request(actor: Actor, release: number, input: RequestDeployment): Promise<DeploymentView>;
  view(actor: Actor, number: number): Promise<DeploymentView>;
  list(actor: Actor, query: DeploymentQuery): Promise<Page<DeploymentSummary>>;
  logs(
    actor: Actor,
    number: number,
    query: { readonly after?: number | undefined; readonly limit?: number | undefined },
  ): Promise<DeploymentLogView>;
  cancel(actor: Actor, number: number, input: CancelDeployment): Promise<DeploymentView>;
  /** A new deployment of what failed, under the same gates. */
  retry(actor: Actor, number: number): Promise<DeploymentView>;
  rollBack(actor: Actor, input: RequestRollback): Promise<DeploymentView>;
}

export interface EnvironmentServices {
  list(actor: Actor): Promise<readonly EnvironmentView[]>;
  /** Asks the target what runs. Throws EnvironmentNotFound. */
  view(actor: Actor, environment: string): Promise<EnvironmentView>;
  health(
    actor: Actor,
    environment?: string,
  ): Promise<
    readonly {
      readonly environment: string;
      readonly services: readonly ServiceStateView[];
      readonly unreachable: string | null;
    }[]
  >;
  diff(actor: Actor, from: string, to: string): Promise<EnvironmentDiffView>;
  /** Makes a promotion release from the difference. Throws PromotionEmpty, PromotionStale. */
  promote(actor: Actor, input: PromoteEnvironment): Promise<ReleaseView>;
  lock(actor: Actor, environment: string, input: LockEnvironment): Promise<EnvironmentView>;
  unlock(actor: Actor, environment: string): Promise<EnvironmentView>;
  hold(actor: Actor, environment: string, reason: string): Promise<EnvironmentView>;
  resume(actor: Actor, environment: string): Promise<EnvironmentView>;
  restart(actor: Actor, environment: string, service: string): Promise<ServiceStateView>;
}

export interface CatalogServices {
  listServices(
    actor: Actor,
    query: PageQuery & { readonly text?: string | undefined; readonly team?: string | undefined },
  ): Promise<Page<ServiceView>>;
  viewService(actor: Actor, name: string): Promise<ServiceView>;
  createService(actor: Actor, input: SaveService): Promise<ServiceView>;
  updateService(actor: Actor, name: string, input: SaveService): Promise<ServiceView>;
  removeService(actor: Actor, name: string): Promise<void>;
  listTeams(actor: Actor, page: PageQuery): Promise<Page<TeamView>>;
  viewTeam(actor: Actor, name: string): Promise<TeamView>;
  createTeam(actor: Actor, input: SaveTeam): Promise<TeamView>;
  updateTeam(actor: Actor, name: string, input: SaveTeam): Promise<TeamView>;
  removeTeam(actor: Actor, name: string): Promise<void>;
}

export interface AuditServices {
  list(actor: Actor, query: AuditQuery): Promise<Page<AuditEntry>>;
  /** The same rows as RFC 4180 text, at most 100,000. */
  csv(actor: Actor, query: AuditQuery): AsyncIterable<string>;
  /** `onProgress` hears after each page how far it is; what it throws ends the work. */
  verify(
    actor: Actor,
    onProgress?: (checked: number, total: number) => void,
  ): Promise<AuditVerification>;
}

/** Background work that gave up after its last attempt. Every method throws PermissionDenied without `work.manage`. */
export interface BackgroundWorkServices {
  /** Jobs first, then deliveries of facts, the newest of each first. */
  list(actor: Actor, page: PageQuery): Promise<Page<BackgroundWork>>;
  /** Starts it again, with all its attempts. Throws WorkNotFound, WorkUnwanted. */
  retry(actor: Actor, id: string): Promise<BackgroundWork>;
}

/** What the identity provider says about a person at sign-in or refresh. */
export interface IdentityClaims {
  readonly issuer: string;
  readonly subject: string;
  readonly username: string;
  readonly name: string;
  readonly email: string | null;
  readonly groups: readonly string[];
  readonly realmRoles: readonly string[];
  readonly clientRoles: readonly string[];
}

export interface PeopleServices {
  /** Remembers who signed in and with which claims; the refresh token is stored encrypted. */
  signedIn(claims: IdentityClaims, via: Actor["via"], refreshToken: string | null): Promise<Actor>;
  signedOut(actor: Actor): Promise<void>;
  /**
   * The person as they may act now: claims older than a minute are asked again from the identity provider first. Throws
   * PersonInactive when they lost access, IdentityUnavailable when that cannot be found out, SignInRequired when unknown.
   */
  actorOf(subject: string, via: Actor["via"]): Promise<Actor>;
  /** Whom a chat account is linked to; null when to nobody. The link says who it is, never what they may do. */
  subjectOf(account: ChatAccount): Promise<string | null>;
  /** Whose API token this is. Throws TokenInvalid. */
  actorOfToken(secret: string, via: Actor["via"]): Promise<Actor>;
  find(query: string): Promise<readonly PersonRef[]>;
  roles(actor: Actor): readonly string[];
  listTokens(actor: Actor): Promise<readonly ApiTokenView[]>;
  createToken(actor: Actor, input: CreateApiToken): Promise<CreatedApiToken>;
  revokeToken(actor: Actor, id: string): Promise<void>;
}

/** Where somebody is in a chat. */
export interface ChatAccount {
  readonly platform: string;
  readonly workspace: string;
  readonly userId: string;
}

/**
 * Which chat accounts act for whom. The chat account asks for a private link, its owner opens it signed in; nothing else makes a
 * link. A link says who it is, never what they may do.
 */
export interface AccountServices {
  /**
   * A private link for this account, to be shown to its owner alone: it works once, and not for long. Throws AccountTaken for an
   * account that is linked, RateLimited.
   */
  requestLink(
    account: ChatAccount & { readonly displayName: string },
    origin?: Origin,
  ): Promise<{ readonly url: string; readonly expiresAt: Date }>;
  /**
   * Which account the link would give to whoever is signed in. Changes nothing. Throws LinkUnknown, LinkUsed, LinkExpired,
   * AccountTaken, LinkNeedsSignIn, IdentityUnavailable.
   */
  linkRequest(actor: Actor, token: string): Promise<LinkRequestView>;
  /** Gives the account to whoever is signed in, and throws what `linkRequest` throws. Doing it twice is no error. */
  link(actor: Actor, token: string): Promise<AccountView>;
  /** The person's own, the newest first. */
  list(actor: Pick<Actor, "subject">): Promise<readonly AccountView[]>;
  /** Null when it is linked to nobody. */
  find(account: ChatAccount): Promise<AccountView | null>;
  /** Throws AccountNotFound for one that is not theirs. */
  unlink(actor: Actor, id: string): Promise<void>;
  /** Forgets links that have long been of no use. Returns how many. */
  removeExpired(): Promise<number>;
}

/** How each person wants to be written to, and where they can be reached. */
export interface NotificationServices {
  settings(subject: string): Promise<NotificationSettings>;
  /** Changes the person's own settings. Throws InputInvalid. */
  change(
    actor: Pick<Actor, "subject">,
    patch: PatchNotificationSettings,
  ): Promise<NotificationSettings>;
  /** Whose digest is due now, and of which day it is: each has one a day at most. */
  digestsDue(): Promise<readonly { readonly subject: string; readonly day: string }[]>;
  /** The chat accounts linked to somebody, the newest first. */
  accountsOf(
    subject: string,
  ): Promise<
    readonly { readonly platform: string; readonly workspace: string; readonly userId: string }[]
  >;
}

/**
 * Sessions of signed-in browsers: for express-session's store, and for whoever they belong to. Ids are hashed before they are
 * stored; the hash is what people see as id.
 */
export interface SessionServices {
  get(sid: string): Promise<Readonly<Record<string, unknown>> | null>;
  set(
    sid: string,
    data: Readonly<Record<string, unknown>>,
    meta: {
      readonly subject: string | null;
      readonly oidcSid: string | null;
      readonly expiresAt: Date;
      readonly origin?: Origin | undefined;
    },
  ): Promise<void>;
  /** It is in use, from there: prolongs it. */
  touch(sid: string, expiresAt: Date, origin?: Origin): Promise<void>;
  destroy(sid: string): Promise<void>;
  /** Ends every session of a person, or of one session at the provider. Returns how many. */
  destroyAll(of: { readonly subject: string } | { readonly oidcSid: string }): Promise<number>;
  /** The actor's own, the one that asks (`sid`; null for an API token) first, then by use, the latest first. */
  listOwn(actor: Actor, sid: string | null): Promise<readonly SessionView[]>;
  /** Ends one of the actor's own, by the id of its view. Throws SessionNotFound. */
  endOwn(actor: Actor, id: string): Promise<void>;
  /** Ends every one of the actor's own but the one that asks. Returns how many. */
  endOthers(actor: Actor, sid: string | null): Promise<number>;
  removeExpired(): Promise<number>;
}

/** The facts as they happen, for live pages. */
export interface LiveServices {
  /** Calls back after each commit, in order, from `after` (a seq) on. Stop with the returned function. */
  subscribe(after: number | null, onEvent: (event: LiveEvent) => void): Promise<() => void>;
  lastSeq(): Promise<number>;
}

/** What happens in the room, told to everybody who watches it. */
export type RoomNotice =
  | {
      readonly type: "message" | "edited";
      readonly message: RoomMessage;
      readonly visibleTo: string | null;
    }
  | { readonly type: "removed"; readonly id: string; readonly channel: string };

/** A button that was pressed, or a form that was sent. */
export interface RoomPress {
  readonly person: { readonly subject: string; readonly name: string };
  /** Their device, for the audit log and nobody's eyes else; empty where it is not known. */
  readonly origin: Origin;
  /** The message as it was when they pressed. */
  readonly message: RoomMessage;
  readonly action: string;
  readonly values: Readonly<Record<string, string>>;
  readonly deliveryId: string;
  readonly at: Date;
}

/**
 * The bot in the room. What it has heard counts as dealt with when the promise resolves; when it rejects, or the process ends
 * first, whoever attends next hears it again under the same id.
 */
export interface RoomBot {
  /** Somebody said something, to the bot or not. */
  hear(message: RoomMessage, origin: Origin): Promise<void>;
  /** `taken` may be called earlier: whoever pressed need not wait for the rest. */
  press(press: RoomPress, taken: () => void): Promise<void>;
}

export interface RoomServices {
  channels(actor: Actor): Promise<readonly RoomChannel[]>;
  /** The latest `limit` messages the person may see, thread replies included, newest last. Throws ChannelNotFound. */
  messages(actor: Actor, query: RoomMessageQuery): Promise<readonly RoomMessage[]>;
  message(actor: Actor, id: string): Promise<RoomMessage>;
  /** Stores a person's message. Whoever attends hears it. */
  post(
    actor: Actor,
    input: {
      readonly channel: string;
      readonly text: string;
      readonly threadId?: string | undefined;
    },
  ): Promise<RoomMessage>;
  /**
   * Passes a press on a button or a sent form to the bot, and resolves when the bot has taken it or will. Throws ActionExpired,
   * MessageNotFound, and ChatNotRunning when no process runs the chat part.
   */
  press(
    actor: Actor,
    messageId: string,
    input: {
      readonly action: string;
      readonly values?: Readonly<Record<string, string>> | undefined;
    },
  ): Promise<void>;
  /** For the bot: stores its message. */
  postAsBot(input: {
    readonly channel: string;
    readonly threadId: string | null;
    readonly text: string;
    readonly card: RoomCard | null;
    readonly visibleTo: string | null;
    /** The same key again is the same message, changed. */
    readonly key?: string | undefined;
  }): Promise<RoomMessage>;
  /** For the bot: changes its message. Throws MessageNotFound. */
  editAsBot(
    id: string,
    input: { readonly text: string; readonly card: RoomCard | null },
  ): Promise<RoomMessage>;
  /** Every notice after its commit, in order. */
  listen(onNotice: (notice: RoomNotice) => void): () => void;
  /**
   * The bot hears and takes presses until the returned function is called; at most one bot. First it hears what was said lately
   * while nobody attended; what it knows already, it recognises by the id.
   */
  attend(bot: RoomBot): () => void;
}

/** What the chat runtime keeps: what buttons mean, which message shows what, what was delivered. */
export interface ChatStoreServices {
  saveActions(
    actions: readonly {
      readonly token: string;
      readonly action: string;
      readonly payload: unknown;
      readonly platform: string;
      readonly expiresAt: Date;
    }[],
  ): Promise<void>;
  /** Ties tokens to the message that shows them. */
  bindActions(
    tokens: readonly string[],
    place: { readonly channelId: string; readonly messageId: string },
  ): Promise<void>;
  findAction(token: string): Promise<{
    readonly action: string;
    readonly payload: unknown;
    readonly platform: string;
    readonly channelId: string | null;
    readonly messageId: string | null;
    readonly expiresAt: Date;
  } | null>;
  /**
   * Whether this delivery is to be dealt with: it is `new`, or whoever took it was stopped before they had finished (`again`),
   * or it is `known`.
   */
  takeDelivery(platform: string, deliveryId: string): Promise<"new" | "again" | "known">;
  /** It was dealt with: it will never be `again`. */
  finishDelivery(platform: string, deliveryId: string): Promise<void>;
  /** What changed under a correlation id since a time, oldest first: what was dealt with before it was interrupted. */
  changesUnder(correlationId: string, since: Date): Promise<readonly EventSubject[]>;
  findPosts(subject: string): Promise<readonly StoredPost[]>;
  /** Newest post of a subject kind in a place, e.g. the release card a typed approve refers to. */
  newestPost(
    place: { readonly platform: string; readonly channelId: string },
    subject: string,
  ): Promise<StoredPost | null>;
  /** The post that this message is; null for a message that is not the one that stays up to date. */
  postAt(message: {
    readonly platform: string;
    readonly channelId: string;
    readonly messageId: string;
  }): Promise<StoredPost | null>;
  /** Claims the right to make the first post of a subject in a channel; false when somebody has it. */
  claimPost(post: Omit<StoredPost, "messageId" | "editedAt">): Promise<boolean>;
  savePost(post: StoredPost): Promise<void>;
  forgetPost(subject: string, platform: string, channelId: string): Promise<void>;
  /** How far the channels of a platform have been read. */
  findCursors(platform: string): Promise<readonly ChatCursor[]>;
  /** Replaces the cursors of these channels. */
  saveCursors(platform: string, cursors: readonly ChatCursor[]): Promise<void>;
  removeExpired(): Promise<void>;
}

/** The last message of a channel that was looked at. */
export interface ChatCursor {
  readonly channelId: string;
  /** Empty when it was none yet, and everything since `sentAt` is unread. */
  readonly messageId: string;
  /** When it was written, by the platform's clock. */
  readonly sentAt: Date;
}

export interface StoredPost {
  readonly subject: string;
  readonly platform: string;
  readonly channelId: string;
  readonly threadId: string | null;
  readonly messageId: string | null;
  readonly contentHash: string;
  readonly shown: Readonly<Record<string, unknown>>;
  readonly postedAt: Date;
  readonly editedAt: Date | null;
}

/** What a channel of `chat.announce` is told of. */
export interface Announcement {
  /** E.g. `room:releases`. */
  readonly place: string;
  /** Only of these environments; null: of all. */
  readonly environments: readonly string[] | null;
  /** Only of what concerns services of these teams; null: of all. */
  readonly teams: readonly string[] | null;
}

/** Everything either mouth may ask for. Rules, transactions and policies are behind it, never in front. */
export interface Services {
  readonly releases: ReleaseServices;
  readonly deployments: DeploymentServices;
  readonly environments: EnvironmentServices;
  readonly catalog: CatalogServices;
  readonly audit: AuditServices;
  readonly backgroundWork: BackgroundWorkServices;
  readonly people: PeopleServices;
  readonly accounts: AccountServices;
  readonly notifications: NotificationServices;
  readonly sessions: SessionServices;
  readonly live: LiveServices;
  readonly room: RoomServices;
  readonly chatStore: ChatStoreServices;
  /** What this installation offers, for help and for pages. */
  readonly installation: {
    readonly baseUrl: string;
    readonly environments: readonly { readonly name: string; readonly branch: string | null }[];
    readonly signOffRoles: readonly string[];
    /** Ids of the chats it is in, e.g. `room`. */
    readonly chats: readonly string[];
    readonly repositories: () => Promise<readonly string[]>;
    /** Channels that are told of releases and deployments, each once. */
    readonly announce: readonly string[];
    /** What each of them is told of. */
    readonly announcements: readonly Announcement[];
    readonly sample: boolean;
  };
  /** Whether the actor has this permission at all, for help and for hiding what cannot be done. */
  can(
    actor: Actor,
    permission: Permission,
    scope?: { readonly environment?: string; readonly team?: string },
  ): boolean;
}
