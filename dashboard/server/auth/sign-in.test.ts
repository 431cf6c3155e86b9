import { SignJWT, generateKeyPair } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createBrowser, formAction, hiddenFields } from "../testing/browser.ts";
import { startTestServer, type TestServer } from "../testing/test-server.ts";
import { createSignInRouter } from "./sign-in.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.close());

/** Beginning of the session cookie's name; the rest is the port. */
function sessionCookie(): string {
  return `slipway-${new URL(server.url).port}`;
}

describe(createSignInRouter.name, () => {
  it("signs in through the identity provider and comes back to the page asked for", async () => {
    const browser = createBrowser();
    const choice = await browser.open(`${server.url}/auth/login?returnTo=/releases/12%3Ftab=order`);
    expect(choice.status).toBe(200);
    expect(choice.text).toContain('<button name="person" value="dana">');

    const page = await browser.submit(formAction(choice), { person: "dana" });
    expect(page.url.href).toBe(`${server.url}/releases/12?tab=order`);

    const me = await browser.open(`${server.url}/api/v1/me`);
    expect(me.status).toBe(200);
    expect(JSON.parse(me.text)).toMatchObject({
      subject: "dana",
      roles: ["dev"],
      identityProvider: new URL(server.url).host,
      csrfToken: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    expect(server.state.signIns.at(-1)).toMatchObject({
      issuer: `${server.url}/idp`,
      subject: "dana",
      username: "dana",
      email: "dana@example.test",
      groups: ["/danas"],
      realmRoles: ["dev"],
    });
  });

  it("asks the provider with PKCE, state and nonce, different each time", async () => {
    const urls = await Promise.all(
      [1, 2].map(async () => {
        const answer = await fetch(`${server.url}/auth/login`, { redirect: "manual" });
        return new URL(answer.headers.get("location") ?? "").searchParams;
      }),
    );
    for (const parameter of ["state", "nonce", "code_challenge"]) {
      const values = urls.map((url) => url.get(parameter));
      expect(values[0]).toMatch(/^[\w-]{43}$/);
      expect(values[0]).not.toBe(values[1]);
    }
    expect(urls[0]?.get("code_challenge_method")).toBe("S256");
  });

  it("gives the browser another session id when it signs in", async () => {
    const browser = createBrowser();
    const choice = await browser.open(`${server.url}/auth/login`);
    const before = browser.cookie(server.url, sessionCookie());
    await browser.submit(formAction(choice), { person: "dana" });
    const after = browser.cookie(server.url, sessionCookie());

    expect(before).toBeTruthy();
    expect(after).not.toBe(before);
    const thief = createBrowser();
    thief.setCookie(server.url, sessionCookie(), before ?? "");
    expect((await thief.open(`${server.url}/api/v1/me`)).status).toBe(401);
  });

  it("keeps the session cookie from scripts and other sites", async () => {
    const answer = await fetch(`${server.url}/auth/login`, { redirect: "manual" });
    expect(answer.headers.get("set-cookie")).toMatch(/HttpOnly; SameSite=Lax$/);
  });

  it.each([
    ["another site", "https://evil.example/"],
    ["a protocol-relative address", "//evil.example/"],
    ["a backslash", "/\\evil.example"],
    ["a tab", "/\t/evil.example"],
    ["a script", "javascript:alert(1)"],
    ["the sign-out", "/auth/logout"],
  ])("does not lead to %s after signing in", async (_what, returnTo) => {
    const { page } = await server.signIn("dana", returnTo);
    expect(page.url.href).toBe(`${server.url}/`);
  });

  it("refuses a callback nobody in this browser began, with a way back", async () => {
    const page = await createBrowser().open(`${server.url}/auth/callback?code=x&state=y`);
    expect(page.status).toBe(401);
    expect(page.headers.get("content-type")).toContain("text/html");
    expect(page.text).toContain("begun in another browser");
    expect(page.text).toContain('href="/auth/login"');
  });

  it("refuses a code the provider does not know", async () => {
    const browser = createBrowser();
    const choice = await browser.open(`${server.url}/auth/login`);
    expect(choice.status).toBe(200);
    const begun = [...server.state.sessions.values()].at(-1)?.data["pendingSignIns"] as {
      state: string;
    }[];
    const page = await browser.open(
      `${server.url}/auth/callback?code=invented&state=${begun[0]?.state}&iss=${encodeURIComponent(`${server.url}/idp`)}`,
    );
    expect(page.status).toBe(401);
    expect(page.text).toContain("Signing in did not work");
    expect((await browser.open(`${server.url}/api/v1/me`)).status).toBe(401);
  });

  it("explains what the provider refused, without running what it says", async () => {
    const browser = createBrowser();
    await browser.open(`${server.url}/auth/login`);
    const begun = [...server.state.sessions.values()].at(-1)?.data["pendingSignIns"] as {
      state: string;
    }[];
    const page = await browser.open(
      `${server.url}/auth/callback?error=server_error&error_description=%3Cscript%3Ealert(1)%3C/script%3E&state=${begun[0]?.state}&iss=${encodeURIComponent(`${server.url}/idp`)}`,
    );
    expect(page.status).toBe(401);
    expect(page.text).not.toContain("<script>alert");
    expect(page.text).toContain("&lt;script&gt;");
  });

  it("goes to the base URL first when reached under another name", async () => {
    const answer = await fetch(`${server.url.replace("127.0.0.1", "localhost")}/auth/login`, {
      redirect: "manual",
    });
    expect(answer.status).toBe(303);
    expect(answer.headers.get("location")).toBe(`${server.url}/auth/login?home=1&returnTo=%2F`);
  });

  it("signs out here and at the provider, and comes back", async () => {
    const { browser } = await server.signIn("quinn");
    const page = await browser.submit(`${server.url}/auth/logout`, {});
    expect(page.url.pathname).toBe("/idp/session/end");
    expect(page.text).toContain("submit.js");
    const back = await browser.submit(formAction(page), hiddenFields(page));

    expect(back.url.href).toBe(`${server.url}/`);
    expect(server.state.signOuts).toContain("quinn");
    expect((await browser.open(`${server.url}/api/v1/me`)).status).toBe(401);
    const again = await browser.open(`${server.url}/auth/login`);
    expect(again.text).toContain("Who are you today?");
  });

  it("does not sign out because another site says so", async () => {
    const { browser } = await server.signIn("dana");
    const page = await browser.open(`${server.url}/auth/logout`, {
      headers: { "sec-fetch-site": "cross-site" },
    });
    expect(page.status).toBe(403);
    expect((await browser.open(`${server.url}/api/v1/me`)).status).toBe(200);
  });

  it("ends the session when the person loses access", async () => {
    const { browser } = await server.signIn("vic");
    server.state.inactive.add("vic");
    const refused = await browser.open(`${server.url}/api/v1/me`);
    server.state.inactive.delete("vic");

    expect(refused.status).toBe(403);
    expect((await browser.open(`${server.url}/api/v1/me`)).status).toBe(401);
  });

  it("ends an unused session, and a used one after its longest time", async () => {
    const own = await startTestServer();
    const { browser } = await own.signIn("dana");
    const status = async () => (await browser.open(`${own.url}/api/v1/me`)).status;
    for (let halfHours = 0; halfHours < 15; halfHours += 1) {
      await own.clock.advance(30 * 60_000);
      expect(await status()).toBe(200);
    }
    await own.clock.advance(31 * 60_000);
    expect(await status()).toBe(401);

    const idle = await own.signIn("quinn");
    await own.clock.advance(61 * 60_000);
    expect((await idle.browser.open(`${own.url}/api/v1/me`)).status).toBe(401);
    await own.close();
  });

  it("limits how often an address may begin to sign in", async () => {
    const own = await startTestServer({
      settings: { rateLimit: { perSecond: 1_000, signInsPerMinute: 2 } },
    });
    const begin = () => fetch(`${own.url}/auth/login`, { redirect: "manual" });
    expect([(await begin()).status, (await begin()).status]).toEqual([303, 303]);
    const third = await begin();
    expect(third.status).toBe(429);
    expect(Number(third.headers.get("retry-after"))).toBeGreaterThan(0);
    await own.close();
  });
});

describe("back-channel logout", () => {
  it("ends the browser's session when the person signs out at the provider", async () => {
    const { browser } = await server.signIn("robin");
    expect((await browser.open(`${server.url}/api/v1/me`)).status).toBe(200);

    const asked = await browser.open(`${server.url}/idp/session/end`);
    await browser.submit(formAction(asked), hiddenFields(asked));

    expect((await browser.open(`${server.url}/api/v1/me`)).status).toBe(401);
  });

  it("refuses a token that somebody else signed", async () => {
    const { browser } = await server.signIn("dana");
    const { privateKey } = await generateKeyPair("ES256");
    const forged = await new SignJWT({
      events: { "http://schemas.openid.net/event/backchannel-logout": {} },
      sub: "dana",
    })
      .setProtectedHeader({ alg: "ES256" })
      .setIssuer(`${server.url}/idp`)
      .setAudience("slipway")
      .setIssuedAt()
      .setJti("1")
      .sign(privateKey);
    const answer = await fetch(`${server.url}/auth/backchannel-logout`, {
      method: "POST",
      body: new URLSearchParams({ logout_token: forged }),
    });
    expect(answer.status).toBe(400);
    expect(answer.headers.get("cache-control")).toBe("no-store");
    expect((await browser.open(`${server.url}/api/v1/me`)).status).toBe(200);
  });

  it.each([
    ["nothing", {}],
    ["no token at all", { logout_token: "hello" }],
  ])("refuses %s", async (_what, fields) => {
    const answer = await fetch(`${server.url}/auth/backchannel-logout`, {
      method: "POST",
      body: new URLSearchParams(fields),
    });
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(answer.status).toBeLessThan(500);
  });
});
