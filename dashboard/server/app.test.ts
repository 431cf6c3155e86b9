import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { NotificationSettings } from "../../shared/contract/notifications.ts";
import type { Problem } from "../../shared/contract/problem.ts";
import {
  AccountNotFound,
  DeploymentBlocked,
  LinkUsed,
  PermissionDenied,
  ReleaseNotFound,
  SignOffOutdated,
  SignOffRefused,
  UpstreamTimeout,
  UpstreamUnavailable,
} from "../../shared/errors/catalog.ts";
import type { ConnectionView } from "../../shared/contract/connection.ts";
import { createApp } from "./app.ts";
import { createMetrics, watchConnections } from "./metrics.ts";
import { routes } from "./routes/index.ts";
import { buildReleaseView } from "./testing/fake-services.ts";
import { startTestServer, type TestServer } from "./testing/test-server.ts";
import type { PlatformWebhook } from "./routes/platform-webhooks.ts";

const REASONS = [
  { code: "sign_off.missing", reason: "QA has not signed.", remedy: "Ask quinn." },
  { code: "environment.locked", reason: "prod is locked.", remedy: "Say `unlock prod`." },
];

const DEAD_WORK = {
  id: "job-7",
  kind: "job",
  name: "release.refresh",
  about: "number/12",
  attempts: 10,
  since: "2026-11-25T12:00:00.000Z",
  error: "git does not answer",
} as const;

/** What the fake use cases were called with, newest last. */
const calls: { readonly name: string; readonly by: string; readonly input: unknown }[] = [];

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({
    services: {
      releases: {
        async openPullRequests(actor, number, input) {
          calls.push({ name: "open", by: actor.username, input: { number, ...input } });
          return {
            release: buildReleaseView({ number }),
            results: [
              { repository: "acme/api", pullRequest: null, reason: "archived", remedy: "Exclude." },
            ],
          };
        },
        async view(actor, number) {
          if (number === 99) {
            throw new ReleaseNotFound({ release: "#99" });
          }
          if (number === 66) {
            throw new Error("password=hunter2 is in the stack");
          }
          return { ...buildReleaseView({ number }), secretColumn: actor.email };
        },
        async list(_actor, query) {
          calls.push({ name: "list", by: _actor.username, input: query });
          return { items: [], total: 0 };
        },
        async create(actor, input) {
          calls.push({ name: "create", by: actor.username, input });
          return buildReleaseView({ number: 13 });
        },
        async edit(actor, number, input) {
          calls.push({ name: "edit", by: actor.username, input });
          return buildReleaseView({ number });
        },
        async exclude(actor, number, services, reason) {
          calls.push({ name: "exclude", by: actor.username, input: { number, services, reason } });
          return buildReleaseView({ number });
        },
        async include(actor, number, services) {
          calls.push({ name: "include", by: actor.username, input: { number, services } });
          return buildReleaseView({ number });
        },
        async setDependencies(actor, number, service, on) {
          calls.push({ name: "depend", by: actor.username, input: { number, service, on } });
          return buildReleaseView({ number });
        },
        async signOff(actor, number, input) {
          calls.push({ name: "sign", by: actor.username, input });
          if (input.fingerprint === "old") {
            throw new SignOffOutdated({ number, seen: "old", current: "f1", changes: [] });
          }
          if (input.role === "qa") {
            throw new SignOffRefused({ reasons: REASONS.slice(0, 1) });
          }
          return buildReleaseView({ number });
        },
        async close(actor) {
          throw new PermissionDenied({
            permission: "release.close",
            reason: `${actor.name} may not close releases.`,
          });
        },
        async revokeSignOff(actor, number, input) {
          calls.push({ name: "revoke", by: actor.username, input });
          return buildReleaseView({ number });
        },
      },
      deployments: {
        async request() {
          throw new DeploymentBlocked({ reasons: REASONS });
        },
        async plan() {
          throw new UpstreamTimeout({ system: "prod", operation: "plan", timeoutMs: 1_000 });
        },
      },
      environments: {
        async view() {
          throw new UpstreamUnavailable({ system: "prod", operation: "x", retryAfterMs: 2_500 });
        },
      },
      audit: {
        async *csv(actor) {
          if (actor.username === "vic") {
            throw new ReleaseNotFound({ release: "none" });
          }
          yield "seq,event\r\n";
          yield "1,release.created\r\n";
        },
      },
      backgroundWork: {
        async list() {
          return { items: [DEAD_WORK], total: 1 };
        },
        async retry(actor, id) {
          calls.push({ name: "retry", by: actor.username, input: id });
          return DEAD_WORK;
        },
      },
      people: {
        async revokeToken() {},
        async createToken(_actor, input) {
          return {
            id: "t1",
            name: input.name,
            scopes: input.scopes,
            createdAt: "2026-11-25T12:00:00.000Z",
            expiresAt: null,
            lastUsedAt: null,
            token: "the secret",
          };
        },
      },
    },
  });
});
afterAll(() => server.close());

async function problemOf(answer: Response): Promise<Problem> {
  expect(answer.headers.get("content-type")).toContain("application/problem+json");
  return (await answer.json()) as Problem;
}

