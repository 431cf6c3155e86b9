import type { Actor } from "../core/actor.ts";

/**
 * One line per fact. The key is the event's name (`noun.past`), the value its payload. Payloads hold ids, numbers and words,
 * never secrets and never whole views: whoever needs state reads it.
 */
export interface EventMap {
  "release.created": { number: number; source: string; destination: string; items: number };
  "release.refreshed": { number: number; changes: readonly string[]; fingerprint: string };
  "release.edited": {
    number: number;
    field: "notes" | "breaking_changes";
    before: string;
    after: string;
  };
  "release.item_excluded": { number: number; services: readonly string[]; reason: string | null };
  "release.item_included": { number: number; services: readonly string[] };
  "release.dependencies_changed": {
    number: number;
    service: string;
    before: readonly string[];
    after: readonly string[];
  };
  "release.signed_off": { number: number; role: string; fingerprint: string; byAuthor: boolean };
  "release.sign_off_revoked": {
    number: number;
    role: string;
    signer: string;
    byAdministrator: boolean;
  };
  /** Sign-offs stopped counting because the content changed; `subjects` must be asked again. */
  "release.sign_off_outdated": {
    number: number;
    signOffs: readonly {
      role: string;
      subject: string;
      name: string;
      changes: readonly string[];
    }[];
  };
  "release.approved": { number: number; fingerprint: string };
  "release.approval_lost": { number: number; why: string };
  "release.rejected": { number: number; reason: string };
  "release.rejection_lifted": { number: number };
  "release.closed": { number: number; reason: string };
  "release.status_changed": { number: number; before: string; after: string };
  /** Somebody wants pull requests; what came of it follows under the same `request`. */
  "release.pull_requests_requested": {
    number: number;
    request: string;
    repositories: readonly string[];
  };
  "release.pull_requests_opened": {
    number: number;
    request: string;
    opened: readonly { repository: string; number: number; url: string }[];
    failed: readonly { repository: string; reason: string; remedy: string }[];
  };
  "release.item_landed": { number: number; service: string; branch: string; sha: string };

  "deployment.requested": {
    number: number;
    environment: string;
    release: number | null;
    kind: "deploy" | "rollback";
    services: readonly string[];
  };
  "deployment.started": { number: number; environment: string; release: number | null };
  "deployment.step_changed": {
    number: number;
    environment: string;
    wave: number;
    service: string;
    stage: string;
    status: string;
    outcome: string | null;
  };
  "deployment.resumed": { number: number; environment: string; after: string };
  "deployment.cancel_requested": { number: number; environment: string; then: string };
  "deployment.finished": {
    number: number;
    environment: string;
    release: number | null;
    kind: "deploy" | "rollback";
    status: string;
    summary: string;
  };

  "environment.locked": { environment: string; reason: string; until: string | null };
  "environment.unlocked": { environment: string; why: string };
  "environment.held": { environment: string; reason: string };
  "environment.resumed": { environment: string };
  "environment.baseline_recorded": { environment: string; deployment: number };
  "service.restarted": { environment: string; service: string; outcome: string };

  "service.saved": { service: string; before: unknown; after: unknown };
  "service.removed": { service: string };
  "team.saved": { team: string; before: unknown; after: unknown };
  "team.removed": { team: string };

  "person.signed_in": { username: string; roles: readonly string[] };
  "person.signed_out": { username: string };
  "person.deactivated": { username: string; why: string };
  /** Somebody ended sessions of theirs: of browsers they no longer use or do not know. */
  "person.sessions_ended": { username: string; count: number };
  /** Somebody in a chat was given a private link, by which they can say who they are. */
  "account.link_requested": {
    platform: string;
    workspace: string;
    userId: string;
    displayName: string;
  };
  /** A chat account acts for this person from now on. */
  "account.linked": {
    account: string;
    platform: string;
    workspace: string;
    userId: string;
    displayName: string;
    username: string;
  };
  "account.unlinked": {
    account: string;
    platform: string;
    workspace: string;
    userId: string;
    displayName: string | null;
    username: string;
  };
  "token.created": { token: string; name: string; scopes: readonly string[]; owner: string };
  "token.revoked": { token: string; name: string; owner: string };
  /** Background work that had given up was given another chance. */
  "work.retried": { work: string; name: string; about: string; error: string };
  /** Something was refused by policy: kept because attempts matter in an audit. */
  "access.denied": { permission: string; reason: string };
}

export type EventName = keyof EventMap;

/** What an event is about: `release`/`12`, `deployment`/`7`, `environment`/`prod`, … */
export interface EventSubject {
  readonly kind:
    | "release"
    | "deployment"
    | "environment"
    | "service"
    | "team"
    | "person"
    | "account"
    | "token"
    | "work";
  readonly id: string;
}

/** A fact to be recorded. */
export type NewEvent = {
  [N in EventName]: {
    readonly name: N;
    readonly payload: EventMap[N];
    readonly actor: Actor;
    readonly subject: EventSubject;
    readonly related?: readonly EventSubject[];
  };
}[EventName];

/** A recorded fact. `seq` order is commit order. */
export type EventOf<N extends EventName> = {
  [K in N]: {
    readonly name: K;
    readonly payload: EventMap[K];
    readonly seq: number;
    readonly id: string;
    readonly occurredAt: Date;
    readonly correlationId: string;
    readonly actor: {
      readonly subject: string;
      readonly username: string;
      readonly name: string;
      readonly platform: string;
    };
    readonly subject: EventSubject;
    readonly related: readonly EventSubject[];
  };
}[N];
export type DomainEvent = EventOf<EventName>;

/** Reacts to facts, at least once each, so it must be idempotent. */
export interface Subscriber<N extends EventName = EventName> {
  /** Stable: stored with each delivery. */
  readonly name: string;
  readonly events: readonly N[];
  handle(event: EventOf<N>, signal: AbortSignal): Promise<void>;
}
