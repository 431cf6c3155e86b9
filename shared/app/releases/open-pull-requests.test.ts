import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { systemActor } from "../../core/actor.ts";
import { JobRow } from "../../db/rows/job.ts";
import {
  ItemNotFound,
  PermissionDenied,
  PullRequestsImpossible,
  ReleaseClosed,
  UpstreamUnavailable,
} from "../../errors/catalog.ts";
import { createFakeScm } from "../../testing/fake-scm.ts";
import { finishPullRequests, openPullRequests } from "./open-pull-requests.ts";
import { createReleaseServices } from "./release-services.ts";
import {
  addRepository,
  createReleaseBench,
  person,
  type ReleaseBench,
} from "./testing/release-bench.ts";

const pair = { source: "uat", destination: "master" };
const dana = person("dana");
const vic = person("vic");

let bench: ReleaseBench;

async function setUp(scmOptions: Parameters<typeof createFakeScm>[0] = { pullRequests: true }) {
  bench = await createReleaseBench({ scmOptions });
  for (const name of ["acme/auth", "acme/billing", "acme/gateway"]) {
    addRepository(bench.scm, name, ["feat: x"]);
  }
  await bench.services.create(dana, pair);
}

beforeEach(() => setUp());
afterEach(() => bench.close());

describe(openPullRequests.name, () => {
  it("opens one for each repository that has none, and shows them", async () => {
    bench.scm.setPullRequest("acme/auth", "master", "uat", {
      number: 41,
      url: "https://git.example.com/41",
      state: "open",
      title: "By hand",
    });
    const before = await bench.services.refresh(dana, 1);
    expect(before.missingPullRequests).toEqual(["acme/billing", "acme/gateway"]);
    expect(before.abilities.openPullRequests.allowed).toBe(true);

    const { release, results } = await bench.services.openPullRequests(dana, 1, {});

    expect(results.map(({ repository, pullRequest }) => [repository, pullRequest?.state])).toEqual([
      ["acme/billing", "open"],
      ["acme/gateway", "open"],
    ]);
    expect(
      release.items.map(({ repository, pullRequest }) => [repository, pullRequest?.title]),
    ).toEqual([
      ["acme/auth", "By hand"],
      ["acme/billing", "Release #1: uat → master"],
      ["acme/gateway", "Release #1: uat → master"],
    ]);
    expect(release.missingPullRequests).toEqual([]);
    expect(release.abilities.openPullRequests).toMatchObject({
      allowed: false,
      reason: "Every repository of release #1 has its pull request.",
    });
    expect(release.fingerprint).toBe(before.fingerprint);
  });

  it("writes down what is wanted before it asks anybody, and what came of it", async () => {
    const finish = bench.scm.slow("acme/auth");
    const opening = bench.services.openPullRequests(dana, 1, { repositories: ["auth"] });
    await until(async () => (await bench.events()).includes("release.pull_requests_requested"));
    expect(await bench.events()).not.toContain("release.pull_requests_opened");
    expect(await JobRow.count({ where: { name: "release.pull_requests" } })).toBe(1);
    finish();
    await opening;
    const [requested] = await bench.payloads("release.pull_requests_requested");
    const [opened] = await bench.payloads("release.pull_requests_opened");
    expect(requested).toMatchObject({ repositories: ["acme/auth"] });
    expect(opened).toMatchObject({
      request: (requested as { request: string }).request,
      opened: [{ repository: "acme/auth", number: 1 }],
      failed: [],
    });
  });

  it("asks nobody twice: the second time everything is there", async () => {
    const [one, two] = await Promise.all([
      bench.services.openPullRequests(dana, 1, {}),
      bench.services.openPullRequests(dana, 1, {}),
    ]);
    expect(two.results).toEqual(one.results);
    const again = await bench.services.openPullRequests(dana, 1, {});
    expect(again.results).toEqual([]);
    const named = await bench.services.openPullRequests(dana, 1, { repositories: ["billing"] });
    expect(named.results).toMatchObject([
      { repository: "acme/billing", pullRequest: { number: 2 }, reason: null },
    ]);
    expect(bench.scm.calls["openPullRequest"]).toBe(3);
    expect(await bench.payloads("release.pull_requests_requested")).toHaveLength(1);
  });

  it("names each repository that refuses, with what to do, and opens the others", async () => {
    bench.scm.breakRepository("acme/billing", {
      code: "repository_unreadable",
      reason: "it is archived.",
      remedy: "Bring it back to life, or exclude it.",
    });
    const { release, results } = await bench.services.openPullRequests(dana, 1, {});
    expect(results.map(({ repository, reason, remedy }) => [repository, reason, remedy])).toEqual([
      ["acme/auth", null, null],
      [
        "acme/billing",
        "acme/billing refused opening a pull request: it is archived. Nothing was changed.",
        "Bring it back to life, or exclude it.",
      ],
      ["acme/gateway", null, null],
    ]);
    expect(release.missingPullRequests).toEqual(["acme/billing"]);
    expect(await bench.payloads("release.pull_requests_opened")).toMatchObject([
      { failed: [{ repository: "acme/billing", remedy: "Bring it back to life, or exclude it." }] },
    ]);
  });

  it("says of a repository that is gone that it is gone", async () => {
    bench.scm.removeRepository("acme/billing");
    const { results } = await bench.services.openPullRequests(dana, 1, {});
    expect(results.find(({ repository }) => repository === "acme/billing")).toMatchObject({
      pullRequest: null,
      reason: expect.stringContaining("acme/billing") as unknown,
    });
  });

  it("says of every repository that its provider does not answer, and opens nothing later", async () => {
    const dead = {
      ...bench.scm,
      listRepositories: () =>
        Promise.reject(new UpstreamUnavailable({ system: "fake:0", operation: "listing" })),
    };
    const deps = { ...bench.deps, scms: [dead] };
    const results = await openPullRequests(deps, dana, 1, null);
    expect(results).toHaveLength(3);
    expect(results.every(({ reason }) => reason?.includes("fake:0 does not answer"))).toBe(true);
    const job = await JobRow.findOne({ rejectOnEmpty: true });
    await finishPullRequests(bench.deps, systemActor, job.payload);
    expect(bench.scm.calls["openPullRequest"]).toBeUndefined();
  });

  it("leaves excluded services and those it does not know alone", async () => {
    await bench.services.exclude(dana, 1, ["auth"], null);
    const { results } = await bench.services.openPullRequests(dana, 1, {});
    expect(results.map(({ repository }) => repository)).toEqual(["acme/billing", "acme/gateway"]);
    const named = await bench.services.openPullRequests(dana, 1, { repositories: ["auth"] });
    expect(named.results).toMatchObject([{ reason: "auth is excluded from this release." }]);
    await expect(
      bench.services.openPullRequests(dana, 1, { repositories: ["nothing"] }),
    ).rejects.toBeInstanceOf(ItemNotFound);
  });

  it("is for those who may edit the release, and for open releases", async () => {
    await expect(bench.services.openPullRequests(vic, 1, {})).rejects.toBeInstanceOf(
      PermissionDenied,
    );
    expect(await bench.events()).toContain("access.denied");
    await bench.services.close(dana, 1, "not needed");
    await expect(bench.services.openPullRequests(dana, 1, {})).rejects.toBeInstanceOf(
      ReleaseClosed,
    );
    expect(bench.scm.calls["openPullRequest"]).toBeUndefined();
  });

  it("says that it is impossible where no provider has pull requests", async () => {
    await bench.close();
    await setUp({});
    const release = await bench.services.view(dana, 1);
    expect(release.missingPullRequests).toEqual([]);
    expect(release.abilities.openPullRequests.allowed).toBe(false);
    await expect(bench.services.openPullRequests(dana, 1, {})).rejects.toBeInstanceOf(
      PullRequestsImpossible,
    );
  });

  it("knows of two providers which one can", async () => {
    const plain = createFakeScm({ id: "git:0" });
    addRepository(plain, "tools", ["feat: t"]);
    const { services } = createReleaseServices({ ...bench.deps, scms: [plain, bench.scm] });
    await services.refresh(dana, 1);
    const release = await services.view(dana, 1);
    expect(release.missingPullRequests).toEqual(["acme/auth", "acme/billing", "acme/gateway"]);
    const { results } = await services.openPullRequests(dana, 1, { repositories: ["tools"] });
    expect(results).toMatchObject([
      { repository: "tools", reason: "Its provider git:0 has no pull requests." },
    ]);
  });
});

