import { createAppAuth } from "@octokit/auth-app";
import { retry } from "@octokit/plugin-retry";
import { throttling } from "@octokit/plugin-throttling";
import { Octokit } from "@octokit/rest";
import { z } from "zod";
import type { HttpCache } from "../../../core/ports/http-cache.ts";
import type { Logger } from "../../../lib/logger.ts";
import { createRedactor } from "../../../lib/redact.ts";
import { systemTimers, type Timers } from "../../../lib/scheduler.ts";
import { sharedAccount, WRITE_INTERVAL_MS, type Account } from "./account.ts";
import {
  GithubFailed,
  isLimit,
  limitFailure,
  nonsenseFailure,
  sortRefusal,
  timeoutFailure,
  unreachableFailure,
  type Refusal,
} from "./failures.ts";
import { addressesOf, type GithubAddresses, type GithubOptions } from "./options.ts";

/** Whatever is larger is not an answer to anything we ask. */
const LARGEST_BODY_BYTES = 256 * 1024 * 1024;
const MOST_REDIRECTS = 3;
/** Tries of one reading request besides the first: for connections that break and servers that restart. */
const MOST_RETRIES = 2;
/** Waits for limits within one request; how long they may be in all is an option. */
const MOST_WAITS = 3;

/** What tests change about how requests are made. */
export interface ClientTuning {
  readonly timers?: Timers;
  readonly now?: () => number;
  /** Between two writes. */
  readonly writeIntervalMs?: number;
  /** Unit of the growing pause between tries. */
  readonly retryUnitMs?: number;
}

export interface ClientDeps extends ClientTuning {
  readonly cache: HttpCache;
  readonly logger?: Logger | undefined;
  /** A request was sent on to another address: what is asked about has moved. */
  readonly onMoved?: (path: string) => void;
}

/** One question by REST. */
export interface Ask<S extends z.ZodType> {
  /** Encoded, with a slash in front. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number>>;
  readonly schema: S;
  /** What we are doing, for people: "comparing". */
  readonly operation: string;
  /** What it is about, for people: "acme/api". */
  readonly about: string;
  readonly accept?: string;
  /** Ask whether it changed since it was asked last. The key says which version of `schema` made what is kept. */
  readonly conditional?: string;
}

export interface Order<S extends z.ZodType> extends Omit<Ask<S>, "conditional"> {
  readonly method: "POST" | "PUT" | "PATCH";
  readonly body: Readonly<Record<string, unknown>>;
}

export interface Answer<T> {
  readonly data: T;
  /** Addresses of other pages by their `rel`. */
  readonly links: Readonly<Record<string, string>>;
}

export interface GraphqlProblem {
  readonly type?: string | undefined;
  readonly message: string;
  readonly path: readonly (string | number)[];
}

/** All requests to one GitHub with one sign-in. Throws `GithubFailed`, and the reason of the signal when it aborts. */
export interface GithubClient {
  readonly addresses: GithubAddresses;
  readonly account: Account;
  readonly timeoutMs: number;
  read<S extends z.ZodType>(ask: Ask<S>, signal: AbortSignal): Promise<Answer<z.output<S>>>;
  write<S extends z.ZodType>(order: Order<S>, signal: AbortSignal): Promise<z.output<S>>;
  /** Data as it came, with what GitHub says about parts it could not answer. */
  graphql(
    query: string,
    variables: Readonly<Record<string, unknown>>,
    about: { readonly operation: string; readonly about: string },
    signal: AbortSignal,
  ): Promise<{
    readonly data: Readonly<Record<string, unknown>>;
    readonly errors: readonly GraphqlProblem[];
  }>;
}

interface Parcel {
  readonly method: string;
  readonly url: string;
  readonly resource: "core" | "graphql";
  readonly operation: string;
  readonly about: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** Whether asking again by itself does no harm and may help. */
  readonly mayRetry: boolean;
}

interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | number | undefined>>;
  readonly data: unknown;
}

const GraphqlErrors = z.array(
  z.object({
    type: z.union([z.string(), z.undefined()]).catch(undefined),
    message: z.string().catch(""),
    path: z.array(z.union([z.string(), z.number()])).catch([]),
  }),
);

