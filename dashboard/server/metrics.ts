import type { Request, RequestHandler } from "express";
import { collectDefaultMetrics, Histogram, Registry } from "prom-client";
import type { PeopleServices } from "../../shared/app/services.ts";
import { PermissionDenied } from "../../shared/errors/catalog.ts";
import { bearerToken, viaOf } from "./request-context.ts";

export interface Metrics {
  /** Where other parts of the process add their own. */
  readonly registry: Registry;
  /** Measures every request by method, route and status; never by what the address contains. */
  readonly measure: RequestHandler;
}

const BUCKETS_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

export function createMetrics(): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const duration = new Histogram({
    name: "http_request_duration_seconds",
    help: "Time from a request's arrival to the end of its answer",
    labelNames: ["method", "route", "status"],
    buckets: BUCKETS_SECONDS,
    registers: [registry],
  });
  return {
    registry,
    measure(req, res, next) {
      const end = duration.startTimer();
      res.on("finish", () => {
        end({ method: req.method, route: routeOf(req), status: String(res.statusCode) });
      });
      next();
    },
  };
}

/** `GET /metrics` in Prometheus's text format, for a collector on this machine or with an administrator's token. */
export function createMetricsHandler(metrics: Metrics, people: PeopleServices): RequestHandler {
  return async (req, res) => {
    const token = bearerToken(req.get("authorization"));
    const isAllowed =
      token === undefined
        ? isCollectorOnThisMachine(req)
        : people.roles(await people.actorOfToken(token, viaOf(req, "api"))).includes("admin");
    if (!isAllowed) {
      throw new PermissionDenied(
        {
          permission: "metrics.read",
          reason: "Metrics are for collectors on this machine and for administrators.",
        },
        { remedy: "Send an administrator's API token as `Authorization: Bearer …`." },
      );
    }
    res.set("Content-Type", metrics.registry.contentType).send(await metrics.registry.metrics());
  };
}

/** The pattern of the route, e.g. `/api/v1/releases/:number`; one word for everything else, or there would be no end of labels. */
function routeOf(req: Request): string {
  const { route } = req as { readonly route?: { readonly path?: unknown } };
  return typeof route?.path === "string" ? `${req.baseUrl}${route.path}` : "other";
}

/** A connection from this machine that no proxy passes on for somebody else. */
function isCollectorOnThisMachine(req: Request): boolean {
  const peer = (req.socket.remoteAddress ?? "").replace(/^::ffff:/, "");
  const isHere = peer === "::1" || peer.startsWith("127.");
  return (
    isHere && req.headers["x-forwarded-for"] === undefined && req.headers["forwarded"] === undefined
  );
}
