import { createHash } from "node:crypto";
import type { Request, RequestHandler } from "express";
import { ipKeyGenerator, rateLimit } from "express-rate-limit";
import { RateLimited } from "../../../shared/errors/catalog.ts";
import { bearerToken } from "../request-context.ts";

/** Counted over this long, so that a burst (a hundred clicks at once) passes and a flood does not. */
const API_WINDOW_SECONDS = 3;

/**
 * Limits requests of each API token, session or (without either) address to `perSecond` on average, and says so in
 * `RateLimit` headers.
 */
export function createApiRateLimit(perSecond: number): RequestHandler {
  return limit({
    windowMs: API_WINDOW_SECONDS * 1_000,
    limit: API_WINDOW_SECONDS * perSecond,
    identifier: "api",
    key: credentialKey,
  });
}

/** Limits sign-ins begun per minute and address. */
export function createSignInRateLimit(perMinute: number): RequestHandler {
  return limit({ windowMs: 60_000, limit: perMinute, identifier: "sign-in", key: addressKey });
}

/** Limits webhook calls per minute and address. */
export function createWebhookRateLimit(perMinute: number): RequestHandler {
  return limit({ windowMs: 60_000, limit: perMinute, identifier: "webhook", key: addressKey });
}

function limit(options: {
  readonly windowMs: number;
  readonly limit: number;
  readonly identifier: string;
  readonly key: (req: Request) => string;
}): RequestHandler {
  return rateLimit({
    windowMs: options.windowMs,
    limit: options.limit,
    identifier: options.identifier,
    standardHeaders: "draft-8",
    legacyHeaders: false,
    keyGenerator: options.key,
    // Whom to believe about the address is the configuration's decision, made with `trust proxy`.
    validate: { xForwardedForHeader: false, forwardedHeader: false, trustProxy: false },
    handler: (_req, res, next) => {
      const seconds = Number(res.getHeader("Retry-After"));
      next(new RateLimited({ retryAfterMs: seconds > 0 ? seconds * 1_000 : options.windowMs }));
    },
  });
}

function credentialKey(req: Request): string {
  const token = bearerToken(req.get("authorization"));
  if (token !== undefined) {
    return `token:${createHash("sha256").update(token).digest("base64url")}`;
  }
  return req.session.subject === undefined ? addressKey(req) : `session:${req.sessionID}`;
}

function addressKey(req: Request): string {
  return `address:${ipKeyGenerator(req.ip ?? "")}`;
}
