import { inspect } from "node:util";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import type { CompareResult, RepoRef, ScmProvider } from "../../../core/ports/scm.ts";
import { AppError } from "../../../errors/app-error.ts";
import { UpstreamRejected, UpstreamTimeout, UpstreamUnavailable } from "../../../errors/catalog.ts";
import { createManualClock } from "../../../testing/clock.ts";
import { startFakeGithub, type FakeGithub, type Fault } from "./testing/fake-github.ts";
import { createProviderFor } from "./testing/github-workbench.ts";

const never = new AbortController().signal;
let fake: FakeGithub;
let repositories: readonly RepoRef[];
let heads: readonly string[];

beforeAll(async () => {
  fake = await startFakeGithub();
  const made: RepoRef[] = [];
  const shas: string[] = [];
  for (const name of ["api", "billing", "cart"]) {
    const repository = await fake.create(`acme/${name}`);
    const root = await repository.commit("master", { title: "begin", files: { a: "1\n" } });
    await repository.move("uat", root);
    shas.push(await repository.commit("uat", { title: `feat: ${name}`, files: { a: "2\n" } }));
    made.push({ provider: "github:0", name, locator: `acme/${name}` });
  }
  repositories = made;
  heads = shas;
  // What the fake works out for the first time takes longer.
  await compareAll(createProviderFor(fake));
}, 60_000);
beforeEach(() => {
  fake.reset();
});
afterAll(async () => {
  await fake.close();
});

async function compareAll(
  provider: ScmProvider,
  signal = never,
): Promise<Map<string, CompareResult>> {
  const results = new Map<string, CompareResult>();
  const pairs = repositories.map((repository) => ({ repository, base: "master", head: "uat" }));
  for await (const result of provider.compareMany(pairs, signal)) {
    results.set(result.repository.name, result);
  }
  return results;
}

/** Short only where nothing will come. */
function patienceFor(fault: Fault) {
  return { organization: "acme", ...(fault === "hang" ? { timeout: "1500ms" } : {}) };
}

function codes(results: Map<string, CompareResult>): Readonly<Record<string, string>> {
  return Object.fromEntries(
    [...results].map(([name, result]) => [name, result.ok ? "ok" : result.failure.code]),
  );
}

describe("one repository that answers badly", () => {
  it.each<readonly [string, Fault, string]>([
    [
      "403 with headers",
      {
        status: 403,
        headers: {
          "x-ratelimit-remaining": "44",
          "x-ratelimit-limit": "5000",
          "x-ratelimit-reset": "2000000000",
        },
        body: '{"message":"Resource not accessible by personal access token"}',
      },
      "repository_unreadable",
    ],
    ["403 without headers", { status: 403 }, "repository_unreadable"],
    ["409", { status: 409, body: '{"message":"Git Repository is empty."}' }, "repository_empty"],
    ["422", { status: 422, body: '{"message":"Validation Failed"}' }, "repository_unreadable"],
    [
      "451",
      { status: 451, body: '{"message":"Repository access blocked"}' },
      "repository_unreadable",
    ],
    ["500", { status: 500 }, "unavailable"],
    [
      "502 with a page for people",
      { status: 502, headers: { "content-type": "text/html" }, body: "<html>Unicorn!</html>" },
      "unavailable",
    ],
    ["time-out", "hang", "timeout"],
    ["a connection that breaks", "reset", "unavailable"],
    ["half a body", "half", "unavailable"],
    ["an empty body", "empty", "unavailable"],
    ["a body that is something else", { status: 200, body: '{"message":"hello"}' }, "unavailable"],
    ["JSON null", { status: 200, body: "null" }, "unavailable"],
  ])("%s fails alone, and says why and what to do", async (_what, fault, code) => {
    fake.fail({ fault, path: /billing\/compare/ });
    const results = await compareAll(createProviderFor(fake, patienceFor(fault)));
    expect(codes(results)).toEqual({ api: "ok", billing: code, cart: "ok" });
    const billing = results.get("billing");
    expect(billing?.ok === false && billing.failure.reason).toMatch(/\S.*\.$/);
    expect(billing?.ok === false && billing.failure.remedy).toMatch(/\S.*[.)]$/);
  });

  it("is asked again when it breaks once", async () => {
    for (const fault of [{ status: 502 }, "reset"] as const) {
      fake.fail({ fault, path: /billing\/compare/, times: 1 });
    }
    expect(codes(await compareAll(createProviderFor(fake)))).toEqual({
      api: "ok",
      billing: "ok",
      cart: "ok",
    });
  });

  it("whose commits were forced away between looking and comparing says that", async () => {
    fake.fail({
      fault: { status: 404, body: '{"message":"Not Found"}' },
      path: /billing\/compare/,
    });
    fake.fail({
      fault: { status: 200, body: '{"data":{"r0":{"c0":{"oid":"x"},"c1":null}}}' },
      path: /graphql/,
      body: /c1: object\(oid: \$v\d+\) \{ oid \}/,
    });
    const result = (await compareAll(createProviderFor(fake))).get("billing");
    expect(result?.ok === false && result.failure.code).toBe("branch_missing");
    expect(result?.ok === false && result.failure.reason).toContain("has no commit");
  });
});

