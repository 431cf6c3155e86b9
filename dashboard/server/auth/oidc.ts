import { createRemoteJWKSet, errors as joseErrors, jwtVerify, type JWTVerifyGetKey } from "jose";
import * as oidc from "openid-client";
import type { Secret } from "../../../shared/config/secret.ts";
import type { Clock } from "../../../shared/core/ports/clock.ts";
import type { RefreshedClaims } from "../../../shared/core/ports/claims-source.ts";
import { AppError } from "../../../shared/errors/app-error.ts";
import {
  IdentityUnavailable,
  IssuerInsecure,
  LoginFailed,
  LogoutTokenInvalid,
  UpstreamRejected,
} from "../../../shared/errors/catalog.ts";
import type { Logger } from "../../../shared/lib/logger.ts";
import { systemTimers, type Timers } from "../../../shared/lib/scheduler.ts";
import { missingMemberships, readClaims, type ClaimPaths, type ClaimSet } from "./claims.ts";
import { createReplayGuard } from "./replay-guard.ts";
import type { PendingSignIn } from "./sessions.ts";

export interface OidcSettings {
  readonly issuer: string;
  readonly clientId: string;
  /** Null: a public client, protected by PKCE alone. */
  readonly clientSecret: Secret | null;
  /** Where the provider sends people back to; must be registered there. */
  readonly redirectUrl: string;
  /** Where the provider sends people after signing out; must be registered there. */
  readonly postLogoutUrl: string;
  /** What to ask for, `openid` among them. `offline_access` is left out where the provider does not offer it. */
  readonly scopes: readonly string[];
  /** Where memberships are found. */
  readonly claims: ClaimPaths;
}

/** A person the provider has just vouched for. */
export interface SignedIn {
  readonly claims: RefreshedClaims;
  readonly refreshToken: string | null;
  readonly idToken: string | null;
  /** The provider's own id of this session. */
  readonly sid: string | null;
}

/** Whose sessions a logout token ends; at least one of the two is known. */
export interface LogoutNotice {
  readonly sid: string | null;
  readonly subject: string | null;
}

/** Everything Slipway asks of an OpenID Provider. What fails on its side becomes IdentityUnavailable or UpstreamRejected. */
export interface OidcClient {
  readonly issuer: string;
  readonly clientId: string;
  /** The provider's page to send the browser to, and what to remember until it comes back. */
  beginSignIn(input: {
    readonly returnTo: string;
    readonly prompt?: "login" | undefined;
  }): Promise<{ readonly url: URL; readonly pending: PendingSignIn }>;
  /** Exchanges what the browser came back with. Throws LoginFailed when it does not fit or the provider said no. */
  finishSignIn(callback: URL, pending: PendingSignIn): Promise<SignedIn>;
  /** The person's claims now; `"deactivated"` when the provider has withdrawn the refresh token. */
  refresh(
    subject: string,
    refreshToken: string,
  ): Promise<{ readonly claims: RefreshedClaims; readonly refreshToken: string } | "deactivated">;
  /** Where the browser signs out at the provider; null when the provider offers no such page. */
  endSessionUrl(idToken: string | null): Promise<URL | null>;
  /** Checks a back-channel logout token, once. Throws LogoutTokenInvalid. */
  verifyLogoutToken(token: string): Promise<LogoutNotice>;
  /** For readiness: how the last exchange with the provider went. */
  status(): { readonly state: "unknown" | "up" | "down"; readonly detail: string | null };
}

const TIMEOUT_SECONDS = 10;
/** Waits between attempts to reach the provider, in milliseconds. */
const RETRY_WAITS_MS = [250, 1_000];
const LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout";
/** Logout tokens are sent at once; older ones are somebody's collection. */
const LOGOUT_TOKEN_MAX_AGE_SECONDS = 300;
const CLOCK_TOLERANCE_SECONDS = 30;

interface Provider {
  readonly config: oidc.Configuration;
  readonly keys: JWTVerifyGetKey | null;
}

