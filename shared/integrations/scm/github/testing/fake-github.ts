import { createHash, createVerify, type KeyObject } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { repositoryFields } from "./fake-graphql.ts";
import { notFound, ok, paginate, refusal, type FakeAnswer, type FakeCall } from "./fake-http.ts";
import { makeRepository, type FakeRepository } from "./fake-repository.ts";
import { answerRepository, presentRepository } from "./fake-rest.ts";
import { execute, FieldError, measure, parseQuery } from "./graphql-query.ts";

/** Requests at the same time before the secondary limit: https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#about-secondary-rate-limits */
const MOST_AT_ONCE = 100;
/** https://docs.github.com/en/graphql/overview/rate-limits-and-query-limits-for-the-graphql-api#node-limit */
const MOST_NODES = 500_000;
const LARGEST_PAGE = 100;

/** How a request goes wrong. */
export type Fault =
  | {
      readonly status: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: string;
    }
  /** No answer, ever. */
  | "hang"
  /** The connection breaks. */
  | "reset"
  /** 200 and half of what belongs there. */
  | "half"
  /** 200 and nothing. */
  | "empty"
  /** The request is carried out, and the connection breaks before the answer. */
  | "reset after";

export interface FaultRule {
  readonly fault: Fault;
  readonly method?: string;
  /** Compared with the path below the API, e.g. `/repos/acme/api/compare/…`; GraphQL is `/graphql`. */
  readonly path?: RegExp;
  /** Compared with the body. */
  readonly body?: RegExp;
  /** How often; always by default. */
  readonly times?: number;
}

export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** When it was answered, for telling what waited for what. */
  readonly tookMs: number;
}

export interface FakeGithubOptions {
  /** Repositories in one GraphQL query above which it takes too long and ends with 502. None by default. */
  readonly slowAbove?: number;
  /** Entries of a tree before it comes cut. */
  readonly treeLimit?: number;
}

export interface FakeGithub {
  /** For `base_url`. */
  readonly url: string;
  /** A token that may do everything. */
  readonly token: string;
  /** Makes an empty repository, or one that is a copy of another. */
  create(fullName: string, copyOf?: FakeRepository): Promise<FakeRepository>;
  /** The repository of that name now. */
  repository(fullName: string): FakeRepository;
  /** The old name goes on leading to it. */
  rename(repository: FakeRepository, fullName: string): void;
  remove(repository: FakeRepository): Promise<void>;
  /** What was asked so far, oldest first. */
  readonly requests: readonly SeenRequest[];
  forgetRequests(): void;
  /** Forgets requests, faults and what was used, and makes a new token: everything but the repositories. */
  reset(): void;
  /** Makes requests go wrong. Gives a function that ends it. */
  fail(rule: FaultRule): () => void;
  /** What is left of the allowance; `used` counts on from here. */
  setAllowance(resource: "core" | "graphql", remaining: number, resetsInSeconds?: number): void;
  /** Points used of each allowance. */
  readonly used: Readonly<Record<"core" | "graphql", number>>;
  /** Settings that change while it runs. */
  readonly settings: {
    slowAbove: number;
    treeLimit: number;
    cutPatchesAfter: number | null;
    /** What every answer takes longer than it has to. */
    latencyMs: number;
  };
  /** Makes an App with one installation, which is proven with this key. */
  installApp(id: string, installationId: number, key: KeyObject): void;
  /** Makes a token that is refused from now on. */
  revoke(token: string): void;
  readonly userLogin: string;
  close(): Promise<void>;
}

/**
 * GitHub as this provider knows it, on a port of its own: real repositories on disk, and GitHub's rules in front of them.
 * Each rule names the page it comes from. It enforces what GitHub enforces, so that breaking a rule fails here first.
 */