describe("GraphQL that answers badly", () => {
  it.each<readonly [string, Fault]>([
    ["502", { status: 502, body: '{"message":"Something went wrong"}' }],
    [
      "200 with errors",
      {
        status: 200,
        body: '{"errors":[{"message":"Something went wrong while executing your query"}]}',
      },
    ],
    [
      "200 with a limit",
      {
        status: 200,
        body: '{"data":null,"errors":[{"type":"RESOURCE_LIMITS_EXCEEDED","message":"Resource limits exceeded"}]}',
      },
    ],
    [
      "200 with part of the answer",
      {
        status: 200,
        body: '{"data":{"r0":null,"r1":null,"r2":null},"errors":[{"message":"Timeout","path":["r1"]}]}',
      },
    ],
    ["a time-out", "hang"],
    ["half a body", "half"],
    ["an empty body", "empty"],
  ])("%s for many is asked again with fewer", async (_what, fault) => {
    // Only the query with a third repository in it is too much.
    fake.fail({ fault, path: /graphql/, body: /r2: repository[^}]*isDisabled/ });
    const results = await compareAll(createProviderFor(fake, patienceFor(fault)));
    expect(codes(results)).toEqual({ api: "ok", billing: "ok", cart: "ok" });
  });

  it.each<readonly [string, Fault, string]>([
    ["always 502", { status: 502 }, "unavailable"],
    ["always malformed", "half", "unavailable"],
    ["401", { status: 401, body: '{"message":"Bad credentials"}' }, "repository_unreadable"],
    ["a connection that breaks", "reset", "unavailable"],
  ])("%s fails every repository after a few requests", async (_what, fault, code) => {
    fake.fail({ fault, path: /graphql/ });
    const results = await compareAll(createProviderFor(fake));
    expect(codes(results)).toEqual({ api: code, billing: code, cart: code });
    expect(fake.requests.length).toBeLessThan(8);
  });

  it("knows what it was not told from what there is not", async () => {
    const [api] = repositories;
    fake.fail({
      fault: {
        status: 200,
        body: '{"data":{"r0":{"url":"https://x/acme/api","object":{"oid":"1","statusCheckRollup":null}}},"errors":[{"type":"FORBIDDEN","path":["r0","object","statusCheckRollup"],"message":"Resource not accessible"}]}',
      },
      path: /graphql/,
    });
    const provider = createProviderFor(fake);
    await expect(provider.ciState?.(api as RepoRef, heads[0] ?? "", never)).rejects.toThrow(
      /does not show the checks/,
    );
  });
});

