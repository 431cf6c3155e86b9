import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Secret } from "../../../shared/config/secret.ts";
import {
  IdentityUnavailable,
  IssuerInsecure,
  LogoutTokenInvalid,
  UpstreamRejected,
} from "../../../shared/errors/catalog.ts";
import { createLogger } from "../../../shared/lib/logger.ts";
import { createManualClock, type ManualClock } from "../../../shared/testing/clock.ts";
import { startFakeIssuer, type FakeIssuer } from "../testing/fake-issuer.ts";
import { KEYCLOAK_CLAIM_PATHS } from "./claims.ts";
import { createOidcClient, type OidcClient } from "./oidc.ts";

let issuer: FakeIssuer;
let clock: ManualClock;
let client: OidcClient;
beforeEach(async () => {
  issuer = await startFakeIssuer();
  clock = createManualClock(new Date());
  client = clientOf(issuer.url);
});
afterEach(() => issuer.close());

function clientOf(url: string): OidcClient {
  return createOidcClient(
    {
      issuer: url,
      clientId: "slipway",
      clientSecret: new Secret("secret"),
      redirectUrl: "http://127.0.0.1/auth/callback",
      postLogoutUrl: "http://127.0.0.1/",
      scopes: ["openid", "profile", "offline_access"],
      claims: KEYCLOAK_CLAIM_PATHS,
    },
    {
      clock,
      logger: createLogger({ level: "silent" }),
      timers: {
        after(_ms, run) {
          setImmediate(run);
          return () => undefined;
        },
      },
    },
  );
}

describe(createOidcClient.name, () => {
  it.each([
    "http://sso.example.com/realms/acme",
    "http://10.0.0.1/",
    "http://localhost.evil.example/",
  ])("refuses %s, where secrets would travel in the open", (url) => {
    expect(() => clientOf(url)).toThrow(IssuerInsecure);
  });

  it("asks nobody anything before somebody signs in", () => {
    expect(issuer.asked.size).toBe(0);
    expect(client.status().state).toBe("unknown");
  });

  it("asks for scopes the provider offers", async () => {
    const { url } = await client.beginSignIn({ returnTo: "/" });
    expect(url.searchParams.get("scope")).toBe("openid profile");
  });

  it("tries again, and asks a provider that was away the next time", async () => {
    const away = await startFakeIssuer();
    await away.close();
    const lost = clientOf(away.url);
    await expect(lost.beginSignIn({ returnTo: "/" })).rejects.toThrow(IdentityUnavailable);
    expect(lost.status().state).toBe("down");
  });
});

describe("refreshing claims", () => {
  it("takes memberships that only the access token tells", async () => {
    issuer.accessClaims = {
      sub: "s-1",
      aud: "account",
      azp: "slipway",
      groups: ["/dev-leads"],
      realm_access: { roles: ["dev-lead"] },
    };
    expect(await client.refresh("s-1", "token")).toMatchObject({
      claims: { subject: "s-1", groups: ["/dev-leads"], realmRoles: ["dev-lead"] },
      refreshToken: "next",
    });
  });

  it("does not believe an access token made for another client", async () => {
    issuer.accessClaims = { sub: "s-1", aud: "other", azp: "other", groups: ["/admins"] };
    expect(await client.refresh("s-1", "token")).toMatchObject({ claims: { groups: [] } });
  });

  it("asks for the profile when the tokens do not tell", async () => {
    issuer.userInfo = { sub: "s-1", preferred_username: "dana", groups: ["/dev-leads"] };
    expect(await client.refresh("s-1", "token")).toMatchObject({
      claims: { username: "dana", groups: ["/dev-leads"] },
    });
  });

  it("asks nothing more when the ID token tells everything", async () => {
    issuer.userInfo = { sub: "s-1" };
    issuer.idClaims = {
      sub: "s-1",
      groups: [],
      realm_access: { roles: [] },
      resource_access: { slipway: { roles: [] } },
    };
    await client.refresh("s-1", "token");
    expect(issuer.asked.get("/userinfo")).toBeUndefined();
  });

  it("refuses an answer about somebody else", async () => {
    issuer.idClaims = { sub: "s-2" };
    await expect(client.refresh("s-1", "token")).rejects.toThrow("another person");
  });

  it("says that somebody was deactivated when the provider withdrew the token", async () => {
    issuer.tokenAnswer = { status: 400, json: { error: "invalid_grant" } };
    expect(await client.refresh("s-1", "token")).toBe("deactivated");
  });

  it.each([
    ["refuses us", 401, { error: "invalid_client" }, UpstreamRejected],
    ["breaks", 500, {}, IdentityUnavailable],
    ["talks nonsense", 200, { hello: "there" }, UpstreamRejected],
  ])(
    "does not take it for a deactivation when the provider %s",
    async (_what, status, json, error) => {
      issuer.tokenAnswer = { status, json };
      await expect(client.refresh("s-1", "token")).rejects.toThrow(error);
    },
  );
});

describe("logout tokens", () => {
  const events = { "http://schemas.openid.net/event/backchannel-logout": {} };

  it("name the session they end, once", async () => {
    const token = await issuer.sign({ sub: "s-1", sid: "session-1", events }, { jti: "j1" });
    expect(await client.verifyLogoutToken(token)).toEqual({ sid: "session-1", subject: "s-1" });
    await expect(client.verifyLogoutToken(token)).rejects.toThrow("used before");
  });

  it.each([
    ["another client", { sub: "s-1", aud: "other", events }],
    ["another issuer", { sub: "s-1", iss: "https://evil.example", events }],
    ["something else than signing out", { sub: "s-1", events: { other: {} } }],
    ["signing in", { sub: "s-1", nonce: "n", events }],
    ["nobody", { events }],
  ])("are refused when they are for %s", async (_what, claims) => {
    const token = await issuer.sign(claims, { jti: "j2" });
    await expect(client.verifyLogoutToken(token)).rejects.toThrow(LogoutTokenInvalid);
  });

  it("are refused without an id, and when they are old", async () => {
    const anonymous = await issuer.sign({ sub: "s-1", events });
    await expect(client.verifyLogoutToken(anonymous)).rejects.toThrow(LogoutTokenInvalid);
    const fresh = await issuer.sign({ sub: "s-1", events, exp: 9_999_999_999 }, { jti: "j3" });
    await clock.advance(6 * 60_000);
    await expect(client.verifyLogoutToken(fresh)).rejects.toThrow(LogoutTokenInvalid);
  });
});
