import { once } from "node:events";
import type { RequestListener, Server } from "node:http";
import { join } from "node:path";
import { createApp } from "../../dashboard/server/app.ts";
import { createClaimsSource } from "../../dashboard/server/auth/claims-source.ts";
import {
  createEmbeddedProvider,
  type EmbeddedProvider,
} from "../../dashboard/server/auth/embedded-provider.ts";
import { createOidcClient, type OidcClient } from "../../dashboard/server/auth/oidc.ts";
import { createMetrics, watchConnections } from "../../dashboard/server/metrics.ts";
import { attachSockets } from "../../dashboard/server/room-socket.ts";
import type { PlatformWebhook } from "../../dashboard/server/routes/platform-webhooks.ts";
import type { WebSettings } from "../../dashboard/server/web-settings.ts";
import type { Config } from "../../shared/config/config.ts";
import { Secret } from "../../shared/config/secret.ts";
import type { Container } from "../../shared/container.ts";
import type { ConnectionView } from "../../shared/contract/connection.ts";
import type { ClaimsSource } from "../../shared/core/ports/claims-source.ts";
import type { Clock } from "../../shared/core/ports/clock.ts";
import type { Drainer } from "../../shared/lib/drainer.ts";
import { randomToken } from "../../shared/lib/ids.ts";
import type { Logger } from "../../shared/lib/logger.ts";
import { readOrCreateSecretFile } from "../../shared/lib/secret-file.ts";
import { samplePeople } from "../../shared/sample/sample-people.ts";
import type { RunningService } from "./running-service.ts";

/** Beginnings of a sign-in one address may make: generous for an office behind one address, useless for guessing. */
const SIGN_INS_PER_MINUTE = 60;

/** How people sign in, and how their roles are confirmed later. */
export interface Identity {
  readonly oidc: OidcClient;
  readonly claimsSource: ClaimsSource;
  /** Set where this process is the identity provider itself. */
  readonly embedded: EmbeddedProvider | null;
}

/** Wires sign-in from the configuration. The provider is not asked yet. */
export async function createIdentity(deps: {
  readonly config: Config;
  readonly baseUrl: string;
  readonly clock: Clock;
  readonly logger: Logger;
}): Promise<Identity> {
  const { config, baseUrl, clock, logger } = deps;
  const { provider } = config.auth;
  if (provider.kind === "embedded") {
    const embedded = await createEmbeddedProvider({
      baseUrl,
      people: samplePeople,
      dataDirectory: config.dataDir,
      signInsPerMinute: SIGN_INS_PER_MINUTE,
      clock,
      logger,
    });
    const oidc = createOidcClient(embedded.settings, { clock, logger });
    return { oidc, claimsSource: createClaimsSource(oidc, embedded.directory), embedded };
  }
  const oidc = createOidcClient(
    {
      issuer: provider.issuer,
      clientId: provider.clientId,
      clientSecret: provider.clientSecret,
      redirectUrl: provider.redirectUrl ?? `${baseUrl}/auth/callback`,
      postLogoutUrl: `${baseUrl}/`,
      scopes: provider.scopes,
      claims: provider.claims,
    },
    { clock, logger },
  );
  return { oidc, claimsSource: createClaimsSource(oidc), embedded: null };
}

/** Puts the dashboard and the API behind a server that listens already. */
export async function startWeb(deps: {
  readonly server: Server;
  readonly config: Config;
  readonly container: Container;
  readonly identity: Identity;
  readonly baseUrl: string;
  /** The built pages. */
  readonly webRoot: string;
  readonly webhooks: ReadonlyMap<string, PlatformWebhook>;
  readonly connections: () => Promise<readonly ConnectionView[]>;
  readonly drainer: Drainer;
  readonly clock: Clock;
  readonly logger: Logger;
}): Promise<RunningService> {
  const { server, config, container, identity, drainer, clock, logger } = deps;
  const { services } = container;
  const settings: WebSettings = {
    baseUrl: deps.baseUrl,
    trustProxy: config.server.trustProxy,
    rateLimit: {
      perSecond: config.limits.requestsPerSecond,
      signInsPerMinute: SIGN_INS_PER_MINUTE,
    },
    session: {
      ...config.auth.session,
      cookieSecret: new Secret(
        await readOrCreateSecretFile(join(config.dataDir, "cookie.key"), () => randomToken(43)),
      ),
    },
  };
  const stopping = new AbortController();
  const metrics = createMetrics();
  watchConnections(metrics, deps.connections);
  const app = createApp({
    services,
    settings,
    oidc: identity.oidc,
    ...(identity.embedded ? { embeddedProvider: identity.embedded.handler } : {}),
    metrics,
    webhooks: deps.webhooks,
    webRoot: deps.webRoot,
    connections: deps.connections,
    drainer,
    stopping: stopping.signal,
    clock,
    logger,
  });
  const sockets = attachSockets(server, { services, settings, clock, drainer, logger });
  server.removeAllListeners("request");
  server.on("request", app as RequestListener);
  return {
    name: "web",
    async stop() {
      stopping.abort();
      const closed = once(server, "close");
      server.close();
      await sockets.close();
      server.closeIdleConnections();
      const patience = setTimeout(() => server.closeAllConnections(), 2_000);
      await closed;
      clearTimeout(patience);
    },
  };
}