describe("limits", () => {
  const limited: Fault = {
    status: 403,
    headers: { "retry-after": "7" },
    body: '{"message":"You have exceeded a secondary rate limit."}',
  };

  /** Time moves as soon as somebody waits for it. */
  function impatient() {
    const clock = createManualClock(new Date());
    const waits: number[] = [];
    return {
      waits,
      tuning: {
        now: () => clock.now().getTime(),
        timers: {
          after(ms: number, run: () => void) {
            waits.push(ms);
            const cancel = clock.after(ms, run);
            setImmediate(() => void clock.advance(ms));
            return cancel;
          },
        },
      },
    };
  }

  it("that are short are waited for, for as long as GitHub says", async () => {
    const { waits, tuning } = impatient();
    fake.fail({ fault: limited, path: /billing\/compare/, times: 1 });
    const provider = createProviderFor(fake, { organization: "acme" }, { tuning });
    expect(codes(await compareAll(provider))).toMatchObject({ billing: "ok" });
    expect(Math.max(...waits)).toBeGreaterThan(6_000);
    expect(Math.max(...waits)).toBeLessThanOrEqual(7_000);
  });

  it("that go on are not waited for again and again", async () => {
    const { waits, tuning } = impatient();
    fake.fail({ fault: limited, path: /billing\/compare/ });
    const provider = createProviderFor(fake, { organization: "acme" }, { tuning });
    const result = (await compareAll(provider)).get("billing");
    expect(result?.ok === false && result.failure.code).toBe("unavailable");
    expect(waits.reduce((sum, ms) => sum + ms, 0)).toBeLessThan(3 * 15_000);
  });

  it.each<readonly [string, Fault]>([
    [
      "with an hour to go",
      {
        status: 403,
        headers: { "retry-after": "3600" },
        body: '{"message":"You have exceeded a secondary rate limit."}',
      },
    ],
    ["429 with nothing said", { status: 429 }],
    [
      "403 with nothing said but the words",
      { status: 403, body: '{"message":"You have exceeded a secondary rate limit."}' },
    ],
  ])("%s are told at once, and nothing else is sent meanwhile", async (_what, fault) => {
    fake.fail({ fault, path: /git\/matching-refs/, times: 1 });
    const provider = createProviderFor(fake);
    const [api] = repositories as [RepoRef];
    await expect(provider.listBranches(api, { limit: 5 }, never)).rejects.toThrow(
      UpstreamUnavailable,
    );
    const [budget] = provider.budgets?.() ?? [];
    expect(budget === undefined || budget.pausedUntil !== null).toBe(true);
    fake.forgetRequests();
    await expect(provider.listBranches(api, { limit: 5 }, never)).rejects.toThrow(
      /wait until \d\d:\d\d UTC/,
    );
    expect(codes(await compareAll(provider))).toEqual({
      api: "unavailable",
      billing: "unavailable",
      cart: "unavailable",
    });
    expect(fake.requests).toEqual([]);
  });

  it.each(["core", "graphql"] as const)(
    "of the hour for %s are told with the time they end, and not asked against",
    async (resource) => {
      fake.setAllowance(resource, 0, 40 * 60);
      const provider = createProviderFor(fake);
      const ask = () =>
        resource === "core"
          ? provider.listRepositories(never)
          : provider.resolveMany([{ repository: repositories[0] as RepoRef, ref: "uat" }], never);
      const answer = await ask().then(
        (found) => found.map((one) => ("ok" in one && !one.ok ? one.failure.reason : "?")).join(),
        (error: unknown) => (error instanceof UpstreamUnavailable ? error.message : String(error)),
      );
      expect(answer).toMatch(/allowance .* used up until \d\d:\d\d UTC \(in (?:39|40) min/);
      const sent = fake.requests.length;
      await ask().catch(() => undefined);
      expect(fake.requests).toHaveLength(sent);
      expect(provider.budgets?.().find(({ name }) => name === resource)).toMatchObject({
        remaining: 0,
        limit: 5000,
        pausedUntil: expect.any(Date) as Date,
      });
    },
  );

  it("of the hour that end soon are waited for", async () => {
    const { waits, tuning } = impatient();
    fake.setAllowance("core", 1, 5);
    const provider = createProviderFor(fake, { organization: "acme" }, { tuning });
    await provider.listRepositories(never);
    expect(waits).toEqual([]);
    const again = provider.listRepositories(never);
    fake.setAllowance("core", 5000);
    expect(await again).toHaveLength(3);
    expect(waits).toHaveLength(1);
  });

  it("are one budget for all entries with the same token", async () => {
    const one = createProviderFor(fake, { organization: "acme" });
    const two = createProviderFor(fake, { repositories: ["acme/api"] }, { id: "github:1" });
    await one.listRepositories(never);
    expect(two.budgets?.()).toEqual(one.budgets?.());
    expect(two.budgets?.()[0]).toMatchObject({ name: "core", limit: 5000, remaining: 4999 });
  });
});

describe("a person who stops", () => {
  it("waits for nothing, and nothing more is sent", async () => {
    fake.fail({ fault: "hang", path: /compare/ });
    const provider = createProviderFor(fake);
    const stop = new AbortController();
    const reason = new Error("stopped by the person");
    const result = compareAll(provider, stop.signal).catch((error: unknown) => error);
    await vi.waitFor(() =>
      expect(fake.requests.some(({ path }) => path.includes("compare"))).toBe(true),
    );
    stop.abort(reason);
    expect(await result).toBe(reason);
    const sent = fake.requests.length;
    await provider.listRepositories(never);
    expect(fake.requests).toHaveLength(sent + 1);
  });

  it("does not wait for the end of a limit either", async () => {
    fake.fail({
      fault: {
        status: 403,
        headers: { "retry-after": "9" },
        body: '{"message":"secondary rate limit"}',
      },
      path: /repos/,
    });
    const provider = createProviderFor(fake);
    const stop = new AbortController();
    const reason = new Error("stopped by the person");
    const listing = provider.listRepositories(stop.signal).catch((error: unknown) => error);
    await vi.waitFor(() => expect(fake.requests).toHaveLength(1));
    stop.abort(reason);
    expect(await listing).toBe(reason);
  });
});

describe("what goes wrong", () => {
  it.each<readonly [string, Fault, unknown]>([
    ["time-out", "hang", UpstreamTimeout],
    ["500", { status: 500 }, UpstreamUnavailable],
    ["403", { status: 403 }, UpstreamRejected],
    ["401", { status: 401 }, UpstreamRejected],
  ])("%s is told as what it is", async (_what, fault, kind) => {
    fake.fail({ fault });
    const provider = createProviderFor(fake, patienceFor(fault));
    await expect(provider.listRepositories(never)).rejects.toThrow(kind);
  });

  it("never shows the token, however it is printed", async () => {
    const leaks = {
      status: 422,
      body: JSON.stringify({ message: `Bad token ${fake.token}` }),
    };
    for (const fault of [leaks, { status: 401 }, { status: 500 }, "reset", "half"] as const) {
      const stop = fake.fail({ fault });
      const error: unknown = await createProviderFor(fake)
        .listRepositories(never)
        .catch((caught: unknown) => caught);
      expect(error).toBeInstanceOf(AppError);
      const shown = `${inspect(error, { depth: 20, showHidden: true })}${JSON.stringify(error)}`;
      expect(shown).not.toContain(fake.token);
      stop();
    }
  });

  it("with nobody there says so", async () => {
    const other = await startFakeGithub();
    const provider = createProviderFor(other);
    await other.close();
    const error: unknown = await provider
      .listRepositories(never)
      .catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(UpstreamUnavailable);
    expect((error as AppError).message).toContain("cannot be reached");
  });
});