function json(body: unknown, method = "POST"): RequestInit {
  return { method, body: JSON.stringify(body) };
}

describe(createApp.name, () => {
  it.each(routes.filter(({ permission }) => permission !== "public"))(
    "refuses anonymous $method $path",
    async (route) => {
      const path = route.path.replaceAll(/\{\w+\}/g, "1");
      const answer = await fetch(`${server.url}/api/v1${path}`, {
        method: route.method.toUpperCase(),
      });
      expect(answer.status).toBe(401);
      expect(answer.headers.get("www-authenticate")).toContain("Bearer");
      expect(await problemOf(answer)).toMatchObject({ code: "session.missing", status: 401 });
    },
  );

  it("refuses an unknown token, and takes a known one for its owner", async () => {
    const refused = await server.api("/me", { as: "token-mallory" });
    expect(await problemOf(refused)).toMatchObject({ code: "token.invalid", status: 401 });
    const me = await server.api("/me", { as: "quinn" });
    expect(await me.json()).toMatchObject({ username: "quinn", roles: ["qa"], csrfToken: null });
  });

  it("says what the person may do somewhere, for offering it", async () => {
    const of = async (as: string) =>
      ((await (await server.api("/me", { as })).json()) as { permissions: string[] }).permissions;
    expect(await of("adam")).toContain("work.manage");
    expect(await of("quinn")).toContain("release.sign_off");
    expect(await of("quinn")).not.toContain("work.manage");
    expect(await of("nobody")).toEqual([]);
  });

  it("keeps how each person wants to be written to, and refuses what makes no sense", async () => {
    const kept = new Map<string, NotificationSettings>();
    const defaults: NotificationSettings = {
      digest: "weekdays",
      digestAt: "09:00",
      timeZone: "UTC",
      direct: true,
      platform: null,
      mutedUntil: null,
    };
    const own = await startTestServer({
      services: {
        notifications: {
          settings: async (subject) => kept.get(subject) ?? defaults,
          async change({ subject }, patch) {
            const next = NotificationSettings.parse({ ...defaults, ...patch });
            kept.set(subject, next);
            return next;
          },
        },
      },
    });
    const change = (body: unknown, as = "quinn") =>
      own.api("/me/notifications", { as, ...json(body), method: "PATCH" });
    expect((await change({ digest: "daily", timeZone: "Asia/Tokyo" })).status).toBe(200);
    const read = await own.api("/me/notifications", { as: "quinn" });
    expect(await read.json()).toEqual({ ...defaults, digest: "daily", timeZone: "Asia/Tokyo" });
    expect(await (await own.api("/me/notifications", { as: "dana" })).json()).toEqual(defaults);
    for (const wrong of [{ digestAt: "9" }, { timeZone: "Mars" }, { subject: "sub-adam" }]) {
      const refused = await change(wrong);
      expect(await problemOf(refused)).toMatchObject({ code: "input.invalid", status: 422 });
    }
    await own.close();
  });

  it("shows nothing to somebody without a role, and says which role it takes", async () => {
    const answer = await server.api("/releases/12", { as: "nobody" });
    expect(answer.status).toBe(403);
    const problem = await problemOf(answer);
    expect(problem).toMatchObject({
      code: "permission.denied",
      detail: "nobody may not see releases.",
      requirements: [{ code: "permission.denied" }],
    });
    expect(problem.remedy).toContain("viewer");
  });

  it("passes on that the use case refused", async () => {
    const answer = await server.api("/releases/12/close", {
      as: "vic",
      ...json({ reason: "no" }),
    });
    expect(answer.status).toBe(403);
    expect((await problemOf(answer)).detail).toBe("vic may not close releases.");
  });

  it("lets a token that may only read, only read", async () => {
    const writing = await server.api("/releases", {
      as: "reader-dana",
      ...json({ source: "uat", destination: "master" }),
    });
    expect(writing.status).toBe(403);
    expect((await problemOf(writing)).detail).toBe("This API token may only read.");
    expect((await server.api("/releases/12", { as: "reader-dana" })).status).toBe(200);
    const telling = await server.api("/room/messages", {
      as: "reader-dana",
      ...json({ channel: "releases", text: "@slipway approve 12 as dev" }),
    });
    expect(telling.status).toBe(403);
    expect(server.state.messages).toEqual([]);
  });

  it.each(["12", "%2312"])("finds release %s", async (number) => {
    const answer = await server.api(`/releases/${number}`);
    expect(answer.status).toBe(200);
    expect(await answer.json()).toMatchObject({ number: 12, items: [{ service: "api-gateway" }] });
  });

  it("lets nothing out that the contract does not name", async () => {
    const answer = await server.api("/releases/12");
    expect(await answer.text()).not.toContain("secretColumn");
  });

  it("answers 304 to whoever has the release already", async () => {
    const first = await server.api("/releases/12");
    const etag = first.headers.get("etag") ?? "";
    expect(etag).not.toBe("");
    const again = await server.api("/releases/12", { headers: { "if-none-match": etag } });
    expect(again.status).toBe(304);
    expect(await again.text()).toBe("");
    const other = await server.api("/releases/13", { headers: { "if-none-match": etag } });
    expect(other.status).toBe(200);
  });

  it("lists with the defaults of paging, and refuses what is no filter", async () => {
    const answer = await server.api("/releases?status=open&text=pay");
    expect(await answer.json()).toEqual({ items: [], total: 0 });
    expect(calls.at(-1)?.input).toMatchObject({
      limit: 50,
      offset: 0,
      status: "open",
      text: "pay",
    });
    const refused = await server.api("/releases?status=maybe&limit=501");
    expect(refused.status).toBe(422);
    const problem = await problemOf(refused);
    expect(problem.errors?.map(({ pointer }) => pointer).sort()).toEqual([
      "/query/limit",
      "/query/status",
    ]);
    expect(problem.detail).toContain("/query/limit: must be at most 500");
    expect(problem.detail).not.toMatch(/Invalid|expected/);
  });

  it("lists and retries background work for those who may", async () => {
    const listed = await server.api("/background-work?limit=10", { as: "adam" });
    expect(await listed.json()).toMatchObject({ total: 1, items: [{ id: "job-7" }] });

    const retried = await server.api("/background-work/job-7/retry", {
      as: "adam",
      method: "POST",
    });
    expect(retried.status).toBe(202);
    expect(calls.at(-1)).toEqual({ name: "retry", by: "adam", input: "job-7" });

    const refused = await server.api("/background-work", { as: "olivia" });
    expect(refused.status).toBe(403);
    expect((await problemOf(refused)).remedy).toContain("admin");
  });

  it("creates with 201 and says where", async () => {
    const answer = await server.api("/releases", json({ source: "uat", destination: "master" }));
    expect(answer.status).toBe(201);
    expect(answer.headers.get("location")).toBe("/api/v1/releases/13");
    expect(calls.at(-1)).toEqual({
      name: "create",
      by: "dana",
      input: { source: "uat", destination: "master" },
    });
  });

  it("opens pull requests and tells of each repository what became of it", async () => {
    const answer = await server.api(
      "/releases/12/pull-requests",
      json({ repositories: ["acme/api"] }),
    );
    expect(answer.status).toBe(200);
    expect(await answer.json()).toMatchObject({
      release: { number: 12 },
      results: [{ repository: "acme/api", reason: "archived", remedy: "Exclude." }],
    });
    expect(calls.at(-1)).toEqual({
      name: "open",
      by: "dana",
      input: { number: 12, repositories: ["acme/api"] },
    });
  });

  it("shows a token's secret once and keeps it out of caches", async () => {
    const answer = await server.api("/me/tokens", json({ name: "ci" }));
    expect(answer.status).toBe(201);
    expect(answer.headers.get("cache-control")).toBe("no-store");
    expect(await answer.json()).toMatchObject({ token: "the secret", scopes: ["read", "write"] });
    const gone = await server.api("/me/tokens/t1", { method: "DELETE" });
    expect(gone.status).toBe(204);
  });

  it("changes an item by its id or its service", async () => {
    await server.api(
      "/releases/12/items/item-1",
      json({ excluded: true, excludedReason: "not yet", dependsOn: ["auth-service"] }, "PATCH"),
    );
    expect(calls.slice(-2).map(({ name, input }) => ({ name, input }))).toEqual([
      { name: "depend", input: { number: 12, service: "api-gateway", on: ["auth-service"] } },
      {
        name: "exclude",
        input: { number: 12, services: ["api-gateway"], reason: "not yet" },
      },
    ]);
    await server.api("/releases/12/items/api-gateway", json({ excluded: false }, "PATCH"));
    expect(calls.at(-1)?.name).toBe("include");
    const empty = await server.api("/releases/12/items/api-gateway", json({}, "PATCH"));
    expect(empty.status).toBe(422);
  });

  it("revokes with a view of the release, also for somebody else", async () => {
    const answer = await server.api("/releases/12/sign-offs/dev?of=dana", {
      as: "adam",
      method: "DELETE",
    });
    expect(answer.status).toBe(200);
    expect(await answer.json()).toMatchObject({ number: 12 });
    expect(calls.at(-1)).toEqual({
      name: "revoke",
      by: "adam",
      input: { role: "dev", of: "dana" },
    });
  });

  it("exports the audit log, and refuses with a problem rather than half a file", async () => {
    const answer = await server.api("/audit-log.csv");
    expect(answer.headers.get("content-type")).toBe("text/csv; charset=utf-8");
    expect(answer.headers.get("content-disposition")).toContain("audit-log.csv");
    expect(await answer.text()).toBe("seq,event\r\n1,release.created\r\n");
    const refused = await server.api("/audit-log.csv", { as: "vic" });
    expect(refused.status).toBe(404);
    expect(await problemOf(refused)).toMatchObject({ code: "release.not_found" });
  });

  it("refuses changes while it stops, and says when to come back", async () => {
    const own = await startTestServer();
    await own.drainer.drain(0);
    const answer = await own.api("/releases", json({ source: "a", destination: "b" }));
    expect(answer.status).toBe(429);
    expect(answer.headers.get("retry-after")).toBe("30");
    expect((await problemOf(answer)).code).toBe("service.restarting");
    expect((await own.api("/me")).status).toBe(200);
    expect((await fetch(`${own.url}/health/ready`)).status).toBe(503);
    await own.close();
  });
});