describe(finishPullRequests.name, () => {
  async function payloadOfJob() {
    const job = await JobRow.findOne({
      where: { name: "release.pull_requests" },
      rejectOnEmpty: true,
    });
    return job.payload;
  }

  it("finishes what a process that died had begun, without opening anything twice", async () => {
    const stopping = new AbortController();
    const { services } = createReleaseServices({ ...bench.deps, stopping: stopping.signal });
    const finish = bench.scm.slow("acme/gateway");
    const opening = services.openPullRequests(dana, 1, {});
    await until(async () => (bench.scm.calls["openPullRequest"] ?? 0) === 3);
    stopping.abort(new Error("killed"));
    await expect(opening).rejects.toThrow("killed");
    finish();
    expect(await bench.events()).not.toContain("release.pull_requests_opened");

    await finishPullRequests(bench.deps, systemActor, await payloadOfJob());

    const release = await bench.services.view(dana, 1);
    expect(release.missingPullRequests).toEqual([]);
    const numbers = release.items.map(({ pullRequest }) => pullRequest?.number);
    expect([...numbers].sort()).toEqual([1, 2, 3]);
  });

  it("does nothing when it was finished already, whatever people closed since", async () => {
    await bench.services.openPullRequests(dana, 1, {});
    bench.scm.setPullRequest("acme/auth", "master", "uat", null);
    await bench.services.refresh(dana, 1);
    const before = bench.scm.calls["openPullRequest"];
    await finishPullRequests(bench.deps, systemActor, await payloadOfJob());
    expect(bench.scm.calls["openPullRequest"]).toBe(before);
  });
});

async function until(isTrue: () => Promise<boolean>): Promise<void> {
  while (!(await isTrue())) {
    await new Promise(setImmediate);
  }
}