/** The provider is first asked when somebody signs in, not at start. Throws IssuerInsecure for plain http beyond loopback. */
export function createOidcClient(
  settings: OidcSettings,
  deps: { readonly clock: Clock; readonly logger: Logger; readonly timers?: Timers },
): OidcClient {
  const { clock, logger, timers = systemTimers } = deps;
  const issuer = new URL(settings.issuer);
  const isPlain = issuer.protocol !== "https:";
  if (isPlain && !isLoopback(issuer.hostname)) {
    throw new IssuerInsecure({ issuer: settings.issuer });
  }
  const replays = createReplayGuard(clock);
  let provider: Promise<Provider> | null = null;
  let status: ReturnType<OidcClient["status"]> = { state: "unknown", detail: null };

  return {
    issuer: settings.issuer,
    clientId: settings.clientId,
    status: () => status,
    beginSignIn,
    finishSignIn,
    refresh,
    endSessionUrl,
    verifyLogoutToken,
  };

  async function beginSignIn(
    input: Parameters<OidcClient["beginSignIn"]>[0],
  ): ReturnType<OidcClient["beginSignIn"]> {
    const { config } = await reach();
    const pending: PendingSignIn = {
      state: oidc.randomState(),
      nonce: oidc.randomNonce(),
      codeVerifier: oidc.randomPKCECodeVerifier(),
      returnTo: input.returnTo,
      begunAt: clock.now().getTime(),
    };
    const url = oidc.buildAuthorizationUrl(config, {
      redirect_uri: settings.redirectUrl,
      scope: scopesFor(config, settings.scopes),
      code_challenge: await oidc.calculatePKCECodeChallenge(pending.codeVerifier),
      code_challenge_method: "S256",
      state: pending.state,
      nonce: pending.nonce,
      ...(input.prompt === undefined ? {} : { prompt: input.prompt }),
    });
    return { url, pending };
  }

  async function finishSignIn(callback: URL, pending: PendingSignIn): Promise<SignedIn> {
    const reached = await reach();
    const redirected = new URL(settings.redirectUrl);
    redirected.search = callback.search;
    const tokens = await asking("exchanging the sign-in code", () =>
      oidc.authorizationCodeGrant(reached.config, redirected, {
        pkceCodeVerifier: pending.codeVerifier,
        expectedState: pending.state,
        expectedNonce: pending.nonce,
        idTokenExpected: true,
      }),
    ).catch((error: unknown) => {
      throw asLoginFailure(error);
    });
    const idClaims = tokens.claims();
    if (!idClaims) {
      throw new LoginFailed({ why: "the identity provider sent no ID token" });
    }
    const sid = idClaims["sid"];
    return {
      claims: await claimsFrom(reached, idClaims.sub, idClaims, tokens.access_token),
      refreshToken: tokens.refresh_token ?? null,
      idToken: tokens.id_token ?? null,
      sid: typeof sid === "string" ? sid : null,
    };
  }

  async function refresh(subject: string, refreshToken: string): ReturnType<OidcClient["refresh"]> {
    const reached = await reach();
    const tokens = await asking("refreshing somebody's roles", () =>
      oidc.refreshTokenGrant(reached.config, refreshToken),
    ).catch((error: unknown) => {
      if (errorCodeOf(error) === "invalid_grant") {
        return null;
      }
      throw error;
    });
    if (!tokens) {
      return "deactivated";
    }
    const idClaims = tokens.claims();
    if (idClaims && idClaims.sub !== subject) {
      throw new UpstreamRejected({
        system: "The identity provider",
        operation: "refreshing somebody's roles",
        why: "it answered for another person",
      });
    }
    return {
      claims: await claimsFrom(reached, subject, idClaims, tokens.access_token),
      refreshToken: tokens.refresh_token ?? refreshToken,
    };
  }

  async function endSessionUrl(idToken: string | null): Promise<URL | null> {
    const { config } = await reach();
    if (config.serverMetadata().end_session_endpoint === undefined) {
      return null;
    }
    return oidc.buildEndSessionUrl(config, {
      post_logout_redirect_uri: settings.postLogoutUrl,
      client_id: settings.clientId,
      ...(idToken === null ? {} : { id_token_hint: idToken }),
    });
  }

  async function verifyLogoutToken(token: string): Promise<LogoutNotice> {
    const { keys, config } = await reach();
    if (!keys) {
      throw new LogoutTokenInvalid({ why: "the identity provider publishes no keys" });
    }
    const { payload } = await jwtVerify(token, keys, {
      issuer: config.serverMetadata().issuer,
      audience: settings.clientId,
      requiredClaims: ["iat", "jti", "events"],
      maxTokenAge: LOGOUT_TOKEN_MAX_AGE_SECONDS,
      clockTolerance: CLOCK_TOLERANCE_SECONDS,
      currentDate: clock.now(),
    }).catch((error: unknown) => {
      throw asLogoutRefusal(error);
    });
    const { events, sid, sub, jti = "" } = payload;
    if (typeof events !== "object" || events === null || !Object.hasOwn(events, LOGOUT_EVENT)) {
      throw new LogoutTokenInvalid({ why: "it is not about signing out" });
    }
    if ("nonce" in payload) {
      throw new LogoutTokenInvalid({ why: "it could be an ID token" });
    }
    const notice: LogoutNotice = {
      sid: typeof sid === "string" ? sid : null,
      subject: sub ?? null,
    };
    if (notice.sid === null && notice.subject === null) {
      throw new LogoutTokenInvalid({ why: "it names neither a session nor a person" });
    }
    const keptMs = (LOGOUT_TOKEN_MAX_AGE_SECONDS + CLOCK_TOLERANCE_SECONDS) * 1_000;
    if (!replays.isFirst(jti, keptMs)) {
      throw new LogoutTokenInvalid({ why: "it was used before" });
    }
    return notice;
  }

  /** Memberships come from the ID token; what it does not tell is looked for in the access token, then asked for. */
  async function claimsFrom(
    { config, keys }: Provider,
    subject: string,
    idClaims: ClaimSet | undefined,
    accessToken: string,
  ): Promise<RefreshedClaims> {
    const sets: ClaimSet[] = idClaims ? [idClaims] : [];
    const isIncomplete = () =>
      sets.length === 0 || missingMemberships(sets, settings.claims, settings.clientId).length > 0;
    if (isIncomplete() && keys && accessToken.split(".").length === 3) {
      const claims = await verifiedAccessToken(accessToken, subject, keys, config);
      if (claims) {
        sets.push(claims);
      }
    }
    if (isIncomplete() && config.serverMetadata().userinfo_endpoint !== undefined) {
      sets.push(
        await asking("reading somebody's profile", () =>
          oidc.fetchUserInfo(config, accessToken, subject),
        ),
      );
    }
    return readClaims(
      { issuer: settings.issuer, subject },
      sets,
      settings.claims,
      settings.clientId,
    );
  }

  /** Undefined when it is not a token of this provider, for this client, about this person. */
  async function verifiedAccessToken(
    token: string,
    subject: string,
    keys: JWTVerifyGetKey,
    config: oidc.Configuration,
  ): Promise<ClaimSet | undefined> {
    try {
      const { payload } = await jwtVerify(token, keys, {
        issuer: config.serverMetadata().issuer,
        subject,
        clockTolerance: CLOCK_TOLERANCE_SECONDS,
        currentDate: clock.now(),
      });
      const isOurs =
        payload["azp"] === settings.clientId || [payload.aud].flat().includes(settings.clientId);
      return isOurs ? payload : undefined;
    } catch (error) {
      logger.debug({ err: error }, "access token is of no use for roles");
      return undefined;
    }
  }

  function reach(): Promise<Provider> {
    provider ??= discover().catch((error: unknown) => {
      provider = null;
      throw error;
    });
    return provider;
  }

  async function discover(): Promise<Provider> {
    for (const waitMs of [...RETRY_WAITS_MS, null]) {
      try {
        const config = await asking("discovery", () =>
          oidc.discovery(
            issuer,
            settings.clientId,
            undefined,
            settings.clientSecret
              ? oidc.ClientSecretBasic(settings.clientSecret.reveal())
              : oidc.None(),
            {
              timeout: TIMEOUT_SECONDS,
              execute: [
                oidc.enableNonRepudiationChecks,
                // Deprecated only as a warning sign; the address was checked to be this machine's.
                ...(isPlain ? [oidc.allowInsecureRequests] : []),
              ],
            },
          ),
        );
        const { jwks_uri: jwksUri } = config.serverMetadata();
        return { config, keys: jwksUri ? createRemoteJWKSet(new URL(jwksUri)) : null };
      } catch (error) {
        if (waitMs === null || !(error instanceof IdentityUnavailable)) {
          throw error;
        }
        await new Promise<void>((resolve) => timers.after(waitMs, resolve));
      }
    }
    throw new IdentityUnavailable({ issuer: settings.issuer });
  }

  /** Runs one exchange with the provider and sorts what goes wrong: it said no, or it could not be asked. */
  async function asking<T>(operation: string, ask: () => Promise<T>): Promise<T> {
    try {
      const answer = await ask();
      status = { state: "up", detail: null };
      return answer;
    } catch (error) {
      if (isRefusal(error)) {
        status = { state: "up", detail: null };
        throw new UpstreamRejected(
          { system: "The identity provider", operation, why: reasonOf(error) },
          { cause: error },
        );
      }
      status = { state: "down", detail: `${operation} failed` };
      logger.warn(
        { err: error, operation, issuer: settings.issuer },
        "asking the identity provider failed",
      );
      throw new IdentityUnavailable({ issuer: settings.issuer }, { cause: error });
    }
  }
}