describe("problems", () => {
  it("name every unmet requirement of a refused deploy", async () => {
    const answer = await server.api("/releases/12/deploy", {
      as: "olivia",
      ...json({ environment: "prod" }),
    });
    expect(answer.status).toBe(409);
    expect(await problemOf(answer)).toEqual({
      type: "urn:slipway:problem:deployment.blocked",
      title: "Refused",
      status: 409,
      detail: "Not deployed: QA has not signed. prod is locked.",
      instance: "/api/v1/releases/12/deploy",
      code: "deployment.blocked",
      remedy: null,
      correlationId: answer.headers.get("x-request-id"),
      requirements: REASONS,
    });
  });

  it.each([
    ["a refused signature", { role: "qa" }, 409, "sign_off.refused"],
    ["an outdated one", { role: "dev", fingerprint: "old" }, 409, "sign_off.outdated"],
  ])("tell %s", async (_what, body, status, code) => {
    const answer = await server.api("/releases/12/sign-offs", json(body));
    expect(answer.status).toBe(status);
    expect((await problemOf(answer)).code).toBe(code);
  });

  it.each([
    ["/releases/99", 404, "release.not_found", null],
    ["/releases/0", 422, "input.invalid", null],
    ["/releases/12/plan", 504, "upstream.timeout", null],
    ["/environments/prod", 502, "upstream.unavailable", "3"],
    ["/nothing/here", 404, "route.not_found", null],
    ["/releases/%ff", 400, "input.invalid", null],
  ])("answer GET %s with %i %s", async (path, status, code, retryAfter) => {
    const answer = await server.api(path);
    expect(answer.status).toBe(status);
    expect(answer.headers.get("retry-after")).toBe(retryAfter);
    expect((await problemOf(answer)).code).toBe(code);
  });

  it("point at every mistake in the body", async () => {
    const answer = await server.api(
      "/releases",
      json({ source: "", destination: 7, "odd/key~": 1, repositories: ["a", 5] }),
    );
    expect(answer.status).toBe(422);
    expect((await problemOf(answer)).errors?.map(({ pointer }) => pointer).sort()).toEqual([
      "/destination",
      "/odd~1key~0",
      "/repositories/1",
      "/source",
    ]);
  });

  it.each([
    ["text that is not JSON", "{", "application/json", 400],
    ["a list", "[]", "application/json", 422],
    ["a bare word", '"x"', "application/json", 400],
    ["a form", "a=1", "application/x-www-form-urlencoded", 415],
    ["plain text", "{}", "text/plain", 415],
  ])("refuse %s", async (_what, body, type, status) => {
    const answer = await server.api("/releases", {
      method: "POST",
      body,
      headers: { "content-type": type },
    });
    expect(answer.status).toBe(status);
    expect((await problemOf(answer)).code).toBe("input.invalid");
  });

  it("refuse a body that is too large, and one whose notes are too long", async () => {
    const huge = await server.api("/releases/12", json({ notes: "x".repeat(1_600_000) }, "PATCH"));
    expect(huge.status).toBe(413);
    expect((await problemOf(huge)).code).toBe("input.too_large");
    const long = await server.api("/releases/12", json({ notes: "x".repeat(1_000_000) }, "PATCH"));
    expect(long.status).toBe(422);
    expect((await problemOf(long)).errors).toEqual([
      { pointer: "/notes", message: "is longer than 100000 characters" },
    ]);
  });

  it("tell only a reference about our own faults, under which the log has the rest", async () => {
    const answer = await server.api("/releases/66");
    expect(answer.status).toBe(500);
    const problem = await problemOf(answer);
    expect(JSON.stringify(problem)).not.toContain("hunter2");
    expect(problem.detail).toContain(problem.correlationId);
    expect(server.logged).toContainEqual(
      expect.objectContaining({ level: "error", correlationId: problem.correlationId }),
    );
  });

  it("take over a request id from outside only when it looks like one", async () => {
    const id = "trace-0123456789";
    const kept = await server.api("/releases/99", { headers: { "x-request-id": id } });
    expect((await problemOf(kept)).correlationId).toBe(id);
    const odd = await server.api("/releases/99", { headers: { "x-request-id": 'a"b{c}' } });
    expect((await problemOf(odd)).correlationId).toMatch(/^[0-9a-f-]{36}$/);
  });
});

