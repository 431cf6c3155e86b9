import { Store, type SessionData } from "express-session";
import type { SessionServices } from "../../../shared/app/services.ts";
import type { Origin } from "../../../shared/core/actor.ts";
import type { Clock } from "../../../shared/core/ports/clock.ts";

/** A sign-in that was begun and not yet finished. */
export interface PendingSignIn {
  readonly state: string;
  readonly nonce: string;
  /** PKCE. */
  readonly codeVerifier: string;
  /** Page of ours to go to afterwards. */
  readonly returnTo: string;
  readonly begunAt: number;
}

declare module "express-session" {
  interface SessionData {
    /** Who is signed in; absent while signing in. */
    subject?: string;
    /** The identity provider's own id of this session, for back-channel logout. */
    oidcSid?: string | null;
    /** Shown to the identity provider when signing out, so that it does not ask. */
    idToken?: string | null;
    /** Milliseconds since the epoch. */
    signedInAt?: number;
    pendingSignIns?: readonly PendingSignIn[];
  }
}

/** A sign-in not finished by then has to be begun again. */
export const PENDING_SIGN_IN_MS = 10 * 60_000;

/** The store writes at most this often that a session is in use. */
const TOUCH_EVERY_MS = 60_000;

/** Beyond this many remembered sessions the oldest are forgotten, which costs one write each. */
const REMEMBERED_TOUCHES = 10_000;

/** Where the request of a session object came from: express-session hands the store the session and never the request. */
const origins = new WeakMap<object, Origin>();

/** Remembers where the browser of a session is, to be written when the session is. */
export function noteOrigin(session: object, origin: Origin): void {
  origins.set(session, origin);
}

type Done = (error?: unknown) => void;

/**
 * Keeps express-session's sessions in `services.sessions`, so that every write goes through the unit of work. A class,
 * because express-session calls methods of its base class on the store.
 */
export class SessionStore extends Store {
  readonly #sessions: SessionServices;
  readonly #clock: Clock;
  readonly #limits: { readonly idleMs: number; readonly absoluteMs: number };
  /** When each session's use was last written. */
  readonly #touched = new Map<string, number>();

  constructor(
    sessions: SessionServices,
    clock: Clock,
    limits: { readonly idleMs: number; readonly absoluteMs: number },
  ) {
    super();
    this.#sessions = sessions;
    this.#clock = clock;
    this.#limits = limits;
  }

  override get(sid: string, done: (error: unknown, data?: SessionData | null) => void): void {
    this.#read(sid).then(
      (data) => done(null, data),
      (error: unknown) => done(error),
    );
  }

  override set(sid: string, data: SessionData, done: Done = () => undefined): void {
    const meta = {
      subject: data.subject ?? null,
      oidcSid: data.oidcSid ?? null,
      expiresAt: this.#expiry(data),
      origin: origins.get(data),
    };
    settle(this.#sessions.set(sid, { ...data }, meta), done);
    this.#remember(sid);
  }

  override touch(sid: string, data: SessionData, done: () => void = () => undefined): void {
    const now = this.#clock.now().getTime();
    if (now - (this.#touched.get(sid) ?? 0) < TOUCH_EVERY_MS) {
      done();
      return;
    }
    this.#remember(sid);
    settle(this.#sessions.touch(sid, this.#expiry(data), origins.get(data)), done);
  }

  override destroy(sid: string, done: Done = () => undefined): void {
    this.#touched.delete(sid);
    settle(this.#sessions.destroy(sid), done);
  }

  async #read(sid: string): Promise<SessionData | null> {
    const stored = await this.#sessions.get(sid);
    if (!stored) {
      return null;
    }
    // Written by `set` above and by nobody else.
    const data = stored as unknown as SessionData;
    if (this.#expiry(data).getTime() <= this.#clock.now().getTime()) {
      await this.#sessions.destroy(sid);
      return null;
    }
    return data;
  }

  /** The earlier of "not used for too long" and "signed in too long ago". */
  #expiry(data: SessionData): Date {
    const now = this.#clock.now().getTime();
    const latest =
      data.signedInAt === undefined
        ? now + PENDING_SIGN_IN_MS
        : Math.min(now + this.#limits.idleMs, data.signedInAt + this.#limits.absoluteMs);
    return new Date(latest);
  }

  #remember(sid: string): void {
    this.#touched.delete(sid);
    this.#touched.set(sid, this.#clock.now().getTime());
    const oldest = this.#touched.keys().next();
    if (this.#touched.size > REMEMBERED_TOUCHES && !oldest.done) {
      this.#touched.delete(oldest.value);
    }
  }
}

function settle(work: Promise<unknown>, done: Done): void {
  work.then(
    () => done(),
    (error: unknown) => done(error),
  );
}