const Stored = z.object({ data: z.unknown(), links: z.record(z.string(), z.string()) });

const Kit = Octokit.plugin(throttling, retry);

export function createGithubClient(
  options: Pick<
    GithubOptions,
    "token" | "app" | "base_url" | "timeout" | "longest_wait" | "concurrency"
  >,
  deps: ClientDeps,
): GithubClient {
  const { cache, logger, timers = systemTimers, now = Date.now } = deps;
  const { token, app, timeout: timeoutMs, longest_wait: longestWaitMs } = options;
  const addresses = addressesOf(options.base_url);
  const account = sharedAccount(
    {
      address: addresses.rest,
      credential: token?.reveal() ?? `app:${app?.id}:${app?.installation_id}`,
    },
    {
      concurrency: options.concurrency,
      now,
      writeIntervalMs: deps.writeIntervalMs ?? WRITE_INTERVAL_MS,
    },
  );
  const redact = createRedactor(
    [token, app?.private_key].flatMap((secret) => secret?.reveal() ?? []),
  );
  const kit = new Kit({
    ...(app === undefined
      ? { auth: token?.reveal() }
      : {
          authStrategy: createAppAuth,
          auth: {
            appId: app.id,
            privateKey: app.private_key.reveal(),
            installationId: app.installation_id,
          },
        }),
    baseUrl: addresses.rest,
    userAgent: "slipway",
    log: silence(logger, redact),
    // Requests the library makes by itself: renewing the token of an installation.
    request: { fetch: fetchFor("signing in", undefined) },
    retry: {
      // Of these, asking again gives the same answer. Limits are waited for below, where a person can stop the waiting.
      doNotRetry: [400, 401, 403, 404, 405, 409, 410, 422, 429, 451],
      retries: MOST_RETRIES,
      retryAfterBaseValue: deps.retryUnitMs ?? 1000,
    },
    throttle: throttleBy(account),
  });

  return { addresses, account, timeoutMs, read, write, graphql };

  async function read<S extends z.ZodType>(
    ask: Ask<S>,
    signal: AbortSignal,
  ): Promise<Answer<z.output<S>>> {
    const key = ask.conditional === undefined ? undefined : keyFor(ask, ask.conditional);
    const kept = key === undefined ? null : await recall(key, ask.schema);
    const parcel: Parcel = {
      method: "GET",
      url: addressFor(ask),
      resource: "core",
      operation: ask.operation,
      about: ask.about,
      headers: {
        ...(ask.accept === undefined ? {} : { accept: ask.accept }),
        // Free of the hourly allowance when it is unchanged, because we are signed in:
        // https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api
        ...(typeof kept?.etag === "string" ? { "if-none-match": kept.etag } : {}),
      },
      mayRetry: true,
    };
    const reply = await send(parcel, signal);
    if (reply.status === 304 && kept !== null) {
      return kept.answer;
    }
    const answer = { data: parse(reply, ask), links: parseLinks(reply.headers["link"]) };
    const { etag } = reply.headers;
    if (key !== undefined && typeof etag === "string") {
      await cache.put(key, { etag, value: JSON.stringify(answer) });
    }
    return answer;
  }

  async function write<S extends z.ZodType>(
    order: Order<S>,
    signal: AbortSignal,
  ): Promise<z.output<S>> {
    signal.throwIfAborted();
    await unlessAborted(
      account.writes.add(() => undefined),
      signal,
    );
    const reply = await send(
      {
        method: order.method,
        url: addressFor(order),
        resource: "core",
        operation: order.operation,
        about: order.about,
        body: order.body,
        // Nobody knows whether one that broke off was carried out: whoever asked looks before asking again.
        mayRetry: false,
      },
      signal,
    );
    return parse(reply, order);
  }

  async function graphql(
    query: string,
    variables: Readonly<Record<string, unknown>>,
    { operation, about }: { readonly operation: string; readonly about: string },
    signal: AbortSignal,
  ) {
    const { data: body } = await send(
      {
        method: "POST",
        url: addresses.graphql,
        resource: "graphql",
        operation,
        about,
        body: { query, variables },
        // Asked again with fewer repositories instead.
        mayRetry: false,
      },
      signal,
    );
    const { data, errors: given } = isRecord(body) ? body : {};
    const errors = GraphqlErrors.safeParse(given ?? []);
    if (!errors.success || (!isRecord(data) && errors.data.length === 0)) {
      throw new GithubFailed(nonsenseFailure(operation), { isTooMuch: true });
    }
    if (!isRecord(data)) {
      const message = redact(errors.data[0]?.message ?? "");
      // "HTTP 200 with errors" is how the limits of nodes, of time and of resources are told:
      // https://docs.github.com/en/graphql/overview/rate-limits-and-query-limits-for-the-graphql-api
      throw new GithubFailed(sortRefusal({ status: 500, message }, about), {
        refusal: { status: 200, message },
        isTooMuch: true,
      });
    }
    return { data, errors: errors.data.map((one) => ({ ...one, message: redact(one.message) })) };
  }

  /** Sends one request, waiting for limits where that is short. */
  async function send(parcel: Parcel, signal: AbortSignal): Promise<Reply> {
    let patienceMs = longestWaitMs;
    for (let waits = 0; ; waits += 1) {
      signal.throwIfAborted();
      const pause = account.pause(parcel.resource);
      if (pause !== null) {
        const waitMs = pause.untilMs - now();
        if (waits >= MOST_WAITS || waitMs > patienceMs) {
          throw new GithubFailed(limitFailure(pause, now()));
        }
        patienceMs -= waitMs;
        await unlessAborted(sleep(timers, waitMs), signal);
        continue;
      }
      try {
        return await unlessAborted(sendOnce(parcel, signal), signal);
      } catch (error) {
        signal.throwIfAborted();
        if (account.pause(parcel.resource) === null || !wasLimited(error)) {
          throw toFailed(error, parcel);
        }
      }
    }
  }

  async function sendOnce(parcel: Parcel, signal: AbortSignal): Promise<Reply> {
    const { method, url, body, headers, mayRetry, operation } = parcel;
    try {
      const reply = await kit.request({
        method: method as "GET",
        url,
        headers: { "x-github-api-version": "2022-11-28", ...headers },
        ...(body === undefined ? {} : { data: body }),
        // Saying a number of retries, other than none, makes the library ask again whatever came, an unchanged answer too.
        request: { fetch: fetchFor(operation, signal), ...(mayRetry ? {} : { retries: 0 }) },
      });
      if (parcel.resource === "graphql" && isExhausted(reply.data)) {
        throw Object.assign(new Error("GraphQL allowance"), { response: reply });
      }
      return reply as Reply;
    } catch (error) {
      // The library throws for an answer without news.
      if (isRecord(error) && error["status"] === 304 && isRecord(error["response"])) {
        return error["response"] as unknown as Reply;
      }
      if (responseOf(error) !== null && isExhausted(responseOf(error)?.data)) {
        account.noteExhausted("graphql");
      }
      throw error;
    }
  }

  /** `fetch` with a time limit for the whole answer, counters noted, and redirects that stay on this GitHub followed. */
  function fetchFor(operation: string, signal: AbortSignal | undefined) {
    return async (address: string, init: RequestInit): Promise<Response> => {
      const deadline = AbortSignal.timeout(timeoutMs);
      const until = signal === undefined ? deadline : AbortSignal.any([signal, deadline]);
      try {
        return await follow(address, { ...init, redirect: "manual", signal: until });
      } catch (error) {
        if (signal?.aborted === true) {
          throw noRetry(new GithubFailed(unreachableFailure("nobody waits for it any more")));
        }
        if (deadline.aborted) {
          const failure = timeoutFailure(operation, timeoutMs);
          throw noRetry(new GithubFailed(failure, { isTooMuch: true }));
        }
        throw error instanceof GithubFailed
          ? error
          : new GithubFailed(unreachableFailure(redact(causeOf(error))));
      }
    };
  }

  async function follow(address: string, init: RequestInit): Promise<Response> {
    let here = address;
    for (let hops = 0; ; hops += 1) {
      const response = await fetch(here, init);
      const bytes = await readAll(response);
      const text =
        response.status >= 400 ? new TextDecoder().decode(bytes.subarray(0, 10_000)) : "";
      const headers = new Map(response.headers);
      account.note(headers, isLimit(response.status, headers, text));
      const next = nextAddress(response, here);
      if (next === null || hops >= MOST_REDIRECTS) {
        return repack(response, bytes);
      }
      deps.onMoved?.(new URL(here).pathname);
      here = next;
    }
  }

  function parse<S extends z.ZodType>(
    reply: Reply,
    { schema, operation, about }: Pick<Ask<S>, "schema" | "operation" | "about">,
  ): z.output<S> {
    if (reply.status >= 300) {
      throw new GithubFailed(sortRefusal({ status: reply.status, message: "" }, about));
    }
    const parsed = schema.safeParse(reply.data);
    if (!parsed.success) {
      logger?.debug({ operation, issues: parsed.error.issues.slice(0, 5) }, "unreadable answer");
      throw new GithubFailed(nonsenseFailure(operation));
    }
    return parsed.data;
  }

  function addressFor({ path, query }: Pick<Ask<z.ZodType>, "path" | "query">): string {
    const text = new URLSearchParams(
      Object.entries(query ?? {}).map(([name, value]): [string, string] => [name, String(value)]),
    ).toString();
    return text === "" ? path : `${path}?${text}`;
  }

  function keyFor(ask: Ask<z.ZodType>, version: string): string {
    return `${account.key}:${version}:${ask.accept ?? ""}:${addressFor(ask)}`;
  }

  async function recall<S extends z.ZodType>(key: string, schema: S) {
    const kept = await cache.get(key);
    const stored = kept === null ? null : Stored.safeParse(parseJson(kept.value));
    const data = stored?.success === true ? schema.safeParse(stored.data.data) : null;
    return kept !== null && stored?.success === true && data?.success === true
      ? { etag: kept.etag, answer: { data: data.data, links: stored.data.links } }
      : null;
  }

  function toFailed(error: unknown, { operation, about, resource }: Parcel): GithubFailed {
    const inner = error instanceof Error ? error.cause : undefined;
    const known = [error, inner].find((one) => one instanceof GithubFailed);
    if (known !== undefined) {
      return known;
    }
    const pause = wasLimited(error) ? account.pause(resource) : null;
    if (pause !== null) {
      return new GithubFailed(limitFailure(pause, now()));
    }
    const response = responseOf(error);
    if (response === null) {
      logger?.debug({ operation, why: redact(String(error)) }, "no answer of github");
      return new GithubFailed(nonsenseFailure(operation));
    }
    const refusal: Refusal = {
      status: response.status,
      message: redact(messageOf(response.data)),
    };
    const isServer = response.status >= 500 || response.status === 200;
    return new GithubFailed(
      sortRefusal(response.status === 200 ? { ...refusal, status: 500 } : refusal, about),
      { refusal, isTooMuch: isServer },
    );
  }
}