describe("sessions of a person", () => {
  it("are theirs to see and to end, and the one that asks is known", async () => {
    const heard: unknown[] = [];
    const own = await startTestServer({
      services: {
        sessions: {
          async listOwn(actor, sid) {
            heard.push(["list", actor.subject, sid !== null]);
            return [];
          },
          async endOwn(actor, id) {
            heard.push(["end", actor.subject, id]);
          },
          async endOthers(actor, sid) {
            heard.push(["others", actor.subject, own.state.sessions.has(sid ?? "")]);
            return 2;
          },
        },
      },
    });
    const { browser } = await own.signIn("vic");
    const { csrfToken } = JSON.parse((await browser.open(`${own.url}/api/v1/me`)).text) as {
      csrfToken: string;
    };
    const end = (path: string, headers: Record<string, string>) =>
      browser.open(`${own.url}/api/v1${path}`, { method: "DELETE", headers });

    const listed = await browser.open(`${own.url}/api/v1/me/sessions`);
    expect(JSON.parse(listed.text)).toEqual({ items: [], total: 0 });
    expect((await end("/me/sessions/abc", { "x-csrf-token": csrfToken })).status).toBe(204);
    const others = await end("/me/sessions", { "x-csrf-token": csrfToken });
    expect(JSON.parse(others.text)).toEqual({ ended: 2 });
    expect((await end("/me/sessions", {})).status).toBe(403);
    expect((await own.api("/me/sessions", { as: "dana" })).status).toBe(200);
    const reader = await own.api("/me/sessions", { as: "reader-dana", method: "DELETE" });
    expect(reader.status).toBe(403);

    expect(heard).toEqual([
      ["list", "vic", true],
      ["end", "vic", "abc"],
      ["others", "vic", true],
      ["list", "dana", false],
    ]);
    await own.close();
  });

  it("keep from where the browser signed in and is used", async () => {
    const origins: unknown[] = [];
    const own = await startTestServer({
      services: {
        sessions: {
          async touch(_sid, _expiresAt, origin) {
            origins.push(origin);
          },
        },
      },
    });
    const { browser } = await own.signIn("vic");
    const signedIn = [...own.state.sessions.values()].find(({ subject }) => subject === "vic");
    expect(signedIn?.origin).toMatchObject({ ip: "127.0.0.1" });

    await own.clock.advance(60_000);
    await browser.open(`${own.url}/api/v1/me`, { headers: { "user-agent": "Firefox" } });

    expect(origins).toEqual([{ ip: "127.0.0.1", userAgent: "Firefox" }]);
    await own.close();
  });
});