function scopesFor(config: oidc.Configuration, wanted: readonly string[]): string {
  const { scopes_supported: offered } = config.serverMetadata();
  return wanted
    .filter(
      (scope) => scope !== "offline_access" || offered === undefined || offered.includes(scope),
    )
    .join(" ");
}

/** What the provider, or the check of what it sent, answered with "no"; everything else is "no answer". */
function isRefusal(
  error: unknown,
): error is oidc.ResponseBodyError | oidc.AuthorizationResponseError | oidc.ClientError {
  if (error instanceof oidc.ResponseBodyError) {
    return error.status < 500;
  }
  return (
    error instanceof oidc.AuthorizationResponseError ||
    (error instanceof oidc.ClientError && REFUSED_CODES.has(error.code ?? ""))
  );
}

/** Codes of openid-client for an answer that arrived and was found wrong. */
const REFUSED_CODES: ReadonlySet<string> = new Set([
  "OAUTH_INVALID_RESPONSE",
  "OAUTH_JWT_CLAIM_COMPARISON_FAILED",
  "OAUTH_JWT_TIMESTAMP_CHECK_FAILED",
  "OAUTH_KEY_SELECTION_FAILED",
]);

function errorCodeOf(error: unknown): string | undefined {
  const cause = error instanceof AppError ? error.cause : error;
  return cause instanceof oidc.ResponseBodyError || cause instanceof oidc.AuthorizationResponseError
    ? cause.error
    : undefined;
}