/**
 * The throttling plugin decides what is a limit; how many requests run at a time is the account's, so that it holds for all
 * entries with this token, and waiting is ours, so that it can be stopped and is never long.
 */
function throttleBy({ requests }: Account) {
  const group = (schedule: (work: () => Promise<unknown>) => Promise<unknown>) => ({
    key: () => ({
      schedule: (
        _job: unknown,
        work: (...args: unknown[]) => Promise<unknown>,
        ...args: unknown[]
      ) => schedule(() => work(...args)),
    }),
  });
  const atOnce = group((work) => work());
  const queued = group((work) => requests.add(work));
  return {
    onRateLimit: () => false,
    onSecondaryRateLimit: () => false,
    // Its own groups count one second between questions by GraphQL, which GitHub asks of writes only.
    global: queued,
    auth: atOnce,
    search: atOnce,
    write: atOnce,
    notifications: atOnce,
    // The plugin's types name a class of a library it brings along; of that it calls exactly the two methods above.
  } as unknown as NonNullable<NonNullable<ConstructorParameters<typeof Kit>[0]>["throttle"]>;
}

function wasLimited(error: unknown): boolean {
  const response = responseOf(error);
  if (response === null) {
    return false;
  }
  const headers = new Map(
    Object.entries(response.headers).map(([name, value]) => [name, String(value)]),
  );
  return isLimit(response.status, headers, messageOf(response.data)) || isExhausted(response.data);
}

