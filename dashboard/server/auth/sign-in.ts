import express, { Router, type Request, type RequestHandler, type Response } from "express";
import type { Services } from "../../../shared/app/services.ts";
import type { Clock } from "../../../shared/core/ports/clock.ts";
import { AppError } from "../../../shared/errors/app-error.ts";
import { CsrfInvalid, LoginFailed, LogoutTokenInvalid } from "../../../shared/errors/catalog.ts";
import type { Logger } from "../../../shared/lib/logger.ts";
import { isFromOurPage, issueCsrfToken } from "../middleware/csrf.ts";
import { createSignInRateLimit } from "../middleware/rate-limit.ts";
import { endSession, regenerateSession, saveSession } from "../middleware/session.ts";
import { viaOf } from "../request-context.ts";
import type { WebSettings } from "../web-settings.ts";
import { createFriendly } from "./friendly.ts";
import type { LogoutNotice, OidcClient } from "./oidc.ts";
import { PLAIN_PAGE_CSS } from "./pages.ts";
import { safeReturnTo } from "./return-to.ts";
import { PENDING_SIGN_IN_MS } from "./sessions.ts";

/** Sign-ins one browser may have under way, one per tab. */
const MOST_PENDING = 5;

export interface SignInOptions {
  readonly oidc: OidcClient;
  readonly services: Pick<Services, "people" | "sessions">;
  readonly settings: WebSettings;
  readonly session: RequestHandler;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** `/auth/…`: signing in and out through the identity provider. */
export function createSignInRouter(options: SignInOptions): Router {
  const { oidc, services, settings, session, clock, logger } = options;
  const router = Router();
  const friendly = createFriendly(logger);
  const limit = createSignInRateLimit(settings.rateLimit.signInsPerMinute);

  router.get("/plain-page.css", (_req, res) => {
    res.type("css").set("Cache-Control", "public, max-age=3600").send(PLAIN_PAGE_CSS);
  });
  router.get("/login", limit, session, friendly(logIn));
  router.get("/callback", session, friendly(finish));
  router.get("/logout", session, friendly(logOut));
  router.post("/logout", session, friendly(logOut));
  router.post(
    "/backchannel-logout",
    express.urlencoded({ extended: false, limit: "20kb" }),
    backChannelLogout,
  );
  return router;

  async function logIn(req: Request, res: Response): Promise<void> {
    const returnTo = safeReturnTo(req.query["returnTo"], settings.baseUrl);
    const home = new URL(settings.baseUrl);
    // The provider sends people back to the base URL, whose cookies another host name does not see.
    if (req.host !== home.host && req.query["home"] === undefined) {
      res.redirect(
        303,
        `${home.origin}/auth/login?home=1&returnTo=${encodeURIComponent(returnTo)}`,
      );
      return;
    }
    const wantsAnother = req.query["prompt"] === "login";
    if (req.session.subject !== undefined && !wantsAnother) {
      res.redirect(303, returnTo);
      return;
    }
    const { url, pending } = await oidc.beginSignIn({
      returnTo,
      prompt: wantsAnother ? "login" : undefined,
    });
    const others = (req.session.pendingSignIns ?? []).slice(-(MOST_PENDING - 1));
    req.session.pendingSignIns = [...others, pending];
    await saveSession(req);
    res.set("Cache-Control", "no-store").redirect(303, url.href);
  }

  async function finish(req: Request, res: Response): Promise<void> {
    const pending = req.session.pendingSignIns?.find(
      ({ state, begunAt }) =>
        state === req.query["state"] && clock.now().getTime() - begunAt <= PENDING_SIGN_IN_MS,
    );
    if (!pending) {
      if (req.session.subject !== undefined) {
        // The back button after signing in; there is nothing left to do.
        res.redirect(303, "/");
        return;
      }
      throw new LoginFailed({ why: "it took too long, or was begun in another browser" });
    }
    const person = await oidc.finishSignIn(new URL(req.originalUrl, settings.baseUrl), pending);
    // A new id, so that whoever planted or saw the old one has nothing.
    await regenerateSession(req);
    await services.people.signedIn(person.claims, viaOf(req, "web"), person.refreshToken);
    req.session.subject = person.claims.subject;
    req.session.oidcSid = person.sid;
    req.session.idToken = person.idToken;
    req.session.signedInAt = clock.now().getTime();
    issueCsrfToken(req);
    await saveSession(req);
    logger.info({ username: person.claims.username }, "person signed in");
    res.set("Cache-Control", "no-store").redirect(303, pending.returnTo);
  }

  async function logOut(req: Request, res: Response): Promise<void> {
    if (!isFromOurPage(req, settings)) {
      throw new CsrfInvalid({});
    }
    const { subject, idToken = null } = req.session;
    if (subject === undefined) {
      res.redirect(303, "/");
      return;
    }
    await recordSignOut(req, subject);
    await endSession(req, res, settings);
    const elsewhere = await oidc.endSessionUrl(idToken).catch((error: unknown) => {
      logger.warn({ err: error }, "signing out at the identity provider failed");
      return null;
    });
    res.set("Cache-Control", "no-store").redirect(303, elsewhere?.href ?? "/");
  }

  /** Somebody who lost access, or whose provider is away, may still sign out. */
  async function recordSignOut(req: Request, subject: string): Promise<void> {
    try {
      const actor = await services.people.actorOf(subject, viaOf(req, "web"));
      await services.people.signedOut(actor);
    } catch (error) {
      if (!(error instanceof AppError)) {
        throw error;
      }
      logger.info({ err: error }, "sign-out was not recorded");
    }
  }

  async function backChannelLogout(req: Request, res: Response): Promise<void> {
    res.set("Cache-Control", "no-store");
    const body: unknown = req.body;
    const token =
      typeof body === "object" && body !== null && "logout_token" in body
        ? body.logout_token
        : undefined;
    if (typeof token !== "string") {
      throw new LogoutTokenInvalid({ why: "there is none" });
    }
    const notice = await acceptedNotice(token, res);
    if (!notice) {
      return;
    }
    const ended = await services.sessions.destroyAll(
      notice.sid === null ? { subject: notice.subject ?? "" } : { oidcSid: notice.sid },
    );
    logger.info({ ended }, "sessions ended by the identity provider");
    res.status(200).end();
  }

  /** Undefined when the token was refused, in the way the specification prescribes. */
  async function acceptedNotice(token: string, res: Response): Promise<LogoutNotice | undefined> {
    try {
      return await oidc.verifyLogoutToken(token);
    } catch (error) {
      if (!(error instanceof LogoutTokenInvalid)) {
        throw error;
      }
      logger.info({ err: error }, "logout token refused");
      res.status(400).json({ error: "invalid_request", error_description: error.message });
      return undefined;
    }
  }
}