export async function startFakeGithub(options: FakeGithubOptions = {}): Promise<FakeGithub> {
  const root = await mkdtemp(join(tmpdir(), "slipway-github-"));
  const repositories = new Map<string, FakeRepository>();
  const moved = new Map<string, FakeRepository>();
  const rules: { readonly rule: FaultRule; left: number }[] = [];
  const requests: SeenRequest[] = [];
  const apps = new Map<string, { readonly installationId: number; readonly key: KeyObject }>();
  const tokens = new Set<string>();
  let token = newToken();
  const settings = {
    slowAbove: options.slowAbove ?? Number.POSITIVE_INFINITY,
    treeLimit: options.treeLimit ?? 100_000,
    cutPatchesAfter: null as number | null,
    latencyMs: 0,
  };
  const allowances = {
    core: { limit: 5000, remaining: 5000, resetsAtMs: Date.now() + 3_600_000 },
    graphql: { limit: 5000, remaining: 5000, resetsAtMs: Date.now() + 3_600_000 },
  };
  const used = { core: 0, graphql: 0 };
  const userLogin = "robot";
  let ids = 0;
  let running = 0;

  const server = createServer((request, response) => {
    void serve(request, response);
  });
  server.keepAliveTimeout = 1000;
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const web = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const url = `${web}/api/v3`;

  return {
    url,
    get token() {
      return token;
    },
    userLogin,
    requests,
    used,
    settings,
    async create(fullName, copyOf) {
      const repository = await makeRepository(nextId(), fullName, root, copyOf);
      repositories.set(fullName.toLowerCase(), repository);
      return repository;
    },
    repository(fullName) {
      const found = repositories.get(fullName.toLowerCase());
      if (found === undefined) {
        throw new Error(`the fake has no repository ${fullName}`);
      }
      return found;
    },
    rename(repository, fullName) {
      repositories.delete(repository.fullName.toLowerCase());
      moved.set(repository.fullName.toLowerCase(), repository);
      repository.fullName = fullName;
      repositories.set(fullName.toLowerCase(), repository);
    },
    async remove(repository) {
      repositories.delete(repository.fullName.toLowerCase());
      await repository.destroy();
    },
    forgetRequests() {
      requests.length = 0;
    },
    reset() {
      requests.length = 0;
      rules.length = 0;
      token = newToken();
      for (const resource of ["core", "graphql"] as const) {
        used[resource] = 0;
        Object.assign(allowances[resource], {
          remaining: allowances[resource].limit,
          resetsAtMs: Date.now() + 3_600_000,
        });
      }
    },
    fail(rule) {
      const entry = { rule, left: rule.times ?? Number.POSITIVE_INFINITY };
      rules.push(entry);
      return () => {
        entry.left = 0;
      };
    },
    setAllowance(resource, remaining, resetsInSeconds = 3600) {
      allowances[resource].remaining = remaining;
      allowances[resource].resetsAtMs = Date.now() + resetsInSeconds * 1000;
    },
    installApp: (id, installationId, key) => void apps.set(id, { installationId, key }),
    revoke: (one) => void tokens.delete(one),
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await rm(root, { recursive: true, force: true });
    },
  };

  function newToken(): string {
    const made = `ghp_${createHash("sha256").update(`${root}${tokens.size}`).digest("hex").slice(0, 36)}`;
    tokens.add(made);
    return made;
  }

  function nextId(): number {
    ids += 1;
    return ids;
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const startedMs = performance.now();
    running += 1;
    try {
      const body = await readBody(request);
      const { pathname, searchParams } = new URL(request.url ?? "/", web);
      const path = pathname.replace(/^\/api(?:\/v3)?(?=\/)/, "");
      const note = (status: number) =>
        requests.push({
          method: request.method ?? "",
          path: `${path}${searchParams.size === 0 ? "" : `?${searchParams.toString()}`}`,
          status,
          headers: request.headers as Record<string, string>,
          body,
          tookMs: performance.now() - startedMs,
        });
      const fault = takeFault(request.method ?? "", path, body);
      if (fault === "hang") {
        note(0);
        return;
      }
      if (fault === "reset") {
        note(0);
        response.destroy();
        return;
      }
      if (typeof fault === "object") {
        note(fault.status);
        respond(
          response,
          fault.status,
          { "content-type": "application/json", ...fault.headers },
          fault.body ?? "",
        );
        return;
      }
      if (settings.latencyMs > 0) {
        await new Promise((resolve) => setTimeout(resolve, settings.latencyMs));
      }
      const answer = await answerTo(request, path, pathname, searchParams, body);
      note(answer.status);
      if (fault === "reset after") {
        response.destroy();
        return;
      }
      const text = answer.json === undefined ? "" : JSON.stringify(answer.json);
      const sent = fault === "half" ? text.slice(0, Math.floor(text.length / 2)) : text;
      respond(
        response,
        answer.status,
        { "content-type": "application/json; charset=utf-8", ...answer.headers },
        fault === "empty" ? "" : sent,
      );
    } catch (error) {
      respond(response, 500, { "content-type": "text/plain" }, `the fake broke: ${String(error)}`);
    } finally {
      running -= 1;
    }
  }

  function takeFault(method: string, path: string, body: string): Fault | undefined {
    const found = rules.find(
      ({ rule, left }) =>
        left > 0 &&
        (rule.method ?? method) === method &&
        (rule.path?.test(path) ?? true) &&
        (rule.body?.test(body) ?? true),
    );
    if (found !== undefined) {
      found.left -= 1;
    }
    return found?.rule.fault;
  }

  async function answerTo(
    request: IncomingMessage,
    path: string,
    pathname: string,
    query: URLSearchParams,
    body: string,
  ): Promise<FakeAnswer> {
    const resource = path === "/graphql" ? "graphql" : "core";
    // "No more than 100 concurrent requests are allowed", shared by REST and GraphQL.
    if (running > MOST_AT_ONCE) {
      return refusal(
        403,
        "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.",
      );
    }
    if (request.headers["user-agent"] === undefined) {
      // https://docs.github.com/en/rest/using-the-rest-api/getting-started-with-the-rest-api#user-agent-required
      return refusal(
        403,
        "Request forbidden by administrative rules. Please make sure your request has a User-Agent header",
      );
    }
    const app = /^\/app\/installations\/(\d+)\/access_tokens$/.exec(path)?.[1];
    if (app !== undefined) {
      return installationToken(request, Number(app));
    }
    if (!isSignedIn(request)) {
      return refusal(401, "Bad credentials");
    }
    const allowance = allowances[resource];
    if (Date.now() >= allowance.resetsAtMs) {
      Object.assign(allowance, { remaining: allowance.limit, resetsAtMs: Date.now() + 3_600_000 });
    }
    if (allowance.remaining <= 0) {
      return exhausted(resource);
    }
    const call: FakeCall = {
      method: request.method ?? "GET",
      parts: path
        .split("/")
        .filter((part) => part !== "")
        .map(decodeURIComponent),
      query,
      body: parseBody(body),
      accept: request.headers.accept ?? "",
      root: `${web}${pathname.startsWith("/api/v3") ? "/api/v3" : "/api"}`,
      web,
    };
    const { answer, cost } =
      resource === "graphql" ? await graphql(call) : await answerRest(call, request);
    allowance.remaining = Math.max(0, allowance.remaining - cost);
    used[resource] += cost;
    return { ...answer, headers: { ...counters(resource), ...answer.headers } };
  }

  async function answerRest(call: FakeCall, request: IncomingMessage) {
    const answer = withEtag(await rest(call), request);
    // "does not count against your primary rate limit if a 304 response is returned and the request was made while correctly authorized":
    // https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api#use-conditional-requests-if-appropriate
    return { answer, cost: answer.status === 304 ? 0 : 1 };
  }

  /** https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#checking-the-status-of-your-rate-limit */
  function counters(resource: "core" | "graphql"): Record<string, string> {
    const { limit, remaining, resetsAtMs } = allowances[resource];
    return {
      "x-ratelimit-limit": String(limit),
      "x-ratelimit-remaining": String(remaining),
      "x-ratelimit-reset": String(Math.ceil(resetsAtMs / 1000)),
      "x-ratelimit-used": String(limit - remaining),
      "x-ratelimit-resource": resource,
    };
  }

  /** REST answers 403, GraphQL 200 with errors: the same pages. */
  function exhausted(resource: "core" | "graphql"): FakeAnswer {
    const headers = counters(resource);
    return resource === "core"
      ? { ...refusal(403, "API rate limit exceeded for user ID 1."), headers }
      : ok(
          { errors: [{ type: "RATE_LIMITED", message: "API rate limit exceeded for user ID 1." }] },
          200,
          headers,
        );
  }

  async function rest(call: FakeCall): Promise<FakeAnswer> {
    const [first, second = "", third = ""] = call.parts;
    if (first === "repos") {
      const key = `${second}/${third}`.toLowerCase();
      const renamed = moved.get(key);
      if (!repositories.has(key) && renamed !== undefined) {
        return movedTo(renamed, call);
      }
      const repository = repositories.get(key);
      // https://docs.github.com/en/rest/using-the-rest-api/troubleshooting-the-rest-api#404-not-found-for-an-existing-resource
      return repository === undefined || repository.isHidden
        ? notFound()
        : answerRepository(repository, call, call.parts.slice(3), { ...settings, nextId });
    }
    if (first === "repositories") {
      const found = [...repositories.values()].find(({ id }) => id === Number(second));
      return found === undefined
        ? notFound()
        : answerRepository(found, call, call.parts.slice(2), { ...settings, nextId });
    }
    const visible = [...repositories.values()]
      .filter(({ isHidden }) => !isHidden)
      .sort((a, b) => (a.fullName < b.fullName ? -1 : 1));
    const present = (list: readonly FakeRepository[]) =>
      list.map((repository) => presentRepository(repository, call));
    const of = (account: string) =>
      visible.filter(({ owner }) => owner.toLowerCase() === account.toLowerCase());
    switch (call.parts.map((part, index) => (index === 1 ? "*" : part)).join("/")) {
      case "user":
        return ok({ login: userLogin, id: 1 });
      case "user/*":
        return second === "repos" ? paginate(present(of(userLogin)), call) : notFound();
      case "installation/*":
        return paginate(present(visible), call, (page) => ({
          total_count: visible.length,
          repositories: page,
        }));
      case "orgs/*/repos":
      case "users/*/repos":
        return of(second).length === 0 ? notFound() : paginate(present(of(second)), call);
      default:
        return notFound();
    }
  }

  /** "301 … You should update your code": https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api#follow-redirects */
  function movedTo(
    repository: FakeRepository,
    { method, parts, query, root: api }: FakeCall,
  ): FakeAnswer {
    const rest = ["repositories", String(repository.id), ...parts.slice(3)].map(encodeURIComponent);
    const location = `${api}/${rest.join("/")}${query.size === 0 ? "" : `?${query.toString()}`}`;
    return {
      ...refusal(method === "GET" ? 301 : 307, "Moved Permanently"),
      headers: { location },
    };
  }

  async function graphql(call: FakeCall): Promise<{ answer: FakeAnswer; cost: number }> {
    const variables = (call.body["variables"] ?? {}) as Readonly<Record<string, unknown>>;
    try {
      const selections = parseQuery(String(call.body["query"]), variables);
      const { cost, nodes, largestPage } = measure(selections);
      if (nodes > MOST_NODES) {
        return failed(
          "MAX_NODE_LIMIT_EXCEEDED",
          `This query requests up to ${nodes} possible nodes`,
        );
      }
      if (largestPage > LARGEST_PAGE) {
        return failed(
          "EXCESSIVE_PAGINATION",
          `Requesting ${largestPage} records exceeds the first limit of 100 records.`,
        );
      }
      if (selections.length > settings.slowAbove) {
        return { answer: { status: 502, json: { message: "Something went wrong" } }, cost: 1 };
      }
      const { data, errors } = await execute(selections, {
        __typename: "Query",
        repository: ({ owner, name }: { owner: string; name: string }) => {
          const key = `${owner}/${name}`.toLowerCase();
          // Renames are followed: https://docs.github.com/en/graphql/reference/queries#repository
          const found = repositories.get(key) ?? moved.get(key);
          if (found === undefined || found.isHidden) {
            throw new FieldError(
              "NOT_FOUND",
              `Could not resolve to a Repository with the name '${owner}/${name}'.`,
            );
          }
          return repositoryFields(found, web);
        },
      });
      return { answer: ok({ data, ...(errors.length === 0 ? {} : { errors }) }), cost };
    } catch (error) {
      return failed(undefined, error instanceof Error ? error.message : String(error));
    }
  }

  function failed(type: string | undefined, message: string) {
    return {
      answer: ok({ errors: [{ ...(type === undefined ? {} : { type }), message }] }),
      cost: 1,
    };
  }

  function withEtag(answer: FakeAnswer, request: IncomingMessage): FakeAnswer {
    if (request.method !== "GET" || answer.status !== 200) {
      return answer;
    }
    const hash = createHash("sha256").update(
      JSON.stringify([answer.json, answer.headers?.["link"]]),
    );
    const etag = `W/"${hash.digest("hex")}"`;
    return request.headers["if-none-match"] === etag
      ? { status: 304, headers: { etag } }
      : { ...answer, headers: { ...answer.headers, etag } };
  }

  function isSignedIn(request: IncomingMessage): boolean {
    const [scheme = "", value = ""] = (request.headers.authorization ?? "").split(" ");
    return ["token", "bearer"].includes(scheme.toLowerCase()) && tokens.has(value);
  }

  /** https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/generating-a-json-web-token-jwt-for-a-github-app */
  function installationToken(request: IncomingMessage, installationId: number): FakeAnswer {
    const [head = "", claims = "", signature = ""] = (request.headers.authorization ?? "")
      .replace(/^bearer /i, "")
      .split(".");
    const { iss, exp, iat } = JSON.parse(Buffer.from(claims || "e30", "base64url").toString()) as {
      iss?: unknown;
      exp?: number;
      iat?: number;
    };
    const app = apps.get(String(iss));
    const seconds = Date.now() / 1000;
    const isTrue =
      app !== undefined &&
      createVerify("RSA-SHA256")
        .update(`${head}.${claims}`)
        .verify(app.key, Buffer.from(signature, "base64url"));
    if (!isTrue || (exp ?? 0) < seconds || (exp ?? 0) > seconds + 600 || (iat ?? 0) > seconds) {
      return refusal(401, "A JSON web token could not be decoded");
    }
    if (app.installationId !== installationId) {
      return notFound();
    }
    const made = `ghs_${createHash("sha256").update(`${installationId}:${nextId()}`).digest("hex").slice(0, 36)}`;
    tokens.add(made);
    return ok(
      { token: made, expires_at: new Date(Date.now() + 3_600_000).toISOString(), permissions: {} },
      201,
    );
  }
}

function respond(
  response: ServerResponse,
  status: number,
  headers: Readonly<Record<string, string>>,
  body: string,
): void {
  response.writeHead(status, headers);
  response.end(status === 304 || status === 204 ? undefined : body);
}

async function readBody(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request as AsyncIterable<Buffer>) {
    parts.push(part);
  }
  return Buffer.concat(parts).toString("utf8");
}

function parseBody(text: string): Readonly<Record<string, unknown>> {
  try {
    return JSON.parse(text || "{}") as Readonly<Record<string, unknown>>;
  } catch {
    return {};
  }
}
