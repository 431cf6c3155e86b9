import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Services } from "../../../shared/app/services.ts";
import { Secret } from "../../../shared/config/secret.ts";
import { ShuttingDown } from "../../../shared/errors/catalog.ts";
import { createDrainer, type Drainer } from "../../../shared/lib/drainer.ts";
import { createLogger } from "../../../shared/lib/logger.ts";
import { createManualClock, type ManualClock } from "../../../shared/testing/clock.ts";
import { createApp, type AppOptions } from "../app.ts";
import { createEmbeddedProvider, type EmbeddedProvider } from "../auth/embedded-provider.ts";
import { createOidcClient, type OidcClient } from "../auth/oidc.ts";
import { createMetrics } from "../metrics.ts";
import { attachSockets, type RoomSockets } from "../room-socket.ts";
import type { WebSettings } from "../web-settings.ts";
import { createBrowser, formAction, type Browser, type Page } from "./browser.ts";
import { createFakeServices, ROLES, type FakeState } from "./fake-services.ts";

export interface TestServer {
  /** Origin, without a slash at the end. */
  readonly url: string;
  readonly clock: ManualClock;
  readonly services: Services;
  readonly state: FakeState;
  readonly oidc: OidcClient;
  readonly embedded: EmbeddedProvider;
  readonly sockets: RoomSockets;
  readonly drainer: Drainer;
  /** Log lines, parsed. */
  readonly logged: readonly Record<string, unknown>[];
  /** Asks the API with a token (`token-<username>` by default of `as`). */
  api(path: string, init?: RequestInit & { readonly as?: string }): Promise<Response>;
  /** A browser in which this person has just signed in, and the page it ended on. */
  signIn(username: string, returnTo?: string): Promise<{ browser: Browser; page: Page }>;
  close(): Promise<void>;
}

/** A whole web server on an ephemeral port, over fake services and with the embedded identity provider. */
export async function startTestServer(
  overrides: {
    readonly services?: Parameters<typeof createFakeServices>[1];
    readonly settings?: Partial<WebSettings>;
    readonly app?: Partial<AppOptions>;
  } = {},
): Promise<TestServer> {
  const directory = await mkdtemp(join(tmpdir(), "slipway-web-"));
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  // Tokens of the identity provider carry the real time, so time begins now and moves by hand from there.
  const clock = createManualClock(new Date());
  const logged: Record<string, unknown>[] = [];
  const logger = createLogger({
    level: "debug",
    destination: {
      write(line: string) {
        logged.push(JSON.parse(line) as Record<string, unknown>);
      },
    },
  });
  const { services, state } = createFakeServices(clock, overrides.services);
  const settings: WebSettings = {
    baseUrl: url,
    trustProxy: false,
    rateLimit: { perSecond: 1_000, signInsPerMinute: 1_000 },
    session: {
      cookieSecret: new Secret("a secret of tests, long enough"),
      idleMs: 3_600_000,
      absoluteMs: 8 * 3_600_000,
    },
    ...overrides.settings,
  };
  const embedded = await createEmbeddedProvider({
    baseUrl: url,
    dataDirectory: directory,
    people: Object.entries(ROLES).map(([username, roles]) => ({
      subject: username,
      username,
      name: username,
      email: `${username}@example.test`,
      groups: [`/${username}s`],
      realmRoles: roles,
      title: roles.join(" and "),
    })),
    signInsPerMinute: 1_000,
    clock: { now: () => new Date() },
    logger,
  });
  const oidc = createOidcClient(embedded.settings, { clock, logger });
  const drainer = createDrainer(() => new ShuttingDown({}));
  const stopping = new AbortController();
  server.on(
    "request",
    createApp({
      services,
      settings,
      oidc,
      embeddedProvider: embedded.handler,
      metrics: createMetrics(),
      webRoot: null,
      connections: async () => [],
      drainer,
      stopping: stopping.signal,
      clock,
      timers: clock,
      logger,
      ...overrides.app,
    }),
  );
  const sockets = attachSockets(server, {
    services,
    settings,
    clock,
    timers: clock,
    drainer,
    logger,
  });

  return {
    url,
    clock,
    services,
    state,
    oidc,
    embedded,
    sockets,
    drainer,
    logged,
    api(path, { as = "dana", ...init } = {}) {
      const headers = new Headers(init.headers);
      headers.set("authorization", `Bearer ${as.includes("-") ? as : `token-${as}`}`);
      if (typeof init.body === "string" && !headers.has("content-type")) {
        headers.set("content-type", "application/json");
      }
      return fetch(`${url}/api/v1${path}`, { ...init, headers });
    },
    async signIn(username, returnTo = "/releases") {
      const browser = createBrowser();
      const choice = await browser.open(
        `${url}/auth/login?returnTo=${encodeURIComponent(returnTo)}`,
      );
      const page = await browser.submit(formAction(choice), { person: username });
      return { browser, page };
    },
    async close() {
      stopping.abort();
      const closed = sockets.close();
      await clock.advance(5_000);
      await closed;
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await rm(directory, { recursive: true, force: true });
    },
  };
}
