import type { Request, RequestHandler } from "express";
import { csrfSync } from "csrf-sync";
import { CSRF_HEADER } from "../../../shared/contract/sign-in.ts";
import { CsrfInvalid } from "../../../shared/errors/catalog.ts";
import { contextOf } from "../request-context.ts";
import type { WebSettings } from "../web-settings.ts";

const SAFE_METHODS: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"]);

const synchroniser = csrfSync({
  size: 32,
  getTokenFromRequest: (req: Request) => req.get(CSRF_HEADER),
});

/** Puts a fresh token into the session. Called once, when signing in, so that reading `/me` writes nothing. */
export function issueCsrfToken(req: Request): void {
  synchroniser.generateToken(req, true);
}

/**
 * Refuses changing requests that another site made a browser send: the page must be ours and repeat the session's token.
 * Requests with an API token are not concerned, because no browser adds one by itself.
 */
export function createCsrfProtection(settings: Pick<WebSettings, "baseUrl">): RequestHandler {
  return (req, _res, next) => {
    const applies =
      contextOf(req).credential === "session" && !SAFE_METHODS.has(req.method.toUpperCase());
    if (applies && !(isFromOurPage(req, settings) && synchroniser.isRequestValid(req))) {
      throw new CsrfInvalid({});
    }
    next();
  };
}

/** What browsers say about where a request comes from; absent headers prove nothing and are let through. */
export function isFromOurPage(
  req: { readonly headers: Request["headers"] },
  settings: Pick<WebSettings, "baseUrl">,
): boolean {
  const site = req.headers["sec-fetch-site"];
  if (site !== undefined && site !== "same-origin" && site !== "none") {
    return false;
  }
  const { origin, host } = req.headers;
  if (origin === undefined) {
    return true;
  }
  const base = new URL(settings.baseUrl);
  return (
    origin === base.origin ||
    (host !== undefined && (origin === `http://${host}` || origin === `https://${host}`))
  );
}
