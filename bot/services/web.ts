import { once } from "node:events";
import type { RequestListener, Server } from "node:http";
import { createApp } from "../../dashboard/server/app.ts";
import { createClaimsSource } from "../../dashboard/server/auth/claims-source.ts";
import {
  createEmbeddedProvider,
  type EmbeddedProvider,
} from "../../dashboard/server/auth/embedded-provider.ts";
import { createOidcClient, type OidcClient } from "../../dashboard/server/auth/oidc.ts";
import { createMetrics, watchConnections } from "../../dashboard/server/metrics.ts";
import { attachSockets } from "../../dashboard/server/room-socket.ts";
import type { PartState } from "../../dashboard/server/routes/health.ts";
import type { PlatformWebhook } from "../../dashboard/server/routes/platform-webhooks.ts";
import type { WebSettings } from "../../dashboard/server/web-settings.ts";
import type { Config } from "../../shared/config/config.ts";
import type { Container } from "../../shared/container.ts";
import type { ConnectionView } from "../../shared/contract/connection.ts";
import type { ClaimsSource } from "../../shared/core/ports/claims-source.ts";
import type { Clock } from "../../shared/core/ports/clock.ts";
import { IdentityUnavailable } from "../../shared/errors/catalog.ts";
import type { Drainer } from "../../shared/lib/drainer.ts";
import type { Logger } from "../../shared/lib/logger.ts";
import { samplePeople } from "../../shared/sample/sample-people.ts";
import { watchForAbsence } from "./room-absence.ts";
import type { RunningService } from "./running-service.ts";
import { createSampleDirectory } from "./sample-directory.ts";

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

/** The same for a process that serves no sign-ins: where the provider is embedded in another process, its people are known. */
export async function createIdentityElsewhere(
  deps: Parameters<typeof createIdentity>[0],
): Promise<Pick<Identity, "claimsSource">> {
  const { config, baseUrl } = deps;
  if (config.auth.provider.kind !== "embedded") {
    return createIdentity(deps);
  }
  const issuer = `${baseUrl}/idp`;
  const refresh = () => Promise.reject(new IdentityUnavailable({ issuer }));
  return { claimsSource: createClaimsSource({ refresh }, createSampleDirectory(issuer)) };
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
  readonly part: () => Promise<PartState>;
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
      cookieSecret: container.cookieSecret,
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
    part: deps.part,
    drainer,
    stopping: stopping.signal,
    clock,
    logger,
  });
  const { areMany, chat } = container.processes;
  const stopWatching = areMany
    ? watchForAbsence({
        services,
        isAnybodyThere: async () => (await chat.leader()) !== null,
        logger,
      })
    : () => undefined;
  const sockets = attachSockets(server, { services, settings, clock, drainer, logger });
  server.removeAllListeners("request");
  server.on("request", app as RequestListener);
  return {
    name: "web",
    async stop() {
      stopping.abort();
      stopWatching();
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