/** https://docs.github.com/en/graphql/overview/rate-limits-and-query-limits-for-the-graphql-api#exceeding-the-rate-limit */
function isExhausted(body: unknown): boolean {
  const { errors } = isRecord(body) ? body : {};
  return (
    Array.isArray(errors) &&
    errors.some((one) => isRecord(one) && /^RATE_LIMIT/.test(String(one["type"])))
  );
}

function responseOf(error: unknown): Reply | null {
  const response = isRecord(error) ? error["response"] : undefined;
  return isRecord(response) && typeof response["status"] === "number"
    ? ({ headers: {}, ...response } as unknown as Reply)
    : null;
}

/** GitHub's sentence and, behind it, what it says about single fields. */
function messageOf(body: unknown): string {
  if (!isRecord(body)) {
    return "";
  }
  const { message, errors } = body;
  const more = (Array.isArray(errors) ? errors : []).flatMap((one: unknown) => {
    if (typeof one === "string") {
      return [one];
    }
    const { message: text, resource, field, code } = isRecord(one) ? one : {};
    return text === undefined
      ? [[resource, field, code].filter((part) => typeof part === "string").join(" ")]
      : [typeof text === "string" ? text : JSON.stringify(text)];
  });
  return [...new Set([typeof message === "string" ? message : "", ...more])]
    .filter((part) => part !== "")
    .join(": ");
}

