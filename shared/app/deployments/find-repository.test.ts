import { describe, expect, it } from "vitest";
import type { ScmProvider } from "../../core/ports/scm.ts";
import {
  ProviderNotConfigured,
  RepositoryUnknown,
  UpstreamUnavailable,
} from "../../errors/catalog.ts";
import { createManualClock } from "../../testing/clock.ts";
import { createFakeScm } from "../../testing/fake-scm.ts";
import { createRepositoryFinder } from "./find-repository.ts";

const never = new AbortController().signal;

/** A provider whose list can be taken down. */
function provider(id: string, ...names: readonly string[]) {
  const fake = createFakeScm({ id });
  names.forEach((name) => fake.repository(name));
  let isUp = true;
  let listings = 0;
  const scm: ScmProvider = {
    ...fake,
    async listRepositories(signal) {
      listings += 1;
      if (!isUp) {
        throw new UpstreamUnavailable({ system: id, operation: "listing repositories" });
      }
      return fake.listRepositories(signal);
    },
  };
  return {
    fake,
    scm,
    setUp: (value: boolean) => {
      isUp = value;
    },
    get listings() {
      return listings;
    },
  };
}

function setUp() {
  const clock = createManualClock();
  const forge = provider("forge:0", "acme/api", "shared");
  const git = provider("git:1", "tools", "shared");
  const finder = createRepositoryFinder([forge.scm, git.scm], clock);
  return { clock, forge, git, finder };
}

describe(createRepositoryFinder.name, () => {
  it("lets the first provider that has a name win", async () => {
    const { finder } = setUp();
    expect(await finder.findRepository("shared", never)).toMatchObject({ provider: "forge:0" });
    expect(await finder.findRepository("tools", never)).toMatchObject({ provider: "git:1" });
    expect(finder.scm("git:1").id).toBe("git:1");
    expect(() => finder.scm("git:2")).toThrow(ProviderNotConfigured);
  });

  it("finds what another provider has while one is down", async () => {
    const { forge, finder } = setUp();
    forge.setUp(false);
    expect(await finder.findRepository("tools", never)).toMatchObject({ provider: "git:1" });
  });

  it("keeps what a provider listed before it went down", async () => {
    const { clock, forge, finder } = setUp();
    await finder.findRepository("acme/api", never);
    forge.setUp(false);
    await clock.advance(24 * 3_600_000);
    expect(await finder.findRepository("acme/api", never)).toMatchObject({ provider: "forge:0" });
    expect(await finder.findRepository("shared", never)).toMatchObject({ provider: "forge:0" });
  });

  it("calls nothing unknown while a provider is silent", async () => {
    const { clock, forge, finder } = setUp();
    forge.setUp(false);
    await expect(finder.findRepository("acme/api", never)).rejects.toBeInstanceOf(
      UpstreamUnavailable,
    );
    forge.setUp(true);
    await clock.advance(5_000);
    expect(await finder.findRepository("acme/api", never)).toMatchObject({ provider: "forge:0" });
    await expect(finder.findRepository("acme/apy", never)).rejects.toMatchObject({
      code: new RepositoryUnknown({ repository: "", known: [] }).code,
      remedy: "Did you mean acme/api?",
    });
  });

  it("treats a provider that breaks like one that is silent", async () => {
    const { git } = setUp();
    const broken: ScmProvider = {
      ...createFakeScm({ id: "broken:0" }),
      listRepositories: () => Promise.reject(new TypeError("x is undefined")),
    };
    const finder = createRepositoryFinder([broken, git.scm], createManualClock());
    expect(await finder.findRepository("tools", never)).toMatchObject({ provider: "git:1" });
    await expect(finder.findRepository("other", never)).rejects.toMatchObject({
      code: "upstream.unavailable",
    });
  });

  it("asks once for many who ask together, and seldom for what is not there", async () => {
    const { clock, forge, finder } = setUp();
    const asked = Array.from({ length: 300 }, (_, index) =>
      finder.findRepository(index % 2 === 0 ? "acme/api" : "nothing", never),
    );
    await Promise.allSettled(asked);
    expect(forge.listings).toBe(1);
    await Promise.allSettled([finder.findRepository("nothing", never)]);
    expect(forge.listings).toBe(1);
    await clock.advance(5_000);
    await Promise.allSettled([finder.findRepository("nothing", never)]);
    expect(forge.listings).toBe(2);
  });

  it("finds a repository that was added since", async () => {
    const { clock, forge, finder } = setUp();
    await finder.findRepository("acme/api", never);
    forge.fake.repository("acme/new");
    await clock.advance(5_000);
    expect(await finder.findRepository("acme/new", never)).toMatchObject({ name: "acme/new" });
  });

  it("lets somebody who gives up go, and the others wait on", async () => {
    const { git } = setUp();
    let answer: () => void = () => undefined;
    const slow: ScmProvider = {
      ...git.scm,
      listRepositories: (signal) =>
        new Promise((resolve) => {
          answer = () => resolve(git.scm.listRepositories(signal));
        }),
    };
    const finder = createRepositoryFinder([slow], createManualClock());
    const impatient = new AbortController();
    const first = finder.findRepository("tools", impatient.signal);
    const second = finder.findRepository("tools", never);
    impatient.abort(new Error("enough"));
    await expect(first).rejects.toThrow("enough");
    answer();
    expect(await second).toMatchObject({ name: "tools" });
  });
});
