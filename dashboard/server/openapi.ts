import { OpenApiGeneratorV31, OpenAPIRegistry } from "@asteasolutions/zod-to-openapi";
import { z } from "zod";
import { Problem } from "../../shared/contract/problem.ts";
import {
  CsrfInvalid,
  IdentityUnavailable,
  InputInvalid,
  InputTooLarge,
  InternalFault,
  PermissionDenied,
  PersonInactive,
  RateLimited,
  ShuttingDown,
  SignInRequired,
  StorageUnavailable,
  TokenInvalid,
} from "../../shared/errors/catalog.ts";
import { KINDS } from "./problem.ts";
import type { Route, RouteError } from "./route.ts";

/** Version of the interface, not of the program: changes only with what clients can rely on. */
const API_VERSION = "1.0.0";

type OpenApiDocument = ReturnType<OpenApiGeneratorV31["generateDocument"]>;

/** Describes the routes as OpenAPI 3.1. */
export function createOpenApiDocument(routes: readonly Route[]): OpenApiDocument {
  const registry = new OpenAPIRegistry();
  registry.registerComponent("securitySchemes", "token", {
    type: "http",
    scheme: "bearer",
    description: "An API token, made under Settings or with `POST /me/tokens`.",
  });
  registry.registerComponent("securitySchemes", "session", {
    type: "apiKey",
    in: "cookie",
    name: "slipway",
    description:
      "The session of a signed-in browser. Changing requests repeat `csrfToken` of `GET /me` in the header `X-CSRF-Token`.",
  });
  for (const route of routes) {
    registry.registerPath(toPath(route));
  }
  const document = new OpenApiGeneratorV31(registry.definitions).generateDocument({
    openapi: "3.1.0",
    info: {
      title: "Slipway",
      version: API_VERSION,
      description:
        "Everything chat and pages can do. Errors are `application/problem+json` (RFC 9457) with a stable `code` and a `remedy`; refused requests list every unmet requirement.",
      license: { name: "MIT", identifier: "MIT" },
    },
    servers: [{ url: "/api/v1" }],
    security: [{ token: [] }, { session: [] }],
    tags: [...new Set(routes.map(({ tag }) => tag))].map((name) => ({ name })),
  });
  for (const operation of Object.values(document.paths ?? {}).flatMap(Object.values)) {
    withoutNull(operation);
  }
  return document;
}

const Parameters = z.object({
  parameters: z.array(z.object({ schema: z.looseObject({ type: z.unknown() }) })),
});

/** A parameter of an address is text: that the parser would take a null for 0 is nobody's business. */
function withoutNull(operation: unknown): void {
  if (!Parameters.safeParse(operation).success) {
    return;
  }
  for (const { schema } of (operation as z.infer<typeof Parameters>).parameters) {
    if (Array.isArray(schema.type)) {
      schema.type = schema.type.find((type) => type !== "null");
    }
  }
}

/** The document as it is committed: stable, one change per line. */
export function printOpenApiDocument(routes: readonly Route[]): string {
  return `${JSON.stringify(createOpenApiDocument(routes), null, 2)}\n`;
}

function toPath(route: Route): Parameters<OpenAPIRegistry["registerPath"]>[0] {
  return {
    method: route.method,
    path: route.path,
    operationId: route.operationId,
    summary: route.summary,
    tags: [route.tag],
    description: permissionInWords(route),
    ...(route.permission === "public" ? { security: [] } : {}),
    request: {
      ...(route.params ? { params: route.params } : {}),
      ...(route.query ? { query: route.query } : {}),
      ...(route.body
        ? {
            body: {
              required: !route.body.safeParse({}).success,
              content: { "application/json": { schema: route.body } },
            },
          }
        : {}),
    },
    responses: { [route.status]: success(route), ...problems(route) },
  };
}

function permissionInWords({ permission }: Route): string {
  switch (permission) {
    case "public":
      return "Open to everybody.";
    case "signed-in":
      return "For everybody who is signed in.";
    default:
      return `Takes the permission \`${permission}\`.`;
  }
}

function success(route: Route) {
  const description = route.status === 204 ? "Done" : route.summary;
  const headers = route.hasLocation
    ? z.object({ Location: z.string().meta({ description: "Where it can be found" }) })
    : undefined;
  return {
    description,
    ...(headers ? { headers } : {}),
    ...(route.status === 204
      ? {}
      : {
          content: {
            [route.contentType.split(";")[0] ?? ""]: { schema: route.response ?? z.string() },
          },
        }),
  };
}

/** One response per status, naming the codes that come with it. */
function problems(route: Route): Record<string, ReturnType<typeof problem>> {
  const codes = new Map<number, Set<string>>();
  for (const error of [...route.errors, ...commonErrors(route)]) {
    const status = error.code === InputTooLarge.code ? 413 : KINDS[error.kind].status;
    codes.set(status, (codes.get(status) ?? new Set()).add(error.code));
  }
  return Object.fromEntries(
    [...codes]
      .sort(([a], [b]) => a - b)
      .map(([status, names]) => [String(status), problem([...names].sort())]),
  );
}

function problem(codes: readonly string[]) {
  return {
    description: codes.map((code) => `\`${code}\``).join(", "),
    content: { "application/problem+json": { schema: Problem } },
  };
}

function commonErrors(route: Route): readonly RouteError[] {
  const changes = route.method !== "get";
  return [
    ...(route.permission === "public"
      ? []
      : [SignInRequired, TokenInvalid, PersonInactive, IdentityUnavailable]),
    ...(route.permission === "public" || route.permission === "signed-in"
      ? []
      : [PermissionDenied]),
    ...(changes ? [CsrfInvalid, ShuttingDown, StorageUnavailable] : []),
    ...(route.params || route.query || route.body ? [InputInvalid] : []),
    ...(route.body ? [InputTooLarge] : []),
    RateLimited,
    InternalFault,
  ];
}
