import { join } from "node:path";
import express, { Router, type Request, type RequestHandler, type Response } from "express";
import { exportJWK, generateKeyPair } from "jose";
import type Provider from "oidc-provider";
import type { Configuration } from "oidc-provider";
import { z } from "zod";
import { Secret } from "../../../shared/config/secret.ts";
import type { RefreshedClaims } from "../../../shared/core/ports/claims-source.ts";
import type { Clock } from "../../../shared/core/ports/clock.ts";
import { IdentityProviderLocal, LoginFailed } from "../../../shared/errors/catalog.ts";
import { randomToken } from "../../../shared/lib/ids.ts";
import type { Logger } from "../../../shared/lib/logger.ts";
import { isFromOurPage } from "../middleware/csrf.ts";
import { createSignInRateLimit } from "../middleware/rate-limit.ts";
import { KEYCLOAK_CLAIM_PATHS } from "./claims.ts";
import type { PeopleDirectory } from "./claims-source.ts";
import { createFriendly } from "./friendly.ts";
import { createEmbeddedStore } from "./embedded-store.ts";
import { isLoopback, type OidcSettings } from "./oidc.ts";
import { escapeHtml, PLAIN_PAGE_STYLESHEET, plainPage } from "./pages.ts";
import { readOrCreateSecretFile } from "../../../shared/lib/secret-file.ts";

/** Somebody the embedded identity provider vouches for, chosen on its page without a password. */
export interface SamplePerson {
  readonly subject: string;
  readonly username: string;
  readonly name: string;
  readonly email: string;
  readonly groups: readonly string[];
  readonly realmRoles: readonly string[];
  /** What they are on the sample team, e.g. `dev lead`. */
  readonly title?: string;
}

export interface EmbeddedProvider {
  /** To be mounted at `/idp`. Answers loopback only. */
  readonly handler: RequestHandler;
  /** How to sign in there: the same settings any identity provider needs. */
  readonly settings: OidcSettings;
  readonly directory: PeopleDirectory;
}

