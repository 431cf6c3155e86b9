import type { Request } from "express";
import type { Actor, Via } from "../../shared/core/actor.ts";
import { PermissionDenied, SignInRequired } from "../../shared/errors/catalog.ts";

/** What the middleware found out about a request. */
export interface RequestContext {
  /** Born here; rides through logs, events and problems. */
  readonly correlationId: string;
  /** Null until somebody is known to have sent the request. */
  actor: Actor | null;
  /** What the actor showed: a session cookie needs protection against forged requests, a token does not. */
  credential: "session" | "token" | null;
}

const contexts = new WeakMap<Request, RequestContext>();

export function openContext(req: Request, correlationId: string): RequestContext {
  const context: RequestContext = { correlationId, actor: null, credential: null };
  contexts.set(req, context);
  return context;
}

/** The context of a request that passed the first middleware. */
export function contextOf(req: Request): RequestContext {
  const context = contexts.get(req);
  if (!context) {
    throw new Error("the request has no context: mount the request-id middleware first");
  }
  return context;
}

/** Who sent the request. Throws SignInRequired when nobody is known to have. */
export function actorOf(req: Request): Actor {
  const { actor } = contextOf(req);
  if (!actor) {
    throw new SignInRequired({});
  }
  return actor;
}

/**
 * A token that may only read changes nothing, whatever the person may: not even by telling the bot to. Throws
 * PermissionDenied.
 */
export function requireWriteScope(actor: Actor, operation: string): void {
  if (actor.via.token && !actor.via.token.scopes.includes("write")) {
    throw new PermissionDenied(
      { permission: operation, reason: "This API token may only read." },
      { remedy: "Use a token with the scope `write`." },
    );
  }
}

/** Longer ones are not browsers' and would only fill the audit log. */
const LONGEST_USER_AGENT = 300;

/** Where the request comes from, for the audit log. */
export function viaOf(req: Request, platform: "web" | "api" | "room"): Via {
  const userAgent = req.get("user-agent")?.slice(0, LONGEST_USER_AGENT);
  return {
    platform,
    ...(req.ip === undefined ? {} : { ip: req.ip }),
    ...(userAgent === undefined ? {} : { userAgent }),
  };
}

/** The API token of `Authorization: Bearer …`; undefined without one. */
export function bearerToken(authorization: string | undefined): string | undefined {
  return /^Bearer +([\w.~+/=-]{1,4000}) *$/i.exec(authorization ?? "")?.[1];
}

/** The path as a log may keep it. Private links carry their secret in theirs, and a log is read by more people than one. */
export function loggedPath(req: Pick<Request, "originalUrl">): string {
  const path = req.originalUrl.split("?")[0] ?? "/";
  return path.replace(/\/(links?)\/[^/]+/i, "/$1/…");
}
