import type { Request, RequestHandler, Response } from "express";
import session from "express-session";
import type { SessionServices } from "../../../shared/app/services.ts";
import type { Clock } from "../../../shared/core/ports/clock.ts";
import { randomToken } from "../../../shared/lib/ids.ts";
import { originOf } from "../../../shared/core/actor.ts";
import { noteOrigin, SessionStore } from "../auth/sessions.ts";
import { viaOf } from "../request-context.ts";
import { isBehindTls, type WebSettings } from "../web-settings.ts";

/** Credentials: 43 characters carry more than 250 bits. */
const SESSION_ID_LENGTH = 43;

/** Reads the session of the browser's cookie, and writes what handlers change. */
export function createSessionMiddleware(deps: {
  readonly sessions: SessionServices;
  readonly clock: Clock;
  readonly settings: WebSettings;
}): RequestHandler {
  const { sessions, clock, settings } = deps;
  const secure = isBehindTls(settings);
  const handle = session({
    name: sessionCookieName(settings),
    secret: settings.session.cookieSecret.reveal(),
    store: new SessionStore(sessions, clock, settings.session),
    genid: () => randomToken(SESSION_ID_LENGTH),
    resave: false,
    saveUninitialized: false,
    rolling: false,
    // Behind TLS the last hop to us is plain: without believing the proxy here, no cookie would ever be set.
    ...(secure ? { proxy: true } : {}),
    cookie: {
      path: "/",
      httpOnly: true,
      sameSite: "lax",
      secure,
      maxAge: settings.session.absoluteMs,
    },
  });
  return (req, res, next) =>
    handle(req, res, (error?: unknown) => {
      if (error === undefined) {
        noteOrigin(req.session, originOf(viaOf(req, "web")));
      }
      next(error);
    });
}

/**
 * `__Host-` binds the cookie to this host and to TLS. Without TLS, on a developer's machine, cookies of one host are shared
 * by all its ports, so the name carries the port.
 */
export function sessionCookieName(settings: Pick<WebSettings, "baseUrl">): string {
  return isBehindTls(settings)
    ? "__Host-slipway"
    : `slipway-${new URL(settings.baseUrl).port || "80"}`;
}

/** Gives the browser a new, empty session: an id known from before signing in must be worth nothing afterwards. */
export function regenerateSession(req: Request): Promise<void> {
  return new Promise((resolve, reject) => {
    req.session.regenerate((error: unknown) => {
      if (error) {
        reject(asError(error));
        return;
      }
      noteOrigin(req.session, originOf(viaOf(req, "web")));
      resolve();
    });
  });
}

/** Writes the session before the answer goes out, so that the next request of the browser finds it. */
export function saveSession(req: Request): Promise<void> {
  return new Promise((resolve, reject) => {
    req.session.save((error: unknown) => (error ? reject(asError(error)) : resolve()));
  });
}

/** Ends the session here and forgets the cookie. */
export async function endSession(
  req: Request,
  res: Response,
  settings: Pick<WebSettings, "baseUrl">,
): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    req.session.destroy((error: unknown) => (error ? reject(asError(error)) : resolve()));
  });
  res.clearCookie(sessionCookieName(settings), {
    path: "/",
    httpOnly: true,
    sameSite: "lax",
    secure: isBehindTls(settings),
  });
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error("the session store failed", { cause: error });
}
