import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { createLogger } from "../../../shared/lib/logger.ts";
import { createBrowser, formAction } from "../testing/browser.ts";
import { startTestServer, type TestServer } from "../testing/test-server.ts";
import { createEmbeddedProvider } from "./embedded-provider.ts";

describe(createEmbeddedProvider.name, () => {
  let server: TestServer;
  const printed = vi.spyOn(console, "warn");
  const informed = vi.spyOn(console, "info");
  beforeAll(async () => {
    server = await startTestServer();
  });
  afterAll(() => server.close());
  afterEach(() => {
    printed.mockClear();
    informed.mockClear();
  });

  it("says nothing on the console", async () => {
    await server.signIn("dana");
    expect(printed).not.toHaveBeenCalled();
    expect(informed).not.toHaveBeenCalled();
  });

  it("describes itself as any OpenID Provider does", async () => {
    const answer = await fetch(`${server.url}/idp/.well-known/openid-configuration`);
    expect(await answer.json()).toMatchObject({
      issuer: `${server.url}/idp`,
      token_endpoint: `${server.url}/idp/token`,
      end_session_endpoint: `${server.url}/idp/session/end`,
      code_challenge_methods_supported: ["S256"],
    });
  });

  it.each([
    ["is passed on by a proxy", { "x-forwarded-for": "203.0.113.7" }],
    ["is passed on by a proxy that says so", { via: "1.1 proxy" }],
  ])("refuses a request that %s", async (_what, headers) => {
    const answer = await fetch(`${server.url}/idp/.well-known/openid-configuration`, { headers });
    expect(answer.status).toBe(403);
    expect(await answer.text()).toContain("only on the machine Slipway runs on");
  });

  it("shows people on its page, each with name and role, without needing scripts", async () => {
    const page = await createBrowser().open(`${server.url}/auth/login`);
    expect(page.text).toContain('<html lang="en">');
    expect(page.text).not.toContain("<script");
    for (const [username, title] of [
      ["robin", "dev and qa"],
      ["vic", "viewer"],
    ]) {
      expect(page.text).toMatch(
        new RegExp(
          `<button name="person" value="${username}"><strong>${username}</strong> <span>— ${title}</span>`,
        ),
      );
    }
    expect(page.headers.get("content-security-policy")).toContain("default-src 'self'");
  });

  it.each([
    ["somebody unknown", { person: "mallory" }, {}, "nobody of that name"],
    [
      "a page of another site",
      { person: "adam" },
      { origin: "https://evil.example" },
      "another site",
    ],
  ])("refuses %s", async (_what, fields, headers, words) => {
    const browser = createBrowser();
    const choice = await browser.open(`${server.url}/auth/login`);
    const page = await browser.submit(formAction(choice), fields, headers);
    expect(page.status).toBe(401);
    expect(page.text).toContain(words);
  });

  it("confirms roles with the refresh token of the sign-in, also after signing out there", async () => {
    const answered: (string | null)[] = [];
    const own = await startTestServer({
      services: {
        people: {
          async signedIn(claims, via, refreshToken) {
            answered.push(refreshToken);
            return {
              kind: "person",
              subject: claims.subject,
              username: claims.username,
              name: claims.name,
              email: claims.email,
              grants: [],
              via,
            };
          },
        },
      },
    });
    await own.signIn("robin");
    const [token] = answered;
    expect(token).toBeTruthy();
    expect(await own.oidc.refresh("robin", token ?? "")).toMatchObject({
      claims: { subject: "robin", groups: ["/robins"], realmRoles: ["dev", "qa"] },
      refreshToken: token,
    });
    expect(await own.oidc.refresh("robin", "forgotten")).toBe("deactivated");
    await own.close();
  });

  it("keeps its keys for its owner, and the same after a restart", async () => {
    const directory = await mkdtemp(join(tmpdir(), "slipway-idp-"));
    const start = () =>
      createEmbeddedProvider({
        baseUrl: "http://127.0.0.1:1",
        people: [],
        dataDirectory: directory,
        signInsPerMinute: 1,
        clock: { now: () => new Date() },
        logger: createLogger({ level: "silent" }),
      });
    const first = await start();
    const second = await start();
    const path = join(directory, "identity-provider", "keys.json");
    const secret = first.settings.clientSecret?.reveal();
    expect(secret).toMatch(/^\w{43}$/);
    expect(second.settings.clientSecret?.reveal()).toBe(secret);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await readFile(path, "utf8")).toContain(secret);
    await rm(directory, { recursive: true, force: true });
  });
});