describe("requests of a signed-in browser", () => {
  const body = JSON.stringify({ source: "uat", destination: "master" });

  async function browserOf(username: string) {
    const { browser } = await server.signIn(username);
    const me = await browser.open(`${server.url}/api/v1/me`);
    const { csrfToken } = JSON.parse(me.text) as { csrfToken: string };
    const post = (headers: Record<string, string>) =>
      browser.open(`${server.url}/api/v1/releases`, {
        method: "POST",
        body,
        headers: { "content-type": "application/json", ...headers },
      });
    return { post, csrfToken };
  }

  it("change something with the token of /me", async () => {
    const { post, csrfToken } = await browserOf("dana");
    const answer = await post({
      "x-csrf-token": csrfToken,
      origin: server.url,
      "sec-fetch-site": "same-origin",
    });
    expect(answer.status).toBe(201);
  });

  it.each([
    ["without it", {}],
    ["with another", { "x-csrf-token": "0".repeat(64) }],
  ])("are refused %s", async (_what, headers) => {
    const { post } = await browserOf("dana");
    const answer = await post(headers);
    expect(answer.status).toBe(403);
    expect(JSON.parse(answer.text)).toMatchObject({ code: "csrf.invalid" });
  });

  it.each([
    ["another origin", { origin: "https://evil.example" }],
    ["no origin at all", { origin: "null" }],
    ["another site", { "sec-fetch-site": "cross-site" }],
    ["a neighbour", { "sec-fetch-site": "same-site" }],
  ])("are refused from %s even with it", async (_what, headers) => {
    const { post, csrfToken } = await browserOf("dana");
    expect((await post({ "x-csrf-token": csrfToken, ...headers })).status).toBe(403);
  });

  it("are refused with the token of somebody else's session", async () => {
    const dana = await browserOf("dana");
    const quinn = await browserOf("quinn");
    expect((await quinn.post({ "x-csrf-token": dana.csrfToken })).status).toBe(403);
  });
});

describe("the rate limit", () => {
  it("counts by token and says how much is left", async () => {
    const own = await startTestServer({
      settings: { rateLimit: { perSecond: 2, signInsPerMinute: 60 } },
    });
    const answers = await Promise.all(Array.from({ length: 12 }, () => own.api("/me")));
    const first = answers.find(({ status }) => status === 200);
    expect(first?.headers.get("ratelimit-policy")).toMatch(/"api"; q=6; w=3/);
    expect(first?.headers.get("ratelimit")).toMatch(/"api"; r=\d; t=[1-3]/);

    const refused = answers.filter(({ status }) => status === 429);
    expect(refused.length).toBeGreaterThanOrEqual(2);
    expect(Number(refused[0]?.headers.get("retry-after"))).toBeGreaterThan(0);
    expect(refused[0] && (await problemOf(refused[0])).code).toBe("rate.limited");

    expect((await own.api("/me", { as: "quinn" })).status).toBe(200);
    const health = await Promise.all(
      Array.from({ length: 12 }, () => fetch(`${own.url}/health/live`)),
    );
    expect(health.every(({ status }) => status === 200)).toBe(true);
    await own.close();
  });
});

