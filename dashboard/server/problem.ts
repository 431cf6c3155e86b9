import type { ErrorRequestHandler, RequestHandler } from "express";
import { z } from "zod";
import { ProblemReason, type Problem } from "../../shared/contract/problem.ts";
import { AppError, type ErrorKind } from "../../shared/errors/app-error.ts";
import {
  InputInvalid,
  InputTooLarge,
  InternalFault,
  RouteNotFound,
} from "../../shared/errors/catalog.ts";
import type { Logger } from "../../shared/lib/logger.ts";
import { contextOf, loggedPath } from "./request-context.ts";

interface KindOnTheWire {
  readonly status: number;
  readonly title: string;
  readonly level: "debug" | "info" | "warn" | "error";
}

/** How each kind of error travels over HTTP and how loudly it is logged. */
export const KINDS: Readonly<Record<ErrorKind, KindOnTheWire>> = {
  invalid_input: { status: 422, title: "That cannot be understood", level: "debug" },
  unauthenticated: { status: 401, title: "Not signed in", level: "debug" },
  forbidden: { status: 403, title: "Not allowed", level: "info" },
  not_found: { status: 404, title: "Not found", level: "debug" },
  conflict: { status: 409, title: "Not possible in this state", level: "info" },
  blocked: { status: 409, title: "Refused", level: "info" },
  rate_limited: { status: 429, title: "Too many requests", level: "info" },
  upstream: { status: 502, title: "Another system does not answer", level: "warn" },
  timeout: { status: 504, title: "Another system took too long", level: "warn" },
  internal: { status: 500, title: "Something broke", level: "error" },
};

/** Largest request body, in bytes. */
export const BODY_LIMIT = 1_500_000;

/** How long to stay away when an error does not say. */
const RETRY_AFTER_SECONDS = 30;

export interface ProblemResponse {
  readonly status: number;
  readonly level: KindOnTheWire["level"];
  readonly problem: Problem;
  /** For `Retry-After`; null when waiting does not help. */
  readonly retryAfterSeconds: number | null;
}

/**
 * Turns anything that was thrown into what the client may know: the words of an AppError, and of everything else only a
 * reference under which the log has the rest.
 */
export function toProblem(
  thrown: unknown,
  at: { readonly instance: string; readonly correlationId: string },
): ProblemResponse {
  const { error, status } = atTheEdge(thrown, at.correlationId);
  const kind = KINDS[error.kind];
  const requirements = requirementsOf(error);
  return {
    status: status ?? kind.status,
    level: kind.level,
    retryAfterSeconds: retryAfter(error),
    problem: {
      type: `urn:slipway:problem:${error.code}`,
      title: kind.title,
      status: status ?? kind.status,
      detail: error.message,
      instance: at.instance,
      code: error.code,
      remedy: error.remedy ?? null,
      correlationId: at.correlationId,
      ...(error instanceof InputInvalid ? { errors: [...error.data.problems] } : {}),
      ...(requirements ? { requirements } : {}),
    },
  };
}

/** The last middleware: answers every error as `application/problem+json`. */
export function createProblemHandler(logger: Logger): ErrorRequestHandler {
  return (error: unknown, req, res, next) => {
    const { correlationId } = contextOf(req);
    const instance = req.originalUrl.split("?")[0] ?? "/";
    const answer = toProblem(error, { instance, correlationId });
    logger[answer.level](
      {
        code: answer.problem.code,
        method: req.method,
        path: loggedPath(req),
        correlationId,
        ...(answer.level === "warn" || answer.level === "error" ? { err: error } : {}),
      },
      "request refused",
    );
    if (res.headersSent) {
      // Part of an answer is out: only cutting the connection tells the client that the rest is missing.
      next(error);
      return;
    }
    if (answer.retryAfterSeconds !== null) {
      res.set("Retry-After", String(answer.retryAfterSeconds));
    }
    if (answer.status === 401) {
      res.set("WWW-Authenticate", 'Bearer realm="slipway"');
    }
    res
      .status(answer.status)
      .set("Cache-Control", "no-store")
      .type("application/problem+json")
      .send(JSON.stringify(answer.problem));
  };
}

/** Answers for paths that nothing else answered. */
export const refuseUnknownRoute: RequestHandler = (req) => {
  throw new RouteNotFound({
    method: req.method,
    path: (req.originalUrl.split("?")[0] ?? "/").slice(0, 500),
  });
};

/** What Express and its body parser throw: `status` says what they think of it, `type` what happened. */
const HttpFault = z.object({
  status: z.number().int().min(400).max(499),
  type: z.string().optional(),
});

function atTheEdge(
  thrown: unknown,
  correlationId: string,
): { readonly error: AppError; readonly status?: number } {
  if (thrown instanceof InputTooLarge) {
    return { error: thrown, status: 413 };
  }
  if (thrown instanceof AppError && thrown.kind !== "internal") {
    return { error: thrown };
  }
  const fault = HttpFault.safeParse(thrown);
  if (!(thrown instanceof AppError) && fault.success) {
    return fromHttpFault(fault.data, thrown);
  }
  return { error: new InternalFault({ reference: correlationId }, { cause: thrown }) };
}

function fromHttpFault(
  fault: z.infer<typeof HttpFault>,
  cause: unknown,
): { readonly error: AppError; readonly status: number } {
  if (fault.status === 413) {
    return {
      error: new InputTooLarge(
        { what: "The request", limit: BODY_LIMIT, unit: "bytes" },
        { cause },
      ),
      status: 413,
    };
  }
  if (fault.status === 415) {
    return { error: mistake("is encoded in a way that is not supported here", cause), status: 415 };
  }
  if (fault.type === "entity.parse.failed") {
    return { error: mistake("the body is not valid JSON", cause), status: 400 };
  }
  return { error: mistake("the request cannot be understood", cause), status: 400 };
}

function mistake(message: string, cause: unknown): AppError {
  return new InputInvalid({ problems: [{ pointer: "", message }] }, { cause });
}

const Refusal = z.object({ reasons: z.array(ProblemReason) });

/** Every unmet requirement of a refusal; a refusal without a list is its own only requirement. */
function requirementsOf(error: AppError): Problem["requirements"] {
  const refusal = Refusal.safeParse(error.data);
  if (refusal.success) {
    return refusal.data.reasons;
  }
  return error.kind === "blocked" || error.kind === "forbidden"
    ? [{ code: error.code, reason: error.message, remedy: error.remedy ?? "" }]
    : undefined;
}

const Wait = z.object({ retryAfterMs: z.number().nonnegative() });

function retryAfter(error: AppError): number | null {
  const wait = Wait.safeParse(error.data);
  if (wait.success) {
    return Math.max(1, Math.ceil(wait.data.retryAfterMs / 1000));
  }
  return error.kind === "rate_limited" ? RETRY_AFTER_SECONDS : null;
}
