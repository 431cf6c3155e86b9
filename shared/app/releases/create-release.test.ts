import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ReleaseRow } from "../../db/rows/release.ts";
import { ServiceRow } from "../../db/rows/service.ts";
import {
  BranchMissing,
  InputInvalid,
  InputTooLarge,
  PermissionDenied,
  RefInvalid,
  ReleaseAlreadyOpen,
  ReleaseEmpty,
  RepositoriesUnconfigured,
  RepositoryUnknown,
} from "../../errors/catalog.ts";
import { createFakeScm } from "../../testing/fake-scm.ts";
import { createRelease } from "./create-release.ts";
import {
  addRepository,
  createReleaseBench,
  person,
  type ReleaseBench,
} from "./testing/release-bench.ts";

const pair = { source: "uat", destination: "master" };
const dana = person("dana");

describe(createRelease.name, () => {
  let bench: ReleaseBench;

  beforeEach(async () => {
    bench = await createReleaseBench();
  });
  afterEach(() => bench.close());

  it("keeps the repositories with commits, and says which could not be compared", async () => {
    addRepository(bench.scm, "acme/api-gateway", ["feat: routes", "fix: timeouts"]);
    addRepository(bench.scm, "acme/auth-service", []);
    addRepository(bench.scm, "acme/billing", ["feat!: invoices need an address"]);
    bench.scm.breakRepository("acme/billing", { reason: "The disk is gone." });

    const release = await bench.services.create(dana, pair);

    expect(release).toMatchObject({
      number: 1,
      kind: "branch",
      status: "pending",
      sourceBranch: "uat",
      destinationBranch: "master",
      targetEnvironment: "prod",
      itemCount: 1,
      commitCount: 2,
      createdBy: { username: "dana" },
      url: "http://localhost:8080/releases/1",
    });
    expect(release.items.map(({ service, repository }) => [service, repository])).toEqual([
      ["api-gateway", "acme/api-gateway"],
    ]);
    expect(release.problems).toEqual([
      {
        repository: "acme/billing",
        code: "repository_unreadable",
        reason: "The disk is gone.",
        remedy: "Look at the repository.",
      },
    ]);
    expect(await bench.events()).toEqual(["service.saved", "release.created"]);
    expect((await ServiceRow.findByPk("api-gateway"))?.origin).toBe("discovered");
  });

  it("tells commits, contributors, breaking changes and migrations, and drafts notes", async () => {
    const repository = addRepository(bench.scm, "billing", []);
    repository.commit("uat", {
      title: "feat!: invoices need an address",
      body: "BREAKING CHANGE: an address is required",
      authors: [
        { name: "Dana", email: "Dana@example.com" },
        { name: "Quinn", email: "quinn@example.com" },
      ],
      files: { "db/migrations/1.sql": "alter table", "src/a.ts": "1" },
    });

    const [item] = (await bench.services.create(dana, pair)).items;

    expect(item).toMatchObject({
      breaking: true,
      migrations: ["db/migrations/1.sql"],
      fileCount: 2,
      commitCount: 1,
      truncated: false,
      wave: 1,
      contributors: [
        { name: "Dana", email: "dana@example.com", commitCount: 1 },
        { name: "Quinn", email: "quinn@example.com", commitCount: 1 },
      ],
    });
    const release = await bench.services.view(dana, 1);
    expect(release.notes).toContain("Breaking changes");
    expect(release.notes).toBe(release.draftNotes);
    expect(release.breakingChanges).toBe("billing: an address is required");
  });

  it("makes one item of each service of a monorepo whose files changed", async () => {
    const now = bench.database.clock.now();
    await ServiceRow.bulkCreate(
      [
        { name: "shop", repository: "mono", path: "apps/shop" },
        { name: "shop-admin", repository: "mono", path: "apps/shop-admin" },
      ].map((row) => ({ ...row, dependsOn: [], origin: "declared" as const, updatedAt: now })),
    );
    const repository = addRepository(bench.scm, "mono", []);
    repository.commit("uat", {
      title: "feat: basket",
      files: { "apps/shop/basket.ts": "1", "apps/shop-admin.md": "2" },
    });

    const release = await bench.services.create(dana, pair);

    expect(release.items.map(({ service, path, fileCount }) => [service, path, fileCount])).toEqual(
      [["shop", "apps/shop", 1]],
    );
  });

  it("takes only the repositories named, by whole name or what follows the slash", async () => {
    addRepository(bench.scm, "acme/api-gateway", ["feat: a"]);
    addRepository(bench.scm, "acme/billing", ["feat: b"]);

    const release = await bench.services.create(dana, { ...pair, repositories: ["billing"] });

    expect(release.items.map(({ service }) => service)).toEqual(["billing"]);
  });

  it("keeps excluded services in sight, out of the order", async () => {
    addRepository(bench.scm, "api-gateway", ["feat: a"]);
    addRepository(bench.scm, "billing", ["feat: b"]);

    const release = await bench.services.create(dana, { ...pair, exclude: ["billing"] });

    expect(release.items.map(({ service, excluded }) => [service, excluded])).toEqual([
      ["api-gateway", false],
      ["billing", true],
    ]);
    expect(release.order.waves).toEqual([["api-gateway"]]);
    expect(release.itemCount).toBe(1);
  });

  it("starts with the services' own dependencies, then with those of the last release", async () => {
    addRepository(bench.scm, "api-gateway", ["feat: a"]);
    addRepository(bench.scm, "auth", ["feat: b"]);
    await ServiceRow.create({
      name: "api-gateway",
      repository: "api-gateway",
      path: "",
      dependsOn: ["auth"],
      origin: "declared",
      updatedAt: bench.database.clock.now(),
    });

    const first = await bench.services.create(dana, pair);
    expect(first.order.waves).toEqual([["auth"], ["api-gateway"]]);
    await bench.services.setDependencies(dana, 1, "api-gateway", []);
    await bench.services.close(dana, 1, "another way");
    const second = await bench.services.create(dana, pair);

    expect(second.order.waves).toEqual([["api-gateway", "auth"]]);
  });

  it("tells how far it is", async () => {
    addRepository(bench.scm, "api-gateway", ["feat: a"]);
    addRepository(bench.scm, "billing", ["feat: b"]);
    const told: string[] = [];

    await bench.services.create(dana, pair, (done, total) => told.push(`${done}/${total}`));

    expect(told).toEqual(["0/2", "1/2", "2/2"]);
  });

  it("keeps pull requests and checks where source control has them", async () => {
    await bench.close();
    bench = await createReleaseBench({ scmOptions: { pullRequests: true, checks: true } });
    const repository = addRepository(bench.scm, "billing", ["feat: b"]);
    const pullRequest = { number: 4, url: "https://x/4", state: "open", title: "UAT" } as const;
    const ci = { state: "failure", url: null, summary: "2 of 9 failed" } as const;
    bench.scm.setPullRequest("billing", "master", "uat", pullRequest);
    bench.scm.setCiState("billing", repository.tip("uat") ?? "", ci);

    const release = await bench.services.create(dana, pair);

    expect(release.items[0]).toMatchObject({ pullRequest, ci });
    expect(release.abilities.deploy.allowed).toBe(false);
    expect(release.requirements.map(({ code }) => code)).toContain("ci.failed");
  });

  it("opens one release of a pair, however many people ask at once", async () => {
    addRepository(bench.scm, "billing", ["feat: b"]);

    const attempts = await Promise.allSettled(
      ["dana", "quinn", "olivia", "adam"].map((name) => bench.services.create(person(name), pair)),
    );

    expect(attempts.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    for (const attempt of attempts) {
      if (attempt.status === "rejected") {
        expect(attempt.reason).toBeInstanceOf(ReleaseAlreadyOpen);
        expect(attempt.reason.remedy).toContain("refresh 1");
      }
    }
    expect(await ReleaseRow.count()).toBe(1);
  });

  it("stores what commits say without the characters that lie about it", async () => {
    const repository = addRepository(bench.scm, "billing", []);
    repository.commit("uat", {
      title: "feat: <script>@channel\u202Egnp.exe\u0007",
      files: { "a.ts": "1" },
    });

    const release = await bench.services.create(dana, pair);

    expect(release.items[0]?.commits[0]?.title).toBe("feat: <script>@channelgnp.exe");
  });

  it.each([
    ["the same branch twice", { source: "master", destination: "master" }, InputInvalid],
    ["a branch nobody has", { source: "uatt", destination: "master" }, BranchMissing],
    ["an option as branch", { source: "--upload-pack=x", destination: "master" }, RefInvalid],
    ["a branch with a space", { source: "my branch", destination: "master" }, RefInvalid],
    ["a branch with dots", { source: "a..b", destination: "master" }, RefInvalid],
    ["a branch with bidi marks", { source: "u\u202Eat", destination: "master" }, RefInvalid],
    ["an unknown repository", { ...pair, repositories: ["biling"] }, RepositoryUnknown],
    ["an unknown exclusion", { ...pair, exclude: ["biling"] }, RepositoryUnknown],
    ["everything excluded", { ...pair, exclude: ["billing"] }, ReleaseEmpty],
    ["nothing changed", { source: "master", destination: "uat" }, ReleaseEmpty],
    ["a megabyte of notes", { ...pair, notes: "x".repeat(1_000_000) }, InputTooLarge],
  ])("refuses %s", async (_what, input, error) => {
    addRepository(bench.scm, "billing", ["feat: b"]);

    await expect(bench.services.create(dana, input)).rejects.toBeInstanceOf(error);

    expect(await ReleaseRow.count()).toBe(0);
  });

  it("names what somebody may have meant", async () => {
    addRepository(bench.scm, "acme/billing", ["feat: b"]);

    await expect(
      bench.services.create(dana, { ...pair, repositories: ["biling"] }),
    ).rejects.toMatchObject({ remedy: "Did you mean billing?" });
    await expect(
      bench.services.create(dana, { source: "uatt", destination: "master" }),
    ).rejects.toMatchObject({ remedy: "Did you mean uat?" });
  });

  it("says so when no repository is configured", async () => {
    await bench.close();
    bench = await createReleaseBench({ scms: [] });

    await expect(bench.services.create(dana, pair)).rejects.toBeInstanceOf(
      RepositoriesUnconfigured,
    );
  });

  it("goes on without a provider that cannot be listed", async () => {
    await bench.close();
    const good = createFakeScm({ id: "fake:1" });
    addRepository(good, "billing", ["feat: b"]);
    const bad = createFakeScm({ id: "fake:2" });
    bench = await createReleaseBench({
      scms: [
        good,
        { ...bad, listRepositories: () => Promise.reject(new Error("certificate expired")) },
      ],
    });

    const release = await bench.services.create(dana, pair);

    expect(release.items).toHaveLength(1);
    expect(release.problems).toMatchObject([{ repository: "fake:2", code: "unavailable" }]);
  });

  it("refuses people who may only look, and remembers that they tried", async () => {
    addRepository(bench.scm, "billing", ["feat: b"]);

    await expect(bench.services.create(person("vic"), pair)).rejects.toBeInstanceOf(
      PermissionDenied,
    );

    expect(await bench.payloads("access.denied")).toMatchObject([{ permission: "release.create" }]);
  });
});