describe("what is outside the API", () => {
  it("tells health with the state of each connection", async () => {
    const own = await startTestServer({
      app: {
        connections: async () => [
          { name: "database", state: "up", required: true, detail: null },
          { name: "chat:room", state: "down", required: false, detail: "reconnecting" },
        ],
      },
    });
    const ready = await fetch(`${own.url}/health/ready`);
    expect(ready.status).toBe(200);
    expect(await ready.json()).toEqual({
      status: "ready",
      connections: [
        { name: "database", state: "up", required: true, detail: null },
        { name: "chat:room", state: "down", required: false, detail: "reconnecting" },
      ],
    });
    await own.close();

    const broken = await startTestServer({
      app: {
        connections: async () => [
          { name: "database", state: "down", required: true, detail: "locked" },
        ],
      },
    });
    const notReady = await fetch(`${broken.url}/health/ready`);
    expect(notReady.status).toBe(503);
    expect(await notReady.json()).toMatchObject({ status: "not_ready" });
    expect((await fetch(`${broken.url}/health/live`)).status).toBe(200);
    await broken.close();
  });

  it("shows request allowances in the API and in metrics", async () => {
    const metrics = createMetrics();
    const budget = {
      name: "core",
      limit: 5_000,
      remaining: 4_812,
      resetsAt: "2026-11-25T14:05:00.000Z",
      pausedUntil: null,
    };
    const connections: ConnectionView[] = [
      { name: "database", state: "up", required: true, detail: null },
      {
        name: "scm:github:0",
        state: "down",
        required: false,
        detail: "it does not answer; core 4,812 of 5,000 until 14:05 UTC",
        budgets: [budget],
      },
    ];
    watchConnections(metrics, async () => connections);
    const own = await startTestServer({ app: { metrics, connections: async () => connections } });
    expect(await (await own.api("/connections", { as: "vic" })).json()).toEqual({
      items: connections,
    });
    expect((await own.api("/connections", { as: "nobody" })).status).toBe(403);
    const text = await (await fetch(`${own.url}/metrics`)).text();
    expect(text.split("\n")).toEqual(
      expect.arrayContaining([
        'slipway_connection_up{connection="database"} 1',
        'slipway_connection_up{connection="scm:github:0"} 0',
        'slipway_request_budget_limit{connection="scm:github:0",budget="core"} 5000',
        'slipway_request_budget_remaining{connection="scm:github:0",budget="core"} 4812',
        `slipway_request_budget_resets_at_seconds{connection="scm:github:0",budget="core"} ${Date.parse(budget.resetsAt) / 1_000}`,
      ]),
    );
    connections.pop();
    expect(await (await fetch(`${own.url}/metrics`)).text()).not.toContain("scm:github:0");
    await own.close();
  });

  it("tells health and collectors how connections that stay open have fared", async () => {
    const link = {
      since: "2026-11-25T09:00:00.000Z",
      lastEventAt: "2026-11-25T10:00:00.000Z",
      reconnects: 2,
      acknowledgedInMs: 40,
    };
    const quiet = { ...link, lastEventAt: null, acknowledgedInMs: null };
    const metrics = createMetrics();
    const connections = async (): Promise<ConnectionView[]> => [
      { name: "database", state: "up", required: true, detail: null },
      { name: "chat:slack", state: "up", required: false, detail: null, link },
      { name: "chat:discord", state: "down", required: false, detail: null, link: quiet },
    ];
    watchConnections(metrics, connections);
    const own = await startTestServer({ app: { metrics, connections } });
    const ready = await fetch(`${own.url}/health/ready`);
    expect(await ready.json()).toMatchObject({
      connections: [{ name: "database" }, { name: "chat:slack", link }, { link: quiet }],
    });
    const text = await (await fetch(`${own.url}/metrics`)).text();
    expect(text.split("\n").filter((line) => line.startsWith("slipway_connection_"))).toEqual([
      'slipway_connection_up{connection="database"} 1',
      'slipway_connection_up{connection="chat:slack"} 1',
      'slipway_connection_up{connection="chat:discord"} 0',
      'slipway_connection_since_timestamp_seconds{connection="chat:slack"} 1795597200',
      'slipway_connection_since_timestamp_seconds{connection="chat:discord"} 1795597200',
      'slipway_connection_last_event_timestamp_seconds{connection="chat:slack"} 1795600800',
      'slipway_connection_reconnects{connection="chat:slack"} 2',
      'slipway_connection_reconnects{connection="chat:discord"} 2',
      'slipway_connection_acknowledgement_seconds{connection="chat:slack"} 0.04',
    ]);
    await own.close();
  });

  it("gives metrics to collectors here and to administrators", async () => {
    await server.api("/releases/12");
    const here = await fetch(`${server.url}/metrics`);
    const text = await here.text();
    expect(text).toContain("process_cpu_user_seconds_total");
    expect(text).toMatch(
      /http_request_duration_seconds_count\{method="GET",route="\/api\/v1\/releases\/:number",status="200"\} \d/,
    );
    const ask = (headers: Record<string, string>) =>
      fetch(`${server.url}/metrics`, { headers }).then(({ status }) => status);
    expect(await ask({ "x-forwarded-for": "203.0.113.7" })).toBe(403);
    expect(await ask({ authorization: "Bearer token-dana" })).toBe(403);
    expect(await ask({ authorization: "Bearer token-adam" })).toBe(200);
    expect(await ask({ authorization: "Bearer token-mallory" })).toBe(401);
  });

  it("hands a platform's request over as it came", async () => {
    const own = await startTestServer({
      app: {
        webhooks: new Map<string, PlatformWebhook>([
          [
            "mattermost",
            async ({ headers, body }) => ({
              status: headers["x-signature"] === "right" ? 200 : 401,
              json: { body },
            }),
          ],
          ["silent", async () => ({ status: 200, json: undefined })],
        ]),
      },
    });
    const post = (platform: string, signature: string) =>
      fetch(`${own.url}/hooks/${platform}`, {
        method: "POST",
        body: '{"a": 1}',
        headers: { "x-signature": signature, "content-type": "application/json" },
      });
    const taken = await post("mattermost", "right");
    expect([taken.status, await taken.json()]).toEqual([200, { body: '{"a": 1}' }]);
    expect((await post("mattermost", "wrong")).status).toBe(401);
    expect((await post("slack", "right")).status).toBe(404);
    const silent = await post("silent", "right");
    expect([silent.status, await silent.text()]).toEqual([200, ""]);
    await own.close();
  });

  it("takes calls of forges without a session, and answers without a body where there is nothing to do", async () => {
    const own = await startTestServer({
      app: { webhooks: new Map([["github", async () => ({ status: 204, json: null })]]) },
    });
    const answer = await fetch(`${own.url}/hooks/github`, { method: "POST", body: "{}" });
    expect([answer.status, await answer.text()]).toEqual([204, ""]);
    await own.close();
  });

  it("reads no huge call, and no more calls of one address than are sensible", async () => {
    let taken = 0;
    const own = await startTestServer({
      app: {
        webhooksPerMinute: 3,
        webhooks: new Map([
          [
            "github",
            async () => {
              taken += 1;
              return { status: 202, json: null };
            },
          ],
        ]),
      },
    });
    const post = (body: string) => fetch(`${own.url}/hooks/github`, { method: "POST", body });
    expect((await post("x".repeat(2_000_000))).status).toBe(413);
    expect([(await post("{}")).status, (await post("{}")).status]).toEqual([202, 202]);
    const limited = await post("{}");
    expect(limited.status).toBe(429);
    expect(Number(limited.headers.get("retry-after"))).toBeGreaterThan(0);
    expect(taken).toBe(2);
    await own.close();
  });

  it("sends headers that let pages do only what ours do", async () => {
    const { headers } = await fetch(`${server.url}/api/v1/docs`);
    const policy = headers.get("content-security-policy") ?? "";
    expect(policy).toContain("default-src 'self'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).toContain(`connect-src 'self' ${server.url.replace("http", "ws")}`);
    expect(policy).not.toContain("unsafe");
    expect(headers.get("x-powered-by")).toBeNull();
    expect(headers.get("strict-transport-security")).toBeNull();
    expect(headers.get("x-content-type-options")).toBe("nosniff");
  });

  it("asks browsers to come back over TLS only where it is reached over TLS", async () => {
    const own = await startTestServer({
      settings: { baseUrl: "https://releases.example.com", trustProxy: 1 },
    });
    const answer = await fetch(`${own.url}/health/live`);
    expect(answer.headers.get("strict-transport-security")).toContain("max-age=31536000");
    await own.close();
  });

  it("serves the reference from its own disk", async () => {
    const page = await fetch(`${server.url}/api/v1/docs`);
    const text = await page.text();
    const parts = [...text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, part]) => part ?? "");
    expect(parts.length).toBeGreaterThanOrEqual(4);
    expect(parts.every((part) => part.startsWith("/"))).toBe(true);
    for (const part of parts) {
      expect((await fetch(`${server.url}${part}`)).status).toBe(200);
    }
    const document = await fetch(`${server.url}/api/v1/openapi.json`);
    expect(await document.json()).toMatchObject({ openapi: "3.1.0" });
    const loaded = Object.keys(createRequire(import.meta.url).cache);
    expect(loaded.filter((path) => path.includes("swagger-ui-dist"))).toEqual([]);
  });

  it("refuses the embedded identity provider under a name that is not this machine's", async () => {
    const status = await new Promise((resolve) => {
      request(
        `${server.url}/idp/.well-known/openid-configuration`,
        { headers: { host: "evil.example" } },
        (answer) => {
          answer.resume();
          resolve(answer.statusCode);
        },
      ).end();
    });
    expect(status).toBe(403);
  });
});

