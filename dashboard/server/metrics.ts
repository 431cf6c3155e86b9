import type { Request, RequestHandler } from "express";
import { collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { PeopleServices } from "../../shared/app/services.ts";
import type { BudgetView, ConnectionView } from "../../shared/contract/connection.ts";
import type { LinkView } from "../../shared/contract/link.ts";
import { PermissionDenied } from "../../shared/errors/catalog.ts";
import { bearerToken, viaOf } from "./request-context.ts";

export interface Metrics {
  /** Where other parts of the process add their own. */
  readonly registry: Registry;
  /** Measures every request by method, route and status; never by what the address contains. */
  readonly measure: RequestHandler;
}

/** Adds how connections stand, and what is left of request allowances, read anew at each collection. */
export function watchConnections(
  { registry }: Metrics,
  connections: () => Promise<readonly ConnectionView[]>,
): void {
  const read = shareReading(connections);
  function gauge(
    name: string,
    help: string,
    labelNames: readonly string[],
    samples: (connection: ConnectionView) => readonly Sample[],
  ): void {
    // It adds itself to the registry, which asks it at each collection.
    new Gauge({
      name,
      help,
      labelNames: ["connection", ...labelNames],
      registers: [registry],
      async collect() {
        this.reset();
        for (const connection of await read()) {
          for (const { labels, value } of samples(connection)) {
            this.set({ connection: connection.name, ...labels }, value);
          }
        }
      },
    });
  }

  gauge(
    "slipway_connection_up",
    "1 when the other side answered last time it was asked",
    [],
    ({ state }) => [{ labels: {}, value: state === "up" ? 1 : 0 }],
  );
  gauge(
    "slipway_connection_since_timestamp_seconds",
    "Since when the connection is as it is",
    [],
    ofLink(({ since }) => toSeconds(since)),
  );
  gauge(
    "slipway_connection_last_event_timestamp_seconds",
    "When anything last arrived, a sign of life included",
    [],
    ofLink(({ lastEventAt }) => (lastEventAt === null ? null : toSeconds(lastEventAt))),
  );
  gauge(
    "slipway_connection_reconnects",
    "How often the connection was lost and found again since the process started",
    [],
    ofLink(({ reconnects }) => reconnects),
  );
  gauge(
    "slipway_connection_acknowledgement_seconds",
    "How long the newest event waited for its acknowledgement",
    [],
    ofLink(({ acknowledgedInMs: ms }) => (ms === null ? null : ms / 1_000)),
  );
  gauge(
    "slipway_request_budget_limit",
    "Requests the other side allows until it counts anew",
    ["budget"],
    perBudget(({ limit }) => limit),
  );
  gauge(
    "slipway_request_budget_remaining",
    "Requests that are left, as the other side said last",
    ["budget"],
    perBudget(({ remaining }) => remaining),
  );
  gauge(
    "slipway_request_budget_resets_at_seconds",
    "When the other side counts anew, in seconds since 1970",
    ["budget"],
    perBudget(({ resetsAt }) => toSeconds(resetsAt)),
  );
}

interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

function perBudget(value: (budget: BudgetView) => number) {
  return ({ budgets = [] }: ConnectionView): readonly Sample[] =>
    budgets.map((budget) => ({ labels: { budget: budget.name }, value: value(budget) }));
}

function ofLink(value: (link: LinkView) => number | null) {
  return ({ link }: ConnectionView): readonly Sample[] => {
    const read = link && value(link);
    return read === undefined || read === null ? [] : [{ labels: {}, value: read }];
  };
}

function toSeconds(timestamp: string): number {
  return Date.parse(timestamp) / 1_000;
}

/** Gauges that are collected together read once. */
function shareReading<T>(read: () => Promise<T>): () => Promise<T> {
  let reading: Promise<T> | undefined;
  return () => {
    reading ??= read().finally(() => {
      reading = undefined;
    });
    return reading;
  };
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
