import { createHash } from "node:crypto";
import express, { type Request, type RequestHandler, type Response, type Router } from "express";
import type { z } from "zod";
import { requireToRead } from "../../shared/app/access.ts";
import type { Permission } from "../../shared/app/policies.ts";
import type { Services } from "../../shared/app/services.ts";
import type { ConnectionView } from "../../shared/contract/connection.ts";
import type { Actor } from "../../shared/core/actor.ts";
import type { ErrorKind } from "../../shared/errors/app-error.ts";
import { InputInvalid } from "../../shared/errors/catalog.ts";
import { withCorrelation } from "../../shared/lib/correlation.ts";
import { explainInput } from "./input-wording.ts";
import type { LiveEvents } from "./live-events.ts";
import { BODY_LIMIT } from "./problem.ts";
import { actorOf, contextOf, requireWriteScope } from "./request-context.ts";

/** What a handler may use besides its input. */
export interface RouteContext {
  /** Whoever asks. Reading it in a public route throws SignInRequired when nobody is signed in. */
  readonly actor: Actor;
  readonly services: Services;
  readonly live: LiveEvents;
  /** To be repeated in the CSRF header; null for API tokens, which need none. */
  readonly csrfToken: string | null;
  /** The browser's session; null for API tokens. */
  readonly sessionId: string | null;
  /** Name of the server people sign in at. */
  readonly identityProvider: string;
  /** How what this process is connected to stands now. */
  readonly connections: () => Promise<readonly ConnectionView[]>;
}

/** An error a route can answer with: its class in the catalogue. */
export interface RouteError {
  readonly code: string;
  readonly kind: ErrorKind;
}

interface Described {
  readonly method: "get" | "post" | "put" | "patch" | "delete";
  /** With `{name}` for parameters, e.g. `/releases/{number}`. */
  readonly path: `/${string}`;
  /** Verb and noun; unique. */
  readonly operationId: string;
  readonly summary: string;
  /** Heading in the reference. */
  readonly tag: string;
  /** Required, so that no route is open by accident. */
  readonly permission: Permission | "signed-in" | "public";
  /** Errors of this route alone; those every route can give are added by the document. */
  readonly errors: readonly RouteError[];
}

interface Input<P extends z.ZodType, Q extends z.ZodType, B extends z.ZodType> {
  readonly params: z.output<P>;
  readonly query: z.output<Q>;
  readonly body: z.output<B>;
}

interface RouteSpec<
  P extends z.ZodObject,
  Q extends z.ZodObject,
  B extends z.ZodObject,
  R extends z.ZodType,
> extends Described {
  readonly params?: P;
  readonly query?: Q;
  readonly body?: B;
  readonly response: R;
  readonly status?: 200 | 201 | 202 | 204;
  /** Where what was made can be found, below `/api/v1`. */
  location?(made: z.output<R>): string;
  handle(context: RouteContext, input: Input<P, Q, B>): Promise<z.input<R>>;
}

interface StreamSpec<P extends z.ZodObject, Q extends z.ZodObject> extends Described {
  readonly method: "get";
  readonly params?: P;
  readonly query?: Q;
  readonly contentType: string;
  /** Answers by itself; what it throws before the first byte becomes a problem. */
  stream(
    context: RouteContext,
    input: Input<P, Q, z.ZodUndefined>,
    req: Request,
    res: Response,
  ): Promise<void>;
}

/** A route as the server mounts it and the document describes it. */
export interface Route extends Described {
  readonly params: z.ZodObject | undefined;
  readonly query: z.ZodObject | undefined;
  readonly body: z.ZodObject | undefined;
  /** Undefined for streams. */
  readonly response: z.ZodType | undefined;
  readonly contentType: string;
  readonly status: number;
  readonly hasLocation: boolean;
  respond(context: RouteContext, req: Request, res: Response): Promise<void>;
}

/** Declares a route that answers with JSON. */
export function defineRoute<
  R extends z.ZodType,
  P extends z.ZodObject = z.ZodObject<Record<never, never>>,
  Q extends z.ZodObject = z.ZodObject<Record<never, never>>,
  B extends z.ZodObject = z.ZodObject<Record<never, never>>,
>(spec: RouteSpec<P, Q, B, R>): Route {
  const status = spec.status ?? 200;
  // Unknown keys are mistakes (or a newer client's hopes) and better refused than ignored.
  const body = spec.body && strictly(spec.body);
  return {
    ...described(spec),
    params: spec.params,
    query: spec.query,
    body,
    response: spec.response,
    contentType: "application/json",
    status,
    hasLocation: spec.location !== undefined,
    async respond(context, req, res) {
      const result = await spec.handle(context, {
        params: parse(spec.params, req.params, "/path") as z.output<P>,
        query: parse(spec.query, req.query, "/query") as z.output<Q>,
        body: parse(body, req.body ?? {}, "") as z.output<B>,
      });
      if (status === 204) {
        res.status(204).end();
        return;
      }
      const answer = checked(spec.operationId, spec.response, result);
      if (spec.location) {
        res.set("Location", `/api/v1${spec.location(answer)}`);
      }
      sendJson(req, res, status, answer);
    },
  };
}