describe("the dashboard's files", () => {
  let root: string;
  let pages: TestServer;
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), "slipway-pages-"));
    await mkdir(join(root, "assets"));
    await writeFile(join(root, "index.html"), "<!doctype html><title>Slipway</title>");
    await writeFile(join(root, "assets", "index-abc123.js"), "export {};".repeat(500));
    pages = await startTestServer({ app: { webRoot: root } });
  });
  afterAll(async () => {
    await pages.close();
    await rm(root, { recursive: true, force: true });
  });
  const get = (path: string, accept = "text/html") =>
    fetch(`${pages.url}${path}`, { headers: { accept, "accept-encoding": "gzip" } });

  it.each(["/", "/releases", "/releases/12", "/room"])("answer %s with the page", async (path) => {
    const answer = await get(path);
    expect(answer.status).toBe(200);
    expect(answer.headers.get("cache-control")).toBe("no-cache");
    expect(await answer.text()).toContain("<title>Slipway</title>");
  });

  it("may be kept for ever when their names say what is in them", async () => {
    const answer = await get("/assets/index-abc123.js", "*/*");
    expect(answer.headers.get("cache-control")).toBe("public, max-age=31536000, immutable");
    expect(answer.headers.get("content-encoding")).toBe("gzip");
  });

  it.each([
    ["/assets/gone.js", 404],
    ["/health/unknown", 404],
    ["/hooks/x", 404],
    ["/room/socket", 404],
    ["/assets/../../package.json", 200],
  ])("answer %s with %i, never with something from elsewhere", async (path, status) => {
    const answer = await get(path);
    expect(answer.status).toBe(status);
    expect(await answer.text()).not.toContain('"dependencies"');
  });

  it("say how to be built when they are missing", async () => {
    const own = await startTestServer({ app: { webRoot: join(root, "missing") } });
    const answer = await fetch(`${own.url}/`, { headers: { accept: "text/html" } });
    expect(answer.status).toBe(503);
    expect(await answer.text()).toContain("npm run build");
    await own.close();
  });
});