function reasonOf(error: Error): string {
  const code = errorCodeOf(error);
  const description =
    error instanceof oidc.ResponseBodyError || error instanceof oidc.AuthorizationResponseError
      ? error.error_description
      : undefined;
  // Written by another system, or through it by whoever made the link: short and plain.
  const text = description ?? code ?? "its answer does not fit the question";
  return text
    .replaceAll(/[^\x20-\x7e]/g, " ")
    .trim()
    .slice(0, 200)
    .replace(/\.$/, "");
}

function asLoginFailure(error: unknown): unknown {
  if (!(error instanceof UpstreamRejected)) {
    return error;
  }
  const why =
    errorCodeOf(error) === "access_denied"
      ? "it was cancelled, or you have no access"
      : reasonOf(error.cause instanceof Error ? error.cause : error);
  return new LoginFailed({ why }, { cause: error });
}

function asLogoutRefusal(error: unknown): unknown {
  return error instanceof joseErrors.JOSEError && !(error instanceof joseErrors.JWKSTimeout)
    ? new LogoutTokenInvalid({ why: "its signature or claims are wrong" }, { cause: error })
    : error;
}

/** Whether a host name of a URL is this machine. */
export function isLoopback(hostname: string): boolean {
  return (
    hostname === "localhost" ||
    hostname === "[::1]" ||
    /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(hostname)
  );
}
