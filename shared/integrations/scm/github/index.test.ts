import { generateKeyPairSync } from "node:crypto";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import type { RepoRef } from "../../../core/ports/scm.ts";
import { createMemoryCache } from "../memory-cache.ts";
import { startFakeGithub, type FakeGithub } from "./testing/fake-github.ts";
import { createProviderFor } from "./testing/github-workbench.ts";

const never = new AbortController().signal;
let fake: FakeGithub;

beforeAll(async () => {
  fake = await startFakeGithub();
  const first = await fake.create("acme/api-gateway");
  await first.commit("master", { title: "begin", files: { a: "1\n" } });
  for (const name of [
    "acme/billing-service",
    "acme/old-archive",
    "acme/docs",
    "robot/tool",
    "partner/api-gateway",
  ]) {
    await fake.create(name, first);
  }
  await fake.create("acme/empty-service");
  fake.repository("acme/old-archive").isArchived = true;
  fake.repository("acme/billing-service").topics = ["service"];
}, 60_000);
beforeEach(() => {
  fake.reset();
});
afterEach(() => {
  vi.useRealTimers();
});
afterAll(async () => {
  await fake.close();
});

async function names(options: Readonly<Record<string, unknown>>): Promise<readonly string[]> {
  const listed = await createProviderFor(fake, options).listRepositories(never);
  return listed.map(({ name }) => name);
}

describe("listing repositories", () => {
  it.each<readonly [string, Readonly<Record<string, unknown>>, readonly string[]]>([
    [
      "an organisation, without what is archived",
      { organization: "acme" },
      ["api-gateway", "billing-service", "docs", "empty-service"],
    ],
    [
      "its name in other letters",
      { organization: "ACME" },
      ["api-gateway", "billing-service", "docs", "empty-service"],
    ],
    [
      "patterns",
      { organization: "acme", include: ["*-service", "api-*"], exclude: ["empty-*"] },
      ["api-gateway", "billing-service"],
    ],
    ["a topic", { organization: "acme", topic: "service" }, ["billing-service"]],
    ["the person whose token it is", { user: "robot" }, ["tool"]],
    ["another person", { user: "partner" }, ["api-gateway"]],
    [
      "single ones",
      { repositories: ["acme/docs", "partner/api-gateway"] },
      ["docs", "api-gateway"],
    ],
    [
      "two of the same name",
      { repositories: ["acme/api-gateway", "partner/api-gateway"] },
      ["acme/api-gateway", "partner/api-gateway"],
    ],
    [
      "single ones beside an organisation",
      {
        organization: "acme",
        include: ["api-*"],
        repositories: ["partner/api-gateway", "acme/docs"],
      },
      ["partner/api-gateway", "docs", "api-gateway"],
    ],
  ])("of %s", async (_what, options, expected) => {
    expect(await names(options)).toEqual(expected);
  });

  it("asks nothing about single ones, and whether lists changed about others", async () => {
    await names({ repositories: ["acme/docs"] });
    expect(fake.requests).toEqual([]);
    const httpCache = createMemoryCache();
    for (let time = 0; time < 2; time += 1) {
      const provider = createProviderFor(fake, { organization: "acme" }, { httpCache });
      expect(await provider.listRepositories(never)).toHaveLength(4);
    }
    expect(fake.requests.map(({ status }) => status)).toEqual([200, 304]);
    const [first, second] = fake.requests;
    expect(first?.headers).not.toHaveProperty("if-none-match");
    expect(second?.headers["if-none-match"]).toMatch(/^W\/"/);
    expect(second?.headers["authorization"]).toContain(fake.token);
    expect(fake.used.core).toBe(1);
  });

  it("sees a new repository, and what of the old answers still holds", async () => {
    const httpCache = createMemoryCache();
    const provider = createProviderFor(fake, { organization: "acme" }, { httpCache });
    await provider.listRepositories(never);
    fake.repository("acme/docs").isArchived = true;
    try {
      expect((await provider.listRepositories(never)).map(({ name }) => name)).not.toContain(
        "docs",
      );
    } finally {
      fake.repository("acme/docs").isArchived = false;
    }
  });

  it("does not keep for one token what another may see", async () => {
    const httpCache = createMemoryCache();
    await createProviderFor(fake, { organization: "acme" }, { httpCache }).listRepositories(never);
    fake.reset();
    await createProviderFor(fake, { organization: "acme" }, { httpCache }).listRepositories(never);
    expect(fake.requests.map(({ status }) => status)).toEqual([200]);
  });

  it("is lost on whoever keeps nonsense", async () => {
    const httpCache = {
      get: async () => ({ etag: 'W/"x"', value: "{not json" }),
      put: async () => undefined,
    };
    const provider = createProviderFor(fake, { organization: "acme" }, { httpCache });
    expect(await provider.listRepositories(never)).toHaveLength(4);
    expect(fake.requests[0]?.headers).not.toHaveProperty("if-none-match");
  });

  it("says that an organisation is not there", async () => {
    await expect(names({ organization: "nobody" })).rejects.toThrow(/GitHub has no account nobody/);
  });

  it("gives addresses without credentials", async () => {
    const provider = createProviderFor(fake, { organization: "acme" });
    const [first] = await provider.listRepositories(never);
    expect(first && provider.cloneUrl(first)).toBe(
      `${new URL(fake.url).origin}/acme/api-gateway.git`,
    );
  });
});

describe("an App", () => {
  const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const app = {
    id: "4711",
    // As GitHub gives it.
    private_key: privateKey.export({ type: "pkcs1", format: "pem" }),
    installation_id: 99,
  };
  const logins = () => fake.requests.filter(({ path }) => path.includes("access_tokens")).length;

  it("signs in with its key, once, and again before its token ends", async () => {
    fake.installApp("4711", 99, publicKey);
    vi.useFakeTimers({ toFake: ["Date"] });
    const provider = createProviderFor(fake, { organization: "acme", app });
    expect(await provider.listRepositories(never)).toHaveLength(4);
    await provider.listRepositories(never);
    const first = fake.requests.at(-1)?.headers["authorization"];
    vi.setSystemTime(Date.now() + 61 * 60_000);
    await provider.listRepositories(never);
    expect(first).toMatch(/^token ghs_/);
    expect(fake.requests.at(-1)?.headers["authorization"]).not.toBe(first);
    expect(logins()).toBe(2);
  });

  it("signs in once for many requests at a time, and also when there may be only one", async () => {
    fake.installApp("4711", 99, publicKey);
    const [ref] = await createProviderFor(fake, { organization: "acme" }).listRepositories(never);
    for (const concurrency of [8, 1]) {
      fake.reset();
      const provider = createProviderFor(fake, { organization: "acme", concurrency, app });
      await Promise.all(
        Array.from({ length: 12 }, (_, index) =>
          provider.listBranches(ref as RepoRef, { prefix: `x${index}`, limit: 1 }, never),
        ),
      );
      expect(fake.requests).toHaveLength(13);
    }
  });

  it("with the wrong key is told so, and its key is nowhere in it", async () => {
    const other = generateKeyPairSync("rsa", { modulusLength: 2048 });
    fake.installApp("4711", 99, other.publicKey);
    const provider = createProviderFor(fake, {
      organization: "acme",
      app: { ...app, installation_id: 98 },
    });
    const error: unknown = await provider
      .listRepositories(never)
      .catch((caught: unknown) => caught);
    expect(String(error)).toMatch(/does not accept our sign-in/);
  });
});