/** Pages by `rel`: https://docs.github.com/en/rest/using-the-rest-api/using-pagination-in-the-rest-api */
function parseLinks(header: unknown): Readonly<Record<string, string>> {
  const text = typeof header === "string" ? header.slice(0, 10_000) : "";
  return Object.fromEntries(
    [...text.matchAll(/<([^>]+)>;\s*rel="([a-z]+)"/g)].map(([, url = "", rel = ""]) => [rel, url]),
  );
}

/** Where the same request belongs now; null: nowhere else, or to somebody who must not get our token. */
function nextAddress(response: Response, here: string): string | null {
  const location = response.headers.get("location");
  if (![301, 302, 307, 308].includes(response.status) || location === null) {
    return null;
  }
  const next = URL.parse(location, here);
  return next !== null && next.origin === new URL(here).origin ? next.href : null;
}

async function readAll(response: Response): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    parts.push(part);
    length += part.length;
    if (length > LARGEST_BODY_BYTES) {
      throw new GithubFailed(nonsenseFailure("a question: it is larger than 256 MB"));
    }
  }
  return Buffer.concat(parts);
}

/** The same answer with its body read, so that nothing of it can break off later. */
function repack(response: Response, bytes: Uint8Array): Response {
  const headers = new Headers(response.headers);
  headers.delete("content-encoding");
  headers.delete("content-length");
  const hasBody = ![101, 204, 205, 304].includes(response.status);
  return new Response(hasBody ? bytes : null, { status: response.status, headers });
}

/** The name under which the library hands an error on at once. */
function noRetry(error: GithubFailed): GithubFailed {
  error.name = "AbortError";
  return error;
}

function causeOf(error: unknown): string {
  const cause = error instanceof Error ? (error.cause ?? error) : error;
  const code = isRecord(cause) ? cause["code"] : undefined;
  if (typeof code === "string") {
    return code;
  }
  return cause instanceof Error ? cause.message : String(cause);
}

/** Rejects with the signal's reason as soon as it aborts; what goes on in the background is of no interest then. */
async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  // One of our own: hundreds of requests may hang on the signal of one command.
  const own = AbortSignal.any([signal]);
  work.catch(() => undefined);
  own.throwIfAborted();
  let stop: () => void = () => undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    stop = () => reject(own.reason as Error);
    own.addEventListener("abort", stop, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    own.removeEventListener("abort", stop);
  }
}

function sleep(timers: Timers, ms: number): Promise<void> {
  return new Promise((resolve) => {
    timers.after(ms, resolve);
  });
}

function silence(logger: Logger | undefined, redact: (text: string) => string) {
  const note = (text: unknown) => logger?.debug({ text: redact(String(text)) }, "octokit says");
  return { debug: () => undefined, info: () => undefined, warn: note, error: note };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return null;
  }
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