/** Declares a route that writes its answer bit by bit. */
export function defineStream<
  P extends z.ZodObject = z.ZodObject<Record<never, never>>,
  Q extends z.ZodObject = z.ZodObject<Record<never, never>>,
>(spec: StreamSpec<P, Q>): Route {
  return {
    ...described(spec),
    params: spec.params,
    query: spec.query,
    body: undefined,
    response: undefined,
    contentType: spec.contentType,
    status: 200,
    hasLocation: false,
    async respond(context, req, res) {
      await spec.stream(
        context,
        {
          params: parse(spec.params, req.params, "/path") as z.output<P>,
          query: parse(spec.query, req.query, "/query") as z.output<Q>,
          body: undefined,
        },
        req,
        res,
      );
    },
  };
}

export interface MountOptions {
  readonly services: Services;
  readonly live: LiveEvents;
  readonly identityProvider: string;
  readonly connections: RouteContext["connections"];
}

/** Adds the routes to a router: who may comes first, then the body is read, then the handler runs. */
export function mount(router: Router, routes: readonly Route[], options: MountOptions): void {
  const readJson = express.json({
    limit: BODY_LIMIT,
    strict: true,
    type: ["application/json", "application/*+json"],
  });
  for (const route of routes) {
    const steps: RequestHandler[] = [authorise(route)];
    if (route.body) {
      steps.push(readJson, refuseOtherBodies);
    }
    steps.push(async (req, res) => {
      // Reading a body can lose the context of the first middleware.
      await withCorrelation(contextOf(req).correlationId, () =>
        route.respond(routeContext(req, options), req, res),
      );
    });
    router[route.method](route.path.replaceAll(/\{(\w+)\}/g, ":$1"), ...steps);
  }
}

/** The same schema, under the same name in the document, without room for unknown keys. */
function strictly(schema: z.ZodObject): z.ZodObject {
  const strict = schema.strict();
  const meta = schema.meta();
  return meta ? strict.meta(meta) : strict;
}

function described(spec: Described): Described {
  const { method, path, operationId, summary, tag, permission, errors } = spec;
  return { method, path, operationId, summary, tag, permission, errors };
}

/**
 * Refuses to show what the actor may not see, and every change with a token that may only read. Whether the actor may make
 * this change, here, is refused by the use case, which records the attempt.
 */
function authorise(route: Route): RequestHandler {
  return (req, _res, next) => {
    if (route.permission !== "public") {
      const actor = actorOf(req);
      if (route.method !== "get") {
        requireWriteScope(actor, route.operationId);
      } else if (route.permission !== "signed-in") {
        requireToRead(actor, route.permission);
      }
    }
    next();
  };
}

/** A body in another format would be taken for none, and the request would mean something else than was sent. */
const refuseOtherBodies: RequestHandler = (req, _res, next) => {
  const hasBody =
    req.headers["transfer-encoding"] !== undefined || Number(req.headers["content-length"]) > 0;
  if (hasBody && req.body === undefined) {
    next(Object.assign(new Error("unsupported media type"), { status: 415 }));
    return;
  }
  next();
};

function routeContext(req: Request, options: MountOptions): RouteContext {
  const { credential } = contextOf(req);
  return {
    get actor() {
      return actorOf(req);
    },
    services: options.services,
    live: options.live,
    identityProvider: options.identityProvider,
    connections: options.connections,
    sessionId: credential === "session" ? req.sessionID : null,
    csrfToken: credential === "session" ? (req.session.csrfToken ?? null) : null,
  };
}

/**
 * Sends the answer with an `ETag` of its content, or only says that the client has it already. Express would leave that out
 * for requests with `Cache-Control: no-cache`, which `fetch` adds by itself to every conditional request.
 */
function sendJson(req: Request, res: Response, status: number, answer: unknown): void {
  const text = JSON.stringify(answer);
  if (req.method === "GET" || req.method === "HEAD") {
    const etag = `W/"${createHash("sha256").update(text).digest("base64url").slice(0, 27)}"`;
    res.set("ETag", etag);
    const known = (req.get("if-none-match") ?? "").split(",").map((tag) => tag.trim());
    if (known.includes(etag) || known.includes("*")) {
      res.status(304).end();
      return;
    }
  }
  res.status(status).type("json").send(text);
}

/** Throws InputInvalid with a JSON pointer for every mistake. */
function parse(schema: z.ZodObject | undefined, value: unknown, prefix: string): unknown {
  if (!schema) {
    return {};
  }
  const result = schema.safeParse(value);
  if (result.success) {
    return result.data;
  }
  throw new InputInvalid({
    problems: explainInput(value, result.error.issues, {
      prefix,
      keys: Object.keys(schema.shape),
    }),
  });
}

/** What leaves is parsed as well: a field the contract does not name cannot leak. */
function checked<R extends z.ZodType>(
  operationId: string,
  schema: R,
  result: unknown,
): z.output<R> {
  const parsed = schema.safeParse(result);
  if (!parsed.success) {
    throw new Error(`the answer of ${operationId} does not match its contract`, {
      cause: parsed.error,
    });
  }
  return parsed.data;
}