describe("chat accounts", () => {
  const account = {
    id: "account-1",
    platform: "mattermost",
    workspace: "chat.example.com",
    userId: "mm1",
    displayName: "Dana O",
    linkedAt: "2026-11-25T12:00:00.000Z",
  };
  const token = "asecretthatnobodyelsehas";

  async function startWithAccounts() {
    const linked: string[] = [];
    const unlinked: string[] = [];
    const own = await startTestServer({
      services: {
        accounts: {
          linkRequest: async ({ subject, username, name }) => ({
            ...account,
            person: { subject, username, name },
            expiresAt: "2026-11-25T12:10:00.000Z",
            isLinked: false,
          }),
          async link({ username }, given) {
            if (given !== token) {
              throw new LinkUsed({});
            }
            linked.push(username);
            return account;
          },
          list: async ({ subject }) => (subject === "dana" ? [account] : []),
          async unlink({ username }, id) {
            if (id !== account.id) {
              throw new AccountNotFound({ account: id });
            }
            unlinked.push(`${username} ${id}`);
          },
        },
      },
    });
    return { own, linked, unlinked };
  }

  it("are linked by a click of somebody who came back from signing in, and not by opening the link", async () => {
    const { own, linked } = await startWithAccounts();
    const { browser, page } = await own.signIn("dana", `/link/${token}`);
    expect(page.url.pathname).toBe(`/link/${token}`);
    const url = `${own.url}/api/v1/links/${token}`;
    const shown = await browser.open(url);
    expect(JSON.parse(shown.text)).toMatchObject({
      platform: "mattermost",
      displayName: "Dana O",
      person: { username: "dana" },
    });
    expect((await browser.open(url, { method: "POST" })).status).toBe(403);
    expect(linked).toEqual([]);

    const me = await browser.open(`${own.url}/api/v1/me`);
    const { csrfToken } = JSON.parse(me.text) as { csrfToken: string };
    const answer = await browser.open(url, {
      method: "POST",
      headers: { "x-csrf-token": csrfToken },
    });
    expect([answer.status, JSON.parse(answer.text)]).toEqual([200, account]);
    expect(linked).toEqual(["dana"]);
    await own.close();
  });

  it("are shown and linked to nobody who is not signed in", async () => {
    const { own, linked } = await startWithAccounts();
    for (const method of ["GET", "POST"]) {
      const answer = await fetch(`${own.url}/api/v1/links/${token}`, { method });
      expect(answer.status).toBeGreaterThanOrEqual(401);
    }
    expect(linked).toEqual([]);
    await own.close();
  });

  it("leave no secret in the log when a link is refused", async () => {
    const { own } = await startWithAccounts();
    const answer = await own.api("/links/usedbefore", { method: "POST" });
    expect(answer.status).toBe(409);
    expect(await problemOf(answer)).toMatchObject({ code: "link.used" });
    const refused = own.logged.filter(({ code }) => code === "link.used");
    expect(refused).toMatchObject([{ path: "/api/v1/links/…" }]);
    expect(JSON.stringify(own.logged)).not.toContain("usedbefore");
    await own.close();
  });

  it("are listed and unlinked by their owner", async () => {
    const { own, unlinked } = await startWithAccounts();
    const mine = await own.api("/me/accounts");
    expect(await mine.json()).toEqual({ items: [account], total: 1 });
    expect((await own.api("/me/accounts/account-1", { method: "DELETE" })).status).toBe(204);
    expect(unlinked).toEqual(["dana account-1"]);
    const other = await own.api("/me/accounts/another", { method: "DELETE" });
    expect(await problemOf(other)).toMatchObject({ code: "account.not_found", status: 404 });
    await own.close();
  });
});
