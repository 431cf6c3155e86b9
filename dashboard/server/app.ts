import type { RequestListener } from "node:http";
import compression from "compression";
import express, { Router, type Express, type RequestHandler } from "express";
import type { Services } from "../../shared/app/services.ts";
import type { ConnectionView } from "../../shared/contract/connection.ts";
import type { Clock } from "../../shared/core/ports/clock.ts";
import type { Drainer } from "../../shared/lib/drainer.ts";
import type { Logger } from "../../shared/lib/logger.ts";
import type { Timers } from "../../shared/lib/scheduler.ts";
import type { OidcClient } from "./auth/oidc.ts";
import { createSignInRouter } from "./auth/sign-in.ts";
import { createLiveEvents } from "./live-events.ts";
import { createMetricsHandler, type Metrics } from "./metrics.ts";
import { createActorMiddleware } from "./middleware/actor.ts";
import { createCsrfProtection } from "./middleware/csrf.ts";
import { createApiRateLimit } from "./middleware/rate-limit.ts";
import { createRequestId } from "./middleware/request-id.ts";
import { createSecurityHeaders } from "./middleware/security-headers.ts";
import { createSessionMiddleware } from "./middleware/session.ts";
import { createProblemHandler, refuseUnknownRoute } from "./problem.ts";
import { bearerToken, contextOf, loggedPath } from "./request-context.ts";
import { mount } from "./route.ts";
import { createHealthRouter, type PartState } from "./routes/health.ts";
import { routes } from "./routes/index.ts";
import { createPlatformWebhooks, type PlatformWebhook } from "./routes/platform-webhooks.ts";
import { createReference } from "./routes/reference.ts";
import { createStaticPages } from "./static-pages.ts";
import type { WebSettings } from "./web-settings.ts";

export interface AppOptions {
  readonly services: Services;
  readonly settings: WebSettings;
  readonly oidc: OidcClient;
  /** The embedded identity provider, where it is used: served at `/idp`. */
  readonly embeddedProvider?: RequestHandler;
  readonly metrics: Metrics;
  /** By platform id or kind of provider, served at `/hooks/{id}`. */
  readonly webhooks?: ReadonlyMap<string, PlatformWebhook>;
  /** Webhook calls one address may make per minute. */
  readonly webhooksPerMinute?: number;
  /** The built pages (`dist/web`); null where this process serves none. */
  readonly webRoot: string | null;
  /** What readiness lists. */
  readonly connections: () => Promise<readonly ConnectionView[]>;
  /** Which part of the installation this process is, for readiness. */
  readonly part?: () => Promise<PartState>;
  /** Refuses changes while the process is stopping. */
  readonly drainer: Drainer;
  /** Aborts when the process stops: live streams end then. */
  readonly stopping: AbortSignal;
  readonly clock: Clock;
  readonly timers?: Timers;
  readonly logger: Logger;
}

/** Builds the web server. It does not listen; sockets are added by `attachSockets`. */
export function createApp(options: AppOptions): Express {
  const { services, settings, oidc, logger, metrics, drainer } = options;
  const app = express();
  app.disable("x-powered-by");
  app.set("trust proxy", settings.trustProxy);
  app.set("query parser", "simple");

  app.use(createRequestId());
  app.use(metrics.measure);
  app.use(createSecurityHeaders(settings, new URL(oidc.issuer).origin));
  app.use(
    "/health",
    createHealthRouter(options.connections, () => drainer.isDraining, options.part),
  );
  app.get("/metrics", createMetricsHandler(metrics, services.people));
  app.use(
    "/hooks",
    createPlatformWebhooks(options.webhooks ?? new Map(), options.webhooksPerMinute),
  );
  if (options.embeddedProvider) {
    app.use("/idp", options.embeddedProvider);
  }
  app.use(compression({ filter: isWorthCompressing }));

  const session = createSessionMiddleware({
    sessions: services.sessions,
    clock: options.clock,
    settings,
  });
  app.use(
    "/auth",
    createSignInRouter({ oidc, services, settings, session, clock: options.clock, logger }),
  );
  app.use("/api/v1", createReference(routes));
  app.use("/api/v1", createApi(options, session));
  if (options.webRoot !== null) {
    app.use(createStaticPages(options.webRoot));
  }
  app.use(refuseUnknownRoute);
  app.use(createProblemHandler(logger));
  return app;
}

/** What a process answers that has no web part: how it is. */
export function createHealthApp(options: {
  readonly connections: () => Promise<readonly ConnectionView[]>;
  readonly part: () => Promise<PartState>;
  readonly isDraining: () => boolean;
}): RequestListener {
  const app = express();
  app.disable("x-powered-by");
  app.use("/health", createHealthRouter(options.connections, options.isDraining, options.part));
  app.use((_req, res) => {
    res.status(404).type("text/plain").send("This process answers about its health only.\n");
  });
  return app as RequestListener;
}

function createApi(options: AppOptions, session: RequestHandler): Router {
  const { services, settings, oidc, logger, stopping } = options;
  const live = createLiveEvents({
    live: services.live,
    logger,
    ...(options.timers ? { timers: options.timers } : {}),
  });
  stopping.addEventListener("abort", () => live.close(), { once: true });

  const api = Router();
  api.use((req, res, next) => {
    res.set("Cache-Control", req.method === "GET" ? "private, no-cache" : "no-store");
    res.vary("Authorization, Cookie");
    // Clients with a token have no session, and none is looked for.
    if (bearerToken(req.get("authorization")) === undefined) {
      session(req, res, next);
    } else {
      next();
    }
  });
  api.use(createApiRateLimit(settings.rateLimit.perSecond));
  api.use(createActorMiddleware(services.people, settings));
  api.use(createCsrfProtection(settings));
  api.use(createWriteGuard(options));
  mount(api, routes, {
    services,
    live,
    identityProvider: new URL(oidc.issuer).host,
    connections: options.connections,
  });
  return api;
}

/** Lets changes finish before the process stops, refuses new ones then, and leaves a line about each in the log. */
function createWriteGuard({ drainer, logger }: AppOptions): RequestHandler {
  return (req, res, next) => {
    if (req.method === "GET" || req.method === "HEAD") {
      next();
      return;
    }
    const end = drainer.startOperation();
    res.on("close", () => {
      end();
      const { actor, correlationId } = contextOf(req);
      logger.info(
        {
          method: req.method,
          path: loggedPath(req),
          status: res.statusCode,
          username: actor?.username,
          correlationId,
        },
        "change requested over http",
      );
    });
    next();
  };
}

/** Compressing an event stream would hold events back until enough of them came together. */
const isWorthCompressing: compression.CompressionFilter = (req, res) =>
  !String(res.getHeader("Content-Type")).startsWith("text/event-stream") &&
  compression.filter(req, res);