export interface EmbeddedProviderOptions {
  /** Where Slipway is reached; the issuer is `/idp` below it. */
  readonly baseUrl: string;
  readonly people: readonly SamplePerson[];
  /** Keys are made here on the first start. */
  readonly dataDirectory: string;
  readonly signInsPerMinute: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

const MOUNT_PATH = "/idp";
const CLIENT_ID = "slipway";
const HOUR_SECONDS = 3_600;
const DAY_SECONDS = 24 * HOUR_SECONDS;

/** What the provider needs to know again after a restart. */
const Keys = z.object({
  clientSecret: z.string().min(32),
  cookieKey: z.string().min(32),
  signingKey: z.looseObject({ kty: z.string(), kid: z.string(), alg: z.string() }),
});
type Keys = z.infer<typeof Keys>;

/**
 * A real OpenID Provider for trying Slipway out: same protocol and same code path as Keycloak, with sample people instead of
 * passwords. The provider itself is loaded at its first request.
 */
export async function createEmbeddedProvider(
  options: EmbeddedProviderOptions,
): Promise<EmbeddedProvider> {
  const { baseUrl, people, logger } = options;
  const issuer = `${baseUrl}${MOUNT_PATH}`;
  const keys = Keys.parse(
    JSON.parse(
      await readOrCreateSecretFile(
        join(options.dataDirectory, "identity-provider", "keys.json"),
        createKeys,
      ),
    ),
  );
  const settings: OidcSettings = {
    issuer,
    clientId: CLIENT_ID,
    clientSecret: new Secret(keys.clientSecret),
    redirectUrl: `${baseUrl}/auth/callback`,
    postLogoutUrl: `${baseUrl}/`,
    scopes: ["openid", "profile", "email", "offline_access"],
    claims: KEYCLOAK_CLAIM_PATHS,
  };
  const bySubject = new Map(people.map((person) => [person.subject, person]));
  let loading: Promise<RequestHandler> | null = null;

  return {
    handler: handleRequest,
    settings,
    directory: {
      claimsOf(subject) {
        const person = bySubject.get(subject);
        return person && claimsOf(person);
      },
      everybody: () => people.map(claimsOf),
    },
  };

  function claimsOf(person: SamplePerson): RefreshedClaims {
    const { subject, username, name, email, groups, realmRoles } = person;
    return { issuer, subject, username, name, email, groups, realmRoles, clientRoles: [] };
  }

  async function handleRequest(...[req, res, next]: Parameters<RequestHandler>): Promise<void> {
    if (!comesFromThisMachine(req)) {
      refuseOutsiders(req, res);
      return;
    }
    loading ??= load().catch((error: unknown) => {
      loading = null;
      throw error;
    });
    const handler = await loading;
    await handler(req, res, next);
  }

  async function load(): Promise<RequestHandler> {
    const provider = await quietly(async () => {
      const { default: OpenIdProvider } = await import("oidc-provider");
      return new OpenIdProvider(issuer, configure(options, settings, keys));
    });
    provider.on("server_error", (_ctx, error) => {
      logger.error({ err: error }, "embedded identity provider failed");
    });
    provider.on("backchannel.error", (_ctx, error) => {
      logger.warn({ err: error }, "embedded identity provider could not announce a sign-out");
    });
    return createProviderRouter(provider, options, bySubject);
  }
}

async function createKeys(): Promise<string> {
  const { privateKey } = await generateKeyPair("ES256", { extractable: true });
  const keys: Keys = {
    clientSecret: randomToken(43),
    cookieKey: randomToken(43),
    signingKey: {
      ...(await exportJWK(privateKey)),
      kty: "EC",
      use: "sig",
      alg: "ES256",
      kid: randomToken(12),
    },
  };
  return JSON.stringify(keys);
}

function configure(
  { baseUrl, people, clock }: EmbeddedProviderOptions,
  settings: OidcSettings,
  keys: Keys,
): Configuration {
  const bySubject = new Map(people.map((person) => [person.subject, person]));
  const { port } = new URL(baseUrl);
  return {
    adapter: createEmbeddedStore(clock),
    clients: [
      {
        client_id: settings.clientId,
        client_secret: keys.clientSecret,
        client_name: "Slipway",
        redirect_uris: [settings.redirectUrl],
        post_logout_redirect_uris: [settings.postLogoutUrl],
        grant_types: ["authorization_code", "refresh_token"],
        response_types: ["code"],
        id_token_signed_response_alg: "ES256",
        backchannel_logout_uri: `${baseUrl}/auth/backchannel-logout`,
        backchannel_logout_session_required: true,
      },
    ],
    jwks: { keys: [keys.signingKey] },
    cookies: {
      keys: [keys.cookieKey],
      // Cookies of one host are shared by all its ports.
      names: {
        session: `slipway-idp-${port}`,
        interaction: `slipway-idp-interaction-${port}`,
        resume: `slipway-idp-resume-${port}`,
      },
      long: { path: MOUNT_PATH, httpOnly: true, sameSite: "lax", signed: true },
      short: { path: MOUNT_PATH, httpOnly: true, sameSite: "lax", signed: true },
    },
    scopes: ["openid", "offline_access"],
    claims: {
      openid: ["sub", "sid"],
      profile: ["name", "preferred_username", "groups", "realm_access"],
      email: ["email", "email_verified"],
    },
    // Profile claims in the ID token, as Keycloak's mappers put them.
    conformIdTokenClaims: false,
    pkce: { required: () => true },
    ttl: {
      AccessToken: HOUR_SECONDS,
      AuthorizationCode: 60,
      Grant: 30 * DAY_SECONDS,
      IdToken: HOUR_SECONDS,
      Interaction: HOUR_SECONDS,
      RefreshToken: 30 * DAY_SECONDS,
      Session: 7 * DAY_SECONDS,
    },
    rotateRefreshToken: false,
    issueRefreshToken: async (_ctx, client) => client.grantTypeAllowed("refresh_token"),
    // Roles must be confirmable after the person closed the browser or signed out there.
    expiresWithSession: async () => false,
    features: {
      devInteractions: { enabled: false },
      backchannelLogout: { enabled: true },
      rpInitiatedLogout: {
        enabled: true,
        logoutSource(ctx, form) {
          ctx.body = plainPage({
            title: "Signing out",
            stylesheet: PLAIN_PAGE_STYLESHEET,
            script: `${MOUNT_PATH}/submit.js`,
            // The form comes without a button; both are tied to it by its id.
            body: `${form}<input type="hidden" name="logout" value="yes" form="op.logoutForm">
<p>One moment …</p>
<button type="submit" form="op.logoutForm">Sign out</button>`,
          });
        },
        postLogoutSuccessSource(ctx) {
          ctx.body = plainPage({
            title: "You are signed out",
            stylesheet: PLAIN_PAGE_STYLESHEET,
            body: `<p><a class="button" href="${escapeHtml(baseUrl)}/">Go to Slipway</a></p>`,
          });
        },
      },
    },
    interactions: { url: (_ctx, interaction) => `${MOUNT_PATH}/interaction/${interaction.uid}` },
    async findAccount(_ctx, subject) {
      const person = bySubject.get(subject);
      return (
        person && {
          accountId: subject,
          claims: async () => ({
            sub: subject,
            name: person.name,
            preferred_username: person.username,
            email: person.email,
            email_verified: true,
            groups: [...person.groups],
            realm_access: { roles: [...person.realmRoles] },
          }),
        }
      );
    },
    /** Slipway is the only client, so nobody is asked whether it may know who they are. */
    async loadExistingGrant({ oidc }) {
      const { client, session } = oidc;
      const accountId = session?.accountId;
      if (!client || !session || accountId === undefined) {
        return undefined;
      }
      const grantId = session.grantIdFor(client.clientId);
      const existing = grantId === undefined ? undefined : await oidc.provider.Grant.find(grantId);
      if (existing && existing.accountId === accountId) {
        return existing;
      }
      const grant = new oidc.provider.Grant({ clientId: client.clientId, accountId });
      grant.addOIDCScope("openid profile email offline_access");
      await grant.save();
      return grant;
    },
    renderError(ctx, out) {
      ctx.type = "html";
      ctx.body = plainPage({
        title: "That did not work",
        stylesheet: PLAIN_PAGE_STYLESHEET,
        body: `<p role="alert">${escapeHtml(out.error_description ?? out.error)}</p>
<p><a class="button" href="/auth/login">Sign in again</a></p>`,
      });
    },
    // The provider's own guard refuses loopback addresses, and loopback is the only place it ever calls.
    fetch(url, init = {}) {
      const plain: RequestInit & { dispatcher?: unknown } = { ...init };
      delete plain.dispatcher;
      return globalThis.fetch(url, plain);
    },
  };
}

function createProviderRouter(
  provider: Provider,
  { baseUrl, people, signInsPerMinute, logger }: EmbeddedProviderOptions,
  bySubject: ReadonlyMap<string, SamplePerson>,
): Router {
  const router = Router();
  const friendly = createFriendly(logger);
  const byUsername = new Map(people.map((person) => [person.username, person]));

  router.get("/submit.js", (_req, res) => {
    res.type("js").send('document.querySelector("form").submit();\n');
  });

  router.get(
    "/interaction/:uid",
    friendly(async (req, res) => {
      const { prompt, uid } = await interactionOf(req, res);
      if (prompt.name !== "login") {
        throw new LoginFailed({ why: "the identity provider asks for something it should not" });
      }
      res.set("Cache-Control", "no-store").type("html").send(loginPage(uid, people));
    }),
  );

  router.post(
    "/interaction/:uid",
    createSignInRateLimit(signInsPerMinute),
    express.urlencoded({ extended: false, limit: "10kb" }),
    friendly(async (req, res) => {
      if (!isFromOurPage(req, { baseUrl })) {
        throw new LoginFailed({ why: "the answer came from another site" });
      }
      await interactionOf(req, res);
      const person = byUsername.get(chosenPerson(req.body));
      if (!person || !bySubject.has(person.subject)) {
        throw new LoginFailed({ why: "nobody of that name is on the sample team" });
      }
      await provider.interactionFinished(
        req,
        res,
        { login: { accountId: person.subject, remember: true } },
        { mergeWithLastSubmission: false },
      );
    }),
  );

  const serve = provider.callback();
  router.use((req, res) => serve(req, res));
  return router;

  async function interactionOf(req: Request, res: Response) {
    try {
      return await provider.interactionDetails(req, res);
    } catch (error) {
      throw new LoginFailed(
        { why: "it took too long, or was begun in another browser" },
        { cause: error },
      );
    }
  }
}

function chosenPerson(body: unknown): string {
  return typeof body === "object" && body !== null && "person" in body ? String(body.person) : "";
}

function loginPage(uid: string, people: readonly SamplePerson[]): string {
  const choices = people
    .map(
      (person) =>
        `<li><button name="person" value="${escapeHtml(person.username)}"><strong>${escapeHtml(person.name)}</strong> <span>— ${escapeHtml(titleOf(person))}</span></button></li>`,
    )
    .join("\n");
  return plainPage({
    title: "Who are you today?",
    stylesheet: PLAIN_PAGE_STYLESHEET,
    body: `<p class="muted">This is the sample team of the embedded identity provider. It needs no passwords and answers only on this machine.</p>
<form method="post" action="${MOUNT_PATH}/interaction/${encodeURIComponent(uid)}">
<ul>
${choices}
</ul>
</form>`,
  });
}

function titleOf({ title, realmRoles, groups }: SamplePerson): string {
  return title ?? ([...realmRoles, ...groups].join(", ") || "no role");
}

/** Headers that proxies add: behind one, everybody seems to be on this machine. */
const FORWARDED = ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via"];

/**
 * Whether the peer of the connection is this machine, without a proxy in between that would make everybody look so, and under
 * a loopback name, so that no web page elsewhere can have renamed itself to us.
 */
function comesFromThisMachine(req: Request): boolean {
  const peer = (req.socket.remoteAddress ?? "").replace(/^::ffff:/, "");
  const isPeerHere = peer === "::1" || isLoopback(peer);
  const isForwarded = FORWARDED.some((name) => req.headers[name] !== undefined);
  const host = req.headers.host ?? "";
  const isNameHere =
    URL.canParse(`http://${host}`) && isLoopback(new URL(`http://${host}`).hostname);
  return isPeerHere && !isForwarded && isNameHere;
}

function refuseOutsiders(req: Request, res: Response): void {
  const refusal = new IdentityProviderLocal({});
  if (!req.accepts("html")) {
    throw refusal;
  }
  res
    .status(403)
    .type("html")
    .send(
      plainPage({
        title: "Not from here",
        stylesheet: PLAIN_PAGE_STYLESHEET,
        body: `<p role="alert">${escapeHtml(refusal.message)}</p>\n<p>${escapeHtml(refusal.remedy ?? "")}</p>`,
      }),
    );
}

/**
 * Runs `work` while the provider's own notices (it would rather have a newer Node) are kept off the console; everything else
 * is printed as always.
 */
async function quietly<T>(work: () => Promise<T>): Promise<T> {
  /* eslint-disable no-console -- the provider writes there and offers no other way to be silenced */
  const { info, warn } = console;
  console.info = withoutNotices(info);
  console.warn = withoutNotices(warn);
  try {
    return await work();
  } finally {
    console.info = info;
    console.warn = warn;
  }
  /* eslint-enable no-console */
}

function withoutNotices(print: (...values: unknown[]) => void): (...values: unknown[]) => void {
  return (...values) => {
    if (!String(values[0]).includes("oidc-provider ")) {
      print(...values);
    }
  };
}
