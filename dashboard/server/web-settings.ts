import type { Secret } from "../../shared/config/secret.ts";

/** The part of the configuration that the web server reads. */
export interface WebSettings {
  /** Where people reach Slipway, without a slash at the end, e.g. `https://releases.example.com`. */
  readonly baseUrl: string;
  /** Which proxies to believe about the sender's address: Express's `trust proxy`. */
  readonly trustProxy: boolean | number | string;
  readonly rateLimit: {
    /** Requests per second and token, session or (without either) address. */
    readonly perSecond: number;
    /** Beginnings of a sign-in per minute and address. */
    readonly signInsPerMinute: number;
  };
  readonly session: {
    /** Signs the session cookie. Kept between starts, or everybody has to sign in again. */
    readonly cookieSecret: Secret;
    /** A session unused for this long ends. */
    readonly idleMs: number;
    /** A session ends this long after signing in, used or not. */
    readonly absoluteMs: number;
  };
}

/** Whether people reach Slipway over TLS: decides about `Secure` cookies and HSTS. */
export function isBehindTls(settings: Pick<WebSettings, "baseUrl">): boolean {
  return new URL(settings.baseUrl).protocol === "https:";
}
