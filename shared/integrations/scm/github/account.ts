import { createHash } from "node:crypto";
import PQueue from "p-queue";
import type { RequestBudget } from "../../../core/ports/scm.ts";

/**
 * "Pause between mutative requests: wait at least one second between each."
 * https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api
 */
export const WRITE_INTERVAL_MS = 1000;

/** When nobody says how long: "wait for at least one minute before retrying" (same page). */
const UNSAID_PAUSE_MS = 60_000;

/** Until when nothing may be sent, and why. */
export interface Pause {
  readonly untilMs: number;
  /** `allowance`: the hour's requests are used up. `pace`: too much at once. */
  readonly why: "allowance" | "pace";
}

/**
 * Everything that belongs to one token and not to one configured entry: GitHub counts by token, so entries with the same
 * token share what is left, the pauses, and the number of requests at a time.
 */
export interface Account {
  /** Hash of who asks; keys of the cache begin with it. */
  readonly key: string;
  /** Requests at a time. */
  readonly requests: PQueue;
  /** Writes one after the other, spaced. */
  readonly writes: PQueue;
  /** Reads the counters of an answer, whatever its status. */
  note(headers: ReadonlyMap<string, string>, isLimited: boolean): void;
  /** GraphQL says in a body that its allowance is used up; the counters of the same answer say until when. */
  noteExhausted(resource: string): void;
  /** What holds a request back now; null when nothing does. */
  pause(resource: string): Pause | null;
  budgets(): readonly RequestBudget[];
}

const accounts = new Map<string, Account>();

/** The account of a token at one GitHub; the same one for everybody who asks with the same. */
export function sharedAccount(
  identity: { readonly address: string; readonly credential: string },
  options: {
    readonly concurrency: number;
    readonly now: () => number;
    readonly writeIntervalMs: number;
  },
): Account {
  const key = createHash("sha256")
    .update(`${identity.address}\0${identity.credential}`)
    .digest("hex");
  const present = accounts.get(key);
  if (present !== undefined) {
    present.requests.concurrency = Math.min(present.requests.concurrency, options.concurrency);
    return present;
  }
  const made = createAccount(key, options);
  accounts.set(key, made);
  return made;
}

interface Counter {
  readonly limit: number;
  readonly remaining: number;
  readonly resetsAtMs: number;
}

function createAccount(
  key: string,
  {
    concurrency,
    now,
    writeIntervalMs,
  }: { concurrency: number; now: () => number; writeIntervalMs: number },
): Account {
  const counters = new Map<string, Counter>();
  const exhausted = new Map<string, number>();
  let pausedUntilMs = 0;

  return {
    key,
    requests: new PQueue({ concurrency }),
    writes: new PQueue(
      writeIntervalMs > 0
        ? { concurrency: 1, interval: writeIntervalMs, intervalCap: 1 }
        : { concurrency: 1 },
    ),
    note,
    noteExhausted(resource) {
      const resetsAtMs = counters.get(resource)?.resetsAtMs ?? 0;
      exhausted.set(resource, Math.max(resetsAtMs, now() + 1000));
    },
    pause(resource) {
      const allowance = exhausted.get(resource) ?? 0;
      const [untilMs, why] =
        allowance >= pausedUntilMs
          ? ([allowance, "allowance"] as const)
          : ([pausedUntilMs, "pace"] as const);
      return untilMs > now() ? { untilMs, why } : null;
    },
    budgets: () =>
      [...counters].map(([name, { limit, remaining, resetsAtMs }]) => {
        const heldUntil = Math.max(pausedUntilMs, exhausted.get(name) ?? 0);
        return {
          name,
          limit,
          remaining,
          resetsAt: new Date(resetsAtMs),
          pausedUntil: heldUntil > now() ? new Date(heldUntil) : null,
        };
      }),
  };

  function note(headers: ReadonlyMap<string, string>, isLimited: boolean): void {
    const number = (name: string) => {
      const text = headers.get(name);
      return text !== undefined && /^\d{1,12}$/.test(text) ? Number(text) : undefined;
    };
    // Their clock counts: ours may be minutes off.
    const sentAtMs = Date.parse(headers.get("date") ?? "");
    const skewMs = Number.isNaN(sentAtMs) ? 0 : now() - sentAtMs;
    const resource = headers.get("x-ratelimit-resource") ?? "core";
    const [limit, remaining, reset] = [
      number("x-ratelimit-limit"),
      number("x-ratelimit-remaining"),
      number("x-ratelimit-reset"),
    ];
    if (limit !== undefined && remaining !== undefined && reset !== undefined) {
      const resetsAtMs = reset * 1000 + (Math.abs(skewMs) > 2000 ? skewMs : 0);
      const before = counters.get(resource);
      // Answers overtake each other: within one hour the smaller number is the newer one.
      const isOlder =
        before !== undefined &&
        Math.abs(before.resetsAtMs - resetsAtMs) < 5000 &&
        before.remaining < remaining;
      counters.set(resource, {
        limit,
        remaining: isOlder ? before.remaining : remaining,
        resetsAtMs,
      });
      // The next request would be refused, and asking on may get a token banned.
      if (remaining === 0) {
        exhausted.set(resource, resetsAtMs);
      } else if (!isOlder) {
        exhausted.delete(resource);
      }
    }
    if (!isLimited) {
      return;
    }
    const retryAfter = number("retry-after");
    if (retryAfter !== undefined) {
      pausedUntilMs = Math.max(pausedUntilMs, now() + retryAfter * 1000);
    } else if (remaining !== 0) {
      pausedUntilMs = Math.max(pausedUntilMs, now() + UNSAID_PAUSE_MS);
    }
  }
}
