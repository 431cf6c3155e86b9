import type { RequestHandler } from "express";
import helmet from "helmet";
import { isBehindTls, type WebSettings } from "../web-settings.ts";

const ONE_YEAR_SECONDS = 365 * 24 * 3600;

/**
 * Says to browsers what our pages may do: load and run only what we serve, nothing inline, in nobody's frame. `signInOrigin`
 * is where the form that signs out may lead to.
 */
export function createSecurityHeaders(
  settings: Pick<WebSettings, "baseUrl">,
  signInOrigin: string | null,
): RequestHandler {
  const base = new URL(settings.baseUrl);
  const socketOrigin = `${base.protocol === "https:" ? "wss:" : "ws:"}//${base.host}`;
  const tls = isBehindTls(settings);
  return helmet({
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'self'"],
        baseUri: ["'none'"],
        connectSrc: ["'self'", socketOrigin, sameHostSocket],
        fontSrc: ["'self'"],
        formAction: ["'self'", base.origin, ...(signInOrigin === null ? [] : [signInOrigin])],
        frameAncestors: ["'none'"],
        imgSrc: ["'self'", "data:"],
        objectSrc: ["'none'"],
        scriptSrc: ["'self'"],
        scriptSrcAttr: ["'none'"],
        styleSrc: ["'self'"],
        ...(tls ? { upgradeInsecureRequests: [] } : {}),
      },
    },
    crossOriginEmbedderPolicy: false,
    referrerPolicy: { policy: "same-origin" },
    strictTransportSecurity: tls ? { maxAge: ONE_YEAR_SECONDS, includeSubDomains: false } : false,
    xFrameOptions: { action: "deny" },
  });
}

/** Some browsers do not count a WebSocket of the same host as 'self', and the host may differ from the base URL's. */
function sameHostSocket(req: { headers: { host?: string | undefined } }): string {
  const host = req.headers.host ?? "";
  return /^[\w.-]+(:\d{1,5})?$/.test(host) || /^\[[\da-f:]+\](:\d{1,5})?$/i.test(host)
    ? `ws://${host} wss://${host}`
    : "'self'";
}
